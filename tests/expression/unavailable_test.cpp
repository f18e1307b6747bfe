// What the jq command has and an expression has not, because its result depends on nothing but the
// program, the input, the variables and the time that it is given.
#include <gtest/gtest.h>

#include "expression/program.h"
#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

struct Unavailable {
  const char* program;
  std::int64_t line;
  std::int64_t column;
  const char* name;
  const char* why;  // from the colon on
};

constexpr const char* kOneInput =
    "an expression has no further inputs to read; its one input is ., and .[] goes through a list";
constexpr const char* kNoFiles =
    "an expression does not read files; what it may see are its input and its variables";
constexpr const char* kNoEnd =
    "an expression cannot end the process; error(\"…\") ends it with an error";
constexpr const char* kNoModules =
    "modules are not available; write the functions in the expression itself, by def";

TEST(Unavailable, IsRefusedWithTheReasonAndWhatToDo) {
  const std::vector<Unavailable> table{
      {"input", 1, 1, "input", kOneInput},
      {"[.a,\n  inputs]", 2, 3, "inputs", kOneInput},
      {"try input catch .", 1, 5, "input", kOneInput},
      {"input_filename", 1, 1, "input_filename", kNoFiles},
      {"1 + input_line_number", 1, 5, "input_line_number", kNoFiles},
      {"halt", 1, 1, "halt", kNoEnd},
      {"if . then halt_error else . end", 1, 11, "halt_error", kNoEnd},
      {"halt_error(2)", 1, 1, "halt_error", kNoEnd},
      {"get_search_list", 1, 1, "get_search_list", kNoModules},
      {"\"a\" | modulemeta", 1, 7, "modulemeta", kNoModules},
      {"get_prog_origin", 1, 1, "get_prog_origin", kNoFiles},
      {"get_jq_origin", 1, 1, "get_jq_origin", kNoFiles},
      {"def f: input; 1", 1, 8, "input", kOneInput},
      {"$ENV.HOME", 1, 1, "$ENV",
       "an expression cannot read the environment; pass the value in with the input or a variable"},
      {"$__prog_args", 1, 1, "$__prog_args",
       "an expression has no command line; its variables are named, such as $input"},
  };
  for (const Unavailable& one : table) {
    const auto program = Program::compile(one.program);
    ASSERT_FALSE(program.has_value()) << one.program;
    EXPECT_EQ(program.error().code, "expression-syntax") << one.program;
    EXPECT_EQ(program.error().extensions.get("line").as_integer(), one.line) << one.program;
    EXPECT_EQ(program.error().extensions.get("column").as_integer(), one.column) << one.program;
    EXPECT_EQ(program.error().detail, std::string(one.name) + " is not available: " + one.why +
                                          " (line " + std::to_string(one.line) + ", column " +
                                          std::to_string(one.column) + ")");
  }
}

TEST(Unavailable, ModulesAreRefusedWhereTheyAreNamed) {
  for (const std::string word : {"import", "include", "module"}) {
    const auto program = Program::compile("# first\n" + word + " \"a\"; 1");
    ASSERT_FALSE(program.has_value()) << word;
    EXPECT_EQ(program.error().code, "expression-syntax");
    EXPECT_EQ(program.error().detail,
              "modules are not available: \"" + word +
                  "\" cannot be used in an expression; write the functions that it needs in the "
                  "expression itself, by def (line 2, column 1)");
  }
}

TEST(Unavailable, ANameOfTheAuthorsOwnIsNotRefused) {
  expect_all({{"def input: 5; input", "null", "5"},
              {"def halt_error(f): f; halt_error(1)", "null", "1"},
              {"1 as $ENV | $ENV", "null", "1"},
              {"{input: 1} | .input", "null", "1"}});
}

TEST(Unavailable, WhatOnlyShowsThingsGivesItsInput) {
  expect_all({{"env", "null", "{}"},
              {"env.HOME", "null", "null"},
              {"debug", "[1]", "[1]"},
              {"debug(\"seen\", .)", "[1]", "[1]"},
              {"[debug(empty)]", "1", "[1]"},
              {"try debug(error(\"told\")) catch .", "1", "\"told\""},
              {"stderr", "\"x\"", "\"x\""},
              {"$JQ_BUILD_CONFIGURATION | type", "null", "\"string\""}});
}

}  // namespace
}  // namespace stepwell::expression
