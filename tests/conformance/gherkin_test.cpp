// Feature files are read as they are meant, and phrases are judged.
#include "tests/conformance/gherkin.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/conformance/play.h"

namespace stepwell::conformance {
namespace {

Feature read(const std::string& text) {
  auto feature = read_feature(text, "test.feature");
  EXPECT_TRUE(feature) << feature.error().detail;
  return feature ? *feature : Feature{};
}

TEST(Gherkin, ReadsScenariosStepsAndDocStrings) {
  const Feature feature = read(
      "Feature: Doors\n"
      "  As somebody\n"
      "\n"
      "  # a comment\n"
      "  @slow\n"
      "  Scenario: Opens\n"
      "    Given a door:\n"
      "      \"\"\"yaml\n"
      "      color: red\n"
      "        deep: 1\n"
      "\n"
      "      # kept\n"
      "      \"\"\"\n"
      "    And a key\n"
      "    Then it opens\n"
      "  Scenario: Closes\n"
      "    When it closes\r\n");
  EXPECT_EQ(feature.name, "Doors");
  ASSERT_EQ(feature.scenarios.size(), 2U);
  const Scenario& opens = feature.scenarios[0];
  EXPECT_EQ(opens.name, "Opens");
  EXPECT_EQ(opens.line, 6);
  ASSERT_EQ(opens.phrases.size(), 3U);
  EXPECT_EQ(opens.phrases[0].text, "a door:");
  EXPECT_TRUE(opens.phrases[0].has_document);
  EXPECT_EQ(opens.phrases[0].document, "color: red\n  deep: 1\n\n# kept\n");
  EXPECT_EQ(opens.phrases[1].text, "a key");
  EXPECT_FALSE(opens.phrases[1].has_document);
  EXPECT_EQ(opens.phrases[2].line, 15);
  EXPECT_EQ(feature.scenarios[1].phrases[0].text, "it closes");
}

TEST(Gherkin, ABackgroundComesFirstInEachScenario) {
  const Feature feature = read(
      "Feature: F\n  Background:\n    Given b\n  Scenario: 1\n    When x\n  Scenario: 2\n    When "
      "y\n");
  ASSERT_EQ(feature.scenarios.size(), 2U);
  EXPECT_EQ(feature.scenarios[0].phrases[0].text, "b");
  EXPECT_EQ(feature.scenarios[1].phrases[0].text, "b");
  EXPECT_EQ(feature.scenarios[1].phrases[1].text, "y");
}

TEST(Gherkin, AnOutlineIsAScenarioForEachRow) {
  const Feature feature = read(
      "Feature: F\n"
      "  Scenario Outline: of <n>\n"
      "    Given n <n>\n"
      "      \"\"\"\n"
      "      a: <text>\n"
      "      \"\"\"\n"
      "    Then <keep> it\n"
      "    Examples:\n"
      "      | n | text   |\n"
      "      | 1 | a \\| b |\n"
      "      | 2 | c      |\n"
      "  Scenario: last\n"
      "    Then z\n");
  ASSERT_EQ(feature.scenarios.size(), 3U);
  EXPECT_EQ(feature.scenarios[0].name, "of 1");
  EXPECT_EQ(feature.scenarios[0].phrases[0].text, "n 1");
  EXPECT_EQ(feature.scenarios[0].phrases[0].document, "a: a | b\n");
  EXPECT_EQ(feature.scenarios[1].phrases[0].document, "a: c\n");
  EXPECT_EQ(feature.scenarios[1].phrases[1].text, "<keep> it");
  EXPECT_EQ(feature.scenarios[2].name, "last");
}

TEST(Gherkin, TablesBelongToTheirStep) {
  const Feature feature =
      read("Feature: F\n  Scenario: S\n    Given rows\n      | a | b |\n      | 1 |   |\n");
  const std::vector<TableRow> expected{{"a", "b"}, {"1", ""}};
  EXPECT_EQ(feature.scenarios[0].phrases[0].table, expected);
}

TEST(Gherkin, WhatCannotBeReadIsToldWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "test.feature:0: there is no Feature"},
      {"Feature: F\nGiven x\n", "test.feature:2: a step without a scenario"},
      {"Feature: F\nScenario: S\nGiven x\n\"\"\"\nopen\n", "test.feature:5: a doc string does not"},
      {"Feature: F\nScenario: S\nGiven x\nGivn y\n", "test.feature:4: neither a step nor"},
      {"Feature: F\nScenario: S\n| a |\n", "test.feature:3: a table without a step"},
      {"Feature: F\nScenario: S\n\"\"\"\n\"\"\"\n", "test.feature:3: a doc string without a step"},
      {"Feature: F\nScenario: S\nGiven x\nExamples:\n", "test.feature:4: Examples without"},
      {"Feature: F\nScenario Outline: S\nGiven x\nExamples:\n| a |\n| 1 | 2 |\n",
       "test.feature:6: a row has another number"}};
  for (const auto& [text, expected] : cases) {
    const auto feature = read_feature(text, "test.feature");
    ASSERT_FALSE(feature) << text;
    EXPECT_EQ(feature.error().detail.substr(0, expected.size()), expected);
  }
}

TEST(Phrases, PatternsCaptureTextBetweenTheirWords) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(match_phrase("a '{}' of {}", "a 'b c' of d e"), (Words{"b c", "d e"}));
  EXPECT_EQ(match_phrase("plain", "plain"), Words{});
  EXPECT_FALSE(match_phrase("plain", "plain and more"));
  EXPECT_FALSE(match_phrase("plain and more", "plain"));
  EXPECT_FALSE(match_phrase("{} runs", "x walks"));
}

struct Judged {
  const char* expected;
  const char* actual;
  const char* verdict;
};

TEST(Phrases, PartsAreJudged) {
  const std::vector<Judged> cases{{R"({"a":1})", R"({"a":1,"b":2})", ""},
                                  {R"({"a":1})", R"({"a":2})", "x.a is 2 instead of 1"},
                                  {R"({"a":{"b":1}})", R"({"a":{}})", "x.a.b is null instead of 1"},
                                  {R"([1,2])", R"([1,2])", ""},
                                  {R"([1])", R"([1,2])", "x is [1,2] instead of [1]"},
                                  {R"([{"a":1}])", R"([{"a":1,"b":1}])", ""},
                                  {R"([{"a":1}])", R"([{"a":3}])", "x[0].a is 3 instead of 1"},
                                  {R"("<any>")", R"(0)", ""},
                                  {R"({"a":"<any>"})", R"({})", "x.a is missing"},
                                  {R"({"a":"<absent>"})", R"({})", ""},
                                  {R"({"a":"<absent>"})", R"({"a":1})", "x.a is there: 1"},
                                  {R"("<contains bc>")", R"("abcd")", ""},
                                  {R"("<contains bd>")", R"("abcd")", "x is \"abcd\" without bd"}};
  for (const Judged& each : cases)
    EXPECT_EQ(judge_part(parse_json(each.expected).value(), parse_json(each.actual).value(), "x"),
              each.verdict)
        << each.expected << " and " << each.actual;
}

}  // namespace
}  // namespace stepwell::conformance
