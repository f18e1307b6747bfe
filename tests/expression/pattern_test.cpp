// Patterns: the dialect of ECMA-262, and that no text holds a thread.
#include "expression/pattern.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace stepwell::expression {
namespace {

using std::chrono::milliseconds;

bool matches(std::string_view pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern;
  if (!compiled) return false;
  const auto found = compiled->matches(text, milliseconds(1000));
  EXPECT_TRUE(found) << pattern;
  return found.value_or(false);
}

TEST(Pattern, IsSearchedAnywhere) {
  EXPECT_TRUE(matches("b", "abc"));
  EXPECT_FALSE(matches("d", "abc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("", "abc"));
  EXPECT_FALSE(matches("a", ""));
}

TEST(Pattern, IsOfTheDialectOfEcma262) {
  struct Case {
    const char* pattern;
    const char* good;
    const char* bad;
  };
  const Case cases[] = {
      {"^a$", "a", "a\n"},
      {"^a.c$", "a\u00e9c", "a\nc"},
      {"^a.c$", "abc", "a\rc"},
      {"^\\d$", "7", "\u0667"},
      {"^\\w$", "_", "\u00e9"},
      {"^[\\d]$", "7", "\u0667"},
      {"^\\u00e9$", "\u00e9", "e"},
      {"^\\u{1F600}$", "\U0001F600", "x"},
      {"^\\uD83D\\uDE00$", "\U0001F600", "x"},
      {"^[\\u0041-\\u0043]$", "B", "D"},
      {"^[$^.]$", "$", "a"},
      {"^[[]$", "[", "]"},
      {"^[^]$", "\n", "ab"},
      {"^(?:a|[])$", "a", "b"},
      {"^\\/$", "/", "a"},
      {"^(?<x>a)\\k<x>$", "aa", "ab"},
      {"^(a)\\1$", "aa", "ab"},
      {"^(?=a)\\w$", "a", "b"},
      {"^(?<!b)a$", "a", "ba"},
      {"^\\p{L}+$", "\u00e9t\u00e9", "1"},
      {"^a{2,3}$", "aaa", "a"},
      {"^[^\\s]+$", "ab", "a b"},
      {"^\\$\\^$", "$^", "x"},
      {"^(?:a|b)*$", "abba", "abc"},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(matches(c.pattern, c.good)) << c.pattern;
    EXPECT_FALSE(matches(c.pattern, c.bad)) << c.pattern;
  }
}

TEST(Pattern, FaultsAreTold) {
  for (const std::string& pattern :
       {std::string("(a"), std::string("[a"), std::string("a)"), std::string("*a"),
        std::string("a\\"), std::string(20'000, 'a'), std::string(300, '(')}) {
    const auto compiled = Pattern::compile(pattern);
    ASSERT_FALSE(compiled) << pattern;
    EXPECT_EQ(compiled.error().code, "expression-syntax");
    EXPECT_FALSE(compiled.error().detail.empty());
  }
}

TEST(Pattern, SearchesOfLongTextFindWhatIsThere) {
  for (const std::size_t size : {1999U, 2000U, 2001U, 5000U, 100'000U}) {
    std::string text;
    while (text.size() < size) text += "\u00e9";
    EXPECT_FALSE(matches("needle", text));
    EXPECT_TRUE(matches("needle$", text + "needle"));
    EXPECT_TRUE(matches("^needle", "needle" + text));
    EXPECT_FALSE(matches("^needle", text + "needle"));
    EXPECT_TRUE(matches("\u00e9$", text));
    EXPECT_TRUE(matches("$", text));
  }
}

TEST(Pattern, EndsWhereItWouldTakeTooLong) {
  timespec before{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  struct Case {
    const char* pattern;
    std::string text;
  };
  const Case cases[] = {{"^(a+)+$", std::string(100, 'a') + "!"},
                        {"(x+x+)+y", std::string(5000, 'x')},
                        {"(?>a*)b", std::string(3'000'000, 'a')},
                        {"(.|\\s)*Z", std::string(2'000'000, 'a')}};
  for (const Case& c : cases) {
    const auto found = Pattern::compile(c.pattern).value().matches(c.text, milliseconds(50));
    ASSERT_FALSE(found) << c.pattern;
    EXPECT_EQ(found.error().code, "expression-budget");
  }
  timespec after{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  EXPECT_LT(after.tv_sec - before.tv_sec, 20);  // under sanitizers too
}

}  // namespace
}  // namespace stepwell::expression
