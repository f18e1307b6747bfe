#include "tests/fuzz/vocabulary.h"

#include <algorithm>
#include <array>

#include "expression/program.h"

namespace stepwell::fuzz {

namespace {

using Words = std::span<const std::string_view>;

constexpr auto kKeys = std::to_array<std::string_view>(
    {"a", "b", "c", "d", "key", "value", "name", "k", "v", "and", "if", "A_1", "__loc__"});

constexpr auto kNumbers = std::to_array<std::string_view>({"0",
                                                           "1",
                                                           "2",
                                                           "3",
                                                           "-1",
                                                           "10",
                                                           "0.5",
                                                           "-0",
                                                           "1.0",
                                                           "1e3",
                                                           "100",
                                                           "-2.5",
                                                           "1e-5",
                                                           "255",
                                                           "1024",
                                                           "9007199254740993",
                                                           "9223372036854775807",
                                                           "-9223372036854775808",
                                                           "9223372036854775808",
                                                           "100000000000000000000000000001",
                                                           "0.1000000000000000000000000001",
                                                           "1e17",
                                                           "1e300",
                                                           "-1e300",
                                                           "5e-324",
                                                           "1709210096",
                                                           "1709210096.678",
                                                           "4294967296",
                                                           "2147483648",
                                                           "-2147483649",
                                                           "1e9"});

constexpr auto kTexts = std::to_array<std::string_view>({"\"\"",
                                                         "\"a\"",
                                                         "\"b\"",
                                                         "\"abc\"",
                                                         "\"a,b, c\"",
                                                         "\"aaa\"",
                                                         "\"  x y \"",
                                                         "\"key\"",
                                                         "\"123\"",
                                                         "\"-1.5e2\"",
                                                         "\"nan\"",
                                                         "\"true\"",
                                                         "\"null\"",
                                                         "\"[1,{\\\"a\\\":2}]\"",
                                                         "\"{\\\"a\\\":[1]}\"",
                                                         "\"2024-02-29T12:34:56Z\"",
                                                         "\"%Y-%m-%dT%H:%M:%SZ\"",
                                                         "\"%A, %B %d, %Y\"",
                                                         "\"%j %U %e %Z %s\"",
                                                         "\"Thu, 29 Feb 2024 12:34:56 +0100\"",
                                                         "\"%a, %d %b %Y %H:%M:%S %z\"",
                                                         "\"aGVsbG8=\"",
                                                         "\"aGVsbG8\"",
                                                         "\"!!\"",
                                                         "\"ONQW2===\"",
                                                         "\"%41%zz\"",
                                                         "\"<&'\\\"\\t\\n>\"",
                                                         "\"\\u0000\"",
                                                         "\"\\u00e9\\u20ac\\ud83d\\ude00\"",
                                                         "\"e\\u0301\"",
                                                         "\"\\ud83d\"",
                                                         "\"g\"",
                                                         "\"gx\"",
                                                         "\"\\u0001\\u007f\"",
                                                         "\"ABC abc \\u00c9\"",
                                                         "\"a.b\"",
                                                         "\"x\\\\y\""});

constexpr auto kPatterns = std::to_array<std::string_view>(
    {"\"\"",        "\"a\"",      "\".\"",     "\"b*\"",      "\"[a-z]+\"",   "\"(?<n>a)(?<m>b)?\"",
     "\"(a)|(b)\"", "\"^\"",      "\"$\"",     "\"\\\\b\"",   "\"\\\\s+\"",   "\"(?<x>\\\\d+)\"",
     "\"(?=b)\"",   "\"(?<!a)\"", "\", *\"",   "\"(a*)*$\"",  "\"\\\\p{L}\"", "\"(?i)A\"",
     "\"[\"",       "\"(\"",      "\"\\\\1\"", "\"(.)\\\\1\""});

constexpr auto kFormats =
    std::to_array<std::string_view>({"@text", "@json", "@csv", "@tsv", "@html", "@uri", "@urid",
                                     "@sh", "@base64", "@base64d", "@base32", "@base32d"});

constexpr auto kOperators = std::to_array<std::string_view>(
    {"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//"});

constexpr auto kAssignments =
    std::to_array<std::string_view>({"|=", "=", "+=", "-=", "*=", "/=", "%=", "//="});

}  // namespace

std::vector<Builtin> builtins() {
  std::vector<Builtin> all;
  const auto program = expression::Program::compile("builtins | sort");
  const Value list = program->evaluate({}, {}, {}).value();
  for (const Value& one : list.elements()) {
    const std::string_view text = one.as_string();
    const std::size_t slash = text.find('/');
    all.push_back(
        {std::string(text.substr(0, slash)), static_cast<std::size_t>(text[slash + 1] - '0')});
  }
  return all;
}

Words keys() { return kKeys; }
Words numbers() { return kNumbers; }
Words texts() { return kTexts; }
Words patterns() { return kPatterns; }
Words formats() { return kFormats; }
Words operators() { return kOperators; }
Words assignments() { return kAssignments; }

}  // namespace stepwell::fuzz
