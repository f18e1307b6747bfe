// API keys: issued by us, presented to our API. Administration, and the check of each request.
// Owned by Authority; all members may be called from any thread; the changing ones block for an
// fsync, verify() and check() never block.
//
// Errors of the changing ones: validation/404 `key-unknown`, `user-unknown`; validation/409
// `key-final` for what is revoked or deleted; validation/400 `key-invalid`; the store's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/audit.h"
#include "auth/expiry_clock.h"
#include "auth/key.h"
#include "auth/last_uses.h"
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
  std::vector<Permission> scopes;  // none: all that the role allows
  std::optional<KeyRate> rate = {};
  bool may(Permission permission) const noexcept;
};

struct NewKey {
  std::string name;  // free text for people, at most 200 bytes
  std::string user;
  std::vector<Permission> scopes = {};  // none: all that the user's role allows
  std::optional<WallTime> expires_at = {};
  std::optional<KeyRate> rate = {};  // none: as the settings say
};

// What is given changes, the rest stays.
struct KeyChange {
  std::optional<std::string> user;
  std::optional<std::vector<Permission>> scopes;
  bool change_expiry = false;
  std::optional<WallTime> expires_at;  // where change_expiry: the new one, or none
  bool change_rate = false;
  std::optional<KeyRate> rate;  // where change_rate: as above
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
  // The same without an answer: asked for each request that an instance sends.
  Status stands(std::string_view key_id) const;

  std::vector<ApiKey> list() const;  // oldest first, without deleted ones
  Result<ApiKey> find(std::string_view id) const;

  Result<IssuedKey> create(const Actor& actor, const NewKey& key);
  // One audited action. Errors: 404 `user-unknown`.
  Result<ApiKey> change(const Actor& actor, std::string_view id, const KeyChange& change);
  Result<ApiKey> assign(const Actor& actor, std::string_view id, std::string_view user);
  // Also for an expired key, which works again if the moment is ahead. None: never expires.
  Result<ApiKey> set_expiry(const Actor& actor, std::string_view id,
                            std::optional<WallTime> expires_at);
  // Final. Memory denies before the commit, and goes on denying if the commit fails. A credential
  // that holds the key shares its fate: 503 `revocation-incomplete` as Credentials::revoke().
  Result<ApiKey> revoke(const Actor& actor, std::string_view id);
  Result<ApiKey> remove(const Actor& actor, std::string_view id);

  // The id of the key whose whole text this is; empty where it is none of ours.
  std::string id_of(std::string_view text) const;
  std::optional<WallTime> last_used(std::string_view id) const;
  // Called with a key that was revoked or deleted as soon as it is denied. What it returns is
  // called when that is on disk, before revoke() returns; false where the key's end could not be
  // shown to be complete. Set before use.
  using Ended = std::function<std::function<bool()>(const std::string& id, const Problem& why)>;
  void when_ended(Ended ended) { ended_ = std::move(ended); }

  // Sees to it that an expiry outlasts a restart, and renews the gauges. Call it about once a
  // second, from one thread.
  void maintain();
  // What has been used since the last call, to be written down. One thread calls it.
  void append_last_uses(std::vector<Change>& changes);

 private:
  bool known(std::string_view id) const;
  Result<ApiKey> changeable(std::string_view id) const;
  Result<ApiKey> save(const Actor& actor, const ApiKey& key, std::string_view action,
                      std::string detail);
  Result<ApiKey> end(const Actor& actor, std::string_view id, KeyState to);
  void mark_expiries();
  void refresh_gauges();
  Result<ApiKey> write_end(const Actor& actor, std::string_view id, bool& saved);
  Result<ApiKey> save_end(const Actor& actor, const ApiKey& key);
  void deny(const Actor& actor, std::string_view id, KeyState to);
  struct Entry {
    ApiKey key;
    mutable std::atomic<std::int64_t> last_used{0};  // ms since 1970; 0: never
  };
  // The role that the key has now.
  Result<Role> judge(const ApiKey& key) const;
  Result<Principal> principal_of(const Entry& entry) const;  // mutex_ is held
  const Entry* entry(std::string_view id) const;             // mutex_ is held
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
  std::map<std::string, Entry, std::less<>> keys_;  // guarded by mutex_
  std::set<std::string> unsaved_;                   // guarded by mutex_; ended in memory only
  Ended ended_;                                     // constant after when_ended()
  WallTime marked_;                                 // of the thread that calls maintain()
  LastUses written_uses_;                           // of the thread that calls append_last_uses()
};

}  // namespace stepwell::auth
