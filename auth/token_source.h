// The access tokens of one version of an oauth2 credential: fetched once for all who wait, kept
// while they live, and renewed in the background a little before they end.
// Made by the gate and shared with what is under way; it must not outlive its clocks, so the
// reactor goes first. All members may be called from any thread, and none blocks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credential.h"
#include "auth/expiry_clock.h"
#include "auth/oauth2.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "http/message.h"
#include "http/reactor.h"

namespace stepwell::auth {

class ValueForms;

// stepwell_oauth2_refreshes_total{outcome}; made once and shared by all sources.
struct TokenCounters {
  explicit TokenCounters(Metrics& metrics);
  Counter granted;
  Counter refused;
  Counter unavailable;
};

class TokenSource final : public std::enable_shared_from_this<TokenSource> {
 public:
  struct Parts {
    OAuth2Settings settings;  // check() was passed
    CredentialValue value;
    std::string credential;  // its name
    std::uint32_t version = 0;
    std::shared_ptr<http::SendGuard> permits;  // of the version: every request takes one of these
    std::string pool;                          // of the version; tokens are fetched in POOL/token
    std::function<void(std::unique_ptr<http::Exchange>)> submit;  // http::Reactor's
    // Every new secret, before it is used: the redactor's. May be empty.
    std::function<void(std::string_view)> learn;
    // The endpoint replaced the refresh token: the new one must be stored durably, or the
    // credential is lost at the next start. Called on the reactor's thread. May be empty.
    std::function<void(const Secret& refresh_token)> keep;
    std::shared_ptr<const TokenCounters> counters;
    // Of a policy in a definition: what it holds and is given is known to mask_answer() alone.
    bool private_values = false;
  };

  static std::shared_ptr<TokenSource> make(Parts parts, ExpiryClock& expiry, const Clock& clock);
  ~TokenSource();
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  // Puts `Authorization: Bearer …` on a request. Its permit is one of the version's; beyond that
  // it may deny with 401 `token-expired`, which is retryable. nullptr where a token must be
  // fetched first. Where the token has at most a tenth of its life and at most 60 s ahead, this
  // starts its renewal and still gives it out.
  std::shared_ptr<http::SendGuard> current();

  // Calls `wake` exactly once, not under a lock, on this thread or the reactor's, when there is a
  // token for current() or a reason why not. It joins the one request that is under way or starts
  // it. Errors: `token-refused`, `token-unavailable`, what `permits` denies with, and what the
  // transport says without trying (`egress-denied`, `overloaded`, `cancelled`). For one second
  // after a failure the same problem is the answer, without a request.
  void fetch(std::function<void(Status)> wake);

  // The upstream answered 401 to a request with this guard: its token is not given out again,
  // unless another one was refused less than five seconds ago.
  void refused(const http::SendGuard& used);

  // The text without the policy's values and its latest tokens, where `private_values` is set.
  std::string mask_answer(std::string text) const;

  // The version is revoked or rotated, and `permits` denies: whoever waits is told so, and no
  // request for a token starts any more. Wakes on this thread; call it without locks.
  void close();

 private:
  class TokenGuard;
  class RequestGuard;
  class Fetch;
  using Waiters = std::vector<std::function<void(Status)>>;
  struct Failure {
    Problem problem;
    SteadyTime at;
  };

  TokenSource(Parts parts, ExpiryClock& expiry, const Clock& clock);
  bool usable() const;                                  // mutex_ is held
  bool failed_recently() const;                         // mutex_ is held
  std::unique_ptr<http::Exchange> prepare();            // mutex_ is held
  std::unique_ptr<http::Exchange> prepare_discovery();  // mutex_ is held
  void limit(http::Request& request) const;
  Secret assertion();  // mutex_ is held
  void finish(http::Outcome outcome, std::optional<Problem> denied);
  void discovered(http::Outcome outcome, std::optional<Problem> denied);
  void conclude(Result<IssuedToken> issued, bool was_denied);
  void remember(std::string_view secret);
  void forget_tokens();
  Problem undelivered(http::Outcome outcome, std::optional<Problem> denied) const;
  Result<IssuedToken> read(http::Outcome outcome, std::optional<Problem> denied) const;
  void count(const Status& result) const;
  Secret adopt(IssuedToken issued);  // mutex_ is held; a refresh token that must be kept
  Problem denial() const;
  std::string mask(std::string text) const;

  const OAuth2Settings settings_;
  const TokenContext context_;
  const std::shared_ptr<http::SendGuard> permits_;
  const std::string pool_;
  const std::function<void(std::unique_ptr<http::Exchange>)> submit_;
  const std::function<void(std::string_view)> learn_;
  const std::function<void(const Secret&)> keep_;
  const std::shared_ptr<const TokenCounters> counters_;
  const bool private_values_;
  ExpiryClock& expiry_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  CredentialValue value_;         // guarded by mutex_; its refresh token may be replaced
  std::string token_url_;         // guarded by mutex_; empty: to be discovered
  std::uint64_t assertions_ = 0;  // guarded by mutex_; made so far
  std::deque<std::shared_ptr<const ValueForms>> known_;  // guarded by mutex_; private values
  std::size_t own_values_ = 0;            // constant after construction; of known_, at its front
  std::shared_ptr<TokenGuard> token_;     // guarded by mutex_
  std::optional<SteadyTime> refused_at_;  // guarded by mutex_; a token, by the upstream
  std::optional<Failure> failure_;        // guarded by mutex_; since the last success
  bool fetching_ = false;                 // guarded by mutex_
  bool closed_ = false;                   // guarded by mutex_
  Waiters waiters_;                       // guarded by mutex_; those of the request under way
};

}  // namespace stepwell::auth
