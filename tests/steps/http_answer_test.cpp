#include "steps/http_answer.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace stepwell::steps {
namespace {

http::Response response(int status, std::string body, std::vector<http::Header> headers = {}) {
  http::Response answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.headers = std::move(headers);
  return answer;
}

struct StatusCase {
  int status;
  const char* code;
  bool retryable;
  bool only_if_named;
};

TEST(StatusProblem, FollowsTheTable) {
  const StatusCase table[] = {{401, "rejected-by-upstream", false, false},
                              {407, "rejected-by-upstream", false, false},
                              {403, "forbidden-by-upstream", false, false},
                              {404, "http-status", true, true},
                              {409, "http-status", true, true},
                              {422, "http-status", true, true},
                              {408, "http-status", true, false},
                              {425, "http-status", true, false},
                              {429, "http-status", true, false},
                              {500, "http-status", true, false},
                              {501, "http-status", true, true},
                              {502, "http-status", true, false},
                              {503, "http-status", true, false},
                              {504, "http-status", true, false},
                              {302, "http-status", true, true}};
  for (const StatusCase& expected : table) {
    const Problem problem = status_problem("GET", "http://h/p", response(expected.status, ""));
    EXPECT_EQ(problem.type, error_type_uri(ErrorKind::communication));
    EXPECT_EQ(problem.status, expected.status);
    EXPECT_EQ(problem.code, expected.code) << expected.status;
    EXPECT_EQ(problem.retryable, expected.retryable) << expected.status;
    EXPECT_EQ(problem.retry_if_named, expected.only_if_named) << expected.status;
    EXPECT_EQ(problem.extensions.get("sent"), Value("yes"));
    EXPECT_NE(problem.detail.find("GET http://h/p answered " + std::to_string(expected.status)),
              std::string::npos);
  }
}

TEST(StatusProblem, A403ThatIsARateLimitMayBeRetried) {
  EXPECT_TRUE(status_problem("GET", "u", response(403, "", {{"Retry-After", "1"}})).retryable);
  EXPECT_TRUE(
      status_problem("GET", "u", response(403, "", {{"x-ratelimit-remaining", "0"}})).retryable);
  EXPECT_FALSE(
      status_problem("GET", "u", response(403, "", {{"X-RateLimit-Remaining", "5"}})).retryable);
}

TEST(DecodeContent, GoesByTheContentType) {
  const auto decoded = [](std::string type, std::string body) {
    return to_json(
        decode_content(response(200, std::move(body), {{"content-type", std::move(type)}}))
            .value());
  };
  EXPECT_EQ(decoded("application/json", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(decoded("Application/Problem+JSON; charset=utf-8", "[1]"), "[1]");
  EXPECT_EQ(decoded("text/plain", "hi"), R"("hi")");
  EXPECT_EQ(decoded("application/octet-stream", "hi!"), R"("aGkh")");
  EXPECT_EQ(decoded("", "hi"), R"("aGk=")");
  EXPECT_EQ(decoded("application/json", ""), "null");
}

TEST(DecodeContent, GarbageIsACommunicationProblem) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"application/json", "{"},
      {"application/json", "\"\xff\""},
      {"application/json", std::string(5000, '[')},
      {"text/plain", "\xff\xfe"}};
  for (const auto& [type, body] : table) {
    const auto content = decode_content(response(200, body, {{"Content-Type", type}}));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, "content-invalid");
    EXPECT_EQ(content.error().type, error_type_uri(ErrorKind::communication));
  }
}

TEST(StepOutput, ShowsTheWholeResponse) {
  const auto output = step_output(
      config::HttpCallBody::Output::response,
      response(201, "[1]", {{"Content-Type", "application/json"}, {"A", "1"}, {"A", "2"}}), "POST",
      "http://h/", {{"X", "y"}});
  EXPECT_EQ(
      to_json(output.value()),
      R"({"request":{"method":"POST","uri":"http://h/","headers":{"X":"y"}},"statusCode":201,)"
      R"("headers":{"Content-Type":"application/json","A":"1, 2"},"content":[1]})");
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  const WallTime now = parse_time("2026-11-21T12:00:00Z").value();
  const auto asked = [&](std::string field) {
    return retry_after(response(503, "", {{"Retry-After", std::move(field)}}), now);
  };
  EXPECT_EQ(asked("120"), 120);
  EXPECT_EQ(asked("Sat, 21 Nov 2026 12:00:30 GMT"), 30);
  EXPECT_EQ(asked("Sat, 21 Nov 2026 11:00:00 GMT"), 0);
  EXPECT_FALSE(asked("soon"));
  EXPECT_FALSE(retry_after(response(503, ""), now));
}

}  // namespace
}  // namespace stepwell::steps
