#include "steps/http_step.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "http/headers.h"
#include "http/url.h"
#include "steps/http_answer.h"
#include "steps/http_request.h"

namespace stepwell::steps {

namespace {

using config::Authentication;
using config::HttpCallBody;

const HttpCallBody& body_of(const engine::StepCall& call) {
  return std::get<HttpCallBody>(call.definition().body);
}

std::string text_of(const Value& arguments, std::string_view name) {
  const Value& value = arguments.get(name);
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

// A problem that was there before anything was sent.
class KnownResult final : public engine::PendingResult {
 public:
  explicit KnownResult(Problem problem) : problem_(std::move(problem)) {}
  engine::StepOutcome resolve() override { return {fail(std::move(problem_)), {}}; }

 private:
  Problem problem_;
};

// One execution of the step: one request, or several where redirects are followed. Shared by the
// engine (to cancel it), the exchange in the reactor, and the result on its way to a worker.
class HttpCall final : public engine::RunningStep, public std::enable_shared_from_this<HttpCall> {
 public:
  HttpCall(const HttpStepSurroundings& surroundings, const HttpStepOptions& options,
           engine::StepCall call, engine::StepTicket ticket)
      : surroundings_(surroundings),
        options_(options),
        call_(std::move(call)),
        ticket_(std::move(ticket)),
        body_(body_of(call_)) {}

  void begin();
  void cancel() override;
  void completed(http::Outcome outcome);
  engine::StepOutcome resolve(http::Outcome outcome);

 private:
  Status prepare();
  Status authorize(const http::Origin& origin);
  Status check_key() const;
  void send(http::Request request);
  bool follow(const http::Response& response);
  http::Request next_request(const http::Response& response, std::string url,
                             const http::Origin& origin);
  void finish(Problem problem);
  Problem judged(Problem problem, http::Sent sent) const;
  Problem decorated(Problem problem) const;
  std::string masked(std::string text) const;
  Value authorization() const;
  std::vector<http::Header> visible_headers() const;

  const HttpStepSurroundings surroundings_;
  const HttpStepOptions options_;
  engine::StepCall call_;
  engine::StepTicket ticket_;
  const HttpCallBody& body_;

  // Written by begin() and then only between two requests, on the reactor's thread.
  http::Request sent_;  // the parts of the current request that are needed again
  http::Origin origin_;
  std::optional<auth::Grant> grant_;    // of the current request
  std::optional<auth::Grant> carried_;  // of the first one: what its answers may echo is masked
  bool executed_ = false;  // a request that must not be repeated was answered by a redirect
  int hops_ = 0;

  std::mutex mutex_;
  bool cancelled_ = false;                    // guarded by mutex_
  std::optional<http::TransferId> transfer_;  // guarded by mutex_
};

class CallExchange final : public http::Exchange {
 public:
  explicit CallExchange(std::shared_ptr<HttpCall> call) : call_(std::move(call)) {}
  void complete(http::Outcome outcome) override { call_->completed(std::move(outcome)); }

 private:
  std::shared_ptr<HttpCall> call_;
};

class CallResult final : public engine::PendingResult {
 public:
  CallResult(std::shared_ptr<HttpCall> call, http::Outcome outcome)
      : call_(std::move(call)), outcome_(std::move(outcome)) {}
  engine::StepOutcome resolve() override { return call_->resolve(std::move(outcome_)); }

 private:
  std::shared_ptr<HttpCall> call_;
  http::Outcome outcome_;
};

void HttpCall::begin() {
  if (auto ready = prepare(); !ready) {
    finish(std::move(ready.error()).with("sent", "no"));
    return;
  }
  http::Request request = sent_;
  send(std::move(request));
}

Status HttpCall::prepare() {
  auto request = build_request(call_.arguments, body_.authentication.has_value());
  if (!request) return fail(std::move(request.error()));
  sent_ = std::move(*request);
  const auto url = http::parse_url(sent_.url);
  if (!url) return fail(url.error());
  origin_ = url->origin;
  if (auto allowed = check_key(); !allowed) return allowed;
  if (auto authorized = authorize(origin_); !authorized) return authorized;
  sent_.timeouts.total = Deadline::after(surroundings_.clock, options_.total_timeout);
  if (body_.connect_timeout) sent_.timeouts.connect = *body_.connect_timeout;
  if (body_.first_byte_timeout) sent_.timeouts.first_byte = *body_.first_byte_timeout;
  if (body_.max_response_bytes) sent_.limits.response_body = *body_.max_response_bytes;
  sent_.tls.ca_file = body_.ca_file;
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

// The key under which the instance runs must still be good at every step.
Status HttpCall::check_key() const {
  const std::string& run_as = call_.program->definition().run_as;
  const std::string& key = run_as.empty() ? call_.key : run_as;
  if (key.empty()) return {};
  auto principal = surroundings_.keys.check(key);
  if (!principal) return fail(std::move(principal.error()));
  return {};
}

Status HttpCall::authorize(const http::Origin& origin) {
  if (!body_.authentication) return {};
  const Authentication& policy = *body_.authentication;
  const auto take = [this](Result<auth::Grant> grant) -> Status {
    if (!grant) return fail(std::move(grant.error()));
    sent_.guard = grant->guard;
    sent_.pool = grant->pool;
    if (!carried_) carried_ = *grant;
    grant_ = std::move(*grant);
    return {};
  };
  if (!policy.credential.empty()) {
    return take(surroundings_.gate.authorize(
        {policy.credential, origin, call_.program->definition().namespace_}));
  }
  const std::string username = text_of(call_.arguments, "username");
  const bool basic = policy.kind == Authentication::Kind::basic;
  const std::string secret = text_of(call_.arguments, basic ? "password" : "token");
  return take(surroundings_.gate.authorize_inline(
      {basic ? auth::CredentialKind::basic : auth::CredentialKind::bearer, username, secret}));
}

void HttpCall::send(http::Request request) {
  auto exchange = std::make_unique<CallExchange>(shared_from_this());
  exchange->request = std::move(request);
  // Under the lock, so that a cancel comes either before (nothing is sent) or finds the transfer.
  std::unique_lock lock(mutex_);
  if (cancelled_) {
    lock.unlock();
    finish(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled"));
    return;
  }
  transfer_ = surroundings_.reactor.submit(std::move(exchange));
}

void HttpCall::cancel() {
  std::optional<http::TransferId> transfer;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    transfer = transfer_;
  }
  if (transfer) surroundings_.reactor.cancel(*transfer);
}

void HttpCall::completed(http::Outcome outcome) {
  if (outcome.response && body_.redirect && follow(*outcome.response)) return;
  ticket_.finish(std::make_unique<CallResult>(shared_from_this(), std::move(outcome)));
}

// Follows a redirect (RFC 9110 §15.4); true where the step goes on or has been finished here.
bool HttpCall::follow(const http::Response& response) {
  const bool redirects = response.status == 301 || response.status == 302 ||
                         response.status == 303 || response.status == 307 || response.status == 308;
  const std::string* location = response.header("Location");
  if (!redirects || location == nullptr) return false;
  if (grant_) surroundings_.gate.note_upstream_result(*grant_, response.status);
  const auto stop = [this](Problem problem) {
    finish(judged(std::move(problem).with("sent", "yes"), http::Sent::no));
    return true;
  };
  const auto refuse = [this, &stop](std::string why) {
    return stop(make_problem(ErrorKind::communication, "redirect-refused", masked(std::move(why))));
  };
  if (++hops_ > options_.max_redirects)
    return refuse("more than " + std::to_string(options_.max_redirects) + " redirects in a row");
  auto url = http::resolve_reference(sent_.url, *location);
  if (!url) return refuse("the redirect's target is no usable URL: " + url.error().detail);
  const auto parsed = http::parse_url(*url);
  if (!parsed) return refuse("the redirect's target is no usable URL: " + parsed.error().detail);
  if (origin_.scheme == "https" && parsed->origin.scheme == "http")
    return refuse("the redirect leads from https to http (" + parsed->origin.text() + ")");
  http::Request request = next_request(response, std::move(*url), parsed->origin);
  if (auto allowed = check_key(); !allowed) return stop(std::move(allowed.error()));
  if (sent_.guard) {
    if (auto again = authorize(origin_); !again) return stop(std::move(again.error()));
    request.guard = sent_.guard;
    request.pool = sent_.pool;
  }
  send(std::move(request));
  return true;
}

http::Request HttpCall::next_request(const http::Response& response, std::string url,
                                     const http::Origin& origin) {
  const bool to_get = response.status == 303 ? sent_.method != "HEAD"
                                             : (response.status <= 302 && sent_.method == "POST");
  if (to_get) {
    if (!sent_.repeatable) executed_ = true;
    sent_.method = "GET";
    sent_.body.reset();
    sent_.repeatable = body_.idempotent.value_or(true);
    std::erase_if(sent_.headers, [](const http::Header& header) {
      return http::equal_names(header.name, "Content-Type") ||
             http::equal_names(header.name, "Idempotency-Key");
    });
  }
  // What was meant for one origin stays there: the credential, and what authors put in its place.
  if (!(origin == origin_)) {
    sent_.guard = nullptr;
    sent_.pool.clear();
    grant_.reset();
    std::erase_if(sent_.headers, [](const http::Header& header) {
      return http::equal_names(header.name, "Authorization") ||
             http::equal_names(header.name, "Cookie");
    });
  }
  sent_.url = std::move(url);
  origin_ = origin;
  return sent_;
}

void HttpCall::finish(Problem problem) {
  ticket_.finish(std::make_unique<KnownResult>(decorated(std::move(problem))));
}

// A request that must not be repeated and may have been executed has an unknown outcome, however
// the transport failed.
Problem HttpCall::judged(Problem problem, http::Sent sent) const {
  const bool refused = problem.type == error_type_uri(ErrorKind::authentication) ||
                       problem.type == error_type_uri(ErrorKind::authorization) ||
                       problem.code == "cancelled" || problem.code == "outcome-unknown";
  const bool unknown_outcome = executed_ || (!sent_.repeatable && sent != http::Sent::no);
  if (!unknown_outcome || refused) return problem;
  Problem unknown =
      make_problem(ErrorKind::communication, "outcome-unknown",
                   "a request that must not be repeated was sent, but its outcome is not known (" +
                       problem.detail + "); it may have been executed. Look at " +
                       origin_.host_and_port() + ", or mark the task as idempotent");
  unknown.extensions = problem.extensions;
  unknown.cause = std::make_shared<const Problem>(std::move(problem));
  return unknown;
}

// The text without what the call's credential consists of.
std::string HttpCall::masked(std::string text) const {
  return carried_ ? surroundings_.gate.mask(*carried_, std::move(text)) : text;
}

Problem HttpCall::decorated(Problem problem) const {
  if (grant_ && grant_->version != 0) {
    problem.extensions.set("credential", grant_->credential);
    problem.extensions.set("credentialVersion", grant_->version);
  }
  return problem;
}

Value HttpCall::authorization() const {
  if (!body_.authentication) return {};
  std::string scheme;
  if (grant_ && grant_->guard && !grant_->guard->secret_headers().empty()) {
    // "Authorization: SCHEME …": the scheme alone is shown.
    const std::string_view line = grant_->guard->secret_headers().front().reveal();
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos &&
        http::equal_names(line.substr(0, colon), "Authorization"))
      scheme = line.substr(colon + 2, line.find(' ', colon + 2) - colon - 2);
  }
  return Value::object({{"scheme", scheme}, {"parameter", "***"}});
}

std::vector<http::Header> HttpCall::visible_headers() const {
  std::vector<http::Header> headers = sent_.headers;
  for (http::Header& header : headers) {
    const bool secret = http::equal_names(header.name, "Authorization") ||
                        http::equal_names(header.name, "Proxy-Authorization") ||
                        http::equal_names(header.name, "Cookie");
    if (secret) header.value = "***";
  }
  if (!sent_.guard) return headers;
  for (const Secret& line : sent_.guard->secret_headers()) {
    const std::string_view text = line.reveal();
    headers.push_back({std::string(text.substr(0, text.find(':'))), "***"});
  }
  return headers;
}

// On a worker: decoding, redaction and classification.
engine::StepOutcome HttpCall::resolve(http::Outcome outcome) {
  if (!outcome.response) {
    return {fail(decorated(judged(std::move(outcome.response.error()), outcome.sent))),
            authorization()};
  }
  http::Response& response = *outcome.response;
  if (grant_) surroundings_.gate.note_upstream_result(*grant_, response.status);
  response.body = masked(std::move(response.body));
  for (http::Header& header : response.headers) header.value = masked(std::move(header.value));
  const std::string shown_url = masked(sent_.url);
  const int limit = body_.redirect ? 400 : 300;
  if (response.status < 200 || response.status >= limit) {
    const auto url = http::parse_url(shown_url);
    Problem problem =
        status_problem(sent_.method, url ? url->without_query() : origin_.text(), response);
    if (const auto wait = retry_after(response, surroundings_.clock.now()))
      problem.extensions.set("retryAfter", *wait);
    if (executed_) problem.retryable = false;
    return {fail(decorated(std::move(problem))), authorization()};
  }
  auto output = step_output(body_.output, response, sent_.method, shown_url, visible_headers());
  if (!output) return {fail(decorated(std::move(output.error()))), authorization()};
  return {std::move(*output), authorization()};
}

}  // namespace

std::shared_ptr<engine::RunningStep> HttpStep::start(engine::StepCall call,
                                                     engine::StepTicket ticket) {
  auto running =
      std::make_shared<HttpCall>(surroundings_, options_, std::move(call), std::move(ticket));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
