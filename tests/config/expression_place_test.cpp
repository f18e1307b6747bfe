// A fault within an expression is told at its place in the file, however the text is written there.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

constexpr std::string_view kFault = "nowhere";  // a function that does not exist

// "f.yaml:LINE:COLUMN: error: in the jq", where `at` stands in the text; columns count characters.
std::string told_at(std::string_view text, std::size_t at) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < at; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
      ++column;
    }
  }
  return "f.yaml:" + std::to_string(line) + ":" + std::to_string(column) +
         ": error: in the jq expression: ";
}

void expect_told(const std::string& text, std::string_view told) {
  const std::string faults = faults_of(text);
  EXPECT_EQ(faults.substr(0, told.size()), told) << faults << "---\n" << text;
  EXPECT_EQ(faults.find('\n'), faults.size() - 1) << "more than one fault:\n" << faults;
}

std::string with_carriage_returns(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

// What stands behind `set: ` of a task; the fault is where kFault stands.
const std::vector<std::string_view> kWritten{
    // plain
    "{a: '${ nowhere }'}",
    "${ nowhere }",
    "${ 1 + nowhere }",
    "${ .\"é😀ü\" + nowhere }",
    "${ .a\t+\tnowhere }",
    "${ .a |\n          nowhere }",
    "${ .a |\n\n          .b\n          | nowhere }",
    "   ${ nowhere }",
    // single-quoted
    "'${ nowhere }'",
    "'${ \"it''s\" + nowhere }'",
    "'${ \"''''\" + nowhere }'",
    "'${ .a\n         | .b\n\n         | nowhere }'",
    "'${ \"é\" + \"''\" +   nowhere }'",
    "'  ${ nowhere }'",
    // double-quoted
    "\"${ nowhere }\"",
    "\"${ \\\"a\\\" + nowhere }\"",
    "\"${ \\\"\\\\n\\\" + nowhere }\"",
    "\"${ .a +\\n\\n  nowhere }\"",
    "\"${\\t.a\\t+\\tnowhere }\"",
    "\"${ \\\"\\u00e9\\x41\\U0001F600\\_\\/\\e\\\" + nowhere }\"",
    "\"${ \\\"é\\u00E9😀\\\" + nowhere }\"",
    "\"${ .a + \\\n          nowhere }\"",
    "\"${ .a +\n          \\ nowhere }\"",
    "\"${ .a +\n\n          .b +   \n         nowhere }\"",
    "\"\\x24{ nowhere }\"",
    "\"${\\u0020nowhere }\"",
    // literal
    "|\n        ${ nowhere }\n",
    "|\n        ${ .a |\n          nowhere }\n",
    "|-\n        ${\n          .\"é\" + nowhere\n        }\n",
    "|2\n          ${ nowhere }\n",
    "|2-\n        ${ .a\n            | nowhere }\n",
    "|+ # a remark\n\n        ${ .a |\n\n\n          nowhere }\n\n",
    "|\n        ${\n        # what it does\n        .a | nowhere }\n",
    "|\n        ${ .a # a remark: | é\n          | \tnowhere }\n",
    // folded
    ">\n        ${ nowhere }\n",
    ">-\n        ${ .a |\n        nowhere }\n",
    ">\n        ${ .a |\n\n        .b |\n           .c |\n        nowhere }\n",
    ">1-\n       ${ .a\n            | nowhere }\n",
    // with an anchor, a tag, or both before it
    "&text ${ nowhere }",
    "&text '${ \"''\" + nowhere }'",
    "!!str \"${ \\\"a\\\" + nowhere }\"",
    "&text !!str |\n        ${ .a |\n          nowhere }\n",
    "!!str &text\n        '${ nowhere }'",
    "! '${ nowhere }'",
    // in flow collections
    "{a: [1, {b: '${ nowhere }'}]}",
    "{a: \"${ \\\"x\\\" |\n        nowhere }\", b: 2}",
    "{é: '${ nowhere }'}",
};

TEST(ExpressionPlaces, EveryStyleOfScalarInEveryFormOfFile) {
  for (const std::string_view written : kWritten) {
    const std::string text =
        definition_text("do:\n  - größe:\n      set: " + std::string(written) + "\n");
    const std::string told = told_at(text, text.find(kFault));
    expect_told(text, told);
    expect_told(with_carriage_returns(text), told);
    expect_told("\xEF\xBB\xBF" + text, told);
  }
}

TEST(ExpressionPlaces, FieldsThatTakeBareJq) {
  for (const std::string_view written :
       {"if: nowhere", "if: .a and\n          nowhere", "if: '.a == \"''\" or nowhere'",
        "if: >-\n        .a and\n        nowhere",
        "if: |\n        # why\n        .\"é\" and nowhere\n",
        "input: {from: \".a | \\\n          nowhere\"}", "output: {as: '${.a|nowhere}'}",
        "output: {as: {x: ['${ nowhere }']}}", "export: {as: '.a | nowhere'}",
        "timeout: {after: '${ nowhere }'}"}) {
    const std::string text =
        definition_text("do:\n  - t:\n      set: {a: 1}\n      " + std::string(written) + "\n");
    const std::string told = told_at(text, text.find(kFault));
    expect_told(text, told);
    expect_told(with_carriage_returns(text), told);
  }
}

TEST(ExpressionPlaces, AnAliasIsToldWhereItsTextStands) {
  const std::string text =
      definition_text("do:\n  - a: {set: {x: &sum '${ 1 + nowhere }'}}\n  - b: {set: {x: *sum}}\n");
  expect_told(text, told_at(text, text.find(kFault)));
}

TEST(ExpressionPlaces, JsonWithSurrogatePairs) {
  const std::string text =
      R"({"document": {"dsl": "1.0.3", "namespace": "t", "name": "a", "version": "1.0.0",
      "title": "\ud83d\ude00\ud83d\ude00 é"},
      "do": [{"t": {"set": {"a": "\ud83d\ude00", "b": "${ \"\ud83d\ude00\" + nowhere }"}}}]})";
  const std::string told = told_at(text, text.find(kFault));
  expect_told(text, told);
  expect_told("\xEF\xBB\xBF" + text, told);
}

TEST(ExpressionPlaces, TheEndOfAnExpressionIsBehindItsLastWord) {
  for (const std::string_view written :
       {"if: .a and", "if: '.a and'", "if: \".a and\"", "if: .a\n          and",
        "if: |\n        .a\n        and\n\n", "if: >-\n        .a\n        and"}) {
    const std::string text =
        definition_text("do:\n  - t:\n      set: {a: 1}\n      " + std::string(written) + "\n");
    expect_told(text, told_at(text, text.find("and") + 3));
  }
}

}  // namespace
}  // namespace stepwell::config
