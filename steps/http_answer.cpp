#include "steps/http_answer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "http/headers.h"

namespace stepwell::steps {

namespace {

constexpr std::size_t kExcerpt = 2048;  // bytes of an error's body that the problem shows

// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(const http::Response& response) {
  const std::string* field = response.header("Content-Type");
  if (field == nullptr) return {};
  std::string type = field->substr(0, field->find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

bool is_json(std::string_view type) {
  return type == "application/json" || type.ends_with("+json");
}

bool is_rate_limit(const http::Response& response) {
  if (response.header("Retry-After") != nullptr) return true;
  constexpr std::array<std::string_view, 3> kRemaining{
      "X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining"};
  return std::any_of(kRemaining.begin(), kRemaining.end(), [&](std::string_view name) {
    const std::string* field = response.header(name);
    return field != nullptr && *field == "0";
  });
}

// What follows from a status: a code, whether it may be retried, and what a person can do.
struct Verdict {
  std::string_view code;
  bool retryable;
  bool if_named;
  std::string_view advice;
};

Verdict verdict_of(const http::Response& response) {
  switch (response.status) {
    case 401:
    case 407:
      return {"rejected-by-upstream", false, false,
              "it did not accept the authentication; check the credential that the step uses"};
    case 403:
      if (is_rate_limit(response)) return {"http-status", true, false, "its rate limit is used up"};
      return {"forbidden-by-upstream", false, false,
              "the credential is not allowed to do this; ask whoever runs that system"};
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return {"http-status", true, false, "it may work later"};
    default:
      return {"http-status", true, true, "it will most likely answer the same again"};
  }
}

Problem content_problem(std::string what) {
  Problem problem = make_problem(ErrorKind::communication, "content-invalid",
                                 "the answer's body could not be read: " + std::move(what));
  return std::move(problem).with("sent", "yes");
}

}  // namespace

std::optional<double> retry_after(const http::Response& response, WallTime now) {
  const std::string* field = response.header("Retry-After");
  if (field == nullptr) return std::nullopt;
  std::int64_t seconds = 0;
  const char* const end = field->data() + field->size();
  if (const auto parsed = std::from_chars(field->data(), end, seconds);
      parsed.ec == std::errc() && parsed.ptr == end && seconds >= 0)
    return static_cast<double>(seconds);
  std::tm date{};
  // IMF-fixdate, the form that senders must use (RFC 9110 §5.6.7).
  const char* rest = strptime(field->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const auto at = std::chrono::system_clock::from_time_t(timegm(&date));
  const std::chrono::duration<double> wait = at - now;
  return std::max(0.0, wait.count());
}

Problem status_problem(std::string_view method, std::string_view url_without_query,
                       const http::Response& response) {
  const Verdict verdict = verdict_of(response);
  std::string detail(method);
  detail.append(" ").append(url_without_query).append(" answered ");
  detail.append(std::to_string(response.status)).append("; ").append(verdict.advice);
  Problem problem =
      make_problem(ErrorKind::communication, std::string(verdict.code), std::move(detail));
  problem.status = response.status;
  problem.retryable = verdict.retryable;
  problem.retry_if_named = verdict.if_named;
  problem.extensions.set("sent", "yes");
  if (!response.body.empty()) {
    const std::string excerpt = valid_utf8(std::string_view(response.body).substr(0, kExcerpt));
    problem.extensions.set("upstream", Value::object({{"content", excerpt}}));
  }
  return problem;
}

Result<Value> decode_content(const http::Response& response) {
  if (response.body.empty()) return Value();
  const std::string type = media_type(response);
  if (is_json(type)) {
    auto value = parse_json(response.body);
    if (!value) return fail(content_problem(value.error().detail));
    return std::move(*value);
  }
  if (type.starts_with("text/")) {
    if (!is_valid_utf8(response.body)) return fail(content_problem("text that is not valid UTF-8"));
    return Value(response.body);
  }
  return Value(to_base64(response.body));
}

Result<Value> step_output(config::HttpCallBody::Output output, const http::Response& response,
                          std::string_view method, std::string_view url,
                          const std::vector<http::Header>& request_headers) {
  using Output = config::HttpCallBody::Output;
  if (output == Output::raw) return Value(to_base64(response.body));
  auto content = decode_content(response);
  if (!content || output == Output::content) return content;
  const auto headers_value = [](const std::vector<http::Header>& headers) {
    Value object = Value::object();
    for (const http::Header& header : headers) {
      const Value* earlier = object.find(header.name);
      object.set(header.name, valid_utf8(earlier == nullptr ? header.value
                                                            : std::string(earlier->as_string()) +
                                                                  ", " + header.value));
    }
    return object;
  };
  return Value::object({{"request", Value::object({{"method", method},
                                                   {"uri", url},
                                                   {"headers", headers_value(request_headers)}})},
                        {"statusCode", response.status},
                        {"headers", headers_value(response.headers)},
                        {"content", std::move(*content)}});
}

}  // namespace stepwell::steps
