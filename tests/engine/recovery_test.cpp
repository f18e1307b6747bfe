// What becomes of instances when their engine is gone from one moment to the next, and another one
// opens the same journal.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <thread>

#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using Kind = Record::Kind;

constexpr const char* kTwo = R"(do:
  - one: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - two: {call: http, with: {method: get, endpoint: 'http://h/2'}}
)";
constexpr const char* kSend = R"(do:
  - send: {call: http, with: {method: post, endpoint: 'http://h/p'}}
)";

TEST(Recovery, GoesOnWithTheStepThatWasInFlight) {
  Life first;
  const InstanceId id = first.start(kTwo);
  first.answer_next(Value(1));
  const std::string key = first.steps.next().call.idempotency_key;
  Life second(first.journal.kept());
  second.open();
  const auto again = second.steps.next();
  EXPECT_EQ(path_of(again.call), "http://h/2");
  EXPECT_EQ(again.call.idempotency_key, key);
  again.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
  second.settle();
  EXPECT_EQ(second.engine.find(id)->output, Value(2));
  EXPECT_TRUE(second.steps.empty());
}

TEST(Recovery, DoesNotRepeatWhatMustNotBeRepeated) {
  constexpr const char* kCaught = R"(do:
  - careful:
      try:
        - send: {call: http, with: {method: post, endpoint: 'http://h/p'}}
      catch:
        when: '${ $error.reason == "outcome-unknown" }'
        do: [{ask: {set: {asked: true}}}]
)";
  for (const char* body : {kSend, kCaught}) {
    Life first;
    const InstanceId id = first.start(body);
    (void)first.steps.next();
    Life second(first.journal.kept());
    second.open();
    second.settle();
    EXPECT_TRUE(second.steps.empty());
    const InstanceView view = *second.engine.find(id);
    if (body == kSend) {
      EXPECT_EQ(view.problem.value().code, "outcome-unknown");
    } else {
      EXPECT_EQ(view.output, Value::object({{"asked", true}}));
    }
  }
}

TEST(Recovery, SendsWhatWasNeverAboutToBeSent) {
  Life first;
  first.journal.set_mode(KeepingJournal::Mode::by_hand);
  StartRequest request;
  request.workflow = first.engine.prepare(definition(kSend));
  first.engine.start(std::move(request), [](const Result<InstanceId>&) {});
  first.rest();
  ASSERT_EQ(first.journal.waiting(), 3U) << "the definition, the start and the step's start";
  first.journal.make_durable(2);
  Life second(first.journal.kept());
  second.open();
  second.answer_next(Value(1));
  second.settle();
  EXPECT_EQ(second.journal.kept().instances.begin()->second.summary().end->payload.get("status"),
            Value("completed"));
}

TEST(Recovery, TimersFireWhenTheyAreDue) {
  Life first;
  const InstanceId id = first.start("do: [{a: {wait: {hours: 2}}}, {b: {set: {x: 1}}}]");
  first.rest();
  Life second(first.journal.kept());
  second.clock.advance(std::chrono::hours(1));
  second.open();
  second.rest();
  const WallTime before = second.clock.now();
  second.settle();
  EXPECT_EQ(second.clock.now() - before, std::chrono::hours(1));
  EXPECT_EQ(second.engine.find(id)->output, Value::object({{"x", 1}}));
}

constexpr const char* kHearOne = R"(do:
  - hear: {listen: {to: {one: {with: {type: go}}}}}
)";
constexpr const char* kTwice = R"(do:
  - first: {listen: {to: {one: {with: {type: go}}}}}
  - then: {listen: {to: {one: {with: {type: go}}}}}
)";

TEST(Recovery, ListensAgain) {
  Life first;
  const InstanceId id = first.start(kHearOne);
  first.rest();
  Life second(first.journal.kept());
  second.open();
  second.rest();
  second.publish(R"({"id": "1", "source": "s", "type": "go", "data": 5})");
  second.settle();
  EXPECT_EQ(second.engine.find(id)->output, Value::array({5}));
}

TEST(Recovery, AnEventThatWasAcknowledgedIsTakenOnceAndNotMore) {
  Life first;
  const InstanceId once = first.start(kHearOne);
  const InstanceId twice = first.start(kTwice);
  first.rest();
  first.publish(R"({"id": "1", "source": "s", "type": "go", "data": 5})");
  first.rest();
  // At any moment between the publishing and the last record of it.
  const std::vector<Record> log = first.journal.log();
  const auto published = std::find_if(
      log.begin(), log.end(), [](const Record& record) { return record.kind == Kind::published; });
  ASSERT_NE(published, log.end());
  for (auto end = published + 1;; ++end) {
    KeptRecords kept;
    for (auto at = log.begin(); at != end; ++at) kept.take(*at);
    Life second(kept);
    second.open();
    second.rest();
    EXPECT_EQ(second.engine.find(once)->output, Value::array({5}));
    EXPECT_EQ(second.engine.find(twice)->status, InstanceStatus::waiting);
    second.publish(R"({"id": "2", "source": "s", "type": "go", "data": 6})");
    second.settle();
    EXPECT_EQ(second.engine.find(twice)->output, Value::array({6}));
    EXPECT_TRUE(second.journal.kept().events.empty());
    if (end == log.end()) break;
  }
}

TEST(Recovery, StopSuspendAndResumeStay) {
  Life first;
  const InstanceId stopped = first.start(kTwo);
  const InstanceId suspended = first.start(kTwo);
  (void)first.steps.next();
  const auto step = first.steps.next();
  EXPECT_TRUE(first.request(Engine::Operation::stop, stopped));
  EXPECT_TRUE(first.request(Engine::Operation::suspend, suspended));
  EXPECT_EQ(first.engine.find(suspended)->status, InstanceStatus::suspended);
  Life second(first.journal.kept());
  second.open();
  second.rest();
  EXPECT_EQ(second.engine.find(stopped)->status, InstanceStatus::stopped);
  EXPECT_EQ(second.engine.find(suspended)->status, InstanceStatus::suspended);
  EXPECT_TRUE(second.steps.empty()) << "nothing is begun while it is suspended";
  EXPECT_TRUE(second.request(Engine::Operation::resume, suspended));
  second.answer_next(Value(1));
  second.answer_next(Value(2));
  second.settle();
  EXPECT_EQ(second.engine.find(suspended)->output, Value(2));
}

TEST(Recovery, TheResultOfAStepThatEndsWhileSuspendedIsKept) {
  Life first;
  const InstanceId id = first.start(kTwo);
  const auto step = first.steps.next();
  EXPECT_TRUE(first.request(Engine::Operation::suspend, id));
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  first.rest();
  EXPECT_TRUE(first.steps.empty());
  Life second(first.journal.kept());
  second.open();
  EXPECT_TRUE(second.request(Engine::Operation::resume, id));
  const auto next = second.steps.next();
  EXPECT_EQ(path_of(next.call), "http://h/2");
}

TEST(Retry, GoesOnFromTheStepThatFailed) {
  Life first;
  const InstanceId id = first.start(kTwo);
  first.answer_next(Value(1));
  first.answer_next(fail(refused()));
  first.settle();
  EXPECT_EQ(first.engine.find(id)->status, InstanceStatus::faulted);
  const auto retry = [&](Life& life) {
    EXPECT_TRUE(life.request(Engine::Operation::retry, id));
    const auto again = life.steps.next();
    EXPECT_EQ(path_of(again.call), "http://h/2");
    again.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
    life.settle();
    EXPECT_EQ(life.engine.find(id)->output, Value(2));
    EXPECT_EQ(life.request(Engine::Operation::retry, id).error().code, "instance-not-faulted");
  };
  Life second(first.journal.kept());
  second.open();
  retry(second);
  retry(first);
  Life third(first.journal.kept());
  third.open();
  EXPECT_EQ(third.engine.find(id)->output, Value(2));
  EXPECT_EQ(third.engine.open_instances(), 0U);
}

TEST(Retry, SurvivesACrashAndMayFailAgain) {
  Life first;
  const InstanceId id = first.start(kSend);
  first.answer_next(fail(refused()));
  first.settle();
  EXPECT_TRUE(first.request(Engine::Operation::retry, id));
  first.answer_next(fail(refused()));
  first.settle();
  EXPECT_TRUE(first.request(Engine::Operation::retry, id));
  (void)first.steps.next();
  Life second(first.journal.kept());
  second.open();
  second.settle();
  EXPECT_EQ(second.engine.find(id)->problem.value().code, "outcome-unknown")
      << "it was about to be sent for the third time";
  EXPECT_TRUE(second.request(Engine::Operation::retry, id)) << "somebody has found out";
  second.answer_next(Value(3));
  second.settle();
  EXPECT_EQ(second.engine.find(id)->output, Value(3));
}

TEST(Retry, RefusesWhatWouldFailAgain) {
  Life life;
  const InstanceId raised =
      life.start("do: [{a: {raise: {error: {type: 'https://e.x/t', status: 400}}}}]");
  life.settle();
  EXPECT_EQ(life.request(Engine::Operation::retry, raised).error().code, "instance-not-retryable");
  EXPECT_EQ(life.request(Engine::Operation::retry, InstanceId{5}).error().code, "instance-unknown");
  const InstanceId open = life.start(kTwo);
  EXPECT_EQ(life.request(Engine::Operation::retry, open).error().code, "instance-not-faulted");
}

TEST(Retry, ATimeLimitBeginsAnew) {
  Life life;
  const InstanceId id = life.start(R"(timeout: {after: {minutes: 1}}
do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)");
  (void)life.steps.next();
  life.settle();
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::faulted);
  life.clock.advance(std::chrono::hours(5));
  EXPECT_TRUE(life.request(Engine::Operation::retry, id));
  life.answer_next(Value(1));
  life.settle();
  EXPECT_EQ(life.engine.find(id)->output, Value(1));
}

TEST(Retry, WhatFailedWhileItWasSuspended) {
  Life first;
  const InstanceId id = first.start(kTwo);
  first.answer_next(Value(1));
  const auto step = first.steps.next();
  EXPECT_TRUE(first.request(Engine::Operation::suspend, id));
  step.ticket.finish(std::make_unique<ReadyResult>(fail(refused())));
  first.rest();
  EXPECT_TRUE(first.request(Engine::Operation::resume, id));
  first.settle();
  ASSERT_EQ(first.engine.find(id)->status, InstanceStatus::faulted);
  const auto retry = [&](Life& life) {
    const Status retried = life.request(Engine::Operation::retry, id);
    ASSERT_TRUE(retried) << retried.error().one_line();
    const auto again = life.steps.next();
    EXPECT_EQ(path_of(again.call), "http://h/2");
    again.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
    life.settle();
    EXPECT_EQ(life.engine.find(id)->output, Value(2));
  };
  Life second(first.journal.kept());
  second.open();
  retry(second);
  retry(first);
}

TEST(Retry, ATimeLimitThatPassedWhileItWasSuspended) {
  Life life;
  const InstanceId id = life.start(R"(timeout: {after: {minutes: 1}}
do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)");
  (void)life.steps.next();
  EXPECT_TRUE(life.request(Engine::Operation::suspend, id));
  life.timers.fire_next();
  life.rest();
  EXPECT_TRUE(life.request(Engine::Operation::resume, id));
  life.settle();
  ASSERT_EQ(life.engine.find(id)->status, InstanceStatus::faulted);
  EXPECT_TRUE(life.request(Engine::Operation::retry, id));
  life.answer_next(Value(1));
  life.settle();
  EXPECT_EQ(life.engine.find(id)->output, Value(1));
}

std::shared_ptr<const config::Definition> marked(const std::string& metadata, const char* body) {
  const config::Loaded loaded = config::load_definition(
      "document: {dsl: '1.0.3', namespace: test, name: marked, version: '1.0.0', "
      "metadata: {stepwell: {" +
          metadata + "}}}\n" + body,
      "marked.yaml");
  return loaded.definition;
}

// Its step fails and its time limit passes while it is suspended, in either order.
TEST(Retry, AStepAndATimeLimitThatEndedWhileItWasSuspended) {
  for (const bool limit_first : {false, true}) {
    Life life;
    const InstanceId id = life.start(R"(timeout: {after: {minutes: 1}}
do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)");
    const auto step = life.steps.next();
    EXPECT_TRUE(life.request(Engine::Operation::suspend, id));
    if (limit_first) life.timers.fire_next();
    life.rest();
    step.ticket.finish(std::make_unique<ReadyResult>(fail(refused())));
    life.rest();
    if (!limit_first) life.timers.fire_next();
    life.rest();
    EXPECT_TRUE(life.request(Engine::Operation::resume, id));
    life.settle();
    ASSERT_EQ(life.engine.find(id)->status, InstanceStatus::faulted);
    const Status retried = life.request(Engine::Operation::retry, id);
    ASSERT_TRUE(retried) << retried.error().one_line();
    const auto again = life.steps.next();
    life.rest();
    EXPECT_EQ(life.timers.size(), 1U) << "the limit begins anew";
    again.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
    life.settle();
    EXPECT_EQ(life.engine.find(id)->output, Value(1)) << limit_first;
  }
}

// What the other branch was about to tell is told once, now.
TEST(Retry, WhatCameBesideTheFailureWhileItWasSuspendedGoesOn) {
  Life life;
  const InstanceId waits = life.start(R"(do:
  - hear: {listen: {to: {one: {with: {type: told}}}}}
)");
  const InstanceId id = life.start(R"(do:
  - both:
      fork:
        branches:
          - a: {call: http, with: {method: get, endpoint: 'http://h/a'}}
          - b:
              do:
                - get: {call: http, with: {method: get, endpoint: 'http://h/b'}}
                - tell: {emit: {event: {with: {source: 'https://e.x', type: told}}}}
)");
  auto first = life.steps.next();
  auto second = life.steps.next();
  if (path_of(first.call) != "http://h/a") std::swap(first, second);
  EXPECT_TRUE(life.request(Engine::Operation::suspend, id));
  first.ticket.finish(std::make_unique<ReadyResult>(fail(refused())));
  life.rest();
  second.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
  life.rest();
  EXPECT_TRUE(life.request(Engine::Operation::resume, id));
  life.rest();
  ASSERT_EQ(life.engine.find(id)->status, InstanceStatus::faulted);
  EXPECT_EQ(life.engine.find(waits)->status, InstanceStatus::waiting);
  ASSERT_TRUE(life.request(Engine::Operation::retry, id));
  const auto again = life.steps.next();
  EXPECT_EQ(path_of(again.call), "http://h/a");
  again.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  life.settle();
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::completed);
  EXPECT_EQ(life.engine.find(waits)->status, InstanceStatus::completed);
}

// A snapshot would hide the records that a retry takes back.
TEST(Retry, OfOneThatWasSuspendedOverARestart) {
  constexpr int kWaits = 60;  // enough that a snapshot is worth it
  Life first;
  const InstanceId id = first.start(R"(do:
  - many:
      for: {in: '${ [range(60)] }'}
      do: [{w: {wait: {seconds: 1}}}]
  - a: {call: http, with: {method: get, endpoint: 'http://h/1'}}
)");
  for (int wait = 0; wait < kWaits; ++wait) {
    first.rest();
    first.timers.fire_next();
  }
  const auto step = first.steps.next();
  EXPECT_TRUE(first.request(Engine::Operation::suspend, id));
  step.ticket.finish(std::make_unique<ReadyResult>(fail(refused())));
  first.rest();
  first.engine.take_snapshots(Deadline());
  Life second(first.journal.kept());
  second.open();
  EXPECT_TRUE(second.request(Engine::Operation::resume, id));
  second.settle();
  ASSERT_EQ(second.engine.find(id)->status, InstanceStatus::faulted);
  EXPECT_TRUE(second.request(Engine::Operation::retry, id));
  second.answer_next(Value(2));
  second.settle();
  EXPECT_EQ(second.engine.find(id)->output, Value(2));
}

// Its records are not awaited, but for those that a snapshot needs.
TEST(Recovery, ALongLifeThatWaitsForNoDiskHasSnapshotsAsWell) {
  Life life;
  StartRequest request;
  request.workflow = life.engine.prepare(marked("durability: relaxed", R"(do:
  - many:
      for: {in: '${ [range(1800)] }'}
      do: [{w: {wait: {seconds: 1}}}]
)"));
  std::promise<InstanceId> id;
  life.engine.start(request, [&](const Result<InstanceId>& admitted) { id.set_value(*admitted); });
  (void)id.get_future().get();
  life.rest();
  life.journal.set_mode(KeepingJournal::Mode::by_hand);
  while (life.engine.open_instances() > 0) {
    if (life.timers.size() > 0) life.timers.fire_next();
    life.rest();
    life.journal.make_durable();
    life.rest();
  }
  const std::vector<Record> log = life.journal.log();
  const auto snapshots = std::count_if(log.begin(), log.end(), [](const Record& record) {
    return record.kind == Record::Kind::snapshot;
  });
  EXPECT_GE(snapshots, 3);
}

TEST(Recovery, ThoseThatWaitForTheirTurnKeepTheirPlace) {
  constexpr const char* kLimited = R"(do:
  - one: {call: http, with: {method: get, endpoint: 'http://h/1'}}
)";

  Life first;
  StartRequest request;
  request.workflow = first.engine.prepare(marked("concurrency: 1", kLimited));
  std::vector<InstanceId> ids;
  for (int i = 0; i < 3; ++i) {
    std::promise<InstanceId> id;
    first.engine.start(request,
                       [&](const Result<InstanceId>& admitted) { id.set_value(*admitted); });
    ids.push_back(id.get_future().get());
  }
  Life second(first.journal.kept());
  second.open();
  for (const InstanceId id : ids) {
    const auto step = second.steps.next();
    EXPECT_EQ(step.call.instance, id);
    second.rest();
    EXPECT_TRUE(second.steps.empty()) << "one at a time";
    step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  }
  second.settle();
}

TEST(Recovery, AStartWithTheSameNameFindsTheFirstOne) {
  Life first;
  const InstanceId open = first.start(kTwo, "a");
  const InstanceId done = first.start("do: [{a: {set: {x: 1}}}]", "b");
  EXPECT_EQ(first.start(kTwo, "a"), open);
  first.rest();
  Life second(first.journal.kept());
  second.open();
  EXPECT_EQ(second.start(kTwo, "a"), open);
  EXPECT_EQ(second.start("do: [{a: {set: {x: 1}}}]", "b"), done);
  EXPECT_EQ(second.engine.open_instances(), 1U);
}

TEST(Recovery, TellsOfInstancesThatAreInTheJournalAlone) {
  Life first;
  const InstanceId done = first.start("do: [{a: {set: {x: 1}}}]");
  first.settle();
  Life second(first.journal.kept());
  second.open();
  EXPECT_FALSE(second.engine.peek(done));
  const auto view = second.engine.find(done);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->status, InstanceStatus::completed);
  EXPECT_EQ(view->output, Value::object({{"x", 1}}));
  EXPECT_EQ(view->workflow, first.engine.find(done)->workflow);
  EXPECT_EQ(second.engine.stop(done).error().code, "instance-ended");
  const auto listed = second.engine.list({});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->views.size(), 1U);
  EXPECT_EQ(listed->views.at(0).id, done);
}

TEST(Recovery, ARepeatedStartIsNotAcknowledgedBeforeTheFirst) {
  for (const bool refused : {false, true}) {
    Life life;
    life.journal.set_mode(KeepingJournal::Mode::by_hand);
    StartRequest request;
    request.workflow = life.engine.prepare(definition(kSend));
    request.once = "key";
    std::mutex mutex;
    std::vector<Result<InstanceId>> answers;
    if (refused) life.journal.refuse_admissions(make_problem(ErrorKind::runtime, "overloaded", ""));
    for (int i = 0; i < 2; ++i)
      life.engine.start(request, [&](Result<InstanceId> id) {
        const std::scoped_lock lock(mutex);
        answers.push_back(std::move(id));
      });
    life.rest();
    if (!refused) {
      EXPECT_TRUE(answers.empty());
      life.journal.make_durable();
      life.rest();
      ASSERT_EQ(answers.size(), 2U);
      EXPECT_EQ(answers[0].value(), answers[1].value());
      continue;
    }
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].error().code, "overloaded");
    EXPECT_FALSE(answers[1]);
  }
}

TEST(Recovery, StopsAChildThatItsParentWasOnTheWayToStop) {
  Life first;
  const InstanceId parent = first.start(kTwo);
  const std::string step = first.steps.next().call.idempotency_key + "/" +
                           std::to_string(first.journal.kept().instances.begin()->first.number);
  StartRequest request;
  request.workflow = first.engine.prepare(definition(kTwo));
  request.parent = Parent{parent, step, true};
  std::promise<InstanceId> child;
  first.engine.start(request, [&](const Result<InstanceId>& id) { child.set_value(id.value()); });
  const InstanceId id = child.get_future().get();
  (void)first.steps.next();
  ASSERT_TRUE(first.request(Engine::Operation::stop, parent));
  Life second(first.journal.kept());
  second.open();
  second.settle();
  EXPECT_TRUE(second.steps.empty());
  EXPECT_EQ(second.engine.find(id)->status, InstanceStatus::stopped);
}

// A life so long that it is cut short in the journal.
TEST(Recovery, GoesOnFromASnapshot) {
  constexpr const char* kLong = R"(do:
  - loop:
      for: {each: n, in: '${ [range(600)] }'}
      do:
        - get: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - wait: {wait: {seconds: 5}}
  - last: {set: {done: '${ . }'}}
)";
  Life first({}, [](const StepCall&) { return Value("x"); });
  const InstanceId id = first.start(kLong);
  first.rest();
  const KeptRecords kept = first.journal.kept();
  const auto& rest = kept.instances.at(id).rest;
  EXPECT_EQ(rest.begin()->second.kind, Kind::snapshot);
  EXPECT_LT(rest.size(), 150U) << "601 without it";
  Life second(kept);
  second.open();
  second.settle();
  EXPECT_TRUE(second.steps.empty());
  EXPECT_EQ(second.engine.find(id)->output, Value::object({{"done", "x"}}));
}

// --- at every moment of a life ---

constexpr const char* kEverything = R"(do:
  - loop:
      for: {each: n, in: '${ [1, 2] }'}
      do:
        - get: {call: http, with: {method: get, endpoint: '${ "http://h/get" + ($n | tostring) }'}}
  - both:
      fork:
        branches:
          - left: {call: http, with: {method: post, endpoint: 'http://h/left'}}
          - right:
              do:
                - pause: {wait: {seconds: 5}}
                - put: {call: http, with: {method: put, endpoint: 'http://h/right'}}
  - again:
      try:
        - shaky: {call: http, with: {method: get, endpoint: 'http://h/shaky'}}
      catch:
        errors: {with: {status: 500}}
        retry: {delay: {seconds: 1}, limit: {attempt: {count: 3}}, jitter: {from: {milliseconds: 1}, to: {seconds: 1}}}
  - tell: {emit: {event: {with: {source: 'http://e.x/', type: told, data: '${ . }'}}}}
  - last: {set: {done: '${ .data }'}}
)";
constexpr const char* kHear = R"(do:
  - hear: {listen: {to: {one: {with: {type: told}}}}}
)";

Result<Value> upstream(const StepCall& call) {
  const std::string path = path_of(call);
  if (path.ends_with("shaky") && call.attempt < 3) return fail(refused());
  return Value(path);
}

TEST(Recovery, EndsAlikeFromEveryMomentOfALife) {
  Life whole({}, upstream);
  const InstanceId hearer = whole.start(kHear);
  whole.rest();
  const InstanceId id = whole.start(kEverything);
  whole.settle();
  const InstanceView expected = *whole.engine.find(id);
  const InstanceView heard = *whole.engine.find(hearer);
  ASSERT_EQ(expected.status, InstanceStatus::completed)
      << (expected.problem ? expected.problem->one_line() : "");
  ASSERT_EQ(heard.status, InstanceStatus::completed);
  const std::vector<Record> log = whole.journal.log();
  ASSERT_GT(log.size(), 12U);
  int unknown = 0;
  for (std::size_t length = 1; length <= log.size(); ++length) {
    SCOPED_TRACE("the first " + std::to_string(length) + " of " + std::to_string(log.size()));
    KeptRecords kept;
    std::map<std::uint64_t, int> finished;  // steps, of the long one
    bool admitted = false;
    for (std::size_t i = 0; i < length; ++i) {
      kept.take(log[i]);
      if (log[i].instance != id) continue;
      admitted = true;
      if (log[i].kind == Kind::step_finished) finished[log[i].id] = 1;
    }
    std::mutex mutex;
    std::vector<std::uint64_t> sent;
    Life second(kept, [&](const StepCall& call) {
      const std::scoped_lock lock(mutex);
      sent.push_back(std::hash<std::string>{}(call.idempotency_key) + call.attempt);
      return upstream(call);
    });
    second.clock.advance(whole.clock.now() - second.clock.now());
    second.open();
    while (second.engine.peek(id) && !ended(second.engine.peek(id)->status)) {
      second.rest();
      if (second.timers.size() > 0) second.timers.fire_next();
    }
    second.rest();
    const auto view = second.engine.find(id);
    ASSERT_EQ(view.has_value(), admitted);
    if (!admitted) continue;
    if (view->problem && view->problem->code == "outcome-unknown") {
      ++unknown;
      continue;
    }
    EXPECT_EQ(view->status, expected.status);
    EXPECT_EQ(view->output, expected.output);
    const auto other = second.engine.find(hearer);
    EXPECT_EQ(other->status, InstanceStatus::completed);
    EXPECT_EQ(to_json(other->output), to_json(heard.output));
    std::sort(sent.begin(), sent.end());
    EXPECT_EQ(std::adjacent_find(sent.begin(), sent.end()), sent.end()) << "one key, one request";
  }
  EXPECT_GT(unknown, 0) << "a POST was in flight at some of these moments";
}

}  // namespace
}  // namespace stepwell::engine::test
