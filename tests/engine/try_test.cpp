// What `try` makes of errors: filters, retries, handlers.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

Problem unavailable(int status = 503) {
  Problem problem = make_problem(ErrorKind::communication, "http-status", "try later");
  problem.status = status;
  problem.retryable = true;
  return problem;
}

std::string call_in_try(const std::string& rest) {
  return "do:\n- t:\n    try:\n    - get: {call: http, with: {method: get, endpoint: "
         "'http://h/'}}\n"
         "    catch:\n" +
         rest;
}

TEST(Try, TheHandlerRunsOnTheTrysInputAndSeesTheError) {
  MachineDriver machine(
      call_in_try("      as: err\n      do: [{h: {set: {in: '${ . }', e: '${ $err.status }', "
                  "at: '${ $err.instance }'}}}]\n"),
      R"({"x":1})");
  machine.fail_step("get", unavailable(404));
  EXPECT_EQ(machine.output(), R"({"in":{"x":1},"e":404,"at":"/do/0/t/try/0/get"})");
}

TEST(Try, TheFilterComparesEveryMemberThatIsGiven) {
  const std::string base = "https://open-workflow-specification.org/dsl/errors/types/";
  const std::vector<std::pair<std::string, bool>> table{
      {"{type: '" + base + "communication'}", true},
      {"{type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication', status: 503}",
       true},
      {"{type: '" + base + "timeout'}", false},
      {"{status: 503}", true},
      {"{status: 404}", false},
      {"{instance: /do/0/t/try/0/get}", true}};
  for (const auto& [with, caught] : table) {
    MachineDriver machine(
        call_in_try("      errors: {with: " + with + "}\n      do: [{h: {set: {ok: true}}}]\n"));
    machine.fail_step("get", unavailable());
    EXPECT_EQ(machine.status(), caught ? InstanceStatus::completed : InstanceStatus::faulted)
        << with;
  }
}

TEST(Try, WhenAndExceptWhenDecideAfterTheFilter) {
  const std::vector<std::pair<std::string, bool>> table{
      {"when: $error.status == 503", true},
      {"when: $error.status == 500", false},
      {"exceptWhen: $error.status == 503", false},
      {"exceptWhen: '${ $error.status == 500 }'", true}};
  for (const auto& [line, caught] : table) {
    MachineDriver machine(call_in_try("      " + line + "\n      do: [{h: {set: {ok: true}}}]\n"));
    machine.fail_step("get", unavailable());
    EXPECT_EQ(machine.status(), caught ? InstanceStatus::completed : InstanceStatus::faulted)
        << line;
  }
}

TEST(Try, RetriesFirstAndHandlesWhenThePolicyIsUsedUp) {
  MachineDriver machine(call_in_try(
      "      retry: {delay: PT1S, backoff: {exponential: {}}, limit: {attempt: {count: 3}}}\n"
      "      do: [{h: {set: {attempts: '${ $error.attempt }'}}}]\n"));
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.pending("get"), nullptr);
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(Milliseconds(1000));
  machine.fail_step("get", unavailable());
  machine.advance(Milliseconds(1999));
  EXPECT_EQ(machine.pending("get"), nullptr);
  machine.advance(Milliseconds(1));
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.output(), R"({"attempts":3})");
  EXPECT_EQ(std::count(machine.traces().begin(), machine.traces().end(), "retried t"), 2);
}

TEST(Try, ARepeatedStepKeepsItsIdempotencyKey) {
  MachineDriver machine(call_in_try("      retry: {delay: PT1S, limit: {attempt: {count: 5}}}\n"));
  machine.fail_step("get", unavailable());
  machine.advance(Milliseconds(1000));
  ASSERT_EQ(machine.keys().size(), 2U);
  EXPECT_EQ(machine.keys()[0], machine.keys()[1]);
}

TEST(Try, StepsOfDifferentIterationsHaveDifferentIdempotencyKeys) {
  MachineDriver machine(
      "do: [{f: {for: {in: '[1,2]'}, do: [{get: {call: http, with: {method: post, endpoint: "
      "'http://h/'}}}]}}]");
  machine.complete("get", "1");
  ASSERT_EQ(machine.keys().size(), 2U);
  EXPECT_NE(machine.keys()[0], machine.keys()[1]);
}

TEST(Try, WhatIsNotRetryableIsNeverRetried) {
  MachineDriver machine(
      call_in_try("      retry: {delay: PT1S, limit: {attempt: {count: 5}}}\n"
                  "      do: [{h: {set: {reason: '${ $error.reason }'}}}]\n"));
  machine.fail_step("get", make_problem(ErrorKind::authentication, "credential-revoked", "gone"));
  EXPECT_EQ(machine.output(), R"({"reason":"credential-revoked"})");
}

TEST(Try, AStatusThatStaysTheSameIsRetriedOnlyWhereThePolicyNamesIt) {
  Problem missing = unavailable(404);
  missing.retry_if_named = true;
  MachineDriver unnamed(call_in_try("      retry: {delay: PT1S, limit: {attempt: {count: 2}}}\n"));
  unnamed.fail_step("get", missing);
  EXPECT_EQ(unnamed.status(), InstanceStatus::faulted);
  MachineDriver named(call_in_try(
      "      retry: {when: $error.status == 404, delay: PT1S, limit: {attempt: {count: 2}}}\n"));
  named.fail_step("get", missing);
  EXPECT_EQ(named.status(), InstanceStatus::waiting);
}

TEST(Try, RetryAfterLengthensTheWaitAndNeverShortensIt) {
  MachineDriver machine(call_in_try("      retry: {delay: PT1S, limit: {attempt: {count: 5}}}\n"));
  machine.fail_step("get", unavailable().with("retryAfter", 10));
  machine.advance(Milliseconds(9999));
  EXPECT_EQ(machine.pending("get"), nullptr);
  machine.advance(Milliseconds(1));
  machine.fail_step("get", unavailable().with("retryAfter", 0.1));
  machine.advance(Milliseconds(999));
  EXPECT_EQ(machine.pending("get"), nullptr);
  machine.advance(Milliseconds(1));
  EXPECT_NE(machine.pending("get"), nullptr);
}

TEST(Try, TheTotalDurationBoundsAllAttempts) {
  MachineDriver machine(call_in_try("      retry: {delay: PT3S, limit: {duration: PT5S}}\n"));
  machine.fail_step("get", unavailable());
  machine.advance(Milliseconds(3000));
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
}

TEST(Try, AnAttemptThatTakesTooLongIsCutOffAndRetried) {
  MachineDriver machine(
      call_in_try("      retry: {delay: PT1S, limit: {attempt: {count: 2, duration: PT2S}}}\n"));
  machine.advance(Milliseconds(2000));
  EXPECT_EQ(machine.cancelled_steps(), 1U);
  machine.advance(Milliseconds(1000));
  machine.complete("get", "42");
  EXPECT_EQ(machine.output(), "42");
  EXPECT_EQ(machine.timers(), 0U);
}

// A time limit that cut a POST off was once followed by a second POST.
TEST(Try, ATimeLimitOverARequestThatMustNotBeRepeatedIsNotRetried) {
  for (const bool idempotent : {false, true}) {
    MachineDriver machine(
        "do: [{t: {try: [{p: {call: http, with: {method: post, endpoint: 'http://h/'}" +
        std::string(idempotent ? ", metadata: {stepwell: {idempotent: true}}" : "") +
        "}}], catch: {retry: {delay: PT1S, limit: {attempt: {count: 5, duration: PT1S}}}}}}]\n");
    machine.advance(Milliseconds(1000));
    EXPECT_EQ(machine.cancelled_steps(), 1U);
    EXPECT_EQ(machine.status(), idempotent ? InstanceStatus::waiting : InstanceStatus::faulted);
  }
}

TEST(Try, WithNeitherHandlerNorDirectiveTheErrorGoesOn) {
  MachineDriver machine(call_in_try("      as: e\n"));
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
}

TEST(Try, CatchThenDecidesWhereTheFlowGoes) {
  MachineDriver machine(call_in_try("      then: end\n") + "- after: {set: {x: 1}}\n",
                        R"({"in":1})");
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.output(), R"({"in":1})");
}

TEST(Try, AnErrorInTheHandlerIsNotCaughtByItsOwnTry) {
  MachineDriver machine(call_in_try(
      "      do: [{h: {raise: {error: {type: 'https://example.com/e', status: 418}}}}]\n"));
  machine.fail_step("get", unavailable());
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().status, 418);
  EXPECT_EQ(machine.problem().where, "/do/0/t/catch/do/0/h");
}

TEST(Try, AnInnerTryThatDoesNotMatchLeavesTheErrorToTheOuterOne) {
  MachineDriver machine(
      "do:\n- o:\n    try:\n    - i:\n        try: [{r: {raise: {error: {type: 'https://e/x', "
      "status: 400, title: T}}}}]\n"
      "        catch: {errors: {with: {status: 500}}, do: [{no: {set: {x: inner}}}]}\n"
      "    catch: {do: [{yes: {set: {x: '${ $error.title }'}}}]}\n");
  EXPECT_EQ(machine.output(), R"({"x":"T"})");
}

TEST(Try, ARaisedErrorIsRetriedByPolicy) {
  MachineDriver machine(
      "do: [{t: {try: [{r: {raise: {error: {type: 'https://e/x', status: 500}}}}], "
      "catch: {retry: {delay: PT1S, limit: {attempt: {count: 2}}}, do: [{h: {set: {x: 1}}}]}}}]");
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  machine.advance(Milliseconds(1000));
  EXPECT_EQ(machine.output(), R"({"x":1})");
}

}  // namespace
}  // namespace stepwell::engine::test
