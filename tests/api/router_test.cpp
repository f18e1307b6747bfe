#include "api/router.h"

#include <gtest/gtest.h>

namespace stepwell::api {
namespace {

const AsyncHandler kNothing = [](const Request&, const Responder&) {};

Route route(std::string method, std::string pattern) {
  return {std::move(method), std::move(pattern), Access::open(), kNothing};
}

std::string matched(const Router& router, std::string_view method, std::string_view target) {
  const auto match = router.match(method, parse_target(target).value());
  if (!match) return match.error().code;
  std::string text = router.routes()[match->route].pattern;
  for (const std::string& parameter : match->parameters) text += " " + parameter;
  return text;
}

TEST(Router, RefusesARouteThatDeclaresNoPermission) {
  Router router;
  Route forgotten = route("GET", "/a");
  forgotten.access.reset();
  EXPECT_EQ(router.add(forgotten).error().code, "route-invalid");
  EXPECT_TRUE(router.routes().empty());
}

TEST(Router, RefusesWhatCannotBeMeant) {
  Router router;
  ASSERT_TRUE(router.add(route("GET", "/a/{x}")));
  Route empty = route("GET", "/empty");
  empty.handler = AsyncHandler();
  const Route bad[] = {empty, route("GET", "no-slash"), route("GET", "/a/{y}"),
                       route("GET", "/a/b{c}"), route("GET", "/a/../b")};
  for (const Route& one : bad)
    EXPECT_EQ(router.add(one).error().code, "route-invalid") << one.pattern;
  EXPECT_TRUE(router.add(route("POST", "/a/{x}")));
}

TEST(Router, FindsRoutesByMethodAndPath) {
  Router router;
  for (const auto& [method, pattern] : {std::pair("GET", "/k"),
                                        {"POST", "/k"},
                                        {"GET", "/k/{id}"},
                                        {"POST", "/k/{id}/stop"},
                                        {"POST", "/k/bulk/stop"},
                                        {"GET", "/"}})
    ASSERT_TRUE(router.add(route(method, pattern)));
  EXPECT_EQ(matched(router, "GET", "/k"), "/k");
  EXPECT_EQ(matched(router, "HEAD", "/k"), "/k");
  EXPECT_EQ(matched(router, "GET", "/"), "/");
  EXPECT_EQ(matched(router, "GET", "/%6B/a%20b?x=1"), "/k/{id} a b");
  EXPECT_EQ(matched(router, "POST", "/k/7/stop"), "/k/{id}/stop 7");
  EXPECT_EQ(matched(router, "POST", "/k/bulk/stop"), "/k/bulk/stop");
  for (const char* unknown : {"/K", "/k/", "//k", "/k//stop", "/k/7/stop/", "/j", "/k/7/stop/x"})
    EXPECT_EQ(matched(router, "GET", unknown), "route-unknown") << unknown;
  EXPECT_EQ(matched(router, "get", "/k"), "method-not-allowed");
  const auto refused = router.match("DELETE", parse_target("/k").value());
  EXPECT_EQ(refused.error().status, 405);
  EXPECT_EQ(refused.error().extensions.get("allow"), Value("GET, HEAD, POST"));
}

TEST(Target, IsDecodedOnce) {
  const Target target = parse_target("/a%2541/%C3%A9?q=a+b%26c&flag&empty=").value();
  EXPECT_EQ(target.segments, (std::vector<std::string>{"a%41", "é"}));
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(target.query, (Pairs{{"q", "a b&c"}, {"flag", ""}, {"empty", ""}}));
}

TEST(Target, AcceptsAbsoluteForm) {
  EXPECT_EQ(parse_target("http://h:1/a/b").value().segments.size(), 2U);
  EXPECT_EQ(parse_target("http://h").value().segments, std::vector<std::string>{""});
}

TEST(Target, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* text :
       {"",          "*",          "a",        "h:80",    "/a/../b", "/a/./b", "/..",
        "/%2e%2e/b", "/.%2E/b",    "/a%2fb",   "/a%5Cb",  "/a\\b",   "/a%00",  "/a%0d%0ab",
        "/a%",       "/a%4",       "/a%zz",    "/%ff",    "/a#b",    "/a b",   "/a\"",
        "/a|b",      "/a?x=1&x=2", "/a?x=%0a", "/a?x=%fe"})
    EXPECT_EQ(parse_target(text).error().code, "target-invalid") << text;
}

}  // namespace
}  // namespace stepwell::api
