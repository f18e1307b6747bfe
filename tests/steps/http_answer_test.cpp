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
  // Some servers give a charset to whatever they send.
  for (const char* type :
       {"image/png; charset=utf-8", "audio/ogg;charset=utf-8", "video/mp4;charset=utf-8",
        "font/woff2;charset=utf-8", "application/pdf;charset=UTF-8", "application/zip;charset=x",
        "application/gzip; charset=iso-8859-1", "application/octet-stream; charset=binary"})
    EXPECT_EQ(decoded(type, "\xff\xd8\xff"), R"("/9j/")") << type;
  EXPECT_EQ(decoded("application/json", ""), "null");
}

TEST(DecodeContent, GarbageIsACommunicationProblem) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"application/json", "{"},
      {"application/json", "\"\xff\""},
      {"application/json", std::string(5000, '[')},
      {"text/plain", "\xff\xfd"}};
  for (const auto& [type, body] : table) {
    const auto content = decode_content(response(200, body, {{"Content-Type", type}}));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, "content-invalid");
    EXPECT_EQ(content.error().type, error_type_uri(ErrorKind::communication));
  }
}

struct CharsetCase {
  const char* type;
  std::string body;
  const char* content;  // JSON
};

TEST(DecodeContent, KnowsCharsetsAndByteOrderMarks) {
  using namespace std::string_literals;
  const CharsetCase table[] = {{"text/plain; charset=ISO-8859-1", "sch\xf6n", "\"schön\""},
                               {"text/plain; charset=\"windows-1252\"", "\x80", "\"€\""},
                               {"text/html;charset=latin1", "\xe9", "\"é\""},
                               {"text/plain; charset=utf-16", "h\0i\0"s, "\"hi\""},
                               {"text/plain; charset=utf-16be", "\0h\0i"s, "\"hi\""},
                               {"text/plain; charset=shift_jis", "\x83\x65", "\"テ\""},
                               {"text/plain", "\xef\xbb\xbfhi", "\"hi\""},
                               {"text/plain; charset=iso-8859-1", "\xff\xfeh\0i\0"s, "\"hi\""},
                               {"application/json", "\xef\xbb\xbf{\"a\":1}", R"({"a":1})"},
                               {"application/json",
                                "\xfe\xff\0[\0"
                                "1\0]"s,
                                "[1]"},
                               {"application/json; charset=iso-8859-1", "\"\xe9\"", "\"é\""},
                               {"application/atom+xml", "<a/>", "\"<a/>\""},
                               {"application/x-ndjson", "1\n2\n", R"("1\n2\n")"}};
  for (const CharsetCase& expected : table) {
    const auto content =
        decode_content(response(200, expected.body, {{"Content-Type", expected.type}}));
    ASSERT_TRUE(content) << expected.type << content.error().detail;
    EXPECT_EQ(to_json(*content), expected.content) << expected.type;
  }
}

// A converter that an upstream chooses is code that it chooses.
TEST(DecodeContent, RefusesCharsetsThatItDoesNotKnow) {
  using namespace std::string_literals;
  for (const char* charset : {"iso-2022-cn-ext", "utf-7", "utf-8//TRANSLIT", "../x", "klingon"}) {
    const std::string type = "text/plain; charset=\"" + std::string(charset) + "\"";
    const auto content = decode_content(response(200, "hi", {{"Content-Type", type}}));
    ASSERT_FALSE(content) << charset;
    EXPECT_EQ(content.error().code, "content-invalid");
  }
  const auto cut =
      decode_content(response(200, "h\0i"s, {{"Content-Type", "text/plain; charset=utf-16le"}}));
  EXPECT_FALSE(cut) << "half a character";
}

TEST(StepOutput, WritesNamesOfHeadersAlikeAndJoinsWhatIsRepeated) {
  const auto output = step_output(
      config::CallOutput::response,
      response(204, "",
               {{"x-rate-limit", "1"}, {"ETAG", "e"}, {"set-cookie", "a"}, {"Set-Cookie", "b"}}),
      "HEAD", "http://h/", {});
  EXPECT_EQ(to_json(output->get("headers")),
            R"({"X-Rate-Limit":"1","Etag":"e","Set-Cookie":"a, b"})");
  EXPECT_EQ(output->get("content"), Value());
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
  EXPECT_EQ(asked("Saturday, 21-Nov-26 12:00:30 GMT"), 30);
  EXPECT_EQ(asked("Sat Nov 21 12:00:30 2026"), 30);
  EXPECT_EQ(asked("0"), 0);
  // A day is the most.
  EXPECT_EQ(asked("86401"), 86400);
  EXPECT_EQ(asked("99999999999999999999999"), 86400);
  EXPECT_EQ(asked("Fri, 31 Dec 9999 23:59:59 GMT"), 86400);
  for (const char* nonsense : {"soon", "", "-1", "1.5", "1 s", "Sat, 21 Nov 2026 12:00:30"})
    EXPECT_FALSE(asked(nonsense)) << nonsense;
  EXPECT_FALSE(retry_after(response(503, ""), now));
}

}  // namespace
}  // namespace stepwell::steps
