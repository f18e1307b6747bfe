#include "auth/token_source.h"

#include <algorithm>
#include <utility>

#include "auth/cipher.h"
#include "auth/jwt.h"
#include "auth/redactor.h"
#include "base/encoding.h"
#include "http/url.h"

namespace stepwell::auth {

namespace {

constexpr std::chrono::seconds kBetweenRefusals{5};

using std::chrono::seconds;

// A token that is said to live shorter is used for so long all the same, and the upstream judges
// it: were it over as soon as it came, those who waited for it would fetch for ever.
constexpr Milliseconds kLeastLife{5'000};
constexpr Milliseconds kLongestMargin{60'000};
constexpr Milliseconds kHoldOff{1'000};
constexpr Milliseconds kConnect{10'000};
constexpr Milliseconds kTotal{30'000};

std::vector<Secret> lines_of(Secret line) {
  std::vector<Secret> lines;
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

Secret bearer_line(const Secret& token) {  // RFC 6750 §2.1
  constexpr std::string_view kBegin = "Authorization: Bearer ";
  Secret line = Secret::of_size(kBegin.size() + token.size() + 1);  // the last byte stays NUL
  const std::string_view text = token.reveal();
  std::copy(text.begin(), text.end(), std::copy(kBegin.begin(), kBegin.end(), line.writable()));
  return line;
}

std::string endpoint_of(const OAuth2Settings& settings) {
  const Result<http::Url> url =
      http::parse_url(settings.token_url.empty() ? settings.discovery_url : settings.token_url);
  return url ? url->without_query() : std::string("(unreadable)");
}

}  // namespace

TokenCounters::TokenCounters(Metrics& metrics) {
  const auto make = [&metrics](const char* outcome) {
    return metrics.counter("stepwell_oauth2_refreshes_total",
                           "Requests for an OAuth 2.0 token, by what came of them.",
                           {{"outcome", outcome}});
  };
  granted = make("granted");
  refused = make("refused");
  unavailable = make("unavailable");
}

// ---- guards ----

// What the requests of steps carry. Constant but for the permits.
class TokenSource::TokenGuard final : public http::SendGuard {
 public:
  TokenGuard(const IssuedToken& issued, std::shared_ptr<http::SendGuard> permits,
             ExpiryClock& clock, TokenContext context)
      : lines_(lines_of(bearer_line(issued.access_token))),
        permits_(std::move(permits)),
        clock_(clock),
        context_(std::move(context)) {
    if (!issued.lifetime) return;
    const Milliseconds life = std::max<Milliseconds>(*issued.lifetime, kLeastLife);
    expires_at_ = clock_.now() + life;
    renew_at_ = *expires_at_ - std::min(life / 10, kLongestMargin);
  }

  const std::vector<Secret>& secret_headers() const override { return lines_; }
  Status acquire() override {
    // First, so that a revocation is what is told of it, not the token's end.
    if (Status permit = permits_->acquire(); !permit) return permit;
    if (!expired()) return {};
    permits_->written();
    return fail(token_expired(context_));
  }
  void written() noexcept override { permits_->written(); }

  bool expired() const { return expires_at_ && clock_.now() >= *expires_at_; }
  bool ending() const { return renew_at_ && clock_.now() >= *renew_at_; }

 private:
  const std::vector<Secret> lines_;
  const std::shared_ptr<http::SendGuard> permits_;
  ExpiryClock& clock_;
  const TokenContext context_;
  std::optional<WallTime> expires_at_;  // constant after construction; nothing: the upstream says
  std::optional<WallTime> renew_at_;    // constant after construction
};

// What the request for a token carries. Used on the reactor's thread.
class TokenSource::RequestGuard final : public http::SendGuard {
 public:
  RequestGuard(Secret line, std::shared_ptr<http::SendGuard> permits)
      : lines_(lines_of(std::move(line))), permits_(std::move(permits)) {}

  const std::vector<Secret>& secret_headers() const override { return lines_; }
  Status acquire() override {
    Status permit = permits_->acquire();
    if (!permit) denied_ = permit.error();
    return permit;
  }
  void written() noexcept override { permits_->written(); }
  std::optional<Problem> denied() const { return denied_; }

 private:
  const std::vector<Secret> lines_;
  const std::shared_ptr<http::SendGuard> permits_;
  std::optional<Problem> denied_;
};

// The one request for a token that is under way.
class TokenSource::Fetch final : public http::Exchange {
 public:
  Fetch(std::shared_ptr<TokenSource> source, std::shared_ptr<RequestGuard> guard, bool discovery)
      : source_(std::move(source)), guard_(std::move(guard)), discovery_(discovery) {}
  ~Fetch() override {
    if (request.body) wipe(*request.body);
    // Dropped unanswered, which would leave the waiters waiting.
    if (source_)
      source_->finish({fail(make_problem(ErrorKind::runtime, "cancelled",
                                         "the request for a token was dropped")),
                       http::Sent::no},
                      std::nullopt);
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  void complete(http::Outcome outcome) override {
    const auto source = std::exchange(source_, nullptr);
    if (discovery_) return source->discovered(std::move(outcome), guard_->denied());
    source->finish(std::move(outcome), guard_->denied());
  }

 private:
  std::shared_ptr<TokenSource> source_;
  const std::shared_ptr<RequestGuard> guard_;
  const bool discovery_;  // asks where the token endpoint is
};

// ---- the source ----

std::shared_ptr<TokenSource> TokenSource::make(Parts parts, ExpiryClock& expiry,
                                               const Clock& clock) {
  return std::shared_ptr<TokenSource>(new TokenSource(std::move(parts), expiry, clock));
}

TokenSource::TokenSource(Parts parts, ExpiryClock& expiry, const Clock& clock)
    : settings_(std::move(parts.settings)),
      context_{std::move(parts.credential), parts.version, endpoint_of(settings_)},
      permits_(std::move(parts.permits)),
      pool_(std::move(parts.pool) + "/token"),
      submit_(std::move(parts.submit)),
      learn_(std::move(parts.learn)),
      keep_(std::move(parts.keep)),
      counters_(std::move(parts.counters)),
      private_values_(parts.private_values),
      expiry_(expiry),
      clock_(clock),
      value_(std::move(parts.value)),
      token_url_(settings_.token_url) {
  remember(value_.secret.reveal());
  for (const auto& [name, secret] : value_.more)
    if (name != kOwnerName) remember(secret.reveal());
  own_values_ = known_.size();
}

TokenSource::~TokenSource() = default;

bool TokenSource::usable() const { return token_ && !token_->expired(); }

bool TokenSource::failed_recently() const {
  return failure_ && clock_.steady_now() - failure_->at < kHoldOff;
}

std::shared_ptr<http::SendGuard> TokenSource::current() {
  std::unique_ptr<http::Exchange> renewal;
  std::shared_ptr<http::SendGuard> token;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || !usable()) return nullptr;
    token = token_;
    if (token_->ending() && !fetching_ && !failed_recently()) renewal = prepare();
  }
  if (renewal) submit_(std::move(renewal));
  return token;
}

void TokenSource::fetch(std::function<void(Status)> wake) {
  std::unique_lock lock(mutex_);
  const bool needed = !closed_ && !usable();
  if (needed && (fetching_ || !failed_recently())) {
    waiters_.push_back(std::move(wake));
    std::unique_ptr<http::Exchange> request;
    if (!fetching_) request = prepare();
    lock.unlock();
    if (request) submit_(std::move(request));
    return;
  }
  const bool closed = closed_;
  Status answer;  // success where a token came since the caller asked
  if (needed) answer = fail(failure_->problem);
  lock.unlock();
  wake(closed ? Status(fail(denial())) : std::move(answer));
}

void TokenSource::refused(const http::SendGuard& used) {
  const std::scoped_lock lock(mutex_);
  if (token_.get() != &used) return;
  // An upstream that answers 401 now and then must not cost a token each time.
  const SteadyTime now = clock_.steady_now();
  if (refused_at_ && now - *refused_at_ < kBetweenRefusals) return;
  refused_at_ = now;
  token_.reset();
}

void TokenSource::close() {
  Waiters waiters;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    token_.reset();
    waiters.swap(waiters_);
  }
  if (waiters.empty()) return;
  const Problem why = denial();
  for (const auto& wake : waiters) wake(fail(why));
}

// The permits' own words. They deny by now; if they do not, this version is at least not the one
// to be used.
Problem TokenSource::denial() const {
  if (Status permit = permits_->acquire(); !permit) return std::move(permit.error());
  permits_->written();
  Problem problem = make_problem(ErrorKind::authentication, "credential-rotated",
                                 "credential " + context_.credential +
                                     " was changed while a token was being fetched; the next "
                                     "attempt uses what is in force then");
  problem.retryable = true;
  return std::move(problem)
      .with("credential", context_.credential)
      .with("credentialVersion", context_.version);
}

void TokenSource::limit(http::Request& request) const {
  request.timeouts.connect = kConnect;
  request.timeouts.first_byte = kTotal;
  request.timeouts.total = Deadline::after(clock_, kTotal);
  request.limits.response_body = 1_MiB;
  request.pool = pool_;
}

std::unique_ptr<http::Exchange> TokenSource::prepare_discovery() {
  auto guard = std::make_shared<RequestGuard>(Secret(), permits_);
  auto exchange = std::make_unique<Fetch>(shared_from_this(), guard, true);
  http::Request& request = exchange->request;
  request.url = settings_.discovery_url;
  request.headers = {{"Accept", "application/json"}};
  request.guard = std::move(guard);
  limit(request);
  request.repeatable = true;
  fetching_ = true;
  return exchange;
}

// The JWT by which the client proves itself; empty where it does not.
Secret TokenSource::assertion() {
  if (settings_.client_authentication == ClientAuthentication::assertion)
    return Secret(value_.reveal(kClientAssertion));
  if (settings_.client_authentication != ClientAuthentication::secret_jwt) return {};
  // Unlike any other of this client: nobody else's secret makes the same of moment and number.
  std::string seed = std::to_string(clock_.now().time_since_epoch().count());
  seed += "/" + std::to_string(clock_.steady_now().time_since_epoch().count());
  seed += "/" + std::to_string(++assertions_) + "/" + pool_;
  Mac id;
  hmac_sha256(value_.secret.reveal(), seed, id);
  return sign_client_assertion(value_.username, value_.secret.reveal(), token_url_, expiry_.now(),
                               to_hex(id.view().substr(0, 16)));
}

std::unique_ptr<http::Exchange> TokenSource::prepare() {
  if (token_url_.empty()) return prepare_discovery();
  auto guard = std::make_shared<RequestGuard>(client_line(settings_, value_), permits_);
  auto exchange = std::make_unique<Fetch>(shared_from_this(), guard, false);
  http::Request& request = exchange->request;
  const Secret proof = assertion();
  request = token_request(settings_, value_, proof.reveal());
  request.url = token_url_;
  request.guard = std::move(guard);
  limit(request);
  // A refresh token may be good for one use, so that sending it twice can lose it.
  request.repeatable = settings_.grant == OAuth2Grant::client_credentials;
  fetching_ = true;
  return exchange;
}

// Why a request brought no answer, as those who wait for a token are told it.
Problem TokenSource::undelivered(http::Outcome outcome, std::optional<Problem> denied) const {
  if (denied) return *std::move(denied);
  Problem problem = std::move(outcome.response.error());
  const std::string_view type = problem.type;
  // What failed on the way says nothing about the step's own request, which was not sent.
  if (type == error_type_uri(ErrorKind::communication) ||
      type == error_type_uri(ErrorKind::timeout))
    return token_unavailable(context_, std::move(problem));
  if (context_.credential.empty()) return problem;
  return std::move(problem)
      .with("credential", context_.credential)
      .with("credentialVersion", context_.version);
}

Result<IssuedToken> TokenSource::read(http::Outcome outcome, std::optional<Problem> denied) const {
  if (!outcome.response) return fail(undelivered(std::move(outcome), std::move(denied)));
  auto issued = parse_token_answer(*outcome.response, context_,
                                   [this](std::string text) { return mask(std::move(text)); });
  if (!issued) return issued;
  if (Status known = check_issuer(*issued, settings_, context_); !known)
    return fail(std::move(known.error()));
  return issued;
}

void TokenSource::discovered(http::Outcome outcome, std::optional<Problem> denied) {
  const bool was_denied = denied.has_value();
  Result<std::string> url =
      outcome.response
          ? parse_discovery(*outcome.response, settings_, context_)
          : Result<std::string>(fail(undelivered(std::move(outcome), std::move(denied))));
  if (!url) return conclude(fail(std::move(url.error())), was_denied);
  std::unique_ptr<http::Exchange> request;
  {
    const std::scoped_lock lock(mutex_);
    fetching_ = false;
    if (closed_) return;  // close() has woken everybody
    token_url_ = std::move(*url);
    request = prepare();
  }
  submit_(std::move(request));
}

void TokenSource::finish(http::Outcome outcome, std::optional<Problem> denied) {
  const bool was_denied = denied.has_value();
  conclude(read(std::move(outcome), std::move(denied)), was_denied);
}

void TokenSource::conclude(Result<IssuedToken> issued, bool was_denied) {
  Status result = issued ? Status() : Status(fail(issued.error()));
  count(result);
  if (issued && learn_) {
    learn_(issued->access_token.reveal());
    if (!issued->refresh_token.empty()) learn_(issued->refresh_token.reveal());
  }
  Waiters waiters;
  Secret kept;
  {
    const std::scoped_lock lock(mutex_);
    fetching_ = false;
    if (closed_) return;  // close() has woken everybody
    waiters.swap(waiters_);
    if (issued) {
      remember(issued->access_token.reveal());
      remember(issued->refresh_token.reveal());
      forget_tokens();
      kept = adopt(*std::move(issued));
    } else {
      // A denial may be lifted at any moment.
      if (!was_denied) failure_ = Failure{result.error(), clock_.steady_now()};
      token_url_ = settings_.token_url;  // the provider may have moved it
    }
  }
  if (keep_ && !kept.empty()) keep_(kept);
  for (const auto& wake : waiters) wake(result);
}

Secret TokenSource::adopt(IssuedToken issued) {
  failure_.reset();
  token_ = std::make_shared<TokenGuard>(issued, permits_, expiry_, context_);
  if (settings_.grant != OAuth2Grant::refresh_token || issued.refresh_token.empty()) return {};
  Secret& held = value_.more["refreshToken"];
  if (held.equals(issued.refresh_token.reveal())) return {};
  held = issued.refresh_token.duplicate();
  return std::move(issued.refresh_token);
}

void TokenSource::count(const Status& result) const {
  if (!counters_) return;
  if (result)
    counters_->granted.increment();
  else if (result.error().code == "token-refused")
    counters_->refused.increment();
  else if (result.error().code == "token-unavailable")
    counters_->unavailable.increment();
}

}  // namespace stepwell::auth
