// Branches that run beside each other.
#include <gtest/gtest.h>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

constexpr const char* kThreeCalls =
    "do: [{f: {fork: {branches: [{a: {call: http, with: {method: get, endpoint: 'http://h/a'}}}, "
    "{b: {call: http, with: {method: get, endpoint: 'http://h/b'}}}, "
    "{c: {call: http, with: {method: get, endpoint: 'http://h/c'}}}]}}}]";

constexpr const char* kRace =
    "do: [{f: {fork: {compete: true, branches: [{a: {call: http, with: {method: get, endpoint: "
    "'http://h/a'}}}, {b: {do: [{b1: {call: http, with: {method: get, endpoint: "
    "'http://h/b'}}}]}}, "
    "{c: {wait: PT1M}}]}}}]";

Problem failure(const char* detail) {
  Problem problem = make_problem(ErrorKind::communication, "connect-failed", detail);
  problem.retryable = true;
  return problem;
}

TEST(Fork, GivesTheOutputsInTheOrderOfDeclaration) {
  MachineDriver machine(kThreeCalls);
  ASSERT_NE(machine.pending("a"), nullptr);
  ASSERT_NE(machine.pending("b"), nullptr);
  ASSERT_NE(machine.pending("c"), nullptr);
  machine.complete("c", "3");
  machine.complete("a", "1");
  EXPECT_EQ(machine.status(), InstanceStatus::running);
  machine.complete("b", "2");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
  EXPECT_EQ(machine.output(), "[1,2,3]");
}

TEST(Fork, GivesEachBranchTheSameInputAndVariables) {
  MachineDriver machine(
      "do: [{l: {for: {each: x, in: '[7]'}, do: [{f: {fork: {branches: [{a: {set: {n: '${ .n + $x "
      "}'}}}, {b: {if: .n > 1, set: {n: 0}}}, {c: {do: [{c1: {set: {n: '${ .n * 2 }'}}}, {c2: "
      "{set: {n: '${ .n + 1 }'}}}]}}]}}}]}}]",
      R"({"n":1})");
  EXPECT_EQ(machine.output(), R"([{"n":8},{"n":1},{"n":3}])");
}

TEST(Fork, WithoutBranchesGivesAnEmptyArray) {
  EXPECT_EQ(MachineDriver("do: [{f: {fork: {branches: []}}}]").output(), "[]");
}

TEST(Fork, EndsTheOthersWhereABranchFails) {
  MachineDriver machine(kThreeCalls);
  machine.complete("a", "1");
  machine.fail_step("b", failure("no route"));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().where, "/do/0/f/fork/branches/1/b");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  EXPECT_EQ(machine.traces(),
            (std::vector<std::string>{"started f", "started a", "started b", "started c",
                                      "completed a", "faulted b", "cancelled c", "faulted f"}));
}

TEST(Fork, IsCaughtAndRetriedAsAWhole) {
  MachineDriver machine(
      "do: [{t: {try: [{f: {fork: {branches: [{a: {call: http, with: {method: get, endpoint: "
      "'http://h/a'}}}, {b: {wait: PT1H}}]}}}], catch: {retry: {delay: PT1S, limit: {attempt: "
      "{count: 2}}}, do: [{h: {set: {gave: up}}}]}}}]");
  const std::string first = machine.pending("a")->idempotency_key;
  machine.fail_step("a", failure("no"));
  EXPECT_EQ(machine.timers(), 1U) << "the other branch's timer is gone, the delay's is there";
  machine.advance(Milliseconds(1000));
  ASSERT_NE(machine.pending("a"), nullptr);
  EXPECT_EQ(machine.pending("a")->idempotency_key, first);
  machine.fail_step("a", failure("no"));
  EXPECT_EQ(machine.output(), R"({"gave":"up"})");
  EXPECT_EQ(machine.timers(), 0U);
}

TEST(Fork, ThatCompetesTakesTheFirstAndCancelsTheOthersAtOnce) {
  MachineDriver machine(kRace);
  machine.complete("b1", R"({"from":"b"})");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
  EXPECT_EQ(machine.output(), R"({"from":"b"})");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  EXPECT_EQ(machine.timers(), 0U);
}

TEST(Fork, ThatCompetesNeedsOneToSucceed) {
  MachineDriver machine(kRace);
  machine.fail_step("a", failure("a is down"));
  EXPECT_EQ(machine.status(), InstanceStatus::running);
  machine.fail_step("b1", failure("b is down"));
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(std::chrono::minutes(1));
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
  EXPECT_EQ(machine.output(), "{}");
}

TEST(Fork, ThatCompetesFailsWithTheLast) {
  MachineDriver machine(
      "do: [{f: {fork: {compete: true, branches: [{a: {call: http, with: {method: get, endpoint: "
      "'http://h/a'}}}, {b: {call: http, with: {method: get, endpoint: 'http://h/b'}}}]}}}]");
  machine.fail_step("b", failure("b is down"));
  machine.fail_step("a", failure("a is down"));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().detail, "a is down");
}

TEST(Fork, ThatCompetesNeverStartsWhatHasLostAlready) {
  MachineDriver machine(
      "do: [{f: {fork: {compete: true, branches: [{a: {set: {x: 1}}}, {b: {set: {x: 2}}}]}}}]");
  EXPECT_EQ(machine.output(), R"({"x":1})");
  EXPECT_EQ(machine.order(), "f a");
}

TEST(Fork, ThatCompetesIsNotWonByABranchThatIsSkipped) {
  MachineDriver machine(
      "do: [{f: {fork: {compete: true, branches: [{a: {if: .no, set: {x: 1}}}, {b: {call: http, "
      "with: {method: get, endpoint: 'http://h/b'}}}]}}}]");
  ASSERT_NE(machine.pending("b"), nullptr);
  machine.complete("b", "2");
  EXPECT_EQ(machine.output(), "2");
  EXPECT_EQ(MachineDriver("do: [{f: {fork: {compete: true, branches: [{a: {if: .no, set: {x: 1}}}, "
                          "{b: {if: .no, set: {x: 2}}}]}}}]",
                          R"({"n":1})")
                .output(),
            R"({"n":1})");
}

// Nobody knows what became of the other branch's POST.
TEST(Fork, IsNotRepeatedOverAnothersUnknownOutcome) {
  MachineDriver machine(
      "do: [{t: {try: [{f: {fork: {branches: [{a: {call: http, with: {method: get, endpoint: "
      "'http://h/a'}}}, {b: {call: http, with: {method: post, endpoint: 'http://h/b'}}}]}}}], "
      "catch: "
      "{retry: {delay: PT1S, limit: {attempt: {count: 3}}}, do: [{h: {set: {gave: up}}}]}}}]");
  machine.fail_step("a", failure("no"));
  EXPECT_EQ(machine.output(), R"({"gave":"up"})");
  EXPECT_EQ(machine.keys().size(), 2U);
}

// Wherever a pause for others falls, each output stands in its branch's place.
TEST(Fork, KeepsItsOrderOverPauses) {
  MachineDriver machine(
      "do: [{l: {for: {each: x, in: '[range(9000)]'}, do: [{f: {fork: {branches: [{a: {set: {v: "
      "a}}}, "
      "{b: {set: {v: b}}}]}}}, {c: {set: {bad: '${ (.bad // 0) + (if [.[].v?] == [\"a\", \"b\"] "
      "then 0 "
      "else 1 end) }'}, input: {from: '{bad: 0} + {\"0\": .[0], \"1\": .[1]}'}, output: {as: "
      "'if .bad > 0 then error(\"swapped\") else {} end'}}}]}}]");
  EXPECT_EQ(machine.status(), InstanceStatus::completed)
      << (machine.state().problem ? machine.problem().one_line() : "");
}

TEST(Fork, EndsTheWorkflowWhereABranchSaysSo) {
  MachineDriver machine(
      "do: [{o: {do: [{f: {fork: {branches: [{a: {call: http, with: {method: get, endpoint: "
      "'http://h/a'}}}, {b: {call: http, with: {method: get, endpoint: 'http://h/b'}, then: "
      "end}}]}}}, {never: {set: {x: 1}}}]}}]");
  machine.complete("b", "2");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
  EXPECT_EQ(machine.output(), "2");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
}

TEST(Fork, EndsWithItsTimeout) {
  MachineDriver machine(
      "do: [{f: {timeout: {after: PT1S}, fork: {branches: [{a: {call: http, with: {method: get, "
      "endpoint: 'http://h/a'}}}, {b: {wait: PT1H}}]}}}]");
  machine.advance(std::chrono::seconds(1));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().code, "timeout");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
}

// A branch that computes for long gives the others their turns.
TEST(Fork, DoesNotLetOneBranchStarveAnother) {
  MachineDriver machine(
      "do: [{f: {fork: {branches: [{long: {for: {in: '[range(30000)]'}, do: [{n: {set: {x: "
      "1}}}]}}, "
      "{b: {call: http, with: {method: get, endpoint: 'http://h/b'}}}]}}}]");
  ASSERT_NE(machine.pending("b"), nullptr);
  machine.complete("b", "2");
  EXPECT_EQ(machine.output(), R"([{"x":1},2])");
}

TEST(Fork, NestsAndKeepsEachStepsKey) {
  MachineDriver machine(
      "do: [{f: {fork: {branches: [{a: {fork: {branches: [{x: {call: http, with: {method: post, "
      "endpoint: 'http://h/x'}}}, {y: {call: http, with: {method: post, endpoint: "
      "'http://h/y'}}}]}}}, {z: {call: http, with: {method: post, endpoint: 'http://h/z'}}}]}}}]");
  const auto& keys = machine.keys();
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_NE(keys[1], keys[2]);
  machine.complete("z", "3");
  machine.complete("y", "2");
  machine.complete("x", "1");
  EXPECT_EQ(machine.output(), "[[1,2],3]");
}

// The loser's request may have been executed when it was cancelled.
TEST(Fork, ThatCompetedWithAPostIsNotRunAgainByALaterRetry) {
  MachineDriver machine(
      "do: [{t: {try: [{f: {fork: {compete: true, branches: [{a: {call: http, with: {method: post, "
      "endpoint: 'http://h/a'}}}, {b: {call: http, with: {method: get, endpoint: "
      "'http://h/b'}}}]}}}"
      ", {c: {call: http, with: {method: get, endpoint: 'http://h/c'}}}], catch: {retry: {delay: "
      "PT1S}, do: [{h: {set: {gave: up}}}]}}}]");
  machine.complete("b", "1");
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  machine.fail_step("c", failure("no route"));
  EXPECT_EQ(machine.output(), R"({"gave":"up"})");
}

// Nor where the loser failed before that, and nobody knows whether it was executed.
TEST(Fork, ThatGotOverAnUnknownOutcomeIsNotRunAgainByALaterRetry) {
  MachineDriver machine(
      "do: [{t: {try: [{f: {fork: {compete: true, branches: [{a: {call: http, with: {method: post, "
      "endpoint: 'http://h/a'}}}, {b: {call: http, with: {method: get, endpoint: "
      "'http://h/b'}}}]}}}"
      ", {c: {call: http, with: {method: get, endpoint: 'http://h/c'}}}], catch: {retry: {delay: "
      "PT1S}, do: [{h: {set: {gave: up}}}]}}}]");
  machine.fail_step("a", make_problem(ErrorKind::communication, "outcome-unknown", "who knows"));
  machine.complete("b", "1");
  machine.fail_step("c", failure("no route"));
  EXPECT_EQ(machine.output(), R"({"gave":"up"})");
}

}  // namespace
}  // namespace stepwell::engine::test
