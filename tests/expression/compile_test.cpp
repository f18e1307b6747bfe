#include <gtest/gtest.h>

#include <vector>

#include "expression/program.h"

namespace stepwell::expression {
namespace {

struct Fault {
  const char* program;
  std::int64_t line;
  std::int64_t column;
  const char* detail;  // without the position at its end
};

const std::vector<Fault> kFaults{
    {".a |", 1, 5, "expected an expression but found the end of the expression"},
    {"1 +\n  * 2", 2, 3, "expected an expression but found \"*\""},
    {"foo", 1, 1, "foo/0 is not defined"},
    {"mp(.a)", 1, 1, "mp/1 is not defined; did you mean map/1?"},
    {".a | slect(.b)", 1, 6, "slect/1 is not defined; did you mean select/1?"},
    {"def add1: . + 1; ad1", 1, 18, "ad1/0 is not defined; did you mean add1/0?"},
    {"map", 1, 1, "map/0 is not defined: map takes 1 argument, not 0"},
    {"map(1; 2)", 1, 1, "map/2 is not defined: map takes 1 argument, not 2"},
    {"range(1; 2; 3; 4)", 1, 1, "range/4 is not defined: range takes 1, 2 or 3 arguments, not 4"},
    {"def f(a; b): a; f(1)", 1, 17, "f/1 is not defined: f takes 2 arguments, not 1"},
    {".a.b-c | length", 1, 6, "c/0 is not defined; a name with \"-\" in it is written .\"b-c\""},
    {"ä", 1, 1, "expected an expression but found \"ä\""},
    {"\"ä\" + $x", 1, 7, "$x is not defined"},
    {".a as $x | $y", 1, 12, "$y is not defined"},
    {". as [$a] | $b", 1, 13, "$b is not defined"},
    {"\"abc", 1, 1, "the string that begins here does not end: a closing \" is missing"},
    {"\"a\\qb\"", 1, 3,
     "this is no escape: there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX and \\(…); a "
     "backslash itself is written \\\\"},
    {"\"a\\u12\"", 1, 3,
     "this is no escape: there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX and \\(…); a "
     "backslash itself is written \\\\"},
    {"\"\\(1\"", 1, 5, "expected \")\" to close the interpolation but found a string"},
    {"\"\\(1 2)\"", 1, 6, "expected \")\" to close the interpolation but found \"2\""},
    {"if . then 1", 1, 12,
     "expected \"end\" for the \"if\" of line 1 but found the end of the expression"},
    {"if . then 1 else 2", 1, 19,
     "expected \"end\" for the \"if\" of line 1 but found the end of the expression"},
    {"if . 1 else 2 end", 1, 6, "expected \"then\" after the condition of \"if\" but found \"1\""},
    {"if . then 1 elif 2 end", 1, 20,
     "expected \"then\" after the condition of \"if\" but found the keyword \"end\""},
    {"{a b}", 1, 4, "expected \",\" between the members of an object but found \"b\""},
    {"{1: 2}", 1, 2, "an object's key must be a name or a string: quote it, or write (…)"},
    {"{(.a)}", 1, 6, "expected \":\" and the member's value but found \"}\""},
    {"{a: 1", 1, 6,
     "expected \"}\" to close the \"{\" of line 1, column 1 but found the end of the expression"},
    {"{a: 1,", 1, 7, "expected an object's key but found the end of the expression"},
    {"{@text}", 1, 7, "expected \":\" and the member's value but found \"}\""},
    {"{: 1}", 1, 2, "expected an object's key but found \":\""},
    {"[1,2", 1, 5,
     "expected \"]\" to close the \"[\" of line 1, column 1 but found the end of the expression"},
    {"(1", 1, 3,
     "expected \")\" to close the \"(\" of line 1, column 1 but found the end of the expression"},
    {"(1]", 1, 3, "expected \")\" to close the \"(\" of line 1, column 1 but found \"]\""},
    {".[1", 1, 4,
     "expected \"]\" to close the \"[\" of line 1, column 2 but found the end of the expression"},
    {".[1:2", 1, 6,
     "expected \"]\" to close the \"[\" of line 1, column 2 but found the end of the expression"},
    {".[", 1, 3, "expected an expression but found the end of the expression"},
    {"map(.a", 1, 7,
     "expected \")\" to close the arguments of map but found the end of the expression"},
    {".a)", 1, 3, "\")\" closes nothing: there is no bracket open before it"},
    {".a ]", 1, 4, "\"]\" closes nothing: there is no bracket open before it"},
    {"1 end", 1, 3, "\"end\" belongs to no \"if\""},
    {"1 catch 2", 1, 3, "\"catch\" belongs to no \"try\""},
    {"1 == 2 == 3", 1, 8, "\"==\" cannot follow an operator of its own kind; use parentheses"},
    {".a = .b = 1", 1, 9, "\"=\" cannot follow an operator of its own kind; use parentheses"},
    {"1 2", 1, 3, "expected an operator or the end of the expression but found \"2\""},
    {"}", 1, 1, "expected an expression but found \"}\""},
    {". as [$a", 1, 9, "expected \"]\" to close the pattern but found the end of the expression"},
    {". as {a} | 1", 1, 8, "expected \":\" and a pattern but found \"}\""},
    {". as $x 1", 1, 9, "expected \"|\" after the variables of \"as\" but found \"1\""},
    {". as x | 1", 1, 6, "expected a variable, \"[\" or \"{\" but found \"x\""},
    {"reduce . as $x (0)", 1, 18, "expected \";\" after the start value but found \")\""},
    {"reduce . as $x 0", 1, 16, "expected \"(\" after the variable but found \"0\""},
    {"reduce .[] (0; 1)", 1, 12, "expected \"as\" after the source but found \"(\""},
    {"foreach .[] as $x (0; 1; 2; 3)", 1, 27, "expected \")\" to close the fold but found \";\""},
    {"break", 1, 1,
     "break requires a label to break to: write break $name inside of label $name | …"},
    {"break $x", 1, 1, "break $x is not inside of a label $x | …"},
    {"label x | 1", 1, 7, "expected a label such as $out but found \"x\""},
    {"def f: 1", 1, 9,
     "expected \";\" after the function's body but found the end of the expression"},
    {"def f 1; f", 1, 7, "expected \":\" before the function's body but found \"1\""},
    {"def f(1): 1; f", 1, 7, "expected a parameter's name but found \"1\""},
    {"def if: 1; 1", 1, 5, "expected the function's name but found the keyword \"if\""},
    {"def f(x: 1; f", 1, 8, "expected \")\" after the parameters but found \":\""},
    {"try", 1, 4, "expected an expression but found the end of the expression"},
    {"1 as $x", 1, 8,
     "expected \"|\" after the variables of \"as\" but found the end of the expression"},
    {"then", 1, 1, "expected an expression but found the keyword \"then\""},
    {".a and", 1, 7, "expected an expression but found the end of the expression"},
    {"'a'", 1, 1, "expected an expression but found \"'\"; strings stand in double quotes"},
    {"1 && 2", 1, 3,
     "expected an operator or the end of the expression but found \"&\"; the operator is called "
     "and"},
    {"true || false", 1, 7, "expected an expression but found \"|\"; the operator is called or"},
    {"!true", 1, 1, "expected an expression but found \"!\"; to negate write: CONDITION | not"},
    {"1 === 2", 1, 5, "expected an expression but found \"=\"; equality is written =="},
    {"1 <> 2", 1, 4, "expected an expression but found \">\"; inequality is written !="},
    {".a => 1", 1, 5, "expected an expression but found \">\"; greater or equal is written >="},
    {"2 ** 3", 1, 4,
     "expected an expression but found \"*\"; a power is written pow(base; exponent)"},
    {".a++", 1, 4,
     "expected an expression but found \"+\"; to add one write . + 1, or .field += 1 to change a "
     "field"},
    {".x := 1", 1, 4,
     "expected an operator or the end of the expression but found \":\"; a variable is bound by: "
     "VALUE as $name | …"},
    {"$", 1, 1,
     "expected an expression but found \"$\"; a variable's name begins with a letter, such as "
     "$name"},
    {"$ x", 1, 1,
     "expected an expression but found \"$\"; a variable's name begins with a letter, such as "
     "$name"},
    {"@", 1, 1, "expected an expression but found \"@\"; a format has a name, such as @base64"},
    {"%", 1, 1, "expected an expression but found \"%\""},
    {".a.", 1, 4, "expected a field's name but found the end of the expression"},
    {"..\"x\".", 1, 3, "expected an operator or the end of the expression but found a string"},
    {". . a", 1, 5, "expected a field's name but found \"a\""},
    {"{\"a\":1 \"b\":2}", 1, 8,
     "expected \",\" between the members of an object but found a string"},
};

TEST(Compile, SaysWhereAndWhatIsWrong) {
  for (const Fault& fault : kFaults) {
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
