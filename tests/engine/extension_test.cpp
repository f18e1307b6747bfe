// What runs before and after tasks.
#include <gtest/gtest.h>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

// `use.extensions` with these items, and these tasks.
std::string extended(const std::string& extensions, const std::string& tasks) {
  return "use: {extensions: [" + extensions + "]}\ndo: [" + tasks + "]";
}

const char* const kAround =
    "{x: {extend: set, before: [{b: {wait: PT1S}}], after: [{a: {wait: PT1S}}]}}";

TEST(Extension, RunsBeforeAndAfterTheTasksOfItsKind) {
  MachineDriver machine(
      extended(kAround, "{s: {set: {n: 1}}}, {w: {wait: PT1S}}, {d: {do: [{t: {set: {n: 2}}}]}}"));
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.output(), R"({"n":2})");
  EXPECT_EQ(machine.order(), "s b a w d t b a");
}

TEST(Extension, SeesTheTasksInputAndOutputAndLeavesThemAlone) {
  MachineDriver machine(
      extended("{x: {extend: set, before: [{b: {do: [{b1: {set: '${ {was: .} }'}}], export: {as: "
               "'$context "
               "+ {before: .}'}}}], after: [{a: {do: [{a1: {set: '${ {is: .} }'}}], export: {as: "
               "'$context "
               "+ {after: .}'}}}]}}",
               "{s: {set: '${ . + 1 }', input: {from: '. * 10'}, output: {as: '. + 0.5'}}}, "
               "{c: {do: [{e: {wait: PT1S}}], output: {as: '[., $context]'}}}"),
      "4");
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.output(), R"([41.5,{"before":{"was":40},"after":{"is":41.5}}])");
}

TEST(Extension, ToldOfTheTaskThatItExtends) {
  MachineDriver machine(
      extended("{x: {extend: set, when: $task.name == \"s\", before: [{b: {do: [{w: {wait: "
               "PT1S}}], export: "
               "{as: '{before: [$task.name, $task.reference, $task.input, $task.output]}'}}}], "
               "after: [{a: "
               "{wait: PT1S, export: {as: '$context + {after: [$task.name, $task.output]}'}}}]}}",
               "{s: {set: {n: 1}}}, {t: {set: '${ [$task.name, $context] }'}}"),
      "4");
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.output(), R"(["t",{"before":["s","/do/0/s",4,null],"after":["s",{"n":1}]}])");
}

TEST(Extension, OfSeveralTheFirstIsOutermost) {
  const auto around = [](const std::string& name) {
    return "{" + name + ": {extend: all, before: [{" + name + "1: {wait: PT1S}}], after: [{" +
           name + "2: {wait: PT1S}}]}}";
  };
  MachineDriver machine(extended(around("x") + "," + around("y"), "{s: {set: {n: 1}}}"));
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.order(), "s x1 y1 y2 x2");
}

TEST(Extension, AppliesWhereItsConditionHoldsBeforeTheTask) {
  MachineDriver machine(extended("{x: {extend: set, when: .n > 1, before: [{b: {wait: PT1S}}], "
                                 "after: [{a: {wait: PT1S}}]}}",
                                 "{s: {set: {n: 2}}}, {t: {set: {n: 1}}}, {u: {set: {n: 3}}}"),
                        R"({"n":0})");
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.order(), "s t b a u");
}

TEST(Extension, ThatExitsStandsForTheTask) {
  MachineDriver machine(extended(
      "{log: {extend: call, before: [{l1: {wait: PT1S}}], after: [{l2: {wait: PT1S}}]}},"
      "{mock: {extend: call, before: [{m: {set: {content: {a: 1}}, then: exit}}, {never: {wait: "
      "PT1S}}], after: [{m2: {wait: PT1S}}]}},"
      "{inner: {extend: call, before: [{i: {wait: PT1S}}]}}",
      "{c: {call: http, with: {method: get, endpoint: 'http://h/'}, output: {as: .content}, then: "
      "last}}, {skipped: {set: {n: 0}}}, {last: {do: [{w: {wait: PT1S}}]}}"));
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.output(), R"({"a":1})");
  EXPECT_EQ(machine.order(), "c l1 m l2 last w");
  EXPECT_TRUE(machine.keys().empty()) << "no request was made";
}

TEST(Extension, ThatExitsWithinATaskOfItsOwnGoesOn) {
  MachineDriver machine(extended(
      "{x: {extend: set, before: [{d: {do: [{e: {wait: PT1S, then: exit}}, {f: {wait: PT1S}}]}}]}}",
      "{s: {set: {n: 1}}}"));
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.output(), R"({"n":1})");
}

TEST(Extension, RunsNotForATaskThatIsSkipped) {
  MachineDriver machine(extended(kAround, "{s: {if: 'false', set: {n: 1}}}"), "5");
  EXPECT_EQ(machine.output(), "5");
  EXPECT_EQ(machine.order(), "");
}

TEST(Extension, IsNotExtendedItselfNorIsWhatItCalls) {
  MachineDriver machine(
      "use: {functions: {f: {do: [{w: {wait: PT1S}}]}}, extensions: [{x: {extend: all, before: "
      "[{b: "
      "{call: f}}]}}]}\ndo: [{s: {set: {n: 1}}}, {t: {call: f}}]");
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.order(), "s b f w t b f w f b f w w b f w");
}

TEST(Extension, ThatFailsFailsTheTaskButNotInsideOfIt) {
  constexpr const char* kFails =
      "{x: {extend: try, before: [{r: {raise: {error: {type: 'https://e/', status: 400}}}}]}}";
  MachineDriver machine(extended(
      kFails, "{t: {try: [{a: {set: {n: 0}}}], catch: {do: [{h: {set: {caught: inside}}}]}}}"));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().where, "/use/extensions/0/x/before/0/r");
  MachineDriver outer(
      extended("{x: {extend: set, when: $task.name == \"s\", after: [{r: {raise: {error: {type: "
               "'https://e/', status: 400}}}}]}}",
               "{t: {try: [{s: {set: {n: 1}}}], catch: {do: [{h: {set: {caught: outside}}}]}}}"));
  EXPECT_EQ(outer.output(), R"({"caught":"outside"})") << outer.problem().detail;
}

TEST(Extension, IsOnceAroundATryAndNotAroundEachAttempt) {
  MachineDriver machine(extended(
      "{x: {extend: try, before: [{b: {wait: PT1S}}], after: [{a: {wait: PT1S}}]}}",
      "{t: {try: [{c: {call: http, with: {method: get, endpoint: 'http://h/'}}}], catch: {retry: "
      "{delay: PT1S, limit: {attempt: {count: 3}}}}}}"));
  machine.advance(Milliseconds(1000));
  Problem problem = make_problem(ErrorKind::communication, "connect-failed", "no");
  problem.retryable = true;
  machine.fail_step("c", problem);
  machine.advance(Milliseconds(1000));
  ASSERT_EQ(machine.keys().size(), 2U);
  EXPECT_EQ(machine.keys()[0], machine.keys()[1]) << "the same request, once more";
  machine.complete("c", "1");
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.output(), "1");
  EXPECT_EQ(machine.order(), "t b c c a");
}

TEST(Extension, CountsTowardsTheTimeoutOfItsTask) {
  MachineDriver machine(extended(
      "{x: {extend: set, before: [{b: {wait: PT1M}}]}}",
      "{t: {try: [{s: {set: {n: 0}, timeout: {after: PT1S}}}], catch: {errors: {with: {status: "
      "408}}, do: [{h: {wait: PT1S, output: {as: '\"late\"'}}}]}}}"));
  machine.advance(Milliseconds(2000));
  EXPECT_EQ(machine.output(), R"("late")");
  EXPECT_EQ(machine.timers(), 0U);
}

TEST(Extension, RunsAroundEachRoundOfALoopAndEachBranchOfAFork) {
  MachineDriver machine(
      extended("{x: {extend: set, before: [{b: {wait: PT1S}}], after: [{a: {wait: PT1S}}]}},"
               "{y: {extend: composite, before: [{c: {wait: PT1S}}]}}",
               "{l: {for: {in: '[1, 2]'}, do: [{s: {set: '${ . + $item }'}}]}}, {f: {fork: "
               "{branches: [{p: {set: '${ . + 1 }'}}, {q: {set: '${ . + 2 }'}}]}}}"),
      "0");
  machine.advance(Milliseconds(60'000));
  EXPECT_EQ(machine.output(), "[4,5]");
  EXPECT_EQ(machine.order(), "l s b a s b a f c p b q b a a");
}

TEST(Extension, OfASwitchLeavesItsWayAlone) {
  MachineDriver machine(
      extended("{x: {extend: switch, after: [{a: {wait: PT1S}}]}}",
               "{w: {switch: [{one: {when: 'true', then: t}}]}}, {s: {set: {n: 1}}}, {t: {set: {n: "
               "2}, input: {from: .}}}"));
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.order(), "w a t");
}

TEST(Extension, ThatEndsEndsTheWorkflow) {
  MachineDriver machine(
      extended("{x: {extend: set, before: [{b: {do: [{c: {wait: PT1S, then: end}}]}}]}}",
               "{s: {set: {n: 1}}}"),
      "7");
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.output(), "7");
}

// What an extension of the `try` itself interrupted is no part of what the `try` repeats.
TEST(Extension, ThatInterruptedARequestLeavesTheBlockRepeatable) {
  MachineDriver machine(extended(
      "{x: {extend: try, before: [{race: {fork: {compete: true, branches: [{a: {call: http, with: "
      "{method: post, endpoint: 'http://h/a'}}}, {b: {call: http, with: {method: get, endpoint: "
      "'http://h/b'}}}]}}}]}}",
      "{t: {try: [{p: {call: http, with: {method: get, endpoint: 'http://h/'}}}], catch: {retry: "
      "{delay: PT1S}}}}"));
  machine.complete("b", "1");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  Problem gone = make_problem(ErrorKind::communication, "connect", "nobody there");
  gone.retryable = true;
  machine.fail_step("p", gone);
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(Milliseconds(1000));
  machine.complete("p", "2");
  EXPECT_EQ(machine.output(), "2");
}

}  // namespace
}  // namespace stepwell::engine::test
