// Programs that fuzzing, or thinking like it, once broke: each names what went wrong.
#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "expression/program.h"
#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

std::string fault_of(const std::string& source) {
  auto program = Program::compile(source);
  return program ? "" : program.error().detail;
}

TEST(Regressions, AProgramMustBeUtf8) {
  // Its bytes went into values and messages, which are UTF-8 everywhere else.
  EXPECT_EQ(fault_of("\"a\xFF\""), "the expression is not valid UTF-8 (line 1, column 3)");
  EXPECT_EQ(fault_of("[.\n\xC3"), "the expression is not valid UTF-8 (line 2, column 1)");
  EXPECT_EQ(fault_of("[a\xEF"), "the expression is not valid UTF-8 (line 1, column 3)");
  EXPECT_EQ(fault_of("\"\xEF\xBF\xBD\""), "");
}

TEST(Regressions, WhatTheLibraryTrustsIsNotForAuthors) {
  // These read behind the end of an array where their arguments did not fit together.
  for (const char* source :
       {"[1] | _sort_by([1, 2, 3])", "[1] | _group_by([1, 2, 3])", "[1] | _min_by([1, 2, 3])",
        "\"a\" | _split_at([1])", "_match(\"a\"; null; false)"})
    EXPECT_NE(fault_of(source), "") << source;
}

TEST(Regressions, GiveTheRightResult) {
  expect_all({
      // Found among the texts by comparing each place with the whole part.
      {R"("ababa" | indices("aba"))", "null", "[0,2]"},
      {R"("éaéaé" | indices("éaé"))", "null", "[0,2]"},
      {R"("aaa" | indices("a"), indices(""), indices("aaaa"))", "null", "[0,1,2] [] []"},
      {"[1,2,1,2,1] | indices([1,2,1]), .[[2,1]], indices(1), indices([])", "null",
       "[0,2] [1,3] [0,2,4] []"},
      {"[nan, nan] | indices([nan])", "null", "[]"},
      // NaN is below itself: sorting the paths to delete read behind their end.
      {"[range(20) | [nan]] as $paths | {a: 1} | try delpaths($paths) catch \"no\"", "null",
       "\"no\""},
      {"[range(20) | nan] | sort | length", "null", "20"},
      {"{a: 1, b: 2, c: 3} | del(.[\"a\", \"c\"])", "null", R"({"b":2})"},
      {"[range(20) | {key: tostring, value: .}] | from_entries | del(.[] | select(. > 1))", "null",
       R"({"0":0,"1":1})"},
      // A search for a match goes on part by part.
      {R"(("a" * 20000 + "b" | [match("b|$"; "g").offset]))", "null", "[20000,20001]"},
      {R"(("é" * 20000 | [match("(?<=é)é$|$"; "g").offset]))", "null", "[19999,20000]"},
      {R"("aXbxc" | [match("x"; "gi").offset], [match("^"; "g").offset], [scan("")])", "null",
       R"([1,3] [0] ["","","","","",""])"},
      {R"("" | test("^$"), test(""), [match(""; "g").offset])", "null", "true true [0]"},
  });
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// These ended in a crash, or took minutes, or held 64 MB.
TEST(Regressions, LargeProgramsAreCompiledInTimeOrRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {repeated("try 1|", 70'000) + "1", "the expression has too many variables"},
      {repeated("limit(1; .)|", 40'000) + "1", "the expression has too many variables"},
      {". as " + repeated("[$a] ?// ", 200'000) + "$a | $a", "the expression is too large"},
      {repeated("f", 100'000), " is not defined"},
      {"def " + repeated("f", 200'000) + ": 1; g" + repeated("f", 100'000), " is not defined"},
      {repeated("(.)|", 30'000) + "1", ""},
      {repeated("(if . then 1 end)|", 30'000) + "1", ""},
      {repeated("$__loc__|", 30'000) + "1", ""},
      {"{" + repeated("(\"a\"): (.|1),", 20'000) + "b: 1}", ""},
  };
  for (const auto& [source, fault] : cases) {
    const std::clock_t before = std::clock();
    const std::string found = fault_of(source);
    EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 4.0)
        << source.substr(0, 20);
    EXPECT_EQ(found.empty(), fault.empty()) << source.substr(0, 20);
    EXPECT_NE(found.find(fault), std::string::npos) << source.substr(0, 20);
  }
}

struct Heavy {
  const char* program;
  const char* code;  // of the problem that ends it, or nothing where it can end by itself
};

class Heavies : public testing::TestWithParam<Heavy> {};

// Each took many seconds, or gigabytes, within one call of a built-in.
TEST_P(Heavies, EndInTime) {
  auto program = Program::compile(GetParam().program);
  ASSERT_TRUE(program.has_value()) << program.error().detail;
  Context context;
  context.budget.cpu = std::chrono::milliseconds(500);
  context.budget.memory_bytes = 16 * 1024 * 1024;
  const std::clock_t before = std::clock();
  const Status status = program->evaluate_all({}, {}, context, [](const Value&) { return true; });
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 4.0);
  const std::string code = status ? "" : status.error().code;
  EXPECT_TRUE(code == GetParam().code || std::string(GetParam().code).empty()) << code;
}

constexpr const char* kBudget = "expression-budget";

INSTANTIATE_TEST_SUITE_P(
    Regressions, Heavies,
    testing::Values(
        Heavy{R"("a" * 1000000 | contains("a" * 500000 + "b"))", ""},
        Heavy{R"("a" * 1000000 | split("a" * 500000 + "b"))", ""},
        Heavy{R"("a" * 1000000 | indices("a" * 500000))", ""},
        Heavy{"[range(1e5) | 0] | indices([range(1e4) | 0])", ""},
        Heavy{"[range(3e4) | {key: tostring, value: .}] | from_entries | del(.[])", ""},
        Heavy{"jn(2e9; 1)", kBudget}, Heavy{"yn(-2e9; 1)", kBudget},
        // Texts that are shared are small to hold and large to write or to compare.
        Heavy{R"(("x" * 1e6) as $x | [limit(1e5; repeat($x))] | tojson)", kBudget},
        Heavy{R"(("x" * 1e6) as $x | [limit(1e5; repeat($x))] | @csv)", kBudget},
        Heavy{R"(("x" * 1e6) as $x | [limit(1e5; repeat($x))] | @sh)", kBudget},
        Heavy{R"(("x" * 1e6) as $x | [limit(1e5; repeat($x))] | sort)", kBudget},
        Heavy{R"(("x" * 1e6) as $x | [limit(1e5; repeat($x))] | max)", kBudget},
        Heavy{"(\"1\" * 1e6 | tonumber) as $n | [limit(1e5; repeat($n))] | tojson", kBudget},
        Heavy{"(\"1\" * 1e6 | tonumber) as $n | [limit(1e5; repeat($n))] | sort", kBudget},
        Heavy{"(\"1\" * 1e6 | tonumber) as $n | def f: ($n | -.) | empty; repeat(f)", kBudget},
        Heavy{"reduce range(30) as $i ({}; {a: ., b: .}) | contains(.)", kBudget},
        // What is shared is copied to be changed.
        Heavy{"[range(5e5)] as $a | def f: ($a | .[0] = 1) | empty; repeat(f)", kBudget},
        Heavy{"[range(5e5)] as $a | def f: ($a | .[1:2] = []) | empty; repeat(f)", kBudget},
        Heavy{"[range(5e5)] as $a | [limit(1e4; repeat($a + [1]))]", kBudget},
        Heavy{"{a: {}} | .a[range(3e4) | tostring] = 1 | def f: (. * {a: {x: 1}}) | empty; "
              "repeat(f)",
              kBudget},
        Heavy{"(\"k\" * 3e6) as $k | def f: ({a: 1} | .[$k], has($k)) | empty; repeat(f)", kBudget},
        Heavy{"(\"k\" * 3e6) as $k | def f: ($k | ltrimstr(\"k\"), length) | empty; repeat(f)",
              kBudget},
        // Without a retry that could be counted.
        Heavy{R"("a" * 1000000 | test("(?>a*)b"))", kBudget},
        Heavy{R"("a" * 1000000 | test("[ab]*+c"))", kBudget},
        Heavy{R"("a" * 100000 | try test("\\Gx|(?>a*)b") catch .)", ""},
        Heavy{R"("a," * 2000000 | split(","))", kBudget},
        Heavy{"[range(5e5)] | to_entries", kBudget}));

}  // namespace
}  // namespace stepwell::expression
