#include "api/message.h"

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

}  // namespace

const std::string* Request::header(std::string_view name) const {
  for (const http::Header& header : headers) {
    if (same_name(header.name, name)) return &header.value;
  }
  return nullptr;
}

const std::string* Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Response json_response(int status, const Value& value) {
  return json_text_response(status, to_json(value));
}

Response json_text_response(int status, std::string json) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(json);
  response.body += '\n';
  return response;
}

Response text_response(int status, std::string text, std::string_view content_type) {
  Response response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::move(text);
  return response;
}

namespace {

// Whole seconds (RFC 9110 §10.2.3), as the problem asks for, or one.
std::string seconds_to_wait(const Problem& problem) {
  constexpr double kLongest = 3600;
  const Value& asked = problem.extensions.get("retryAfter");
  const double seconds = asked.is_number() ? std::ceil(asked.as_double()) : 1;
  return std::to_string(static_cast<int>(std::clamp(seconds, 1.0, kLongest)));
}

}  // namespace

Response problem_response(const Problem& problem) {
  const int status = problem.status >= 400 && problem.status <= 599 ? problem.status : 500;
  Value object = problem.to_value();
  object.set("status", status);
  Response response = json_response(status, object);
  response.content_type = "application/problem+json";
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Api-Key"});
  if (status == 503 || status == 429)
    response.headers.push_back({"Retry-After", seconds_to_wait(problem)});
  return response;
}

Problem overloaded() {
  return unavailable("overloaded", "too many requests are waiting; try again");
}

}  // namespace stepwell::api
