#include <gtest/gtest.h>

#include "expression/program.h"

namespace stepwell::expression {
namespace {

struct Fault {
  const char* program;
  std::int64_t line;
  std::int64_t column;
  const char* detail;  // without the position at its end
};

TEST(Compile, SaysWhereAndWhatIsWrong) {
  const std::vector<Fault> faults{
      {".a |", 1, 5, "expected an expression but found the end of the expression"},
      {"1 +\n  * 2", 2, 3, "expected an expression but found \"*\""},
      {"foo", 1, 1, "foo/0 is not defined"},
      {"mp(.a)", 1, 1, "mp/1 is not defined; did you mean map/1?"},
      {".a | slect(.b)", 1, 6, "slect/1 is not defined; did you mean select/1?"},
      {"def add1: . + 1; ad1", 1, 18, "ad1/0 is not defined; did you mean add1/0?"},
      {"map", 1, 1, "map/0 is not defined; did you mean map/1?"},
      {"ä", 1, 1, "expected an expression but found \"ä\""},
      {"\"ä\" + $x", 1, 7, "$x is not defined"},
      {".a as $x | $y", 1, 12, "$y is not defined"},
      {"$ENV", 1, 1, "$ENV is not available: an expression cannot read the environment"},
      {"input", 1, 1, "input is not available: an expression has one input"},
      {"[inputs]", 1, 2, "inputs is not available: an expression has one input"},
      {"halt", 1, 1, "halt is not available: an expression cannot end the engine"},
      {"input_line_number", 1, 1,
       "input_line_number is not available: an expression cannot see files"},
      {"import \"a\" as a; 1", 1, 1,
       "modules are not available: \"import\" cannot be used in an expression"},
      {"include \"a\"; 1", 1, 1,
       "modules are not available: \"include\" cannot be used in an expression"},
      {"break $x", 1, 1, "$*label-x is not defined"},
      {"break", 1, 1, "break requires a label to break to"},
      {"\"abc", 1, 1, "a string that does not end"},
      {"\"a\\qb\"", 1, 3,
       "an escape that is none: use \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX or \\(…)"},
      {"if . then 1", 1, 12,
       "expected \"end\" for the \"if\" of line 1 but found the end of the expression"},
      {"{a b}", 1, 4, "expected \",\" between the members of an object but found \"b\""},
      {"{1: 2}", 1, 2, "an object's key must be a name or a string: quote it, or write (…)"},
      {"{(.a)}", 1, 6, "expected \":\" and the member's value but found \"}\""},
      {"[1,2", 1, 5, "expected \"]\" to close the \"[\" but found the end of the expression"},
      {"1 == 2 == 3", 1, 8, "\"==\" cannot follow an operator of its own kind; use parentheses"},
      {".a = .b = 1", 1, 9, "\"=\" cannot follow an operator of its own kind; use parentheses"},
      {"1 2", 1, 3, "expected an operator or the end of the expression but found \"2\""},
      {"}", 1, 1, "expected an expression but found \"}\""},
      {". as [$a", 1, 9, "expected \"]\" to close the pattern but found the end of the expression"},
      {"reduce . as $x (0)", 1, 18, "expected \";\" after the start value but found \")\""},
  };
  for (const Fault& fault : faults) {
    const auto program = Program::compile(fault.program);
    ASSERT_FALSE(program.has_value()) << fault.program;
    const Problem& problem = program.error();
    EXPECT_EQ(problem.code, "expression-syntax");
    EXPECT_EQ(problem.status, 400);
    EXPECT_EQ(problem.extensions.get("line").as_integer(), fault.line) << fault.program;
    EXPECT_EQ(problem.extensions.get("column").as_integer(), fault.column) << fault.program;
    EXPECT_EQ(problem.detail, std::string(fault.detail) + " (line " + std::to_string(fault.line) +
                                  ", column " + std::to_string(fault.column) + ")");
  }
}

TEST(Compile, FindsFaultsInFunctionsThatAreNeverCalled) {
  EXPECT_FALSE(Program::compile("def f: $x; 1").has_value());
  EXPECT_FALSE(Program::compile("def f(g): h; 1").has_value());
}

}  // namespace
}  // namespace stepwell::expression
