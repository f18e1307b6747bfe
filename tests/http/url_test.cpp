#include "http/url.h"

#include <gtest/gtest.h>

namespace stepwell::http {
namespace {

TEST(Url, IsReadIntoOriginPathAndQuery) {
  const auto url = parse_url("HTTPS://Example.COM:8443/a/b?c=d&e#f");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->origin.scheme, "https");
  EXPECT_EQ(url->origin.host, "example.com");
  EXPECT_EQ(url->origin.port, 8443);
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(url->query, "c=d&e");
  EXPECT_EQ(url->without_query(), "https://example.com:8443/a/b");
}

TEST(Url, HasTheSchemesPortWhereItNamesNone) {
  EXPECT_EQ(parse_url("http://a")->origin.port, 80);
  EXPECT_EQ(parse_url("https://a")->origin.port, 443);
  EXPECT_EQ(parse_url("https://a:/x")->origin.port, 443);
  EXPECT_EQ(parse_url("https://a:443")->origin, parse_url("https://A")->origin);
  EXPECT_NE(parse_url("http://a")->origin, parse_url("https://a")->origin);
}

TEST(Url, WithoutPathHasTheRoot) {
  EXPECT_EQ(parse_url("http://a?q")->path, "/");
  EXPECT_EQ(parse_url("http://a?q")->query, "q");
  EXPECT_EQ(parse_url("http://a#f")->path, "/");
}

TEST(Url, OriginIsShownWithThePortOnlyWhereItIsNotTheSchemesOwn) {
  EXPECT_EQ(parse_url("https://a:443/x")->origin.text(), "https://a");
  EXPECT_EQ(parse_url("https://a:80/x")->origin.text(), "https://a:80");
  EXPECT_EQ(parse_url("https://a/x")->origin.host_and_port(), "a:443");
  EXPECT_EQ(parse_url("http://[::1]:8080/")->origin.text(), "http://[::1]:8080");
}

class BadUrl : public testing::TestWithParam<const char*> {};

TEST_P(BadUrl, IsRefused) {
  const auto url = parse_url(GetParam());
  ASSERT_FALSE(url) << GetParam();
  EXPECT_EQ(url.error().code, "url-invalid");
  EXPECT_EQ(url.error().status, 400);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, BadUrl,
    testing::Values("", "a", "/a", "//a/b", "ftp://a/", "file:///etc/passwd", "http:/a", "http:a",
                    "http://", "http:///x", "https://:443/", "http://user@a/", "http://u:p@a/",
                    "http://a@b@c/", "http://a b/", "http://a/ b", "http://a/\tb", "http://a/\nb",
                    "http://a/\x7f", "http://a\r\nHost: b/", "http://a:0/", "http://a:65536/",
                    "http://a:-1/", "http://a:8x/", "http://a:99999999999999999999/",
                    "http://a\\@b/", "http://a\\b/", "http://%61/", "http://a%2f/", "http://[::1",
                    "http://[::1%25eth0]/", "http://[zz]/", "http://a,b/", "http://a;b/",
                    "http://a<b>/"));

TEST(BadUrlMessage, ShowsNeitherUserInformationNorQuery) {
  const auto url = parse_url("http://bob:hunter2@example.com/x?token=tops3cret");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().detail.find("hunter2"), std::string::npos);
  EXPECT_EQ(url.error().detail.find("tops3cret"), std::string::npos);
  EXPECT_NE(url.error().detail.find("example.com/x"), std::string::npos);
}

struct Resolution {
  const char* base;
  const char* reference;
  const char* expected;
};
class Reference : public testing::TestWithParam<Resolution> {};

TEST_P(Reference, IsResolved) {
  const auto [base, reference, expected] = GetParam();
  const auto url = resolve_reference(base, reference);
  ASSERT_TRUE(url) << url.error().detail;
  EXPECT_EQ(*url, expected);
}

INSTANTIATE_TEST_SUITE_P(Forms, Reference,
                         testing::Values(Resolution{"http://a/b/c?d", "e", "http://a/b/e"},
                                         Resolution{"http://a/b/c?d", "/e", "http://a/e"},
                                         Resolution{"http://a/b/c/d", "../e", "http://a/b/e"},
                                         Resolution{"http://a/b/c?d", "?e", "http://a/b/c?e"},
                                         Resolution{"http://a/b/c", "//x/y", "http://x/y"},
                                         Resolution{"http://a/b/c", "https://x:444/y",
                                                    "https://x:444/y"},
                                         Resolution{"http://a/b/c", "/x y", "http://a/x%20y"}));

TEST(Reference, ToAnotherSchemeOrWithUserInformationIsRefused) {
  for (const char* reference : {"ftp://x/", "file:///etc/passwd", "gopher://x/", "http://u:p@x/",
                                "javascript:alert(1)", "/a\r\nX: y"}) {
    const auto url = resolve_reference("http://a/b", reference);
    EXPECT_FALSE(url) << reference << " became " << *url;
  }
}

}  // namespace
}  // namespace stepwell::http
