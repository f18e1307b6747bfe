#include "expression/program.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/json.h"

namespace stepwell::expression {
namespace {

Program compiled(const std::string& source, const std::vector<std::string>& variables = {}) {
  auto program = Program::compile(source, variables);
  EXPECT_TRUE(program.has_value()) << source << ": " << program.error().detail;
  return *program;
}

TEST(Program, SeesItsVariablesInTheirOrder) {
  const std::vector<std::string> names{"a", "b", "c"};
  const std::vector<Value> values{1, 2, 3};
  for (const char* source :
       {"[$a, $c]", "def f: [$a, $c]; f", "[1 | ($a, $c)]", "reduce $a as $x ([]; . + [$x, $c])"}) {
    const Program program = compiled(source, names);
    auto result = program.evaluate({}, values, {});
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(to_json(*result), "[1,3]") << source;
    EXPECT_TRUE(program.uses_variable(0)) << source;
    EXPECT_FALSE(program.uses_variable(1)) << source;
    EXPECT_TRUE(program.uses_variable(2)) << source;
    EXPECT_FALSE(program.uses_variable(3)) << source;
  }
}

TEST(Program, TakesShortPathsWithTheSameResults) {
  const auto input = parse_json(R"({"a":{"b":[{"c":5}]}})");
  const std::vector<std::string> names{"v"};
  const std::vector<Value> values{*input};
  const std::vector<std::pair<std::string, std::string>> cases{{".", R"({"a":{"b":[{"c":5}]}})"},
                                                               {".a.b[0].c", "5"},
                                                               {".a.b[-1].c", "5"},
                                                               {".a.x.y.z", "null"},
                                                               {"$v.a.b[0].c", "5"},
                                                               {"$v | .a.b | length", "1"},
                                                               {"42", "42"},
                                                               {"{a: [1, -2]}", R"({"a":[1,-2]})"},
                                                               {".a.b[0.9].c", "5"},
                                                               {"$v", R"({"a":{"b":[{"c":5}]}})"}};
  for (const auto& [source, expected] : cases) {
    auto result = compiled(source, names).evaluate(*input, values, {});
    ASSERT_TRUE(result.has_value()) << source;
    EXPECT_EQ(to_json(*result), expected) << source;
  }
  auto failed = compiled(".a.b.c", names).evaluate(*input, values, {});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, "expression-failed");
  EXPECT_EQ(failed.error().detail, "Cannot index array with string \"c\"");
}

TEST(Program, GivesTheFirstOutputOrNull) {
  EXPECT_EQ(to_json(*compiled("1, error").evaluate({}, {}, {})), "1");
  EXPECT_TRUE(compiled("empty").evaluate({}, {}, {})->is_null());
}

TEST(Program, StopsWhereTheSinkHasEnough) {
  int seen = 0;
  const Status status =
      compiled("repeat(1)").evaluate_all({}, {}, {}, [&](const Value&) { return ++seen < 5; });
  EXPECT_TRUE(status.has_value());
  EXPECT_EQ(seen, 5);
}

TEST(Program, NeedsAsManyVariablesAsItWasCompiledFor) {
  const std::vector<std::string> names{"a"};
  EXPECT_FALSE(compiled("1", names).evaluate({}, {}, {}).has_value());
}

TEST(Program, KnowsOnlyTheTimeThatItIsGiven) {
  Context context;
  context.now = WallTime(std::chrono::milliseconds(1500));
  EXPECT_EQ(to_json(*compiled("now").evaluate({}, {}, context)), "1.5");
  EXPECT_EQ(to_json(*compiled("now | todate").evaluate({}, {}, context)),
            "\"1970-01-01T00:00:01Z\"");
}

TEST(Program, LeavesItsInputAsItWas) {
  auto input = *parse_json(R"({"a":[3,1,2],"b":{"c":1}})");
  const std::string before = to_json(input);
  for (const char* source : {".a |= sort", ".b.c = 9", "del(.a)", ".a[] |= . + 1", ".a | reverse",
                             "[.a[]] | sort", "reduce .a[] as $x (.; .b.c += $x)", ".a += [1]"})
    EXPECT_TRUE(compiled(source).evaluate(input, {}, {}).has_value()) << source;
  EXPECT_EQ(to_json(input), before);
}

TEST(Program, IsSharedByThreads) {
  const Program program = compiled(
      "reduce range(300) as $i ({}; .[$i % 7 | tostring] += 1) | [to_entries[] | .value] | add");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        auto result = program.evaluate({}, {}, {});
        if (!result || to_json(*result) != "300") ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Program, IsSmall) {
  EXPECT_LT(compiled(".a.b[0].c").memory_bytes(), 1000U);
  EXPECT_LT(compiled("map(select(.x > 5) | {a, b: .c})").memory_bytes(), 4000U);
}

}  // namespace
}  // namespace stepwell::expression
