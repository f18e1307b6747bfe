#include "steps/http_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"
#include "http/headers.h"
#include "steps/charset.h"
#include "steps/media_type.h"

namespace stepwell::steps {

namespace {

constexpr std::size_t kExcerpt = 2048;  // bytes of an error's body that the problem shows

MediaType type_of(const http::Response& response) {
  const std::string* field = response.header("Content-Type");
  return field == nullptr ? MediaType() : parse_media_type(*field);
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

Result<std::string> converted_text(const std::string& body, std::string_view charset) {
  auto text = to_utf8(body, charset);
  if (text) return text;
  return fail(content_problem("it is text that is " + text.error().detail +
                              "; `output: raw` gives its bytes"));
}

// UTF-8 as it is, which most answers are.
bool needs_no_conversion(std::string_view body, std::string_view charset) {
  return (charset.empty() || http::equal_names(charset, "utf-8")) &&
         !body.starts_with("\xef\xbb\xbf") && is_valid_utf8(body);
}

// What an upstream may ask for at most: a day.
constexpr double kLongestRetryAfter = 24.0 * 3600;

std::optional<double> delay_seconds(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_ascii_digit)) return std::nullopt;
  if (text.size() > 9) return kLongestRetryAfter;
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::min(static_cast<double>(seconds), kLongestRetryAfter);
}

// The three forms that a recipient has to take (RFC 9110 §5.6.7).
std::optional<std::time_t> http_date(const std::string& text) {
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm date{};
    const char* rest = strptime(text.c_str(), form, &date);
    if (rest != nullptr && *rest == '\0') return timegm(&date);
  }
  return std::nullopt;
}

// The same name in one form of letters, whichever protocol it came by: HTTP/2 has them all in lower
// case (RFC 9113 §8.2.1).
std::string shown_name(std::string_view name) {
  std::string out(name);
  bool first = true;
  for (char& c : out) {
    c = ascii_lower(c);
    if (first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    first = c == '-';
  }
  return out;
}

}  // namespace

std::optional<double> retry_after(const http::Response& response, WallTime now) {
  const std::string* field = response.header("Retry-After");
  if (field == nullptr) return std::nullopt;
  if (const auto seconds = delay_seconds(*field)) return seconds;
  const auto date = http_date(*field);
  if (!date) return std::nullopt;
  // A date may lie beyond what the clock's own type can hold.
  const std::chrono::duration<double> since_epoch = now.time_since_epoch();
  return std::clamp(static_cast<double>(*date) - since_epoch.count(), 0.0, kLongestRetryAfter);
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
    const std::string text = utf8_text(response).value_or(response.body);
    const std::string excerpt = valid_utf8(std::string_view(text).substr(0, kExcerpt));
    problem.extensions.set("upstream", Value::object({{"content", excerpt}}));
  }
  return problem;
}

Result<std::string> utf8_text(const http::Response& response) {
  const MediaType type = type_of(response);
  if (!type.is_json() && !type.is_text()) return response.body;
  return converted_text(response.body, type.charset);
}

bool is_other_charset(const http::Response& response) {
  const std::string* field = response.header("Content-Type");
  const bool may_name_one = field != nullptr && field->find(';') != std::string::npos;
  const bool is_marked =
      response.body.starts_with("\xff\xfe") || response.body.starts_with("\xfe\xff");
  if (!may_name_one && !is_marked) return false;
  const MediaType type = type_of(response);
  if (!type.is_json() && !type.is_text()) return false;
  const std::string charset = ascii_lower(type.charset);
  return is_marked || (!charset.empty() && charset != "utf-8" && charset != "utf8");
}

Result<Value> decode_content(const http::Response& response) {
  if (response.body.empty()) return Value();
  const MediaType type = type_of(response);
  if (!type.is_json() && !type.is_text()) return Value(to_base64(response.body));
  std::string converted;
  const bool as_it_is = needs_no_conversion(response.body, type.charset);
  if (!as_it_is) {
    auto text = converted_text(response.body, type.charset);
    if (!text) return fail(std::move(text.error()));
    converted = std::move(*text);
  }
  const std::string_view text = as_it_is ? std::string_view(response.body) : converted;
  if (!type.is_json()) return Value(text);
  auto value = parse_json(text);
  if (!value) return fail(content_problem(value.error().detail));
  return std::move(*value);
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
      const std::string name = shown_name(header.name);
      const Value* earlier = object.find(name);
      object.set(name, valid_utf8(earlier == nullptr
                                      ? header.value
                                      : std::string(earlier->as_string()) + ", " + header.value));
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
