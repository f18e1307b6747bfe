// What reaches an instance between its becoming known and its beginning, or between its end and
// its being settled; and what comes from the journal when the engine has gone.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "engine/changes.h"
#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using Kind = Record::Kind;

constexpr const char* kWaits = "do: [{pause: {wait: {hours: 1}}}]";

// Others find it in lists while whoever starts it still makes what it begins with.
TEST(Admission, WhateverComesBeforeTheBeginningStandsBehindIt) {
  for (const auto& [what, status] :
       {std::pair{Engine::Operation::suspend, InstanceStatus::suspended},
        std::pair{Engine::Operation::stop, InstanceStatus::stopped}}) {
    Life life;
    life.open();
    std::optional<InstanceId> id;
    std::promise<Status> done;
    life.entropy.before_filling([&, what = what] {
      const auto open = life.engine.open_views([](const auto&, const auto&) { return true; });
      if (id || open.empty()) return;
      id = open.front().id;
      life.engine.request(what, *id, [&](const Status& is) { done.set_value(is); });
      life.rest();
    });
    std::promise<Result<InstanceId>> admitted;
    StartRequest request;
    request.workflow = life.engine.prepare(definition(kWaits));
    life.engine.start(std::move(request),
                      [&](Result<InstanceId> answer) { admitted.set_value(std::move(answer)); });
    life.rest();
    ASSERT_TRUE(id);
    std::future<Result<InstanceId>> told = admitted.get_future();
    ASSERT_EQ(told.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_TRUE(told.get());
    EXPECT_TRUE(done.get_future().get());
    const auto records = life.journal.read(*id);
    ASSERT_TRUE(records && !records->empty());
    EXPECT_EQ(records->front().kind, Kind::started);
    EXPECT_EQ(records->front().number, 1U);
    EXPECT_EQ(life.engine.find(*id)->status, status);
  }
}

// Sends at once what an instance that is told of could wait for.
struct QuickSender final : ChangeListener {
  explicit QuickSender(Life& l) : life(l) {}
  void on_change(const InstanceView&, InstanceChange) override {
    if (!std::exchange(sent, true))
      life.publish(R"({"specversion":"1.0","id":"1","source":"s","type":"door.opened"})");
  }
  Life& life;
  bool sent = false;
};

TEST(Admission, WhoSeesThatItListensIsHeard) {
  Life life;
  life.open();
  const auto sender = std::make_shared<QuickSender>(life);
  life.engine.follow(sender);
  const InstanceId id = life.start("do: [{l: {listen: {to: {one: {with: {type: door.opened}}}}}}]");
  life.rest();
  EXPECT_TRUE(sender->sent);
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::completed);
}

// Whoever stopped it removes it before it is settled: it is not one of those that are kept.
TEST(Admission, OneThatIsRemovedAtItsEndTakesNobodysPlace) {
  EngineOptions options{2, 1000, 1000};
  options.keep_finished = 2;
  Life life({}, nullptr, options);
  life.open();
  const InstanceId first = life.start("do: [{one: {set: {n: 1}}}]");
  life.rest();
  const InstanceId removed = life.start(kWaits);
  std::promise<std::size_t> gone;
  life.engine.request(Engine::Operation::stop, removed, [&](const Status&) {
    gone.set_value(life.engine.remove({removed}).value().size());
  });
  EXPECT_EQ(gone.get_future().get(), 1U);
  life.rest();
  const InstanceId last = life.start("do: [{one: {set: {n: 1}}}]");
  life.rest();
  EXPECT_TRUE(life.engine.in_memory(first));
  EXPECT_FALSE(life.engine.in_memory(removed));
  EXPECT_TRUE(life.engine.in_memory(last));
}

// The disk may take longer than the shutdown waits.
TEST(Admission, ARetryThatBecomesDurableWhenTheEngineHasGoneIsLeftToTheNextOne) {
  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeTimers timers{clock};
  KeepingJournal journal;
  FakeSteps steps([](const StepCall&) -> Result<Value> { return fail(refused()); });
  auto engine = std::make_unique<Engine>(EngineOptions{2, 1000, 1000}, steps, journal, timers,
                                         clock, entropy, metrics, Log::null());
  const auto rest = [&] {
    while (!engine->at_rest()) std::this_thread::yield();
  };
  StartRequest request;
  request.workflow = engine->prepare(
      definition("do: [{one: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]"));
  InstanceId id;
  engine->start(std::move(request), [&](const Result<InstanceId>& admitted) { id = *admitted; });
  rest();
  ASSERT_EQ(engine->find(id)->status, InstanceStatus::faulted);
  journal.set_mode(KeepingJournal::Mode::by_hand);
  std::optional<Status> retried;
  engine->request(Engine::Operation::retry, id,
                  [&](Status status) { retried = std::move(status); });
  rest();
  ASSERT_EQ(journal.waiting(), 1U);
  engine.reset();
  journal.make_durable();
  ASSERT_TRUE(retried);
  EXPECT_TRUE(*retried);
  EXPECT_EQ(journal.log().back().kind, Kind::retried);
}

}  // namespace
}  // namespace stepwell::engine::test
