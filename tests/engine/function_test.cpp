// Calls of functions that the definition itself has.
#include <gtest/gtest.h>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

TEST(Function, GetsTheArgumentsAndGivesTheOutput) {
  MachineDriver machine(
      "use: {functions: {twice: {set: {n: '${ .n * 2 }'}, output: {as: .n}}}}\n"
      "do: [{t: {call: twice, with: {n: '${ .a + 1 }'}, output: {as: '{got: .}'}}}]",
      R"({"a":4})");
  EXPECT_EQ(machine.output(), R"({"got":10})");
  EXPECT_EQ(machine.order(), "t twice");
}

TEST(Function, WithoutArgumentsGetsTheInputOfTheCall) {
  MachineDriver machine(
      "use: {functions: {next: {set: '${ . + 1 }'}}}\n"
      "do: [{a: {call: next}}, {b: {call: next, input: {from: '. * 10'}}}]",
      "4");
  EXPECT_EQ(machine.output(), "51");
}

TEST(Function, IsATaskWithAllThatTasksHave) {
  MachineDriver machine(
      "use: {functions: {f: {if: .go, input: {from: .x}, do: [{a: {set: {v: '${ . }'}, then: "
      "exit}}, {b: {set: {v: no}}}], output: {as: '{y: .v}'}, export: {as: '{seen: .y}'}}}}\n"
      "do: [{t: {call: f, with: {go: true, x: 1}}}, {u: {call: f, with: {go: false, x: 2}}}, "
      "{v: {set: {last: '${ . }', context: '${ $context }'}}}]");
  EXPECT_EQ(machine.output(), R"({"last":{"go":false,"x":2},"context":{"seen":1}})");
}

TEST(Function, SeesItselfAsTheTaskAndNoVariablesOfItsCaller) {
  MachineDriver machine(
      "use: {functions: {f: {set: {r: '${ $task.reference }', n: '${ $task.name }', i: '${ "
      "$task.input }'}}}}\n"
      "do: [{l: {for: {each: x, in: '[7]'}, do: [{t: {call: f, with: {x: '${ $x }'}}}]}}]");
  EXPECT_EQ(machine.output(), R"({"r":"/use/functions/f","n":"f","i":{"x":7}})");
}

TEST(Function, CallsOthersWhereverTheyStand) {
  MachineDriver machine(
      "use: {functions: {a: {do: [{b: {call: b}}, {c: {call: c}}]}, b: {call: c}, "
      "c: {set: '${ . + 1 }'}}}\n"
      "do: [{t: {call: a}}, {u: {call: b}}]",
      "0");
  EXPECT_EQ(machine.output(), "3");
}

TEST(Function, FailsAtItsOwnPlaceAndIsCaughtByItsCaller) {
  constexpr const char* kFails =
      "use: {functions: {f: {do: [{r: {raise: {error: {type: 'https://e/', status: 400}}}}]}}}\n";
  MachineDriver machine(std::string(kFails) + "do: [{t: {call: f}}]");
  EXPECT_EQ(machine.problem().where, "/use/functions/f/do/0/r");
  MachineDriver caught(std::string(kFails) +
                       "do: [{t: {try: [{a: {call: f}}], catch: {as: e, do: [{h: {set: {at: '${ "
                       "$e.instance }'}}}]}}}]");
  EXPECT_EQ(caught.output(), R"({"at":"/use/functions/f/do/0/r"})");
}

TEST(Function, HasAnIdempotencyKeyForEachOfItsCalls) {
  MachineDriver machine(
      "use: {functions: {f: {call: http, with: {method: post, endpoint: 'http://h/'}}}}\n"
      "do: [{k: {fork: {branches: [{a: {call: f}}, {b: {call: f}}]}}}]");
  ASSERT_EQ(machine.keys().size(), 2U);
  EXPECT_NE(machine.keys()[0], machine.keys()[1]);
}

TEST(Function, IsReadAndNumberedOnceHoweverManyCallIt) {
  std::string body = "use: {functions: {f: {do: [";
  for (int i = 0; i < 1000; ++i) body += "{s" + std::to_string(i) + ": {set: '${ . }'}},";
  body += "]}}}\ndo: [";
  for (int i = 0; i < 5000; ++i) body += "{t" + std::to_string(i) + ": {call: f}},";
  const auto made = definition(body + "]");
  ASSERT_EQ(made->functions.size(), 1U);
  const Program program(made);
  EXPECT_EQ(program.list(program.root()).size(), 5000U);
  EXPECT_EQ(program.task(program.list(0)[0]).body, program.task(program.list(0)[4999]).body);
}

TEST(Function, ThatEndsEndsTheWorkflow) {
  MachineDriver machine(
      "use: {functions: {f: {set: {a: 1}, then: end}}}\ndo: [{t: {call: f}}, {u: {set: {b: 2}}}]");
  EXPECT_EQ(machine.output(), R"({"a":1})");
}

}  // namespace
}  // namespace stepwell::engine::test
