// Whatever a program does, it ends within its budget and says which limit it met.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "base/json.h"
#include "expression/program.h"

namespace stepwell::expression {
namespace {

struct Ended {
  std::string code;
  std::string detail;
};

Ended run(const std::string& source, const Budget& budget, const Value& input = {}) {
  auto program = Program::compile(source);
  if (!program) return {program.error().code, program.error().detail};
  Context context;
  context.budget = budget;
  const Status status =
      program->evaluate_all(input, {}, context, [](const Value&) { return true; });
  if (status) return {"", ""};
  return {status.error().code, status.error().detail};
}

// Short, so that the tests are quick under a sanitizer too.
Budget small() {
  Budget budget;
  budget.cpu = std::chrono::milliseconds(200);
  budget.memory_bytes = 8 * 1024 * 1024;
  return budget;
}

// For what has to end by itself, also under a sanitizer on a busy machine.
Budget patient() {
  Budget budget;
  budget.cpu = std::chrono::seconds(20);
  return budget;
}

class Endless : public testing::TestWithParam<const char*> {};

TEST_P(Endless, EndsWithinItsBudget) {
  const std::clock_t before = std::clock();
  const Ended ended = run(GetParam(), small());
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_EQ(ended.code, "expression-budget") << ended.detail;
  EXPECT_LT(seconds, 3.0);
}

INSTANTIATE_TEST_SUITE_P(
    Budget, Endless,
    testing::Values("def f: f; f", "[range(1e12)]", "def f: [f]; f", "def f: 1 + f; f",
                    "\"x\" * 1e9", "[limit(1e9; repeat(1))]", "last(repeat(1))",
                    "reduce range(1e9) as $i (0; .)", "range(1e9) | empty",
                    "[.] | until(false; [.])", "[.] | until(false; . + .)",
                    "reduce range(60) as $i (\"x\"; . + .)", "reduce range(60) as $i (1; [., .])",
                    "reduce range(60) as $i (1; [., .]) | tojson",
                    "reduce range(60) as $i (1; [., .]) | . == map(.)",
                    "reduce range(60) as $i (1; [., .]) | flatten",
                    "reduce range(60) as $i (1; [., .]) | contains(.)",
                    "reduce range(60) as $i ({}; {a: ., b: .}) | . * .",
                    "reduce range(60) as $i ({}; {a: ., b: .}) | [paths]",
                    "reduce range(60) as $i (1; [., .]) | @sh", "[range(1000)] | [combinations(5)]",
                    "[range(30000)] - [range(30000)]", "{} | .[\"a\"][1e8] = 1",
                    "[limit(100; repeat(\"x\" * 1e6))] | add",
                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\" | test(\"^(a+)+$\")",
                    "def f(g): f(g | g); f(.)", "def f: try error(\"x\") catch f; f",
                    "label $x | def f: (f, break $x); f", "[recurse([.])]",
                    "reduce range(1e9) as $i ({}; .[$i | tostring] = 1)",
                    "[range(200)] | [.[] as $a | .[] as $b | .[] as $c | .[] as $d | 1]",
                    "def f: f | f; f", "\"a\" | until(false; @uri + .)", "[while(true; . + 1)]"));

TEST(Budget, NamesTheLimitThatWasMet) {
  EXPECT_EQ(run("def f: f; f", small()).detail,
            "the expression was ended: it ran longer than 200 ms of CPU time");
  EXPECT_EQ(run("\"x\" * 1e9", small()).detail,
            "the expression was ended: it needed more than 8388608 bytes of memory");
  EXPECT_EQ(run("reduce range(20000) as $i (0; [.])", small()).detail,
            "the expression was ended: a value was nested deeper than 10000 levels");
  Budget few;
  few.outputs = 3;
  EXPECT_EQ(run("range(3)", few).code, "");
  EXPECT_EQ(run("range(4)", few).detail, "the expression was ended: it gave more than 3 outputs");
}

TEST(Budget, CannotBeCaughtByTheProgram) {
  EXPECT_EQ(run("try (\"x\" * 1e9) catch 1", small()).code, "expression-budget");
  EXPECT_EQ(run("(def f: f; f)? // 1", small()).code, "expression-budget");
}

TEST(Budget, AppliesToWhatIsLiveRatherThanToTheSum) {
  Budget budget = small();
  budget.cpu = std::chrono::seconds(20);
  EXPECT_EQ(run("reduce range(300) as $i (0; (\"xy\" * 50000) | startswith(\"x\"))", budget).code,
            "");
  EXPECT_EQ(run("def f: if . == 0 then . else . - 1 | f end; 200000 | f", budget).code, "");
  EXPECT_EQ(run("last(range(300000))", budget).code, "");
}

// A loop that copied its state each time would need 10^10 steps.
TEST(Budget, IsNotSpentOnCopies) {
  EXPECT_EQ(run("reduce range(100000) as $i ([]; . + [$i]) | length", patient()).code, "");
  EXPECT_EQ(run("reduce range(50000) as $i ({}; .[$i | tostring] += 1) | length", patient()).code,
            "");
  EXPECT_EQ(run("reduce range(50000) as $i ({a: []}; .a += [$i]) | .a | length", patient()).code,
            "");
  EXPECT_EQ(run("[range(50000)] | .[] |= . + 1 | length", patient()).code, "");
  EXPECT_EQ(run("[range(100000) | {a: .}] | map(select(.a % 2 == 0)) | length", patient()).code,
            "");
}

TEST(Budget, BearsDeepValuesAndDeepRecursion) {
  EXPECT_EQ(
      run("reduce range(9000) as $i (1; [.]) | tojson | fromjson | [..] | length", patient()).code,
      "");
  EXPECT_EQ(run("def f: if . == 0 then 0 else 1 + (. - 1 | f) end; 100000 | f", patient()).code,
            "");
}

// What was deep once is not for ever.
TEST(Budget, CountsTheDepthThatIsThere) {
  EXPECT_EQ(run("reduce range(10050) as $i ({}; .last = del(.last)) | length", patient()).code, "");
  EXPECT_EQ(run("reduce range(10050) as $i ([]; [.] | .[0] = []) | length", patient()).code, "");
  EXPECT_EQ(run("reduce range(10050) as $i ({}; {last: .}) | length", patient()).code,
            "expression-budget");
}

TEST(Budget, LeavesNothingBehind) {
  const std::int64_t before = thread_value_bytes();
  run("[range(1e12)]", small());
  run("def f: [f]; f", small());
  run("[limit(3; repeat([1]))] | error", small());
  EXPECT_EQ(thread_value_bytes(), before);
}

TEST(Budget, BoundsThePatternAndTheProgramItself) {
  const std::string deep(100000, '(');
  EXPECT_EQ(run(deep, {}).code, "expression-syntax");
  EXPECT_EQ(run(std::string(100000, '['), {}).code, "expression-syntax");
  EXPECT_EQ(run(std::string(100000, '-') + "1", {}).code, "expression-syntax");
  std::string chain = "1";
  for (int i = 0; i < 100000; ++i) chain += "+1";
  EXPECT_EQ(run(chain, {}).code, "expression-syntax");
  std::string pipes = ".";
  for (int i = 0; i < 20000; ++i) pipes += "|.";
  EXPECT_EQ(run(pipes, {}).code, "");
  EXPECT_EQ(run("\"a\" | test(\"(\" * 100000)", {}).detail,
            "Regex failure: the pattern is too large");
  std::string tries;
  for (int i = 0; i < 100000; ++i) tries += "try ";
  EXPECT_EQ(run(tries + "1", {}).code, "expression-syntax");
}

}  // namespace
}  // namespace stepwell::expression
