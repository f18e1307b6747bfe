#include "steps/http_request.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace stepwell::steps {
namespace {

Value json(std::string_view text) { return parse_json(text).value(); }

TEST(WithQuery, EncodesAndAppends) {
  const std::vector<std::tuple<std::string, std::string, std::string>> table{
      {"http://h/p", "{}", "http://h/p"},
      {"http://h/p", R"({"a":"x y","b":1,"c":true})", "http://h/p?a=x%20y&b=1&c=true"},
      {"http://h/p?z=0", R"({"a":"&=#"})", "http://h/p?z=0&a=%26%3D%23"},
      {"http://h/p?", R"({"a":1})", "http://h/p?a=1"},
      {"http://h/p#frag", R"({"a":1})", "http://h/p?a=1"},
      {"http://h/p", R"({"a":[1,2],"n":null})", "http://h/p?a=1&a=2"}};
  for (const auto& [url, query, expected] : table)
    EXPECT_EQ(with_query(url, json(query)).value(), expected);
}

TEST(WithQuery, RefusesWhatHasNoText) {
  EXPECT_EQ(with_query("http://h/", json(R"({"a":{}})")).error().code, "query-invalid");
  EXPECT_EQ(with_query("http://h/", json("[1]")).error().code, "query-invalid");
}

TEST(BuildRequest, GivesBodiesTheirContentType) {
  const auto body_of = [](std::string_view arguments) {
    return build_request(json(arguments), false).value();
  };
  const auto typed = [](const http::Request& request) {
    for (const auto& header : request.headers)
      if (header.name == "Content-Type") return header.value;
    return std::string("none");
  };
  const auto object = body_of(R"({"method":"post","uri":"http://h/","body":{"a":1}})");
  EXPECT_EQ(object.method, "POST");
  EXPECT_EQ(object.body, R"({"a":1})");
  EXPECT_EQ(typed(object), "application/json");
  const auto text = body_of(R"({"method":"post","uri":"http://h/","body":"plain"})");
  EXPECT_EQ(text.body, "plain");
  EXPECT_EQ(typed(text), "text/plain; charset=utf-8");
  const auto form = body_of(R"({"method":"post","uri":"http://h/","body":{"a":"x y","b":2},)"
                            R"("headers":{"Content-Type":"application/x-www-form-urlencoded"}})");
  EXPECT_EQ(form.body, "a=x%20y&b=2");
  EXPECT_FALSE(body_of(R"({"method":"get","uri":"http://h/"})").body.has_value());
}

TEST(BuildRequest, RefusesWhatWouldSmuggleOrInject) {
  const std::vector<std::pair<std::string, std::string>> table{
      {R"({"method":"GE T","uri":"http://h/"})", "method-invalid"},
      {R"({"method":1,"uri":"http://h/"})", "method-invalid"},
      {R"({"method":"get","uri":7})", "url-invalid"},
      {R"({"method":"get","uri":"http://h/","headers":{"X":"a\r\nY: b"}})", "header-invalid"},
      {R"({"method":"get","uri":"http://h/","headers":{"Host":"evil"}})", "header-invalid"},
      {R"({"method":"get","uri":"http://h/","headers":{"Content-Length":"0"}})", "header-invalid"},
      {R"({"method":"get","uri":"http://h/","headers":[1]})", "header-invalid"},
      {R"({"method":"post","uri":"http://h/","body":{"a":{}},)"
       R"("headers":{"Content-Type":"application/x-www-form-urlencoded"}})",
       "body-invalid"}};
  for (const auto& [arguments, code] : table) {
    const auto request = build_request(json(arguments), false);
    ASSERT_FALSE(request) << arguments;
    EXPECT_EQ(request.error().status, 400) << arguments;
    EXPECT_EQ(request.error().code, code) << arguments;
  }
}

TEST(BuildRequest, AllowsAnAuthorizationHeaderOnlyWithoutACredential) {
  const Value arguments =
      json(R"({"method":"get","uri":"http://h/","headers":{"authorization":"Bearer x"}})");
  EXPECT_TRUE(build_request(arguments, false));
  EXPECT_EQ(build_request(arguments, true).error().code, "header-invalid");
}

TEST(Traceparent, HasTheFormOfTheStandard) {
  EXPECT_EQ(traceparent("0123456789abcdef0123456789abcdef", "0123456789abcdef"),
            "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
}

}  // namespace
}  // namespace stepwell::steps
