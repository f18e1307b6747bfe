// The gate between steps and secrets: nothing else reads a credential's value. A step asks before
// every attempt (authorize); the reactor asks the grant's guard again after the connection stands
// and before the first byte (http::SendGuard::acquire).
// Owned by Authority. authorize() and note_upstream_result() may be called from any thread and do
// not block; what changes the table is called by Credentials alone.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/credential.h"
#include "auth/expiry_clock.h"
#include "auth/redactor.h"
#include "base/entropy.h"
#include "base/metrics.h"
#include "base/result.h"
#include "http/message.h"
#include "http/url.h"

namespace stepwell::auth {

class CredentialGuard;
class DenialCounters;

struct Use {
  std::string_view credential;  // its name
  http::Origin target;
  std::string_view workflow_namespace;
};

// Leave to send requests with a credential: guard and pool go into the http::Request.
struct Grant {
  std::shared_ptr<http::SendGuard> guard;
  std::string pool;  // "cred/NAME/VERSION/ID": connections are never shared beyond it
  std::string credential;
  std::uint32_t version = 0;  // 0 for an inline policy
};

// An authentication that stands in the definition itself, its values already evaluated.
struct InlineAuthentication {
  CredentialKind kind = CredentialKind::bearer;  // basic or bearer
  std::string_view username;
  std::string_view secret;
};

class Gate {
 public:
  // Where the gate reaches into the transport; wired to http::Reactor's members of these names.
  // Set before use. Either may be empty.
  struct Connections {
    std::function<void(const std::string& pool)> abort_sending;
    std::function<void(const std::string& pool)> drop_pool;
  };

  Gate(ExpiryClock& clock, Redactor& redactor, Entropy& entropy, Metrics& metrics);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Errors, none retryable, with extensions `credential` and `credentialVersion`:
  // authentication/401 `credential-revoked|-expired|-disabled|-rejected`, authorization/403
  // `credential-unknown|-deleted|-not-permitted`, `origin-not-allowed`. The guard's acquire() may
  // answer with the same, and with 401 `credential-rotated`, which is retryable: the next attempt
  // takes the new version.
  Result<Grant> authorize(const Use& use);
  // Errors: validation/`credential-invalid`. Equal values get the same guard and pool.
  Result<Grant> authorize_inline(const InlineAuthentication& authentication);
  // Does the name exist? Errors: as authorize(), for a warning when a definition is loaded.
  Status check_loaded(std::string_view credential) const;

  // Every final status that an allowed origin gave to a request of this grant. Three 401 or 407 in
  // a row, with no 2xx or 3xx between, make the credential `rejected` (Credentials::maintain()
  // writes it down).
  void note_upstream_result(const Grant& grant, int status);

  // `text` without the value that the grant's requests carry, also where an upstream echoes it.
  std::string mask(const Grant& grant, std::string text) const;

  // Deleted ones included, as long as their names are free.
  std::optional<Credential> find(std::string_view name) const;
  std::vector<Credential> all() const;  // by name

  // ---- for Credentials ----
  using Guards = std::vector<std::shared_ptr<CredentialGuard>>;
  void connect(Connections connections);
  // Puts a credential or a new version of one into force; an earlier version is denied as rotated.
  // No value for one that is in a final state.
  void install(const Credential& credential, const CredentialValue* value);
  // Takes over rules and state; the value stays. Whatever was made final stays so.
  void update(const Credential& credential);
  // From now on nothing is sent with it, in any version, and nothing undoes that. `credential`
  // says into which final state, by whom and when. The answer is whom drain() waits for.
  Guards deny_for_good(const Credential& credential);
  // Waits until no request of these is being written; after `limit` cuts off what still is, and in
  // any case what only the kernel still holds. False where a permit did not come back even so.
  bool drain(const Guards& guards, Milliseconds limit);
  // Credentials rejected by the upstream since the last call.
  std::vector<Credential> take_rejected();

 private:
  struct Entry;
  using Entries = std::map<std::string, std::unique_ptr<Entry>, std::less<>>;
  Problem count(Problem problem) const;
  std::shared_ptr<CredentialGuard> make_guard(const Credential& credential,
                                              const CredentialValue& value) const;
  void reject(const Grant& grant);
  void remember_inline(const std::string& pool, const Grant& grant);

  ExpiryClock& clock_;
  Redactor& redactor_;
  const std::shared_ptr<const DenialCounters> counters_;
  const Secret inline_key_;  // of the pool names of inline policies
  Connections connections_;  // constant after connect()

  mutable std::shared_mutex mutex_;
  Entries entries_;                                // guarded by mutex_; by name
  std::unordered_map<std::string, Grant> inline_;  // guarded by mutex_; by pool
  std::deque<std::string> inline_order_;           // guarded by mutex_; the oldest first
  std::vector<std::string> rejected_;              // guarded by mutex_
};

}  // namespace stepwell::auth
