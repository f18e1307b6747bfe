// How an engine comes to rest before it goes, and what the next one makes of what it left.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using Kind = Record::Kind;

constexpr const char* kTwoSteps = R"(do:
  - one: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - two: {call: http, with: {method: post, endpoint: 'http://h/2'}}
)";
constexpr const char* kPost = R"(do:
  - one: {call: http, with: {method: post, endpoint: 'http://h/1'}}
  - two: {call: http, with: {method: get, endpoint: 'http://h/2'}}
)";

Deadline at_once(const Life& life) { return Deadline(life.clock.steady_now()); }

int count(const Life& life, Kind kind) {
  const std::vector<Record> log = life.journal.log();
  return static_cast<int>(std::count_if(
      log.begin(), log.end(), [kind](const Record& record) { return record.kind == kind; }));
}

TEST(Shutdown, AResultIsTakenInAndTheNextStepIsLeftForTheNextStart) {
  for (const char* body : {kTwoSteps, kPost}) {
    Life first;
    const InstanceId id = first.start(body);
    const auto step = first.steps.next();
    first.engine.begin_no_more();
    EXPECT_FALSE(first.engine.wait_for_rest(at_once(first))) << "a step is in flight";
    std::thread other([&] { step.ticket.finish(std::make_unique<ReadyResult>(Value(1))); });
    EXPECT_TRUE(first.engine.wait_for_rest(Deadline()));
    other.join();
    EXPECT_TRUE(first.steps.empty());
    EXPECT_EQ(count(first, Kind::step_finished), 1);
    EXPECT_EQ(count(first, Kind::step_started), body == kPost ? 1 : 0)
        << "the second one was not begun";
    Life second(first.journal.kept());
    second.open();
    const auto next = second.steps.next();
    EXPECT_EQ(path_of(next.call), "http://h/2");
    next.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
    second.settle();
    EXPECT_EQ(second.engine.find(id)->output, Value(2));
  }
}

TEST(Shutdown, AnInstanceMayEndByTheResult) {
  Life life;
  const InstanceId id = life.start(kPost);
  life.answer_next(Value(1));
  const auto last = life.steps.next();
  life.engine.begin_no_more();
  last.ticket.finish(std::make_unique<ReadyResult>(Value(2)));
  EXPECT_TRUE(life.engine.wait_for_rest(Deadline()));
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::completed);
  EXPECT_EQ(count(life, Kind::ended), 1);
}

TEST(Shutdown, NobodyWaitsForTimersEventsAndPeople) {
  Life first;
  const InstanceId waiting = first.start("do: [{a: {wait: {hours: 1}}}, {b: {set: {x: 1}}}]");
  const InstanceId listening =
      first.start("do: [{hear: {listen: {to: {one: {with: {type: go}}}}}}]");
  const InstanceId suspended = first.start("do: [{a: {wait: {hours: 1}}}]");
  EXPECT_TRUE(first.request(Engine::Operation::suspend, suspended));
  first.rest();
  first.engine.begin_no_more();
  EXPECT_TRUE(first.engine.wait_for_rest(at_once(first)));
  // What comes nevertheless changes nothing, and is not lost.
  const std::size_t before = first.journal.log().size();
  first.timers.fire_next();
  first.publish(R"({"id": "1", "source": "s", "type": "go", "data": 5})");
  EXPECT_EQ(first.request(Engine::Operation::resume, suspended).error().code, "shutting-down");
  first.rest();
  const std::vector<Record> log = first.journal.log();
  for (std::size_t i = before; i < log.size(); ++i) EXPECT_EQ(log[i].instance, InstanceId{});
  Life second(first.journal.kept());
  second.open();
  second.rest();
  EXPECT_EQ(second.engine.find(listening)->output, Value::array({5}));
  EXPECT_EQ(second.engine.find(suspended)->status, InstanceStatus::suspended);
  while (second.timers.size() > 0) second.timers.fire_next();  // also that of the suspended one
  second.rest();
  EXPECT_EQ(second.engine.find(waiting)->output, Value::object({{"x", 1}}));
}

TEST(Shutdown, WhatIsInFlightAtTheEndIsRepeatedOrUnknown) {
  Life first;
  const InstanceId repeatable = first.start(kTwoSteps);
  (void)first.steps.next();
  const InstanceId once = first.start(kPost);
  (void)first.steps.next();
  first.rest();
  first.engine.begin_no_more();
  EXPECT_FALSE(first.engine.wait_for_rest(at_once(first)));
  EXPECT_EQ(first.engine.steps_in_flight(), 2U);
  Life second(first.journal.kept());
  second.open();
  const auto again = second.steps.next();
  EXPECT_EQ(again.call.instance, repeatable);
  second.rest();
  EXPECT_EQ(second.engine.find(once)->problem.value().code, "outcome-unknown");
  EXPECT_TRUE(second.steps.empty());
}

// Else it would be outcome-unknown, though nothing was sent.
TEST(Shutdown, WhatIsAboutToBeSentIsSent) {
  Life life;
  life.journal.set_mode(KeepingJournal::Mode::by_hand);
  StartRequest request;
  request.workflow = life.engine.prepare(definition(kPost));
  life.engine.start(std::move(request), [](const Result<InstanceId>&) {});
  life.rest();
  life.engine.begin_no_more();
  std::atomic<bool> rested{false};
  std::thread other([&] {
    EXPECT_TRUE(life.engine.wait_for_rest(Deadline()));
    rested = true;
  });
  while (life.journal.waiting() < 4) std::this_thread::yield();  // the last one is the engine's
  life.journal.set_mode(KeepingJournal::Mode::at_once);
  const auto step = life.steps.next();
  EXPECT_FALSE(rested);
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  other.join();
  EXPECT_EQ(count(life, Kind::step_finished), 1);
}

TEST(Shutdown, ALoopThatYieldsStopsInBetween) {
  Life first;
  const InstanceId id = first.start(R"(do:
  - loop:
      for: {each: n, in: '${ [range(25000)] }'}
      do: [{one: {set: {n: '${ $n }'}}}]
)");
  first.engine.begin_no_more();
  EXPECT_TRUE(first.engine.wait_for_rest(Deadline()));
  Life second(first.journal.kept());
  second.open();
  second.settle();
  EXPECT_EQ(second.engine.find(id)->output, Value::object({{"n", 24999}}));
}

TEST(Shutdown, AChildThatIsWaitedForHoldsNobodyUp) {
  Life life;
  life.start(R"(do:
  - child: {run: {workflow: {namespace: t, name: c, version: latest}}}
)");
  const auto step = life.steps.next();
  life.rest();
  EXPECT_EQ(life.engine.steps_in_flight(), 0U);
  life.engine.begin_no_more();
  EXPECT_TRUE(life.engine.wait_for_rest(at_once(life)));
}

// A child that was refused since the engine goes once failed its parent for good.
TEST(Shutdown, AStepThatIsRefusedByTheShutdownIsRepeated) {
  Life first;
  const InstanceId id = first.start(kTwoSteps);
  const auto step = first.steps.next();
  first.engine.begin_no_more();
  step.ticket.finish(std::make_unique<ReadyResult>(
      fail(make_problem(ErrorKind::runtime, "shutting-down", "the daemon is stopping"))));
  EXPECT_TRUE(first.engine.wait_for_rest(Deadline()));
  EXPECT_EQ(count(first, Kind::step_finished), 0);
  Life second(first.journal.kept());
  second.open();
  EXPECT_EQ(second.steps.next().call.instance, id);
}

TEST(Shutdown, LongLivesAreCutShortForTheNextStart) {
  const std::string body = R"(do:
  - loop:
      for: {each: n, in: '${ [range(60)] }'}
      do: [{get: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
  - wait: {wait: {hours: 5}}
  - last: {set: {done: '${ . }'}}
)";
  Life first({}, [](const StepCall&) { return Value("x"); });
  const InstanceId id = first.start(body.c_str());
  const InstanceId brief = first.start("do: [{a: {wait: {hours: 1}}}]");
  first.rest();
  first.engine.begin_no_more();
  EXPECT_TRUE(first.engine.wait_for_rest(Deadline()));
  first.engine.take_snapshots(at_once(first));
  EXPECT_EQ(count(first, Kind::snapshot), 0) << "there was no time";
  first.engine.take_snapshots(Deadline());
  EXPECT_EQ(count(first, Kind::snapshot), 1);
  const KeptRecords kept = first.journal.kept();
  EXPECT_EQ(kept.instances.at(id).rest.size(), 1U);
  EXPECT_TRUE(kept.instances.at(brief).rest.empty());
  Life second(kept);
  second.open();
  second.rest();
  second.engine.begin_no_more();
  second.engine.take_snapshots(Deadline());
  EXPECT_EQ(count(second, Kind::snapshot), 1) << "there is one already";
  Life third(second.journal.kept());
  third.open();
  third.settle();
  EXPECT_EQ(third.engine.find(id)->output, Value::object({{"done", "x"}}));
}

}  // namespace
}  // namespace stepwell::engine::test
