// Suspending and resuming, and what a replay is told of evaluations that a limit ended.
#include <gtest/gtest.h>

#include "config/schema.h"
#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

using expression::Cuts;
using expression::Limit;

constexpr WallTime kNow{Milliseconds(1'763'733'600'000)};
constexpr WallTime kLater = kNow + Milliseconds(3'600'000);

constexpr std::string_view kTwoCalls =
    "do:\n"
    "- a: {call: http, with: {method: get, endpoint: 'http://h/'}}\n"
    "- b: {call: http, with: {method: get, endpoint: 'http://h/'}}\n";

void suspend(MachineDriver& driver) { driver.send({kNow, SuspendRequested{}}); }
void resume(MachineDriver& driver) { driver.send({kLater, ResumeRequested{}}); }

TEST(Suspension, KeepsAResultUntilItIsResumed) {
  MachineDriver driver(kTwoCalls);
  suspend(driver);
  EXPECT_EQ(driver.status(), InstanceStatus::suspended);
  driver.complete("a", "1");
  EXPECT_EQ(driver.status(), InstanceStatus::suspended);
  EXPECT_EQ(driver.pending("b"), nullptr);
  resume(driver);
  EXPECT_EQ(driver.status(), InstanceStatus::running);
  ASSERT_NE(driver.pending("b"), nullptr);
  EXPECT_EQ(driver.state().updated, kLater);
  driver.complete("b", "2");
  EXPECT_EQ(driver.output(), "2");
}

TEST(Suspension, GivesBackTheStatusThatItFound) {
  for (const auto& [task, status] :
       {std::pair{"{call: http, with: {method: get, endpoint: 'http://h/'}}",
                  InstanceStatus::running},
        {"{wait: PT1H}", InstanceStatus::waiting},
        {"{listen: {to: {one: {with: {type: t}}}}}", InstanceStatus::waiting}}) {
    MachineDriver driver("do: [{a: " + std::string(task) + "}]");
    suspend(driver);
    EXPECT_EQ(driver.status(), InstanceStatus::suspended) << task;
    resume(driver);
    EXPECT_EQ(driver.status(), status) << task;
  }
}

TEST(Suspension, HoldsTimersThatFireMeanwhile) {
  MachineDriver driver("do: [{a: {wait: PT1S}}, {b: {wait: PT1S}}]");
  suspend(driver);
  driver.advance(Milliseconds(5000));
  EXPECT_EQ(driver.order(), "a");
  EXPECT_EQ(driver.timers(), 0U);
  resume(driver);
  EXPECT_EQ(driver.order(), "a b");
  EXPECT_EQ(driver.state().frames[1].started, kLater);  // the second wait begins now
  EXPECT_EQ(driver.timers(), 1U);
}

TEST(Suspension, LetsWhatCameFirstWin) {
  const std::string body =
      "do: [{a: {call: http, with: {method: get, endpoint: 'http://h/'}, timeout: {after: PT1S}}}]";
  MachineDriver result_first(body);
  suspend(result_first);
  result_first.complete("a", "1");
  result_first.advance(Milliseconds(5000));
  resume(result_first);
  EXPECT_EQ(result_first.status(), InstanceStatus::completed);

  MachineDriver timeout_first(body);
  suspend(timeout_first);
  timeout_first.advance(Milliseconds(5000));
  EXPECT_EQ(timeout_first.status(), InstanceStatus::suspended);
  timeout_first.complete("a", "1");
  resume(timeout_first);
  EXPECT_EQ(timeout_first.status(), InstanceStatus::faulted);
  EXPECT_EQ(timeout_first.problem().code, "timeout");
}

TEST(Suspension, HoldsTheWorkflowsTimeout) {
  MachineDriver driver("timeout: {after: PT1S}\ndo: [{a: {wait: PT1H}}]");
  suspend(driver);
  driver.advance(Milliseconds(5000));
  EXPECT_EQ(driver.status(), InstanceStatus::suspended);
  resume(driver);
  EXPECT_EQ(driver.status(), InstanceStatus::faulted);
  EXPECT_EQ(driver.state().ended, kLater);
}

TEST(Suspension, KeepsEvents) {
  MachineDriver driver("do: [{a: {listen: {to: {all: [{with: {type: t}}, {with: {type: u}}]}}}}]");
  suspend(driver);
  EXPECT_TRUE(driver.publish(R"({"id":"1","type":"t","data":1})"));
  EXPECT_TRUE(driver.publish(R"({"id":"2","type":"u","data":2})"));
  EXPECT_EQ(driver.listeners(), 1U);
  resume(driver);
  EXPECT_EQ(driver.output(), "[1,2]");
}

TEST(Suspension, IsNoHindranceForAnEnd) {
  MachineDriver stopped(kTwoCalls);
  suspend(stopped);
  stopped.complete("a", "1");
  stopped.send({kLater, StopRequested{}});
  EXPECT_EQ(stopped.status(), InstanceStatus::stopped);
  EXPECT_TRUE(stopped.state().deferred.empty());

  MachineDriver faulted(kTwoCalls);
  suspend(faulted);
  faulted.send({kLater, JournalFailed{make_problem(ErrorKind::runtime, "journal-failed", "no")}});
  EXPECT_EQ(faulted.status(), InstanceStatus::faulted);
  EXPECT_EQ(faulted.problem().code, "journal-failed");
}

TEST(Suspension, ChangesNothingASecondTime) {
  MachineDriver driver(kTwoCalls);
  resume(driver);
  EXPECT_EQ(driver.state().updated, kNow);
  suspend(driver);
  driver.send({kLater, SuspendRequested{}});
  EXPECT_EQ(driver.state().updated, kNow);
  resume(driver);
  driver.send({kLater + Milliseconds(1), ResumeRequested{}});
  EXPECT_EQ(driver.state().updated, kLater);
  EXPECT_EQ(driver.status(), InstanceStatus::running);
}

// Drives the state machine bare: what a Yield asks for comes when the test says so.
struct Bare {
  explicit Bare(std::string_view body, const expression::Budget& budget = {})
      : program(definition(body), budget) {}

  std::size_t count(Event event, Cuts* cuts = nullptr) {
    commands.clear();
    engine::apply(program, state, std::move(event), commands, cuts);
    return commands.size();
  }
  bool yields(Event event) {
    count(std::move(event));
    return std::any_of(commands.begin(), commands.end(), [](const Command& command) {
      return std::holds_alternative<Yield>(command);
    });
  }
  StepId step(std::size_t number) const {
    std::vector<StepId> steps;
    for (const Frame& frame : state.frames)
      if (frame.phase == Frame::Phase::executing) steps.push_back(frame.step);
    return steps.at(number);
  }
  void go_on() {
    while (yields({kNow, Resumed{}})) {
    }
  }
  std::string started() const {
    std::string names;
    for (const Command& command : commands)
      if (const auto* trace = std::get_if<Trace>(&command))
        if (trace->kind == Trace::Kind::started)
          names += program.task(trace->task).task->name + " ";
    return names;
  }

  Program program;
  State state;
  std::vector<Command> commands;
};

Event start() {
  return {kNow, Started{InstanceId{1}, "0123456789abcdef0123456789abcdef", Value::object()}};
}
Event finished(StepId step, Value result = 1) {
  return {kNow, StepFinished{step, std::move(result), {}, 0}};
}

TEST(Suspension, HoldsALoopThatGoesOnByItself) {
  Bare machine("do: [{a: {for: {in: '${ [range(9000)] }'}, do: [{b: {set: '${ 1 }'}}]}}]");
  ASSERT_TRUE(machine.yields(start()));
  EXPECT_EQ(machine.state.status, InstanceStatus::running);
  machine.count({kNow, SuspendRequested{}});
  EXPECT_EQ(machine.count({kNow, Resumed{}}), 0U);
  EXPECT_EQ(machine.state.status, InstanceStatus::suspended);
  EXPECT_TRUE(machine.yields({kLater, ResumeRequested{}}));
  machine.go_on();
  EXPECT_EQ(machine.state.status, InstanceStatus::completed);
  EXPECT_EQ(machine.state.ended,
            kLater);  // not when it was told to go on, but what it follows from
}

TEST(Suspension, KeepsTheOrderWhereTheRestTakesSeveralTurns) {
  Bare machine(
      "do:\n"
      "- f:\n"
      "    fork:\n"
      "      branches:\n"
      "      - a:\n"
      "          do:\n"
      "          - a1: {call: http, with: {method: get, endpoint: 'http://h/'}}\n"
      "          - a2: {for: {in: '${ [range(9000)] }'}, do: [{b: {set: '${ 1 }'}}]}\n"
      "      - c: {do: [{c1: {call: http, with: {method: get, endpoint: 'http://h/'}}},\n"
      "                 {c2: {set: '${ 2 }'}}]}\n"
      "      - d: {do: [{d1: {call: http, with: {method: get, endpoint: 'http://h/'}}},\n"
      "                 {d2: {set: '${ 3 }'}}]}\n");
  machine.count(start());
  const StepId a = machine.step(0);
  const StepId c = machine.step(1);
  const StepId d = machine.step(2);
  machine.count({kNow, SuspendRequested{}});
  machine.count(finished(a));
  machine.count(finished(c));
  ASSERT_EQ(machine.state.deferred.size(), 2U);
  EXPECT_TRUE(machine.yields({kLater, ResumeRequested{}}));
  EXPECT_EQ(machine.started().find("c2"), std::string::npos);
  EXPECT_EQ(machine.count(finished(d)), 0U);  // behind what was there before
  EXPECT_EQ(machine.state.deferred.size(), 2U);
  std::string order;
  while (machine.yields({kNow, Resumed{}})) order += machine.started();
  order += machine.started();
  EXPECT_TRUE(machine.state.deferred.empty());
  EXPECT_NE(order.find("c2 d2"), std::string::npos);
  EXPECT_EQ(machine.state.status, InstanceStatus::completed);
  EXPECT_EQ(machine.state.output.at(2), Value(3));
}

TEST(Suspension, OfOneThatHasNotStartedKeepsTheStart) {
  Bare machine(kTwoCalls);
  machine.count({kNow, SuspendRequested{}});
  EXPECT_EQ(machine.count(start()), 0U);
  EXPECT_EQ(machine.state.status, InstanceStatus::suspended);
  machine.count({kLater, ResumeRequested{}});
  EXPECT_EQ(machine.state.status, InstanceStatus::running);
  EXPECT_EQ(machine.state.started, kLater);
}

// --- evaluations that a limit ended ---

struct CutCase {
  std::string_view name;
  std::string_view body;
  expression::Budget budget;
  Limit limit;
};

const expression::Budget kNoTime{std::chrono::milliseconds(0), 1 << 26, 1'000'000, 10'000};
const expression::Budget kNoMemory{std::chrono::milliseconds(60'000), 5000, 1'000'000, 10'000};
const expression::Budget kFlat{std::chrono::milliseconds(60'000), 1 << 26, 1'000'000, 3};

std::vector<CutCase> cut_cases() {
  return {{"time", "do: [{a: {set: '${ [range(100000)] | length }'}}]", kNoTime, Limit::cpu},
          {"memory", "do: [{a: {set: '${ [range(10000)] | length }'}}]", kNoMemory, Limit::memory},
          {"a value's size",
           "do: [{a: {set: '${ \"x\" * 4000 }'}}, {b: {set: {c: '${ . }', "
           "d: '${ . }'}}}]",
           kNoMemory, Limit::memory},
          {"depth", "do: [{a: {set: '${ [[[[[[1]]]]]] | tojson | fromjson? // [[[[[.]]]]] }'}}]",
           kFlat, Limit::depth}};
}

TEST(Cuts, NameTheEvaluationAndItsLimit) {
  for (const CutCase& each : cut_cases()) {
    Bare live(each.body, each.budget);
    Cuts cuts;
    live.count(start(), &cuts);
    ASSERT_EQ(live.state.status, InstanceStatus::faulted) << each.name;
    EXPECT_EQ(live.state.problem->code, "expression-budget") << each.name;
    ASSERT_EQ(cuts.ended.size(), 1U) << each.name;
    EXPECT_EQ(cuts.ended[0], (cuts.count - 1) * 4 + static_cast<std::uint32_t>(each.limit))
        << each.name;

    Bare again(each.body, each.budget);
    Cuts known = Cuts::replay(cuts.ended);
    again.count(start(), &known);
    EXPECT_EQ(known.count, cuts.count) << each.name;
    EXPECT_EQ(known.ended, cuts.ended) << each.name;
    ASSERT_EQ(again.state.status, InstanceStatus::faulted) << each.name;
    EXPECT_EQ(again.state.problem->to_value(), live.state.problem->to_value()) << each.name;
  }
}

TEST(Cuts, EndWhatWouldSucceedToday) {
  Bare again("do: [{a: {set: {n: '${ 1 }', m: '${ 2 }'}}}]");
  Cuts known = Cuts::replay({1 * 4});
  again.count(start(), &known);
  ASSERT_EQ(again.state.status, InstanceStatus::faulted);
  EXPECT_EQ(again.state.problem->code, "expression-budget");
}

TEST(Cuts, LeaveAReplayWithoutLimitsOfItsOwn) {
  for (const CutCase& each : cut_cases()) {
    if (each.limit == Limit::depth) continue;  // follows from the values alone
    Bare again(each.body, each.budget);
    Cuts known = Cuts::replay({});
    again.count(start(), &known);
    EXPECT_EQ(again.state.status, InstanceStatus::completed) << each.name;
  }
}

TEST(Cuts, CountOnOverSeveralEvents) {
  constexpr std::string_view kBody =
      "do: [{a: {set: '${ 1 }'}}, {b: {wait: PT1S}}, {c: {set: '${ [range(100000)] | length }'}}]";
  Bare live(kBody, kNoTime);
  Cuts cuts;
  live.count(start(), &cuts);
  EXPECT_EQ(cuts.ended.size(), 0U);
  const std::uint32_t before = cuts.count;
  EXPECT_GT(before, 0U);
  const Event fired{kNow, TimerFired{live.state.frames[1].timer, 0}};
  live.count(fired, &cuts);
  ASSERT_EQ(cuts.ended.size(), 1U);
  EXPECT_GE(cuts.ended[0] / 4, before);

  Bare again(kBody, kNoTime);
  Cuts known = Cuts::replay(cuts.ended);
  again.count(start(), &known);
  again.count(fired, &known);
  EXPECT_EQ(again.state.status, InstanceStatus::faulted);
}

TEST(Cuts, CoverThePatternsOfSchemas) {
  std::vector<config::SchemaFault> faults;
  const auto schema =
      config::Schema::compile(parse_json(R"json({"pattern":"^(a+)+$"})json").value(), faults);
  ASSERT_NE(schema, nullptr);
  const Value data(std::string(40, 'a') + "!");
  const std::chrono::milliseconds soon(1);
  Cuts cuts;
  const Status live = schema->validate(data, "it", soon, &cuts);
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().code, "schema-budget");
  EXPECT_EQ(cuts.ended, std::vector<std::uint32_t>{0});
  Cuts known = Cuts::replay(cuts.ended);
  const Status again = schema->validate(Value("a"), "it", soon, &known);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().to_value(), live.error().to_value());
  EXPECT_TRUE(schema->validate(Value("a"), "it", soon, &known));
}

}  // namespace
}  // namespace stepwell::engine::test
