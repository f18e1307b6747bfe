// The whole text of the faults of expressions and durations, as authors see them.
#include <gtest/gtest.h>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

TEST(ValueFaults, AnExpressionIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{if: '.a |', wait: PT1S}",
           "f.yaml:7:18: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /do/0/t/if)\n"},
          {"{if: true, wait: PT1S}",
           "f.yaml:7:13: error: expected text with an expression, found true or false; write it in "
           "quotes (at /do/0/t/if)\n"},
          {"{set: {a: '${ .a | }'}}",
           "f.yaml:7:27: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /do/0/t/set/a)\n"},
          {"{set: {a: \"${ \\\"x\\\" + }\"}}",
           "f.yaml:7:30: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /do/0/t/set/a)\n"},
          {"{set: {a: '${ .a }-${ .b }'}}",
           "f.yaml:7:25: error: in the jq expression: \"}\" closes nothing: there is no bracket "
           "open "
           "before it; a string is one expression as a whole: join texts as in "
           "`${ \"\\(.a)-\\(.b)\" }` (at /do/0/t/set/a)\n"},
          {"{set: {a: '${ }'}}",
           "f.yaml:7:18: error: the expression is empty (at /do/0/t/set/a)\n"},
          {"{set: {a: '${ $inptu.x }'}}",
           "f.yaml:7:22: error: in the jq expression: $inptu is not defined, did you mean "
           "`$input`? (at /do/0/t/set/a)\n"},
          {"{set: {a: '${ $nobody }'}}",
           "f.yaml:7:22: error: in the jq expression: $nobody is not defined (at /do/0/t/set/a)\n"},
          {"{set: {a: '${ lenght }'}}",
           "f.yaml:7:22: error: in the jq expression: lenght/0 is not defined; did you mean "
           "length/0? (at /do/0/t/set/a)\n"},
          {"{set: 'text'}",
           "f.yaml:7:14: error: expected a mapping or an expression `${ … }`, found text (at "
           "/do/0/t/set)\n"},
          {"{set: {}}", "f.yaml:7:14: error: expected at least one member (at /do/0/t/set)\n"},
      });
}

TEST(ValueFaults, TextWithAnExpressionInItIsSurelyNotMeant) {
  const std::string warning =
      "warning: this is literal text: in strict mode a string is an expression only where the "
      "whole of it is `${ … }`; write `";
  const std::string at_a = "` (at /do/0/t/set/a)\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"'Hello ${ .name }'", R"~(${ "Hello \(.name)" })~"},
      {"'${ .a }-${.b}'", ""},  // one expression, and a wrong one: an error
      {"'${ .a } and ${.b}!'", R"~(${ "\(.a) and \(.b)!" })~"},
      {"'say \"${ .a | map({b: \"}\"}) }\"'", R"~(${ "say \"\(.a | map({b: "}"}))\"" })~"},
      {"\"line\\n${ $context.x }\"", R"~(${ "line\n\($context.x)" })~"},
      // What is no jq, or has no end, is left to the author.
      {"'Hello ${name}'", R"~(${ "… \(.name) …" })~"},
      {"'Hello ${ .a + }'", R"~(${ "… \(.name) …" })~"},
      {"'Hello ${ {a: 1 }'", R"~(${ "… \(.name) …" })~"},
  };
  for (const auto& [text, meant] : cases) {
    const std::string faults = task_faults("{set: {a: " + text + "}}");
    if (meant.empty()) {
      EXPECT_NE(faults.find(": error: in the jq expression: "), std::string::npos) << faults;
    } else {
      EXPECT_EQ(faults, "f.yaml:7:18: " + warning + meant + at_a);
    }
  }
  for (const char* text : {"'Hello ${ .name'", "'$ {.name}'", "'Hello {name}'", "'{ $x }'"})
    EXPECT_EQ(task_faults("{set: {a: " + std::string(text) + "}}"), "");
  EXPECT_EQ(body_faults("evaluate: {mode: loose}\ndo:\n  - t: {set: {a: 'Hello ${ .name }'}}\n"),
            "");
}

TEST(ValueFaults, AHintIsApartFromWhatIsWrong) {
  const auto faults =
      load_definition(
          definition_text("do:\n  - t: {set: {a: 'Hi ${ .b }'}, tehn: end, then: nowhere}\n"),
          "f.yaml")
          .faults;
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_EQ(faults[0].advice(), "write `${ \"Hi \\(.b)\" }`");
  EXPECT_EQ(faults[1].what, "unknown keyword `tehn`");
  EXPECT_EQ(faults[1].advice(),
            "expected `if`, `input`, `output`, `export`, `timeout`, `then`, `metadata` or `set`");
  EXPECT_EQ(faults[2].what, "there is no task `nowhere` in this list");
  EXPECT_EQ(faults[2].advice(),
            "expected `continue`, `exit`, `end` or the name of a task beside it");
  for (const Fault& fault : faults)
    EXPECT_NE(fault.text().find(fault.what + fault.hint + " (at "), std::string::npos);
}

TEST(ValueFaults, AFaultInAnExpressionHasItsPlaceInTheFile) {
  expect_faults(body_faults,
                {
                    {"do:\n"
                     "  - t:\n"
                     "      set: |\n"
                     "        ${ .a\n"
                     "           | }\n",
                     "f.yaml:10:14: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/set)\n"},
                    {"do:\n"
                     "  - t:\n"
                     "      if: .a and\n"
                     "        .b |\n"
                     "      set: {a: 1}\n",
                     "f.yaml:9:13: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/if)\n"},
                    {"do:\n"
                     "  - t:\n"
                     "      set:\n"
                     "        a: >-\n"
                     "          ${ .a + }\n",
                     "f.yaml:10:19: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/set/a)\n"},
                    {"do:\n"
                     "  - t:\n"
                     "      set: {ü: \"${ \\\"\\u00fc\\\" + }\"}\n",
                     "f.yaml:8:33: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/set/ü)\n"},
                });
}

TEST(ValueFaults, AVariableIsNotAvailable) {
  expect_faults(
      body_faults,
      {
          {"do: []\n"
           "input: {from: $context}\n",
           "f.yaml:7:15: error: $context is not available in `input.from`; there are $workflow and "
           "$runtime (at /input/from)\n"},
          {"do: []\n"
           "output: {as: $input}\n",
           "f.yaml:7:14: error: $input is not available in `output.as`; there are $context, "
           "$workflow and $runtime (at /output/as)\n"},
          {"do:\n"
           "  - a: {if: $input.x, input: {from: $output.y}, wait: PT1S}\n",
           "f.yaml:7:13: error: $input is not available in `if`; there are $context, $task, "
           "$workflow and $runtime (at /do/0/a/if)\n"
           "f.yaml:7:37: error: $output is not available in `input.from`; there are $context, "
           "$task, $workflow and $runtime (at /do/0/a/input/from)\n"},
          {"do:\n"
           "  - a: {set: {x: '${ $output }'}, output: {as: $output}, export: {as: $output}}\n",
           "f.yaml:7:18: error: $output is not available in `set`; there are $context, $input, "
           "$task, $workflow, $runtime and $authorization (at /do/0/a/set/x)\n"
           "f.yaml:7:48: error: $output is not available in `output.as`; there are $context, "
           "$input, $task, $workflow, $runtime and $authorization (at /do/0/a/output/as)\n"},
          {"do:\n"
           "  - a: {set: {x: '${ $secrets.key }'}}\n",
           "f.yaml:7:18: error: $secrets is not available; to send a stored credential write "
           "`authentication: {use: NAME}` beside the endpoint's `uri` (at /do/0/a/set/x)\n"},
          {"do:\n"
           "  - a: {for: {in: $item}, do: []}\n",
           "f.yaml:7:19: error: in the jq expression: $item is not defined (at /do/0/a/for/in)\n"},
          {"do:\n"
           "  - a: {try: [b: {set: {x: '${ $error }'}}], catch: {when: $error.status == 1, as: "
           "error}}\n",
           "f.yaml:7:32: error: in the jq expression: $error is not defined (at "
           "/do/0/a/try/0/b/set/x)\n"},
      });
}

TEST(ValueFaults, ADurationIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{wait: 5}",
           "f.yaml:7:15: error: expected a duration such as PT1.5S or {seconds: 5}, found a number "
           "(at /do/0/t/wait)\n"},
          {"{wait: soon}",
           "f.yaml:7:15: error: `soon` is no ISO 8601 duration such as PT1.5S or P1DT12H (at "
           "/do/0/t/wait)\n"},
          {"{wait: -PT5S}",
           "f.yaml:7:15: error: a duration cannot be negative: `-PT5S` (at /do/0/t/wait)\n"},
          {"{wait: P1M}",
           "f.yaml:7:15: error: years and months have no fixed length; write days: `P1M` (at "
           "/do/0/t/wait)\n"},
          {"{wait: {}}",
           "f.yaml:7:15: error: an empty duration; expected `days`, `hours`, `minutes`, `seconds` "
           "or `milliseconds` (at /do/0/t/wait)\n"},
          {"{wait: {second: 5}}",
           "f.yaml:7:16: error: unknown keyword `second`, did you mean `seconds`? (at "
           "/do/0/t/wait/second)\n"},
          {"{wait: {seconds: -1}}",
           "f.yaml:7:25: error: a duration cannot be negative (at /do/0/t/wait/seconds)\n"},
          {"{wait: {seconds: 1.5}}",
           "f.yaml:7:25: error: expected a whole number from 0 to 3155760000000 (at "
           "/do/0/t/wait/seconds)\n"},
          {"{wait: {seconds: '${ .x }'}}",
           "f.yaml:7:25: error: expected a whole number, found text (at /do/0/t/wait/seconds)\n"},
          {"{wait: PT1S, timeout: {after: x}}",
           "f.yaml:7:38: error: `x` is no ISO 8601 duration such as PT1.5S or P1DT12H (at "
           "/do/0/t/timeout/after)\n"},
          {"{wait: PT1S, timeout: {aftr: PT1S}}",
           "f.yaml:7:31: error: unknown keyword `aftr`, did you mean `after`? (at "
           "/do/0/t/timeout/aftr)\n"},
          {"{wait: PT1S, timeout: PT5S}",
           "f.yaml:7:30: error: `PT5S` is none of `use.timeouts`; write `timeout: {after: PT5S}` "
           "(at /do/0/t/timeout)\n"},
      });
}

}  // namespace
}  // namespace stepwell::config
