// What becomes of an execution's last answer: the step's output, or its problem.
#include <utility>

#include "http/headers.h"
#include "steps/http_answer.h"
#include "steps/http_call.h"

namespace stepwell::steps {

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
  for (const auth::Grant& grant : carried_) text = surroundings_.gate.mask(grant, std::move(text));
  return text;
}

Problem HttpCall::decorated(Problem problem) const {
  const auto& shown = grant_ ? grant_ : identity_;
  if (shown && shown->version != 0 && !problem.extensions.contains("credential")) {
    problem.extensions.set("credential", shown->credential);
    problem.extensions.set("credentialVersion", shown->version);
  }
  return problem;
}

Value HttpCall::authorization() const {
  if (rules_.authentication == nullptr) return {};
  std::string scheme;
  if (grant_ && grant_->guard->digest() != nullptr) scheme = "Digest";
  if (grant_) {
    // "Authorization: SCHEME …": the scheme alone is shown.
    for (const Secret& secret : grant_->guard->secret_headers()) {
      const std::string_view line = secret.reveal();
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos &&
          http::equal_names(line.substr(0, colon), "Authorization"))
        scheme = line.substr(colon + 2, line.find(' ', colon + 2) - colon - 2);
    }
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
  if (!grant_) return headers;
  for (const Secret& line : grant_->guard->secret_headers()) {
    const std::string_view text = line.reveal();
    headers.push_back({std::string(text.substr(0, text.find(':'))), "***"});
  }
  return headers;
}

// A refusal speaks against what the request authenticated itself by, and against its certificate
// where that was all.
void HttpCall::note_result(int status) {
  if (grant_ || identity_)
    surroundings_.gate.note_upstream_result(grant_ ? *grant_ : *identity_, status);
}

// A secret that an upstream echoes in another charset is found in UTF-8 alone; such an answer is
// gone on with as what it then is.
void HttpCall::mask_other_charset(http::Response& response) const {
  if (!is_other_charset(response)) return;
  auto text = utf8_text(response);
  if (!text) return;
  std::string clean = masked(*text);
  if (clean == *text) return;
  response.body = std::move(clean);
  for (http::Header& header : response.headers)
    if (http::equal_names(header.name, "Content-Type"))
      header.value = header.value.substr(0, header.value.find(';')) + "; charset=utf-8";
}

void HttpCall::mask(http::Response& response) const {
  response.body = masked(std::move(response.body));
  mask_other_charset(response);
  for (http::Header& header : response.headers) header.value = masked(std::move(header.value));
}

// On a worker: decoding, redaction and classification.
engine::StepOutcome HttpCall::resolve(http::Outcome outcome) {
  if (!outcome.response) {
    return {fail(decorated(judged(std::move(outcome.response.error()), outcome.sent))),
            authorization()};
  }
  http::Response& response = *outcome.response;
  note_result(response.status);
  if (!carried_.empty()) mask(response);
  const int limit = rules_.redirect ? 400 : 300;
  if (response.status < 200 || response.status >= limit) {
    const auto url = http::parse_url(masked(sent_.url));
    Problem problem =
        status_problem(sent_.method, url ? url->without_query() : origin_.text(), response);
    if (const auto wait = retry_after(response, surroundings_.clock.now()))
      problem.extensions.set("retryAfter", *wait);
    const bool refused = response.status == 401 || response.status == 403;
    if (refused && !rules_.advice.empty()) problem.detail += "; " + rules_.advice;
    if (executed_) problem.retryable = false;
    return {fail(decorated(std::move(problem))), authorization()};
  }
  if (rules_.take) {
    auto taken = rules_.take(response, masked(sent_.url));
    if (!taken) return {fail(decorated(std::move(taken.error()))), authorization()};
    return {std::move(*taken), authorization()};
  }
  const bool shows_request = rules_.output == config::CallOutput::response;
  auto output = step_output(rules_.output, response, sent_.method,
                            shows_request ? masked(sent_.url) : std::string(),
                            shows_request ? visible_headers() : std::vector<http::Header>());
  if (!output) return {fail(decorated(std::move(output.error()))), authorization()};
  return {std::move(*output), authorization()};
}

}  // namespace stepwell::steps
