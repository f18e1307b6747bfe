#include "steps/http_call.h"

#include <algorithm>
#include <array>
#include <utility>

#include "http/headers.h"
#include "steps/http_request.h"
#include "steps/step_guard.h"

namespace stepwell::steps {

namespace {

constexpr const char* kCancelled = "the step was cancelled";
// A credential that is rotated more often than this while one request waits is somebody's mistake.
constexpr int kOvertakenAtMost = 3;

// Fields that say what is asked for, and nothing about who asks (RFC 9110 §8, §12.5). Any other one
// may be a key, whatever its name.
bool goes_anywhere(std::string_view name) {
  constexpr std::array<std::string_view, 13> kPlain = {
      "Accept",           "Accept-Encoding",   "Accept-Language", "Content-Type",
      "Content-Encoding", "Content-Language",  "User-Agent",      "Range",
      "If-None-Match",    "If-Modified-Since", "Idempotency-Key", "traceparent",
      "tracestate"};
  return std::any_of(kPlain.begin(), kPlain.end(),
                     [&](std::string_view plain) { return http::equal_names(name, plain); });
}

// Making one up costs more than the rest of a body of JSON, which needs none.
bool may_need_boundary(const Value& arguments) {
  if (!arguments.get("body").is_object()) return false;
  const auto fields = arguments.get("headers").members();
  return std::any_of(fields.begin(), fields.end(), [](const Value::Member& field) {
    return http::equal_names(field.name(), "Content-Type");
  });
}

// A problem that was there before anything was sent.
class KnownResult final : public engine::PendingResult {
 public:
  explicit KnownResult(Problem problem) : problem_(std::move(problem)) {}
  engine::StepOutcome resolve() override { return {fail(std::move(problem_)), {}}; }

 private:
  Problem problem_;
};

class CallExchange final : public http::Exchange {
 public:
  explicit CallExchange(std::shared_ptr<HttpCall> call) : call_(std::move(call)) {}
  void complete(http::Outcome outcome) override {
    HttpCall& call = *call_;
    call.completed(std::move(call_), std::move(request), std::move(outcome));
  }

 private:
  std::shared_ptr<HttpCall> call_;
};

class CallResult final : public engine::PendingResult {
 public:
  CallResult(std::shared_ptr<HttpCall> call, http::Outcome&& outcome)
      : call_(std::move(call)), outcome_(std::move(outcome)) {}
  engine::StepOutcome resolve() override { return call_->resolve(std::move(outcome_)); }

 private:
  std::shared_ptr<HttpCall> call_;
  http::Outcome outcome_;
};

}  // namespace

void HttpCall::begin() {
  if (auto ready = prepare(); !ready) {
    finish(std::move(ready.error()).with("sent", "no"));
    return;
  }
  pace();
}

Status HttpCall::prepare() {
  // The same in every attempt, since these share their Idempotency-Key.
  std::string boundary = "stepwell-";
  if (may_need_boundary(call_.arguments))
    boundary += surroundings_.gate.unguessable(call_.idempotency_key);
  auto request = build_request(call_.arguments, rules_.authentication != nullptr, boundary,
                               surroundings_.files);
  if (!request) return fail(std::move(request.error()));
  sent_ = std::move(*request);
  auto url = http::parse_url(sent_.url);
  if (!url) return fail(std::move(url.error()));
  origin_ = std::move(url->origin);
  authenticated_ = rules_.authentication != nullptr;
  const config::CallOptions& wanted = *rules_.options;
  if (wanted.connect_timeout) sent_.timeouts.connect = *wanted.connect_timeout;
  if (wanted.first_byte_timeout) sent_.timeouts.first_byte = *wanted.first_byte_timeout;
  if (wanted.max_response_bytes) sent_.limits.response_body = *wanted.max_response_bytes;
  sent_.tls.ca_file = wanted.ca_file;
  sent_.proxy = wanted.proxy;
  identified_ = !wanted.tls_credential.empty();
  sent_.repeatable = call_.repeatable;
  const auto add = [this](const char* name, std::string value) {
    for (const http::Header& header : sent_.headers)
      if (http::equal_names(header.name, name)) return;
    sent_.headers.push_back({name, std::move(value)});
  };
  add("traceparent", traceparent(call_.trace_id, surroundings_.entropy.hex(8)));
  if (!config::is_idempotent_method(sent_.method)) add("Idempotency-Key", call_.idempotency_key);
  return {};
}

// The key under which the instance runs.
const std::string& HttpCall::key() const {
  static const std::string kNoKey;
  if (!rules_.keyed) return kNoKey;
  const std::string& run_as = call_.program->definition().run_as;
  return run_as.empty() ? call_.key : run_as;
}

// Before every request: asks whether it may be sent, and sends it, now or when the gate wakes this.
void HttpCall::go() {
  const Result<bool> ready = ask();
  if (!ready) {
    finish(
        judged(Problem(ready.error()).with("sent", sent_before_ ? "yes" : "no"), http::Sent::no));
  } else if (*ready) {
    send();
  }
}

// A cancel finds the call either waiting, and finishes it, or not.
bool HttpCall::begin_waiting() {
  const std::scoped_lock lock(mutex_);
  waiting_ = !cancelled_;
  return waiting_;
}

bool HttpCall::end_waiting() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(waiting_, false);
}

void HttpCall::woken(Status status) {
  if (!end_waiting()) return;
  if (status) return go();
  finish(
      judged(std::move(status.error()).with("sent", sent_before_ ? "yes" : "no"), http::Sent::no));
}

void HttpCall::send() {
  auto exchange = std::make_unique<CallExchange>(shared_from_this());
  exchange->request = std::move(sent_);  // completed() brings it back
  if (grant_ || identity_ || !key().empty()) {
    auth::Grant grant = grant_.value_or(auth::Grant{});
    auth::Grant identity = identity_.value_or(auth::Grant{});
    // This call's own: a guard may live as long as its pool.
    grant.turn.reset();
    identity.turn.reset();
    exchange->request.guard = std::make_shared<StepGuard>(
        surroundings_.keys, key(), surroundings_.gate, std::move(grant), std::move(identity));
  }
  // Under the lock, so that a cancel comes either before (nothing is sent) or finds the transfer.
  std::unique_lock lock(mutex_);
  if (cancelled_) {
    lock.unlock();
    finish(make_problem(ErrorKind::runtime, "cancelled", kCancelled));
    return;
  }
  transfer_ = surroundings_.reactor.submit(std::move(exchange));
}

void HttpCall::cancel() {
  std::optional<http::TransferId> transfer;
  std::optional<RateLimits::Ticket> held_back;
  bool waited = false;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    transfer = transfer_;
    held_back = std::exchange(held_back_, std::nullopt);
    waited = std::exchange(waiting_, false);
  }
  if (held_back && surroundings_.rate_limits->cancel(*held_back)) waited = true;
  if (transfer) surroundings_.reactor.cancel(*transfer);
  if (waited) finish(make_problem(ErrorKind::runtime, "cancelled", kCancelled));
}

void HttpCall::completed(std::shared_ptr<HttpCall> self, http::Request&& request,
                         http::Outcome&& outcome) {
  sent_ = std::move(request);
  sent_.guard.reset();
  sent_before_ = sent_before_ || outcome.sent != http::Sent::no;
  if (go_again(outcome)) return;
  if (outcome.response && rules_.redirect && follow(*outcome.response)) return;
  // A worker may be done with the result, and with this call, before finish() returns.
  const engine::StepTicket ticket = std::move(ticket_);
  ticket.finish(std::make_unique<CallResult>(std::move(self), std::move(outcome)));
}

// The same request once more, where its grant was overtaken before it left, or where the upstream
// has refused its token and nothing else: a 401 has executed nothing.
bool HttpCall::go_again(const http::Outcome& outcome) {
  if (!grant_ && !identity_) return false;
  if (outcome.response) {
    if (outcome.response->status != 401 || !grant_ || !grant_->has_token() ||
        std::exchange(renewed_, true))
      return false;
    surroundings_.gate.renew(*grant_);
    pace();
    return true;
  }
  const std::string& code = outcome.response.error().code;
  const bool stale = code == "credential-rotated" || code == "token-expired";
  if (!stale || outcome.sent != http::Sent::no || ++overtaken_ > kOvertakenAtMost) return false;
  go();
  return true;
}

// Follows a redirect (RFC 9110 §15.4); true where the step goes on or has been finished here.
bool HttpCall::follow(const http::Response& response) {
  const bool redirects = response.status == 301 || response.status == 302 ||
                         response.status == 303 || response.status == 307 || response.status == 308;
  const std::string* location = response.header("Location");
  if (!redirects || location == nullptr) return false;
  note_result(response.status);
  const auto refuse = [this](std::string why) {
    Problem problem =
        make_problem(ErrorKind::communication, "redirect-refused", masked(std::move(why)));
    finish(judged(std::move(problem).with("sent", "yes"), http::Sent::no));
    return true;
  };
  if (++hops_ > options_.max_redirects)
    return refuse("more than " + std::to_string(options_.max_redirects) + " redirects in a row");
  auto url = http::resolve_reference(sent_.url, *location);
  if (!url) return refuse("the redirect's target is no usable URL: " + url.error().detail);
  const auto parsed = http::parse_url(*url);
  if (!parsed) return refuse("the redirect's target is no usable URL: " + parsed.error().detail);
  // An upstream must not carry on by URL what the gate sent it in a header, to wherever it likes.
  if (masked(*url) != *url)
    return refuse("the redirect's target holds what the call authenticates itself by");
  if (origin_.scheme == "https" && parsed->origin.scheme == "http")
    return refuse("the redirect leads from https to http (" + parsed->origin.text() + ")");
  redirect_to(response, std::move(*url), parsed->origin);
  pace();
  return true;
}

void HttpCall::redirect_to(const http::Response& response, std::string url,
                           const http::Origin& origin) {
  const bool to_get = response.status == 303 ? sent_.method != "HEAD"
                                             : (response.status <= 302 && sent_.method == "POST");
  if (to_get) {
    if (!sent_.repeatable) executed_ = true;
    sent_.method = "GET";
    sent_.body.reset();
    sent_.source.reset();
    sent_.repeatable = rules_.options->idempotent.value_or(true);
    std::erase_if(sent_.headers, [](const http::Header& header) {
      return http::equal_names(header.name.substr(0, 8), "Content-") ||
             http::equal_names(header.name, "Idempotency-Key");
    });
  }
  // What was meant for one origin stays there: the credential, and what authors put in its place.
  if (!(origin == origin_)) {
    authenticated_ = false;
    identified_ = false;
    std::erase_if(sent_.headers,
                  [](const http::Header& header) { return !goes_anywhere(header.name); });
  }
  sent_.url = std::move(url);
  origin_ = origin;
}

void HttpCall::finish(Problem problem) {
  ticket_.finish(std::make_unique<KnownResult>(decorated(std::move(problem))));
}

}  // namespace stepwell::steps
