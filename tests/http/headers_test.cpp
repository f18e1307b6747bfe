#include "http/headers.h"

#include <gtest/gtest.h>

namespace stepwell::http {
namespace {

TEST(Headers, OfOrdinaryKindsPass) {
  EXPECT_TRUE(check_headers({{"Accept", "application/json"},
                             {"X-Api-Key", "abc"},
                             {"x_y.z~1", "tab\tand ünïcode"},
                             {"Empty", ""}}));
}

TEST(Headers, WithALineBreakInTheValueAreRefused) {
  for (const std::string& value :
       {std::string("a\r\nX-Injected: b"), std::string("a\nb"), std::string("a\rb"),
        std::string("a\0b", 3), std::string("a\x01"), std::string("\x7f")}) {
    const auto checked = check_headers({{"X-A", value}});
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, "header-invalid");
    EXPECT_EQ(checked.error().status, 400);
    EXPECT_EQ(checked.error().detail.find("Injected"), std::string::npos);
  }
}

TEST(Headers, WithANameThatIsNoTokenAreRefused) {
  for (const char* name : {"", "A B", "A:", "A\r\nB", "Ä", "A;", "(a)", "a/b"})
    EXPECT_FALSE(check_headers({{name, "v"}})) << name;
}

TEST(Headers, OfTheTransportAreRefusedInAnySpelling) {
  for (const char* name : {"Host", "CONTENT-LENGTH", "Transfer-Encoding", "te", "Connection",
                           "Expect", "Upgrade", "Keep-Alive", "Trailer"}) {
    const auto checked = check_headers({{"Accept", "x"}, {name, "v"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, "header-invalid");
  }
}

TEST(Methods, AreTokens) {
  for (const char* method : {"GET", "POST", "PROPFIND", "M-SEARCH"})
    EXPECT_TRUE(check_method(method));
  for (const char* method : {"", "GET /x", "GET\r\nX: y", "GÉT"})
    EXPECT_FALSE(check_method(method));
}

TEST(ResponseHeader, IsFoundWithoutRegardToCase) {
  Response response;
  response.headers = {{"Content-Type", "a"}, {"CONTENT-TYPE", "b"}};
  ASSERT_NE(response.header("content-type"), nullptr);
  EXPECT_EQ(*response.header("content-type"), "a");
  EXPECT_EQ(response.header("content-typ"), nullptr);
}

}  // namespace
}  // namespace stepwell::http
