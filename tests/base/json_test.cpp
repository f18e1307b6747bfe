#include "base/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stepwell {
namespace {

TEST(Json, PrintsWhatItReads) {
  for (const char* text :
       {"null", "true", "0", "-0", "1", "-1", "9223372036854775807", "9223372036854775808", "0.1",
        "1.5e+300", "1e-05", "1e+17", "1000000000000000", "\"\"", R"("a\"\\\n\u0001é😀")", "[]",
        "{}", R"([1,[2,[3]],{"a":{"b":null}}])", "3.141592653589793238462643383279"}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value) << text << ": " << value.error().detail;
    EXPECT_EQ(to_json(*value), text);
  }
}

TEST(Json, WritesNumbersInJqsForm) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"1.0", "1"},
      {"1e2", "100"},
      {"0.00001", "1e-05"},
      {"0.0001", "0.0001"},
      {"1e16", "1e+16"},

      {"123456789e10", "1234567890000000000"}};
  for (const auto& [text, expected] : table) {
    const Value value = parse_json(text).value();
    // A literal that no double says stays as it is; arithmetic would print the expected form.
    EXPECT_EQ(number_text(value.literal() ? Value(value.as_double()) : value), expected) << text;
  }
}

TEST(Json, RefusesWhatIsNoJsonAndSaysWhere) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "at byte 0"},       {"{", "at byte 1"},   {"[1,]", "at byte 3"},
      {"nul", "at byte"},      {"1 2", "at byte 2"}, {"{\"a\" 1}", "at byte 5"},
      {"\"\xff\"", "at byte"}, {"'a'", "at byte 0"}, {"[1] x", "at byte 4"}};
  for (const auto& [text, where] : table) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, "json-invalid");
    EXPECT_NE(value.error().detail.find(where), std::string::npos) << value.error().detail;
  }
}

// The parser takes sixteen bytes at a time: whatever lies behind them must not count.
TEST(Json, ReadsStringsOfAnyLengthAtAnyPlace) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t length = 0; length < 40; ++length) {
      const std::string text = std::string(length, 'x');
      for (const std::string& end : {std::string(), std::string("\xc3\xa4"), std::string("\n")}) {
        const std::string json = std::string(before, ' ') + to_json(Value(text + end));
        const auto value = parse_json(json);
        ASSERT_TRUE(value) << json;
        EXPECT_EQ(value->as_string(), text + end);
        EXPECT_FALSE(parse_json(std::string_view(json).substr(0, json.size() - 1)));
      }
    }
  }
}

TEST(Json, RefusesANulWhereverItStands) {
  for (const std::string& text : {std::string("[1]\0", 4), std::string("[1]\0x", 5),
                                  std::string("\"a\0b\"", 5), std::string("\0[1]", 4)})
    EXPECT_FALSE(parse_json(text)) << text.size();
}

TEST(Utf8, IsJudgedAtEveryPlaceOfAText) {
  for (std::size_t before = 0; before < 20; ++before) {
    const std::string start(before, 'x');
    EXPECT_TRUE(is_valid_utf8(start + "\xf0\x9f\x98\x80" + start));
    EXPECT_FALSE(is_valid_utf8(start + "\xff" + start));
    EXPECT_FALSE(is_valid_utf8(start + "\xc3"));
  }
}

TEST(Json, HalfASurrogatePairBecomesTheReplacementCharacter) {
  EXPECT_EQ(to_json(*parse_json(R"(["\udc00","x\udfffy","\ud83d\ude00"])")),
            "[\"\xEF\xBF\xBD\",\"x\xEF\xBF\xBDy\",\"\xF0\x9F\x98\x80\"]");
}

TEST(Json, BoundsTheNesting) {
  const std::string deep = std::string(1001, '[') + std::string(1001, ']');
  const auto value = parse_json(deep);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().detail.find("deeper than 1000"), std::string::npos);
  EXPECT_TRUE(parse_json(deep.substr(1, 2000)));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(Json, LastOfDuplicateNamesCounts) {
  EXPECT_EQ(to_json(parse_json(R"({"a":1,"b":2,"a":3})").value()), R"({"a":3,"b":2})");
}

TEST(Json, IndentsAndSorts) {
  const Value value = parse_json(R"({"b":[1],"a":{}})").value();
  EXPECT_EQ(to_json(value, {0, true}), R"({"a":{},"b":[1]})");
  EXPECT_EQ(to_json(value, {2, false}), "{\n  \"b\": [\n    1\n  ],\n  \"a\": {}\n}");
}

TEST(Json, WritesStringsAsJqDoes) {
  const Value value("\x01\x1f\b\f\n\r\t\"\\/\x7f é😀\xEF\xBF\xBF");
  EXPECT_EQ(to_json(value), "\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\\u007f é😀\xEF\xBF\xBF\"");
  JsonStyle ascii;
  ascii.ascii = true;
  EXPECT_EQ(to_json(Value("é\x7f😀\xEF\xBF\xBF"), ascii), R"("\u00e9\u007f\ud83d\ude00\uffff")");
  EXPECT_EQ(to_json(Value::object({{"ü", "a"}}), ascii), R"({"\u00fc":"a"})");
}

// Text is looked at eight bytes at a time.
TEST(Json, WritesEachCharacterAlikeWhereverItStands) {
  const auto escaped = [](char c) -> std::string {
    if (c == '"' || c == '\\') return std::string("\\") + c;
    constexpr std::string_view kNamed = "\b\f\n\r\t";
    if (const std::size_t at = kNamed.find(c); at != std::string_view::npos)
      return std::string("\\") + "bfnrt"[at];
    if (c >= 0x20 && c != 0x7f) return {c};
    std::string text = "\\u00";
    text += "0123456789abcdef"[c / 16];
    return text + "0123456789abcdef"[c % 16];
  };
  for (const std::size_t size : {1U, 7U, 8U, 9U, 17U, 62U, 63U, 70U}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int code = 0; code < 0x80; ++code) {
        std::string text(size, '~');
        text[at] = static_cast<char>(code);
        const std::string rest(size - at - 1, '~');
        const std::string shown = escaped(static_cast<char>(code)) + rest;
        const std::string before(at, '~');
        ASSERT_EQ(to_json(Value(text)), '"' + before + shown + '"') << size << " " << at;
        ASSERT_EQ(to_json(Value("é" + text)), "\"é" + before + shown + '"') << size << " " << at;
      }
    }
  }
}

TEST(Json, IndentsByTabs) {
  JsonStyle style;
  style.tabs = true;
  EXPECT_EQ(to_json(parse_json(R"({"b":[1,[]],"a":{}})").value(), style),
            "{\n\t\"b\": [\n\t\t1,\n\t\t[]\n\t],\n\t\"a\": {}\n}");
}

TEST(Json, WritesAnyDepthWithoutTheStack) {
  Value deep;
  for (int i = 0; i < 10'000; ++i) deep = Value::array({std::move(deep)});
  EXPECT_EQ(to_json(deep), std::string(10'000, '[') + "null" + std::string(10'000, ']'));
}

TEST(Utf8, ReplacesEachMaximalBadPartOnce) {
  EXPECT_EQ(valid_utf8("abc"), "abc");
  EXPECT_EQ(valid_utf8("a\xffz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98"), "\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));
  EXPECT_TRUE(is_valid_utf8("é😀"));
}

TEST(Utf8, APrefixEndsWithAWholeCharacter) {
  EXPECT_EQ(utf8_prefix("abc", 3), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  const std::string text = "aé😀z";  // 1, 2, 4 and 1 bytes
  const std::size_t kept[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
  for (std::size_t most = 0; most < std::size(kept); ++most)
    EXPECT_EQ(utf8_prefix(text, most).size(), kept[most]) << most;
  EXPECT_EQ(utf8_prefix("\x80\x80\x80\x80\x80\x80", 5).size(), 2U) << "no character at all";
}

}  // namespace
}  // namespace stepwell
