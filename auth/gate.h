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
#include "auth/probe.h"
#include "auth/redactor.h"
#include "base/entropy.h"
#include "base/metrics.h"
#include "base/result.h"
#include "http/message.h"
#include "http/reactor.h"
#include "http/url.h"

namespace stepwell::auth {

class CredentialGuard;
class DenialCounters;
class TokenSource;
struct TokenCounters;

struct Use {
  std::string_view credential;  // its name
  http::Origin target;
  std::string_view workflow_namespace;
  const http::Request* request = nullptr;  // what is to be sent; awsSigV4 signs it
};

// Leave to send one request with a credential: guard and pool go into the http::Request. To be
// kept until the request's end.
struct Grant {
  std::shared_ptr<http::SendGuard> guard;  // null: not yet, see authorize()
  std::string pool;  // "cred/NAME/VERSION/ID": connections are never shared beyond it
  std::string credential;
  std::uint32_t version = 0;  // 0 for an inline policy

  bool pending() const noexcept { return guard == nullptr; }
  // A 401 may mean that the token has become stale: Gate::renew() forgets it.
  bool has_token() const noexcept { return tokens != nullptr; }

  // The gate's own.
  std::shared_ptr<CredentialGuard> permits;
  std::shared_ptr<TokenSource> tokens;
  std::shared_ptr<Probe::Turn> turn;
  std::uint32_t rules = 0;
};

// A refresh token that takes the place of the stored one.
struct KeptToken {
  std::string credential;  // its name
  std::string id;
  std::uint32_t version = 0;
  Secret refresh_token;
};

// An authentication that stands in the definition itself, its values already evaluated.
struct InlineAuthentication {
  CredentialKind kind = CredentialKind::bearer;  // basic, digest or bearer
  std::string_view username;
  std::string_view secret;
};

// The same of OAuth 2.0 and OpenID Connect: the standard's members, evaluated.
struct InlineTokenPolicy {
  const Value& policy;
  std::string_view authority;
  bool oidc = false;
};

// Was the message signed with the key that the credential (of the kind hmac) holds?
struct HmacCheck {
  std::string_view credential;  // its name
  std::string_view workflow_namespace;
  std::string_view message;
  std::string_view mac;  // HMAC-SHA-256 (RFC 2104), its 32 bytes
};

class Gate {
 public:
  // Where the gate reaches into the transport; wired to http::Reactor's members of these names.
  // Set before use. Either may be empty.
  struct Connections {
    std::function<void(const std::string& pool)> abort_sending;
    std::function<void(const std::string& pool)> drop_pool;
    std::function<void(const std::string& pool, const Problem& why)> abort_pool;
    std::function<void(std::unique_ptr<http::Exchange>)> submit;
  };
  // What the gate asks about our own API keys. Both must not block; set before use.
  struct KeyRegister {
    // The id of the key whose whole text this is, if it is one of ours; else empty.
    std::function<std::string(std::string_view text)> id_of;
    std::function<Status(const std::string& id)> check;
  };

  Gate(ExpiryClock& expiry_clock, const Clock& clock, Redactor& redactor, Entropy& entropy,
       Metrics& metrics);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Errors, none retryable, with extensions `credential` and `credentialVersion`:
  // authentication/401 `credential-revoked|-expired|-disabled|-rejected`, authorization/403
  // `credential-unknown|-deleted|-not-permitted`, `origin-not-allowed`. The guard's acquire() may
  // answer with the same, and with 401 `credential-rotated`, which is retryable: the next attempt
  // takes the new version; of a credential that holds one of our own API keys, with what
  // Keys::check() answers.
  // A grant may be pending: a token is being fetched, or another request is trying out whether a
  // rejected credential works again. Then `wake` is called once, on any thread: with success, to
  // ask again, or with the Problem that stands in the way (`token-refused`, `token-unavailable`,
  // or one of the above).
  Result<Grant> authorize(const Use& use, Wake wake = {});
  // Does what the grant was given for still hold? To be asked with acquire(); never blocks.
  // Errors: 401 `credential-rotated`, retryable: ask for a new grant.
  Status still_holds(const Grant& grant) const;
  // The upstream answered 401 to a request with the grant's token: the next authorize() gets
  // another one.
  void renew(const Grant& grant);
  // No value that the gate knows may stand in a URL or a body. Errors: authorization/403
  // `secret-in-request`, never quoting it.
  Status check_content(const http::Request& request) const;
  // Does the text hold such a value, or one of our own API keys?
  bool knows_part_of(std::string_view text) const { return redactor_.knows_part_of(text); }
  // 32 hexadecimal digits which nobody else can know beforehand: the same for the same text as long
  // as the process runs.
  std::string unguessable(std::string_view text) const;
  // Errors: validation/`credential-invalid`. Equal values get the same guard and pool.
  Result<Grant> authorize_inline(const InlineAuthentication& authentication);
  // The same; may be pending as authorize() is. Equal policies share their tokens.
  Result<Grant> authorize_inline(const InlineTokenPolicy& policy, Wake wake);
  // Does the name exist? Errors: as authorize(), for a warning when a definition is loaded.
  Status check_loaded(std::string_view credential) const;
  // Compares in a time that says nothing of the key. Errors: as authorize(), which asks nobody
  // else; 403 `credential-not-permitted` for one of another kind.
  Result<bool> verify_hmac(const HmacCheck& check) const;
  // For what was fetched with a credential earlier and is kept: might the same be fetched now? The
  // answer is the pool of the version in force. Errors: as authorize(), which asks nobody else.
  Result<std::string> check_use(const Use& use) const;

  // Every final status that an allowed origin gave to a request of this grant. Three 401 or 407 in
  // a row, with no 2xx or 3xx between, make the credential `rejected` (Credentials::maintain()
  // writes it down).
  void note_upstream_result(const Grant& grant, int status);

  // `text` without the value that the grant's requests carry, also where an upstream echoes it.
  std::string mask(const Grant& grant, std::string text) const;

  // Deleted ones included, as long as their names are free.
  std::optional<Credential> find(std::string_view name) const;
  std::vector<Credential> all() const;  // by name
  // Each of them in turn, under the table's lock: `look` must not block or ask the gate.
  void visit(const std::function<void(const Credential&)>& look) const;
  // When each credential, by its id, was last granted; those never used are left out.
  std::vector<std::pair<std::string, WallTime>> last_uses() const;
  std::optional<WallTime> last_used(std::string_view name) const;
  void note_last_use(std::string_view id, WallTime at);

  // ---- for Credentials ----
  // Whose requests have to end.
  struct Ended {
    std::vector<std::shared_ptr<CredentialGuard>> guards;
    bool abort = false;   // also those that are fully sent
    bool tokens = false;  // also requests for tokens
    Problem why;
  };
  void connect(Connections connections);
  void connect_keys(KeyRegister keys);
  const KeyRegister& keys() const noexcept { return keys_; }
  // Where a refresh token that an authorization server has replaced goes: called on any thread,
  // must not block.
  void keep_refresh_tokens(std::function<void(KeptToken)> keep);
  // Puts a credential or a new version of one into force; an earlier version is denied as rotated.
  // The value is moved from; null for one that is in a final state. `probe`: it was rejected, and
  // one request at a time has to try it.
  void install(const Credential& credential, CredentialValue* value, bool probe = false);
  // Takes over rules and state; the value stays. Whatever was made final stays so.
  void update(const Credential& credential, bool probe = false);
  // From now on nothing is sent with it, in any version, and nothing undoes that. `credential`
  // says into which final state, by whom and when. The answer is whom drain() waits for.
  Ended deny_for_good(const Credential& credential);
  // The same for all that hold this API key, which was revoked or deleted.
  std::vector<Ended> deny_linked(const std::string& key_id, const Problem& why);
  // Waits until no request of these is being written; after `limit` cuts off what still is, and in
  // any case what only the kernel still holds. False where a permit did not come back even so.
  bool drain(const Ended& ended, Milliseconds limit);
  // Credentials rejected by the upstream since the last call.
  std::vector<Credential> take_rejected();

 private:
  struct Entry;
  using Entries = std::map<std::string, std::unique_ptr<Entry>, std::less<>>;
  Problem count(Problem problem) const;
  Status judge(const Entry& entry, const Use& use) const;
  std::shared_ptr<CredentialGuard> make_guard(const Credential& credential,
                                              const CredentialValue& value) const;
  std::shared_ptr<TokenSource> make_tokens(const Credential& credential, CredentialValue value,
                                           std::shared_ptr<CredentialGuard> guard) const;
  void submit(std::unique_ptr<http::Exchange> exchange) const;
  void reject(const Grant& grant);
  std::optional<Grant> known_inline(const std::string& pool) const;
  Grant remember_inline(const std::string& pool, const Grant& grant);
  Result<Grant> make_inline(const InlineTokenPolicy& policy, const std::string& pool);

  ExpiryClock& expiry_clock_;
  const Clock& clock_;
  Redactor& redactor_;
  const std::shared_ptr<const DenialCounters> counters_;
  const std::shared_ptr<const TokenCounters> token_counters_;
  const Secret inline_key_;              // of the pool names of inline policies
  Connections connections_;              // constant after connect()
  KeyRegister keys_;                     // constant after connect_keys()
  std::function<void(KeptToken)> keep_;  // constant after keep_refresh_tokens()

  mutable std::shared_mutex mutex_;
  Entries entries_;                                // guarded by mutex_; by name
  std::unordered_map<std::string, Grant> inline_;  // guarded by mutex_; by pool
  std::deque<std::string> inline_order_;           // guarded by mutex_; the oldest first
  std::vector<std::string> rejected_;              // guarded by mutex_
};

}  // namespace stepwell::auth
