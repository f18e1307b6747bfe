// API keys: issued by us, presented to our API. Administration, and the check of each request.
// Owned by Authority; all members may be called from any thread; the changing ones block for an
// fsync, verify() and check() never block.
//
// Errors of the changing ones: validation/404 `key-unknown`, `user-unknown`; validation/409
// `key-final` for what is revoked or deleted; validation/400 `key-invalid`; the store's.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/audit.h"
#include "auth/expiry_clock.h"
#include "auth/key.h"
#include "auth/users.h"
#include "auth/vault.h"
#include "base/entropy.h"
#include "base/metrics.h"
#include "base/result.h"

namespace stepwell::auth {

// Who a request comes from.
struct Principal {
  std::string key_id;
  std::string user;
  Role role = Role::viewer;
  bool may(Permission permission) const noexcept { return allows(role, permission); }
};

struct NewKey {
  std::string name;  // free text for people, at most 200 bytes
  std::string user;
  std::optional<WallTime> expires_at;
};

struct IssuedKey {
  ApiKey key;
  Secret secret;  // "sw_….…": shown once, kept nowhere
};

class Keys {
 public:
  Keys(const Vault& vault, AuditLog& audit, const Users& users, ExpiryClock& clock,
       Entropy& entropy, Metrics& metrics);

  void load(const StoredState& stored);

  // The whole value of an Authorization header: "Api-Key sw_….…", or Bearer. Errors, all 401:
  // `key-missing` for an empty value; `key-revoked`, `key-expired`, `user-deactivated` where the
  // secret is right; `key-unknown` for everything else, always with the same words.
  Result<Principal> verify(std::string_view authorization) const;
  // The key under which an instance runs. Errors: 401 `key-revoked` (also when deleted),
  // `key-expired`, `user-deactivated`, `key-unknown`; extension `key`.
  Result<Principal> check(std::string_view key_id) const;

  std::vector<ApiKey> list() const;  // oldest first, without deleted ones
  Result<ApiKey> find(std::string_view id) const;

  Result<IssuedKey> create(const Actor& actor, const NewKey& key);
  Result<ApiKey> assign(const Actor& actor, std::string_view id, std::string_view user);
  // Also for an expired key, which works again if the moment is ahead. None: never expires.
  Result<ApiKey> set_expiry(const Actor& actor, std::string_view id,
                            std::optional<WallTime> expires_at);
  // Final. Memory denies before the commit, and goes on denying if the commit fails.
  Result<ApiKey> revoke(const Actor& actor, std::string_view id);
  Result<ApiKey> remove(const Actor& actor, std::string_view id);

  // Renews the gauges. Call it about once a second.
  void maintain();

 private:
  bool known(const std::string& id) const;
  Result<ApiKey> changeable(std::string_view id) const;
  Result<ApiKey> save(const Actor& actor, const ApiKey& key, std::string_view action,
                      std::string detail);
  Result<ApiKey> end(const Actor& actor, std::string_view id, KeyState to);
  void deny(const Actor& actor, std::string_view id, KeyState to);
  Result<Principal> judge(const ApiKey& key) const;
  std::string hash_of(std::string_view text) const;

  AuditLog& audit_;
  const Users& users_;
  ExpiryClock& clock_;
  Entropy& entropy_;
  const Secret hash_key_;
  std::array<Gauge, kKeyStates> by_state_;
  Gauge nearest_expiry_;
  Counter revocations_;
  std::mutex changes_;  // one change at a time
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, ApiKey> keys_;  // guarded by mutex_
  std::set<std::string> unsaved_;                 // guarded by mutex_; ended in memory only
};

}  // namespace stepwell::auth
