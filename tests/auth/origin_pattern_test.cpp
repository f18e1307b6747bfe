#include "auth/origin_pattern.h"

#include <gtest/gtest.h>

namespace stepwell::auth {
namespace {

struct MatchCase {
  const char* pattern;
  const char* url;
  bool matches;
};

TEST(OriginPattern, MatchesSchemeHostAndPort) {
  const MatchCase cases[] = {
      {"https://api.example.com", "https://api.example.com/v1?q=1", true},
      {"https://api.example.com", "https://API.Example.COM:443/", true},
      {"https://api.example.com:443", "https://api.example.com/", true},
      {"https://api.example.com/", "https://api.example.com/x", true},
      {"https://api.example.com", "http://api.example.com/", false},
      {"https://api.example.com", "https://api.example.com:8443/", false},
      {"https://api.example.com", "https://example.com/", false},
      {"https://api.example.com", "https://x.api.example.com/", false},
      {"https://api.example.com", "https://api.example.com.evil.org/", false},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080/", true},
      {"http://127.0.0.1:8080", "http://127.0.0.1/", false},
      {"http://[::1]:8080", "http://[::1]:8080/", true},
      {"https://*.example.com", "https://a.example.com/", true},
      {"https://*.example.com", "https://a.b.example.com/", true},
      {"https://*.example.com", "https://example.com/", false},
      {"https://*.example.com", "https://badexample.com/", false},
      {"https://*.example.com", "https://a.example.com.evil.org/", false},
      {"https://*.example.com", "https://a.example.com:8443/", false},
      {"https://*.example.com:8443", "https://a.example.com:8443/", true},
  };
  for (const MatchCase& c : cases) {
    Result<OriginPattern> pattern = OriginPattern::parse(c.pattern);
    ASSERT_TRUE(pattern) << c.pattern << ": " << pattern.error().detail;
    Result<http::Url> url = http::parse_url(c.url);
    ASSERT_TRUE(url) << c.url;
    EXPECT_EQ(pattern->matches(url->origin), c.matches) << c.pattern << " and " << c.url;
    Result<OriginPattern> again = OriginPattern::parse(pattern->text());
    ASSERT_TRUE(again) << pattern->text();
    EXPECT_EQ(*again, *pattern);
  }
}

TEST(OriginPattern, RefusesWhatIsNoOrigin) {
  for (const char* text :
       {"", "example.com", "ftp://example.com", "https://", "https://example.com/path",
        "https://example.com?x=1", "https://example.com/#f", "https://user:pw@example.com",
        "https://*", "https://*.com", "https://*.*.example.com", "https://a.*.example.com",
        "https://*example.com", "https://*.127.0.0.1", "https://exa mple.com",
        "https://example.com\r\nX: y", "*://example.com", "https://example.com:0",
        "https://example.com:70000"}) {
    Result<OriginPattern> pattern = OriginPattern::parse(text);
    ASSERT_FALSE(pattern) << text;
    EXPECT_EQ(pattern.error().code, "origin-invalid") << text;
  }
}

}  // namespace
}  // namespace stepwell::auth
