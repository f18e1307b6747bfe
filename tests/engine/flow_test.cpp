// Data flow, order and the plain task kinds, told by definitions and what comes of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

struct Case {
  const char* name;
  const char* body;
  const char* input;
  const char* output;
};

class Flow : public testing::TestWithParam<Case> {};

TEST_P(Flow, Gives) {
  MachineDriver machine(GetParam().body, GetParam().input);
  ASSERT_EQ(machine.status(), InstanceStatus::completed)
      << (machine.state().problem ? machine.problem().one_line() : "still open");
  EXPECT_EQ(machine.output(), to_json(parse_json(GetParam().output).value()));
}

const Case kCases[] = {
    {"set", "do: [{a: {set: {x: 1, y: '${ .n + 1 }'}}}]", R"({"n":2})", R"({"x":1,"y":3})"},
    {"sequence",
     "do:\n- a: {set: {c: '${ .c + [\"r\"] }'}}\n- b: {set: {c: '${ .c + [\"g\"] }'}}\n", "{}",
     R"({"c":["r","g"]})"},
    {"explicit order",
     "do:\n- a: {set: {c: '${ .c + [1] }'}, then: c}\n- b: {set: {c: '${ .c + [2] }'}, then: end}\n"
     "- c: {set: {c: '${ .c + [3] }'}, then: b}\n",
     "{}", R"({"c":[1,3,2]})"},
    {"nested do",
     "do: [{a: {do: [{b: {set: {x: '${ .x * 2 }'}}}, {c: {set: {x: '${ .x + 1 }'}}}]}}]",
     R"({"x":5})", R"({"x":11})"},
    {"exit ends the scope only",
     "do:\n- a:\n    do:\n    - b: {set: {x: 1}, then: exit}\n    - c: {set: {x: 2}}\n- d: {set: "
     "{y: '${ .x }'}}\n",
     "{}", R"({"y":1})"},
    {"end ends the workflow",
     "do:\n- a:\n    do:\n    - b: {set: {x: 1}, then: end}\n- d: {set: {y: 2}}\n", "{}",
     R"({"x":1})"},
    {"if skips", "do:\n- a: {if: '.go', set: {x: 1}}\n- b: {set: {seen: '${ . }'}}\n",
     R"({"go":false})", R"({"seen":{"go":false}})"},
    {"if runs", "do: [{a: {if: '${ .go }', set: {x: 1}}}]", R"({"go":true})", R"({"x":1})"},
    {"input.from", "do: [{a: {input: {from: .user.id}, set: {id: '${ . }'}}}]",
     R"({"user":{"id":"u"}})", R"({"id":"u"})"},
    {"output.as", "do: [{a: {set: {x: [1,2]}, output: {as: '.x[1]'}}}]", "{}", "2"},
    {"output.as object sees $input",
     "do: [{a: {set: {x: 1}, output: {as: '{ ids: [ $input.n, .x ] }'}}}]", R"({"n":7})",
     R"({"ids":[7,1]})"},
    {"export replaces the context",
     "do:\n- a: {set: {x: 1}, export: {as: '{ kept: $output.x }'}}\n- b: {set: {y: '${ "
     "$context.kept }'}}\n",
     "{}", R"({"y":1})"},
    {"workflow input and output",
     "input: {from: .in}\ndo: [{a: {set: {y: '${ .x }'}}}]\noutput: {as: .y}\n",
     R"({"in":{"x":9}})", "9"},
    {"switch takes the first case that holds",
     "do:\n- s:\n    switch:\n    - one: {when: .n == 1, then: a}\n    - rest: {then: b}\n"
     "- a: {set: {is: one}, then: end}\n- b: {set: {is: rest}}\n",
     R"({"n":1})", R"({"is":"one"})"},
    {"switch default",
     "do:\n- s:\n    switch:\n    - one: {when: .n == 1, then: a}\n    - rest: {then: b}\n"
     "- a: {set: {is: one}, then: end}\n- b: {set: {is: rest}}\n",
     R"({"n":2})", R"({"is":"rest"})"},
    {"switch without a match goes on",
     "do:\n- s: {switch: [{one: {when: .n == 1, then: end}}]}\n- b: {set: {n: '${ .n }', on: "
     "true}}\n",
     R"({"n":2})", R"({"n":2,"on":true})"},
    {"for passes each output on",
     "do:\n- f: {for: {each: x, in: .xs, at: i}, do: [{a: {set: {xs: '${ .xs }', sum: '${ (.sum // "
     "0) + $x * ($i + 1) }'}}}]}\n",
     R"({"xs":[1,2,3]})", R"({"xs":[1,2,3],"sum":14})"},
    {"for over nothing passes its input through",
     "do: [{f: {for: {in: .xs}, do: [{a: {set: {x: 1}}}]}}]", R"({"xs":[]})", R"({"xs":[]})"},
    {"for while",
     "do: [{f: {for: {each: x, in: .xs}, while: $x < 3, do: [{a: {set: {last: '${ $x }'}}}]}}]",
     R"({"xs":[1,2,3,4]})", R"({"last":2})"},
    {"loops nest and shadow",
     "do: [{f: {for: {each: x, in: '[1,2]'}, do: [{g: {for: {each: x, in: '[10,20]'}, do: [{a: "
     "{set: "
     "{s: '${ (.s // []) + [$x] }'}}}]}}]}}]",
     "{}", R"({"s":[10,20,10,20]})"},
    {"no input is an empty object", "do: [{a: {set: {c: '${ .colors }'}}}]", "{}", R"({"c":null})"},
    {"task and workflow describe themselves",
     "do: [{a: {set: {n: '${ $task.name }', r: '${ $task.reference }', w: '${ $workflow.id }', "
     "d: '${ $workflow.definition.document.name }', rt: '${ $runtime.name }'}}}]",
     "{}", R"({"n":"a","r":"/do/0/a","w":"1","d":"flow","rt":"stepwell"})"},
    {"text in data is never evaluated", "do: [{a: {set: {x: '${ .t }'}}}]",
     R"({"t":"${ .secret }"})", R"({"x":"${ .secret }"})"},
};

INSTANTIATE_TEST_SUITE_P(Definitions, Flow, testing::ValuesIn(kCases), [](const auto& instance) {
  std::string name = instance.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST(Machine, TracesTasksInOrder) {
  const MachineDriver machine("do:\n- a: {set: {x: 1}}\n- b: {if: 'false', set: {x: 2}}\n");
  EXPECT_EQ(machine.traces(), (std::vector<std::string>{"started a", "completed a", "skipped b"}));
}

TEST(Machine, TracesTheStartOfATaskWhoseConditionFails) {
  const MachineDriver machine("do: [{a: {if: error(1), set: {x: 1}}}]");
  EXPECT_EQ(machine.traces(), (std::vector<std::string>{"started a", "faulted a"}));
}

TEST(Machine, AStepIsExecutedAndItsResultGoesOn) {
  MachineDriver machine(
      "do:\n- get: {call: http, with: {method: get, endpoint: 'http://h/{id}', query: {q: '${ .id "
      "}'}}}\n"
      "- use: {set: {name: '${ .name }'}}\n",
      R"({"id":"a b"})");
  ASSERT_EQ(machine.status(), InstanceStatus::running);
  const Execute* step = machine.pending("get");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(to_json(step->arguments),
            R"({"uri":"http://h/a%20b","method":"GET","query":{"q":"a b"}})");
  machine.complete("get", R"({"name":"Milou"})");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
  EXPECT_EQ(machine.output(), R"({"name":"Milou"})");
}

TEST(Machine, AStaleResultChangesNothing) {
  MachineDriver machine("do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]");
  machine.send({WallTime{}, StepFinished{StepId{12345U << 24U}, Value(1), {}, 0}});
  EXPECT_EQ(machine.status(), InstanceStatus::running);
  ASSERT_NE(machine.pending("get"), nullptr);
}

TEST(Machine, AnUncaughtProblemFaultsWithItsPlace) {
  MachineDriver machine(
      "do: [{o: {do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]}}]");
  machine.fail_step("get", make_problem(ErrorKind::authentication, "credential-revoked", "gone"));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().where, "/do/0/o/do/0/get");
  EXPECT_EQ(machine.problem().code, "credential-revoked");
  EXPECT_EQ(to_json(machine.problem().extensions), R"({"attempt":1})");
  EXPECT_EQ(machine.traces(),
            (std::vector<std::string>{"started o", "started get", "faulted get", "faulted o"}));
}

TEST(Machine, WaitPassesItsInputThroughAfterTheTime) {
  MachineDriver machine("do: [{w: {wait: {milliseconds: 1500}}}]", R"({"a":1})");
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(Milliseconds(1499));
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(Milliseconds(1));
  EXPECT_EQ(machine.output(), R"({"a":1})");
}

TEST(Machine, StopCancelsWhatIsInFlight) {
  MachineDriver machine(
      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}, timeout: {after: "
      "PT1M}}}]");
  EXPECT_EQ(machine.timers(), 1U);
  machine.send({WallTime{}, StopRequested{}});
  EXPECT_EQ(machine.status(), InstanceStatus::stopped);
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  EXPECT_EQ(machine.timers(), 0U);
  EXPECT_EQ(machine.traces().back(), "cancelled get");
}

TEST(Machine, ATaskTimeoutInterruptsTheStepAndIsRaised) {
  MachineDriver machine(
      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}, timeout: {after: "
      "PT1S}}}]");
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().status, 408);
  EXPECT_EQ(machine.problem().where, "/do/0/get");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
}

TEST(Machine, TheWorkflowTimeoutEndsEverything) {
  MachineDriver machine("do: [{w: {wait: PT1H}}]\ntimeout: {after: PT1S}\n");
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().code, "timeout");
  EXPECT_EQ(machine.timers(), 0U);
}

TEST(Machine, AnEndlessLoopYieldsAndCanBeStopped) {
  Program program(definition("do: [{a: {set: {n: '${ (.n // 0) + 1 }'}, then: a}}]"));
  State state;
  std::vector<Command> commands;
  apply(program, state, {WallTime{}, Started{InstanceId{1}, "t", Value::object()}}, commands);
  ASSERT_TRUE(std::holds_alternative<Yield>(commands.back()));
  apply(program, state, {WallTime{}, StopRequested{}}, commands);
  EXPECT_EQ(state.status, InstanceStatus::stopped);
}

// The rest of an interrupted turn was once taken up again after a timeout had ended its task.
TEST(Machine, ATimeoutBetweenTwoTurnsDropsTheRestOfTheTurn) {
  for (const bool attempt : {false, true}) {
    Program other(definition(
        attempt ? "do: [{t: {try: [{f: {for: {in: '[range(50000)]'}, do: [{a: {set: {x: 1}}}]}}], "
                  "catch: {retry: {delay: PT1H, limit: {attempt: {duration: PT1S}}}}}}]\n"
                : "do: [{o: {try: [{f: {for: {in: '[range(50000)]'}, do: [{a: {set: {x: 1}}}], "
                  "timeout: {after: PT1S}}}], catch: {do: [{w: {wait: PT1H}}]}}}]\n"));
    State state;
    std::vector<Command> commands;
    apply(other, state, {WallTime{}, Started{InstanceId{1}, "t", Value::object()}}, commands);
    ASSERT_TRUE(std::holds_alternative<Yield>(commands.back()));
    TimerId timer;
    for (const Command& command : commands)
      if (const auto* started = std::get_if<StartTimer>(&command)) timer = started->timer;
    ASSERT_NE(timer.number, 0U);
    apply(other, state, {WallTime{}, TimerFired{timer, 0}}, commands);
    EXPECT_EQ(state.status, InstanceStatus::waiting);
    apply(other, state, {WallTime{}, Resumed{}}, commands);
    EXPECT_EQ(state.status, InstanceStatus::waiting);
    EXPECT_EQ(active_tasks(state).size(), 1U);
  }
}

TEST(Machine, AHundredThousandIterationsNeedNoStack) {
  const MachineDriver machine(
      "do: [{f: {for: {each: x, in: '[range(100000)]'}, do: [{a: {set: {n: '${ $x }'}}}]}}]");
  EXPECT_EQ(machine.output(), R"({"n":99999})");
}

TEST(Machine, AValueThatDoublesWithEachRoundIsBounded) {
  const MachineDriver machine(
      "do: [{f: {for: {in: '[range(60)]'}, do: [{a: {set: {l: '${ . }', r: '${ . }'}}}]}}]");
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().code, "expression-budget");
  EXPECT_EQ(machine.problem().where, "/do/0/f/do/0/a");
}

TEST(Machine, AForOverWhatIsNoArrayIsAnExpressionError) {
  const MachineDriver machine("do: [{f: {for: {in: .n}, do: [{a: {set: {x: 1}}}]}}]", R"({"n":3})");
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().code, "for-in-not-array");
  EXPECT_EQ(machine.problem().where, "/do/0/f");
}

TEST(RunWorkflow, GivesTheOthersOutputOrWhereItIsNotAwaitedItsOwnInput) {
  for (const bool await : {true, false}) {
    MachineDriver machine("do: [{child: {input: {from: '${ {mine: .n} }'}, run: {await: " +
                              std::string(await ? "true" : "false") +
                              ", workflow: {namespace: a, name: b, version: latest, input: {n: '${ "
                              ".mine + 1 }'}}}}}]",
                          R"({"n":1})");
    ASSERT_NE(machine.pending("child"), nullptr);
    EXPECT_EQ(to_json(machine.pending("child")->arguments), R"({"n":2})");
    EXPECT_TRUE(machine.pending("child")->repeatable);
    machine.complete("child", await ? R"({"theirs":3})" : "null");
    EXPECT_EQ(machine.output(), await ? R"({"theirs":3})" : R"({"mine":1})");
  }
}

// A time limit that stopped a child, which may have done half of its work, was once followed by a
// second child.
TEST(RunWorkflow, ThatIsCutOffIsNotStartedAgain) {
  for (const bool await : {true, false}) {
    const std::string child = "{child: {run: {await: " + std::string(await ? "true" : "false") +
                              ", workflow: {namespace: a, name: b, version: latest}}";
    for (const std::string& text :
         {"do: [{t: {try: [" + child +
              "}}], catch: {retry: {delay: PT1S, limit: {attempt: {count: 5, duration: PT1S}}}}}}]",
          "do: [{t: {try: [" + child +
              ", timeout: {after: PT1S}}}], catch: {retry: {delay: PT1S}}}}]"}) {
      MachineDriver machine(text);
      machine.advance(Milliseconds(1000));
      EXPECT_EQ(machine.cancelled_steps(), 1U);
      EXPECT_EQ(machine.status(), await ? InstanceStatus::faulted : InstanceStatus::waiting)
          << text;
    }
  }
}

}  // namespace
}  // namespace stepwell::engine::test
