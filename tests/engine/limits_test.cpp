// How many instances of a workflow run at the same time, and how long the finished ones are kept.
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <thread>

#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "engine/finished.h"
#include "engine/memory_journal.h"
#include "engine/turnstile.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/fake_entropy.h"

namespace stepwell::engine::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using stepwell::test::FakeEntropy;
using stepwell::test::FakeSteps;
using stepwell::test::FakeTimers;
using stepwell::test::HeldJournal;
using stepwell::test::ManualClock;
using stepwell::test::ReadyResult;

std::shared_ptr<const config::Definition> limited(const std::string& metadata,
                                                  const std::string& version = "1.0.0",
                                                  const std::string& more = "") {
  const config::Loaded loaded = config::load_definition(
      "document: {dsl: 1.0.3, namespace: n, name: w, version: " + version +
          ", metadata: {stepwell: " + metadata + "}}\n" + more +
          "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]\n",
      "w.yaml");
  EXPECT_TRUE(loaded.definition);
  return loaded.definition;
}

struct Limited {
  explicit Limited(Journal& journal)
      : engine({2, 1000, 10}, steps, journal, timers, clock, entropy, metrics, Log::null()) {}

  std::future<Result<InstanceId>> admit(const std::shared_ptr<const Workflow>& workflow,
                                        int n = 0) {
    auto admitted = std::make_shared<std::promise<Result<InstanceId>>>();
    auto future = admitted->get_future();
    StartRequest request;
    request.workflow = workflow;
    request.input = Value::object({{"n", n}});
    engine.start(std::move(request),
                 [admitted](Result<InstanceId> id) { admitted->set_value(std::move(id)); });
    return future;
  }
  InstanceId start(const std::shared_ptr<const Workflow>& workflow, int n = 0) {
    return admit(workflow, n).get().value();
  }
  void finish(FakeSteps::Started step) {
    auto ended = std::make_shared<std::promise<void>>();
    engine.when_ended(step.call.instance, [ended](const InstanceView&) { ended->set_value(); });
    step.ticket.finish(std::make_unique<ReadyResult>(Value()));
    ended->get_future().wait();
  }
  // Waits until what happened can be read.
  InstanceView view(InstanceId id) const {
    while (!engine.at_rest()) std::this_thread::yield();
    return engine.find(id).value();
  }
  InstanceStatus status(InstanceId id) const { return view(id).status; }

  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeSteps steps;
  FakeTimers timers{clock};
  Engine engine;
};

TEST(Concurrency, WhatIsTooMuchWaitsInOrder) {
  MemoryJournal journal;
  Limited world(journal);
  const auto workflow = world.engine.prepare(limited("{concurrency: 2}"));
  std::vector<InstanceId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(world.start(workflow, i));
  auto first = world.steps.next();
  auto second = world.steps.next();
  EXPECT_EQ(world.status(ids[2]), InstanceStatus::pending);
  EXPECT_EQ(world.status(ids[4]), InstanceStatus::pending);
  const InstanceView waiting = world.view(ids[3]);
  EXPECT_EQ(to_json(waiting.input), R"({"n":3})");
  EXPECT_EQ(waiting.started, WallTime{});
  EXPECT_EQ(waiting.updated, world.clock.now());
  world.engine.maintain();
  EXPECT_EQ(world.metrics.gauge("stepwell_instances_pending", "").value(), 3);
  world.clock.advance(minutes(1));
  world.finish(std::move(second));
  auto third = world.steps.next();
  EXPECT_EQ(third.call.instance, ids[2]);
  EXPECT_EQ(world.view(ids[2]).started, world.clock.now()) << "its time counts from here";
  EXPECT_TRUE(world.steps.empty());
  world.finish(std::move(first));
  auto fourth = world.steps.next();
  EXPECT_EQ(fourth.call.instance, ids[3]);
  world.finish(std::move(third));
  world.finish(std::move(fourth));
  world.finish(world.steps.next());
  EXPECT_EQ(world.status(ids[4]), InstanceStatus::completed);
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  world.engine.maintain();
  EXPECT_EQ(world.metrics.gauge("stepwell_instances_pending", "").value(), 0);
}

TEST(Concurrency, OneThatWaitsCanBeStopped) {
  MemoryJournal journal;
  Limited world(journal);
  const auto workflow = world.engine.prepare(limited("{concurrency: 1}"));
  const InstanceId running = world.start(workflow);
  const InstanceId stopped = world.start(workflow, 7);
  const InstanceId last = world.start(workflow);
  auto ended = std::make_shared<std::promise<InstanceView>>();
  world.engine.when_ended(stopped, [ended](const InstanceView& view) { ended->set_value(view); });
  world.clock.advance(minutes(1));
  ASSERT_TRUE(world.engine.stop(stopped));
  const InstanceView view = ended->get_future().get();
  EXPECT_EQ(view.status, InstanceStatus::stopped);
  EXPECT_EQ(to_json(view.input), R"({"n":7})");
  EXPECT_EQ(view.started, WallTime{});
  EXPECT_EQ(view.ended, world.clock.now());
  EXPECT_EQ(view.updated, view.ended);
  auto step = world.steps.next();
  EXPECT_EQ(step.call.instance, running);
  world.finish(std::move(step));
  auto next = world.steps.next();
  EXPECT_EQ(next.call.instance, last);
  world.finish(std::move(next));
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  EXPECT_EQ(journal.open_instances(), 0U);
}

TEST(Concurrency, TheAdmissionIsRecordedAndLaterTheStart) {
  HeldJournal journal;
  Limited world(journal);
  const auto workflow = world.engine.prepare(limited("{concurrency: 1}"));
  auto first = world.admit(workflow);
  EXPECT_EQ(journal.release().kind, Record::Kind::started);
  const InstanceId running = first.get().value();
  auto second = world.admit(workflow, 5);
  const Record admitted = journal.release();
  EXPECT_EQ(admitted.kind, Record::Kind::admitted);
  EXPECT_EQ(to_json(admitted.payload.get("input")), R"({"n":5})");
  const InstanceId waiting = second.get().value();
  ASSERT_TRUE(world.engine.stop(running));
  EXPECT_EQ(journal.release().kind, Record::Kind::stopped);
  world.clock.advance(minutes(1));
  const Record started = journal.release();
  EXPECT_EQ(started.kind, Record::Kind::started);
  EXPECT_EQ(started.instance, waiting);
  EXPECT_TRUE(started.payload.is_null());
  world.steps.next();
  auto next = world.steps.next();
  EXPECT_EQ(next.call.instance, waiting);
  next.ticket.finish(std::make_unique<ReadyResult>(Value()));
  EXPECT_EQ(journal.release().kind, Record::Kind::step_finished);
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
}

TEST(Concurrency, AnAdmissionThatCannotBeRecordedGivesItsPlaceUp) {
  HeldJournal journal;
  Limited world(journal);
  const auto workflow = world.engine.prepare(limited("{concurrency: 1}"));
  const auto failure = fail(make_problem(ErrorKind::runtime, "journal-failed", "disk full"));
  auto first = world.admit(workflow);
  auto second = world.admit(workflow);
  journal.release(failure);
  journal.release(failure);
  EXPECT_FALSE(first.get());
  EXPECT_FALSE(second.get());
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  auto third = world.admit(workflow);
  EXPECT_EQ(journal.release().kind, Record::Kind::started);
  EXPECT_TRUE(third.get());
}

TEST(Concurrency, AllVersionsThatSetALimitShareTheRoom) {
  MemoryJournal journal;
  Limited world(journal);
  const auto old = world.engine.prepare(limited("{concurrency: 1}"));
  const auto fresh = world.engine.prepare(limited("{concurrency: 2}", "2.0.0"));
  const auto free = world.engine.prepare(limited("{}", "3.0.0"));
  world.start(old);
  world.start(fresh);
  const InstanceId third = world.start(fresh);
  auto first = world.steps.next();
  world.finish(world.steps.next());
  EXPECT_EQ(world.steps.next().call.instance, third);
  world.start(free);
  world.steps.next();
  world.finish(std::move(first));
}

TEST(Concurrency, ManyThreadsNeverRunMoreThanTheLimit) {
  Turnstile turnstile;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<std::uint64_t> last{0};
  std::atomic<int> done{0};
  std::atomic<int> refused{0};
  std::function<void(InstanceId)> work = [&](InstanceId id) {
    const int now = ++inside;
    int known = most.load();
    while (known < now && !most.compare_exchange_weak(known, now)) continue;
    do {
      std::this_thread::yield();  // for others to get in, where nothing keeps them out
    } while (refused == 0 && inside == 1);
    --inside;
    ++done;
    for (const InstanceId next : turnstile.leave(id)) work(next);
  };
  std::latch together{4};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      together.arrive_and_wait();
      for (int i = 0; i < 500; ++i) {
        const InstanceId id{++last};
        if (turnstile.enter(id, 1))
          work(id);
        else
          ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 2000);
  EXPECT_EQ(most, 1);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(turnstile.waiting(), 0U);
}

std::string numbers_of(const std::vector<InstanceId>& ids) {
  std::string text;
  for (const InstanceId id : ids) text += std::to_string(id.number) + " ";
  return text;
}

TEST(Retention, IsByCountAndAgeWithinWhatTheSettingsAllow) {
  const auto counted = limited("{retention: {count: 2}}");
  const auto aged = limited("{retention: {age: PT1H}}");
  const auto none = limited("{retention: {count: 0}}");
  const auto any = limited("{}");
  const WallTime noon = parse_time("2026-11-22T12:00:00Z").value();
  {
    Finished finished(5);
    std::string forgotten;
    for (std::uint64_t i = 1; i <= 4; ++i)
      forgotten += numbers_of(finished.add({i}, *counted, noon));
    EXPECT_EQ(forgotten, "1 2 ");
    for (std::uint64_t i = 5; i <= 8; ++i) forgotten += numbers_of(finished.add({i}, *any, noon));
    EXPECT_EQ(forgotten, "1 2 3 ");
    EXPECT_EQ(finished.size(), 5U);
    EXPECT_EQ(numbers_of(finished.expire(noon + hours(1000))), "");
  }
  {
    Finished finished(100);
    finished.add({1}, *aged, noon);
    finished.add({2}, *any, noon);
    finished.add({3}, *aged, noon + minutes(30));
    EXPECT_EQ(numbers_of(finished.expire(noon + minutes(59))), "");
    EXPECT_EQ(numbers_of(finished.expire(noon + minutes(60))), "1 ");
    EXPECT_EQ(numbers_of(finished.expire(noon + hours(9))), "3 ");
    EXPECT_EQ(finished.size(), 1U);
    EXPECT_EQ(numbers_of(finished.add({4}, *none, noon)), "4 ");
  }
}

TEST(Retention, IsHonouredByTheEngine) {
  MemoryJournal journal;
  Limited world(journal);
  const auto workflow = world.engine.prepare(limited("{retention: {age: PT1H, count: 2}}"));
  std::vector<InstanceId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(world.start(workflow));
    world.finish(world.steps.next());
    EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  }
  EXPECT_FALSE(world.engine.find(ids[0]));
  EXPECT_TRUE(world.engine.find(ids[1]));
  world.clock.advance(hours(1));
  world.engine.maintain();
  EXPECT_FALSE(world.engine.find(ids[1]));
  EXPECT_FALSE(world.engine.find(ids[2]));
}

}  // namespace
}  // namespace stepwell::engine::test
