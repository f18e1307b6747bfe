#include "api/wire.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>

#include "api/fields.h"
#include "api/instance_view.h"
#include "base/json.h"

namespace stepwell::api {
namespace {

TEST(Framing, RefusesAmbiguousRequests) {
  const http::Header host{"Host", "h"};
  const http::Header length{"content-length", "3"};
  const http::Header chunked{"Transfer-Encoding", "Chunked"};
  struct Case {
    int version;
    std::vector<http::Header> headers;
    int status;  // 0: fine
  };
  const Case cases[] = {
      {11, {host}, 0},
      {11, {host, length}, 0},
      {11, {host, chunked}, 0},
      {10, {}, 0},
      {11, {}, 400},
      {11, {host, host}, 400},
      {10, {host, host}, 400},
      {11, {host, length, length}, 400},
      {11, {host, length, chunked}, 400},
      {11, {host, chunked, chunked}, 400},
      {11, {host, {"Transfer-Encoding", "gzip, chunked"}}, 400},
      {11, {host, {"Transfer-Encoding", "identity"}}, 400},
      {10, {host, chunked}, 400},
      {11, {host, {"Authorization", "a"}, {"authorization", "b"}}, 400},
      {20, {host}, 505},
      {11, {{"Host", ""}}, 0},
      {11, {{"Host", "example.com:8080"}}, 0},
      {11, {{"Host", "my_host.%c3%a9:"}}, 0},
      {11, {{"Host", "[::1]:80"}}, 0},
      {11, {{"Host", "[fe80::1%25eth0]"}}, 0},
      {11, {{"Host", "a b"}}, 400},
      {11, {{"Host", "a/b"}}, 400},
      {11, {{"Host", "u@h"}}, 400},
      {11, {{"Host", "a,b:80:81"}}, 400},
      {11, {{"Host", "h:x"}}, 400},
      {11, {{"Host", "%zz"}}, 400},
      {11, {{"Host", "a%2"}}, 400},
      {11, {{"Host", "::1"}}, 400},
      {11, {{"Host", "[::1"}}, 400},
      {11, {{"Host", "[]"}}, 400},
      {11, {{"Host", "[::1]80"}}, 400},
      {10, {{"Host", "a b"}}, 400},
      {9, {host}, 505},
  };
  for (const Case& one : cases) {
    const Status status = check_framing(one.version, one.headers);
    EXPECT_EQ(status ? 0 : status.error().status, one.status)
        << one.version << " with " << one.headers.size() << " headers, "
        << (one.headers.empty() ? "" : one.headers.front().value);
  }
}

TEST(Serialize, WritesHeadWithoutBody) {
  const Response response = text_response(200, "hello", "text/plain");
  const std::string full = serialize(response, {11, true, false});
  const std::string head = serialize(response, {11, true, true});
  EXPECT_EQ(full, head + "hello");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(head.find("\r\nContent-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Connection:"), std::string::npos);
  EXPECT_NE(serialize(response, {10, true}).find("Connection: keep-alive"), std::string::npos);
  EXPECT_NE(serialize(response, {11, false}).find("Connection: close"), std::string::npos);
}

std::size_t times(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
  return count;
}

// RFC 9110 §8.6: it would say that there is nothing.
TEST(Serialize, SaysNoLengthWhereNoneIsMeant) {
  for (const auto& [status, said] :
       {std::pair(200, true), {204, false}, {304, false}, {404, true}}) {
    Response response;
    response.status = status;
    EXPECT_EQ(times(serialize(response, {11, true}), "Content-Length"), said ? 1U : 0U) << status;
  }
}

// RFC 9110 §5.6.7
TEST(Serialize, SaysTheTime) {
  const auto text_of = [](std::time_t time) {
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    return std::string(text.data());
  };
  const std::time_t before = std::time(nullptr);
  const std::string first = serialize(text_response(200, "hello", "text/plain"), {11, true});
  const std::string second = serialize(text_response(200, "hello", "text/plain"), {11, true});
  const std::time_t after = std::time(nullptr);
  for (const std::string& answer : {first, second}) {
    std::size_t said = 0;
    for (std::time_t time = before; time <= after; ++time) said += times(answer, text_of(time));
    EXPECT_EQ(said, 1U) << answer;
  }
}

TEST(Serialize, SaysOnceWhatAHandlerSaysItself) {
  Response response = text_response(200, "hello", "text/plain");
  const std::string usual = serialize(response, {11, true});
  EXPECT_EQ(times(usual, "Cache-Control: no-store\r\n"), 1U);
  EXPECT_EQ(times(usual, "X-Content-Type-Options: nosniff\r\n"), 1U);
  response.headers = {{"cache-control", "private"}, {"X-Content-Type-Options", "nosniff"}};
  const std::string own = serialize(response, {11, true});
  EXPECT_EQ(times(own, "no-store"), 0U);
  EXPECT_EQ(times(own, "cache-control: private"), 1U);
  EXPECT_EQ(times(own, "X-Content-Type-Options"), 1U);
}

TEST(Problems, HaveTheStatusOfAnErrorAlways) {
  Problem odd = make_problem(ErrorKind::runtime, "x", "y");
  odd.status = 200;
  EXPECT_EQ(problem_response(odd).status, 500);
  EXPECT_EQ(problem_response(odd).content_type, "application/problem+json");
}

TEST(InstanceJson, IsWhatTheDescriptionSays) {
  engine::InstanceView view{};
  view.id = InstanceId{7};
  EXPECT_EQ(instance_json(view), to_json(describe_instance(view)));
  EXPECT_TRUE(instance_json(view).starts_with(R"({"id":7,"name":"",)"));
  view.name = "a \"name\" of two\nlines, \xc3\xa9";
  view.workflow = "test/get:1.0.0";
  view.key = "sw_1";
  view.status = engine::InstanceStatus::stopped;
  view.started = view.updated = view.ended = WallTime(Milliseconds(1'700'000'000'123));
  view.active_tasks = {"/do/0/a", "/do/1/b"};
  view.tags = Value::array({"x", "y"});
  view.parent = InstanceId{3};
  view.deadline = WallTime(Milliseconds(1'800'000'000'000));
  view.progress = 50;
  view.problem = make_problem(ErrorKind::runtime, "a-code", "what happened");
  view.output = Value(1.5);
  for (int i = 0; i < 100; ++i) view.input = Value::object({{"deeper", view.input}});
  EXPECT_EQ(instance_json(view), to_json(describe_instance(view)));
}

std::string fault_of(std::string_view body) {
  Request request;
  request.body = body;
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fields.error().detail;
  (void)fields->required_text("name");
  (void)fields->texts("tags");
  (void)fields->flag("on");
  (void)fields->time("at");
  const Status status = fields->done();
  return status ? "" : status.error().detail;
}

TEST(Fields, NameTheMemberThatIsWrong) {
  EXPECT_EQ(fault_of(R"({"name":"a","tags":["x"],"on":true,"at":"2027-01-31T12:00:00Z"})"), "");
  EXPECT_EQ(fault_of(R"({"name":"a","at":null})"), "");
  EXPECT_EQ(fault_of(R"({"nmae":"a"})"), "unknown member \"nmae\"; known are: name, tags, on, at");
  EXPECT_EQ(fault_of("{}"), "\"name\" is missing");
  EXPECT_EQ(fault_of(R"({"name":7})"), "\"name\" must be a string");
  EXPECT_EQ(fault_of(R"({"name":"a","tags":[1]})"), "\"tags\" must be an array of strings");
  EXPECT_EQ(fault_of(R"({"name":"a","on":"yes"})"), "\"on\" must be true or false");
  EXPECT_EQ(fault_of("[]"), "the body must be a JSON object, not array");
  EXPECT_EQ(fault_of(""), "the request needs a JSON object as its body");
  EXPECT_TRUE(fault_of(R"({"name":"a","at":"soon"})").starts_with("\"at\": "));
}

}  // namespace
}  // namespace stepwell::api
