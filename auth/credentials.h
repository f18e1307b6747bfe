// Administration of credentials: what the API and the offline commands do to them. Each change is
// durable and audited when the call returns.
// Owned by Authority; all members may be called from any thread; the changing ones block for an
// fsync, revoke() and remove() also until the wire is quiet (2 s at most).
//
// Errors of all of them: validation/404 `credential-unknown`; validation/409 `credential-final`
// for what is revoked or deleted, `credential-exists`; validation/400 `credential-invalid`,
// `origin-invalid`; the store's.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auth/audit.h"
#include "auth/credential.h"
#include "auth/gate.h"
#include "auth/last_uses.h"
#include "auth/vault.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"

namespace stepwell::auth {

struct Rotation {
  CredentialValue value;
  std::optional<Value> settings;  // the new ones, where they change, too
  bool change_expiry = false;
  std::optional<WallTime> expires_at;  // where change_expiry: the new one, or none
};

// What is given changes, the rest stays.
struct CredentialChange {
  std::optional<std::string> description;
  std::optional<std::vector<std::string>> origins;
  std::optional<std::vector<std::string>> namespaces;
  std::optional<OnRevoke> on_revoke;
  bool change_expiry = false;
  std::optional<WallTime> expires_at;  // where change_expiry: the new one, or none
};

class Credentials {
 public:
  struct Options {
    Milliseconds drain_limit{2'000};
  };

  // What it works with; all of it outlives it.
  struct Parts {
    const Vault& vault;
    AuditLog& audit;
    Gate& gate;
    ExpiryClock& expiry_clock;
    const Clock& clock;
    Entropy& entropy;
    Metrics& metrics;
    Log& log;
  };

  Credentials(const Parts& parts, Options options);

  // Fills the gate from the store; tombstones win over states. Errors: `store-damaged`.
  Status load(const StoredState& stored);

  std::vector<Credential> list() const;  // by name
  Result<Credential> find(std::string_view name) const;

  Result<Credential> add(const Actor& actor, NewCredential credential);
  // A new version, current at once; a `rejected` one becomes active. Requests that are already
  // being written with the old one go on.
  Result<Credential> rotate(const Actor& actor, std::string_view name, Rotation rotation);
  Result<Credential> enable(const Actor& actor, std::string_view name);
  Result<Credential> disable(const Actor& actor, std::string_view name);
  // One audited action. A request that waits for its turn is judged by the new rules.
  Result<Credential> change(const Actor& actor, std::string_view name,
                            const CredentialChange& change);
  // Also for an expired one, which works again if the moment is ahead. None: never expires.
  Result<Credential> set_expiry(const Actor& actor, std::string_view name,
                                std::optional<WallTime> expires_at);
  // Final. When it has returned with success, no byte that carries the credential leaves this
  // machine any more; runtime/503 `revocation-incomplete` where a request that was being sent could
  // not be shown to have stopped (it is denied and saved all the same). If the commit fails, the
  // credential stays denied until the process ends. In both cases the call may be repeated.
  Result<Credential> revoke(const Actor& actor, std::string_view name);
  // As revoke(), and its values are erased and its name is free.
  Result<Credential> remove(const Actor& actor, std::string_view name);

  // An API key of ours was revoked or deleted: whatever credential holds it shares its fate. Denies
  // at once. The answer is to be called when that is on disk: it waits as revoke() does, and once
  // it has returned true, no byte that carries the key leaves this machine any more.
  std::function<bool()> end_linked(const std::string& key_id, const Problem& why);
  // When it was last granted to a step.
  std::optional<WallTime> last_used(std::string_view name) const { return gate_.last_used(name); }

  // Writes down what the upstreams rejected and which refresh tokens they replaced, and renews the
  // gauges. Call it about once a second.
  void maintain();
  // What has been used since the last call, to be written down. One thread calls it.
  void append_last_uses(std::vector<Change>& changes);

 private:
  Result<Credential> changeable(std::string_view name) const;
  Result<Credential> save(const Actor& actor, const Credential& credential, std::string_view action,
                          std::string detail, bool probe = false);
  Result<std::string> linked_key(const CredentialValue& value) const;
  bool is_ending(const std::string& id);
  Result<Credential> set_state(const Actor& actor, std::string_view name, CredentialState to,
                               std::string_view action);
  Result<Credential> end(const Actor& actor, std::string_view name, CredentialState to);
  Status save_end(const Actor& actor, const Credential& ended);
  void seal(std::vector<Change>& changes, const Credential& credential,
            const CredentialValue& value) const;
  using Sealed = std::vector<const SealedValue*>;  // of one credential
  Result<CredentialValue> unseal(const Credential& credential, const Sealed& rows) const;
  void write_refresh_tokens();  // mutex_ is held
  void write_rejected();        // mutex_ is held
  void mark_expiries();         // mutex_ is held
  void refresh_gauges() const;

  const Vault& vault_;
  AuditLog& audit_;
  Gate& gate_;
  ExpiryClock& expiry_clock_;
  const Clock& clock_;
  Entropy& entropy_;
  Log& log_;
  const Options options_;
  std::array<Gauge, kCredentialStates> by_state_;
  Gauge nearest_expiry_;
  Counter revocations_;
  Histogram revocation_duration_;
  std::mutex mutex_;  // one change at a time
  std::mutex ending_mutex_;
  std::multiset<std::string> ending_;  // guarded by ending_mutex_; ids on their way to the disk
  std::set<std::string> unsaved_;      // guarded by mutex_; ids that ended in memory only
  std::vector<Credential> rejected_;   // guarded by mutex_; not written down yet
  WallTime marked_;                    // guarded by mutex_; expiries up to here outlast a restart
  LastUses written_uses_;              // of the thread that calls append_last_uses()
  std::mutex kept_mutex_;
  std::vector<KeptToken> kept_;  // guarded by kept_mutex_; refresh tokens not written down yet
};

}  // namespace stepwell::auth
