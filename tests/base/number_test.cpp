#include "base/number.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace stepwell {
namespace {

Value read(const std::string& text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text << ": " << value.error().detail;
  return value ? *value : Value();
}

TEST(Number, PrintsAsItWasWritten) {
  for (const char* text : {"0",
                           "-0",
                           "7",
                           "-9223372036854775808",
                           "9223372036854775807",
                           "9223372036854775808",
                           "100000000000000000000",
                           "1.0",
                           "10.50",
                           "-0.0",
                           "0.00",
                           "0.000001",
                           "1E-7",
                           "1.25E-7",
                           "1E+3",
                           "1.50E+400",
                           "-1E+1000",
                           "1E-1000",
                           "37.774929999999998",
                           "0.1",
                           "3.14",
                           "12345678901234567890.10",
                           "9E+999999999"})
    EXPECT_EQ(to_json(read(text)), text);
}

TEST(Number, HasOneFormForEachWayToWriteIt) {
  const std::vector<std::pair<const char*, const char*>> table{
      {"1e3", "1E+3"},       {"1e+03", "1E+3"},  {"100e-2", "1.00"},   {"0.00001", "0.00001"},
      {"0.0000001", "1E-7"}, {"12.5e1", "125"},  {"12.50e1", "125.0"}, {"12.5e2", "1.25E+3"},
      {"0e10", "0E+10"},     {"0e-10", "0E-10"}, {"15e-1", "1.5"},     {"1E400", "1E+400"}};
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(to_json(read(text)), expected) << text;
    EXPECT_EQ(to_json(read(expected)), expected) << text;
  }
}

TEST(Number, ThatADoublePrintedIsThatDoubleAgain) {
  for (const double real : {1e17, 1e-5, 1.5e300, 5e-324, 0.1, -2.5, 1e22, 123456789012345680.0}) {
    const std::string text = to_json(Value(real));
    EXPECT_EQ(to_json(read(text)), text);
    EXPECT_FALSE(read(text).literal().has_value()) << text;
  }
}

TEST(Number, OfAnySizeIsTakenAmongOthers) {
  const std::string big(400, '7');
  const std::string text = R"({"a":[1e1000,-2,3.50,)" + big + R"(,"1e1000 \" 2"],"b":-1E999})";
  EXPECT_EQ(to_json(read(text)),
            R"({"a":[1E+1000,-2,3.50,)" + big + R"(,"1e1000 \" 2"],"b":-1E+999})");
}

TEST(Number, OfAnySizeDoesNotHideAFault) {
  const std::vector<std::pair<const char*, const char*>> table{
      {"[1e1000,01]", "at byte 9"}, {"[1e1000,2.]", "at byte"},  {"[1e1000,-]", "at byte"},
      {"[1e1000,1e]", "at byte"},   {"[1e1000 2]", "at byte 8"}, {"[1e1000,1-2]", "at byte"},
      {"1e1000 x", "at byte 7"},    {"[1e1000,\"a]", "at byte"}, {"[1e1000,nan]", "at byte 9"}};
  for (const auto& [text, where] : table) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, "json-invalid");
    EXPECT_NE(value.error().detail.find(where), std::string::npos) << value.error().detail;
  }
}

TEST(Number, BeyondNineDigitsOfExponentIsInfiniteOrZero) {
  EXPECT_EQ(to_json(read("1e1000000000")), "1.7976931348623157e+308");
  EXPECT_EQ(to_json(read("-1e99999999999999999999")), "-1.7976931348623157e+308");
  EXPECT_EQ(to_json(read("1e-99999999999999999999")), "0");
  EXPECT_EQ(read("0e99999999999999999999").as_double(), 0);
}

TEST(Number, ComparesByAllDigits) {
  const std::vector<std::pair<const char*, const char*>> equal{
      {"1", "1.000"},
      {"1e3", "1000"},
      {"1e1000", "10E+999"},
      {"0", "-0.0"},
      {"0.0", "0e1000"},
      {"-1.50", "-1.5"},
      {"9007199254740993", "9007199254740993.0"},
      {"1e-400", "0.1e-399"}};
  for (const auto& [a, b] : equal) {
    EXPECT_EQ(compare_numbers(read(a), read(b)), 0) << a << " " << b;
    EXPECT_EQ(compare_numbers(read(b), read(a)), 0) << a << " " << b;
  }
  const std::vector<std::pair<const char*, const char*>> ascending{
      {"9007199254740992", "9007199254740993.0"},
      {"1e999", "1e1000"},
      {"-1e1000", "-1e999"},
      {"0", "1e-400"},
      {"-1e-400", "0"},
      {"0.1", "0.1000000000000000000001"},
      {"1E+18", "1000000000000000001"},
      {"100000000000000000000000000000001", "100000000000000000000000000000002"}};
  for (const auto& [a, b] : ascending) {
    EXPECT_EQ(compare_numbers(read(a), read(b)), -1) << a << " " << b;
    EXPECT_EQ(compare_numbers(read(b), read(a)), 1) << a << " " << b;
  }
}

TEST(Number, IsWholeWhereItsLiteralIs) {
  EXPECT_EQ(read("2.0").as_integer(), 2);
  EXPECT_EQ(read("1e3").as_integer(), 1000);
  EXPECT_EQ(read("2.5").as_integer(), std::nullopt);
  EXPECT_EQ(read("2.50").as_integer(), std::nullopt);
  EXPECT_EQ(read("9007199254740992.5").as_integer(), std::nullopt);
  EXPECT_EQ(read("1e1000").as_integer(), std::nullopt);
}

TEST(Number, LosesItsSignAsALiteral) {
  EXPECT_EQ(negated_literal("1.50"), "-1.50");
  EXPECT_EQ(negated_literal("-1E+1000"), "1E+1000");
  EXPECT_EQ(negated_literal("0.00"), "0.00");
  EXPECT_EQ(negated_literal("-0.0"), "0.0");
  EXPECT_EQ(negated_literal("0E+5"), "0E+5");
}

}  // namespace
}  // namespace stepwell
