// Instances that wait for long leave memory, and nobody can tell but by looking at the memory.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using Kind = Record::Kind;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Milliseconds kIdle = seconds(10);

EngineOptions sleepy() {
  EngineOptions options{2, 100'000, 1000};
  options.sleep_after = kIdle;
  return options;
}

// In which instances that have been idle for ten seconds leave memory.
struct Dormitory : Life {
  explicit Dormitory(KeptRecords kept = {}, Answer answer = nullptr)
      : Life(std::move(kept), std::move(answer), sleepy()) {}

  double asleep() {
    return metrics.gauge("stepwell_instances_asleep", "Open instances that have left memory.")
        .value();
  }
  // All who may go to bed do.
  void night() {
    rest();
    clock.advance(kIdle + seconds(1));
    for (int look = 0; look < 2; ++look) {  // the second one for those whose records were checked
      engine.maintain();
      rest();
    }
  }
  using Life::start;
  InstanceId start(const std::shared_ptr<const Workflow>& workflow) {
    std::promise<InstanceId> admitted;
    StartRequest request;
    request.workflow = workflow;
    engine.start(std::move(request),
                 [&](const Result<InstanceId>& id) { admitted.set_value(id.value()); });
    return admitted.get_future().get();
  }
  // With document.metadata.stepwell.
  std::shared_ptr<const Workflow> prepare(const char* metadata, const char* body) {
    const config::Loaded loaded = config::load_definition(
        std::string("document: {dsl: '1.0.3', namespace: test, name: with-metadata, version: "
                    "'1.0.0', metadata: {stepwell: ") +
            metadata + "}}\n" + body,
        "test.yaml");
    EXPECT_TRUE(loaded.definition) << loaded.faults.front().text();
    return engine.prepare(loaded.definition);
  }
  InstanceId start_and_sleep(const char* body, const char* once = "") {
    const InstanceId id = start(body, once);
    night();
    EXPECT_EQ(asleep(), 1);
    EXPECT_FALSE(engine.peek(id));
    return id;
  }
  InstanceView look(InstanceId id) {
    const auto view = engine.find(id);
    EXPECT_TRUE(view);
    return view.value_or(InstanceView{});
  }
  std::size_t count(Kind kind) {
    const std::vector<Record> log = journal.log();
    return static_cast<std::size_t>(std::count_if(
        log.begin(), log.end(), [kind](const Record& record) { return record.kind == kind; }));
  }
};

constexpr const char* kWait = "do: [{w: {wait: {hours: 1}}}, {s: {set: {x: 1}}}]\n";
constexpr const char* kHearsAsleep = R"(do:
  - hear: {listen: {to: {one: {with: {type: go, subject: mine}}}}}
)";
constexpr const char* kGo =
    R"({"id": "1", "source": "s", "type": "go", "subject": "mine", "data": 5})";
constexpr const char* kOther =
    R"({"id": "2", "source": "s", "type": "go", "subject": "other", "data": 6})";

TEST(Sleepers, AnInstanceThatWaitsForLongLeavesMemoryAndItsTimerBringsItBack) {
  Dormitory house;
  const WallTime begin = house.clock.now();
  const InstanceId id = house.start_and_sleep(kWait);
  EXPECT_EQ(house.engine.open_instances(), 1U);
  EXPECT_EQ(house.timers.size(), 1U);
  house.settle();
  EXPECT_EQ(house.clock.now() - begin, hours(1));
  EXPECT_EQ(house.asleep(), 0);
  EXPECT_EQ(house.look(id).output, Value::object({{"x", 1}}));
}

TEST(Sleepers, WhoIsNotIdleForLongEnoughOrIsDueSoonStays) {
  Dormitory house;
  (void)house.start(kWait);
  (void)house.start("do: [{w: {wait: {seconds: 15}}}]\n");
  house.rest();
  house.clock.advance(kIdle - Milliseconds(1));
  house.engine.maintain();
  EXPECT_EQ(house.asleep(), 0);
  house.clock.advance(Milliseconds(1));
  house.engine.maintain();
  EXPECT_EQ(house.asleep(), 1);
  house.settle();
}

TEST(Sleepers, WhoHasAStepUnderWayStays) {
  Dormitory house;
  (void)house.start("do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]\n");
  house.night();
  EXPECT_EQ(house.asleep(), 0);
  house.answer_next(Value(1));
  EXPECT_EQ(house.engine.open_instances(), 0U);
}

TEST(Sleepers, NobodyLeavesWhereThatIsNotWanted) {
  Life house;
  const InstanceId id = house.start(kWait);
  house.rest();
  house.clock.advance(minutes(30));
  house.engine.maintain();
  EXPECT_TRUE(house.engine.peek(id));
}

TEST(Sleepers, AnEventWakesWhoWaitsForIt) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kHearsAsleep);
  house.publish(kGo);
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::array({5}));
  EXPECT_EQ(house.count(Kind::event_received), 1U);
  EXPECT_EQ(house.count(Kind::delivered), 1U);
}

TEST(Sleepers, AnEventThatDoesNotMatchIsNotTakenAndItSleepsAgain) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kHearsAsleep);
  house.publish(kOther);
  house.rest();
  EXPECT_EQ(house.look(id).status, InstanceStatus::waiting);
  EXPECT_EQ(house.count(Kind::event_received), 0U);
  EXPECT_EQ(house.count(Kind::delivered), 1U);
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  house.publish(kGo);
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::array({5}));
}

// Each waits for its own order.
constexpr const char* kOrders = R"(do:
  - hear: {listen: {to: {one: {with: {type: paid}, correlate: {order: {from: .data.order, expect: '${ .order }'}}}}}}
)";

struct Orders : Dormitory {
  explicit Orders(const char* body) : Dormitory() {
    const auto workflow = engine.prepare(definition(body));
    for (int order = 1; order <= 3; ++order) {
      StartRequest request;
      request.workflow = workflow;
      request.input = Value::object({{"order", order}});
      std::promise<InstanceId> admitted;
      engine.start(std::move(request),
                   [&admitted](const Result<InstanceId>& id) { admitted.set_value(id.value()); });
      ids.push_back(admitted.get_future().get());
    }
    night();
    EXPECT_EQ(asleep(), 3);
  }
  void paid(const char* id, const char* data) {
    publish((std::string(R"({"source": "s", "type": "paid", "id": ")") + id + R"(", "data": )" +
             data + "}")
                .c_str());
    rest();
  }
  std::vector<InstanceId> ids;
};

TEST(Sleepers, AnEventWakesThoseWhoseCorrelationItMeets) {
  Orders house(kOrders);
  house.paid("1", R"({"order": 7})");
  house.paid("2", "{}");
  EXPECT_EQ(house.asleep(), 3);
  house.paid("3", R"({"order": 2.0})");
  EXPECT_EQ(house.asleep(), 2);
  EXPECT_EQ(house.look(house.ids.at(1)).status, InstanceStatus::completed);
  house.paid("4", R"({"order": 1})");
  house.paid("5", R"({"order": 3})");
  EXPECT_EQ(house.engine.open_instances(), 0U);
  EXPECT_EQ(house.count(Kind::delivered), 5U);
}

TEST(Sleepers, WhereTheTimeMattersEveryEventWakes) {
  Orders house(R"(do:
  - hear: {listen: {to: {one: {with: {type: paid}, correlate: {order: {from: '.data.order + (now - now)', expect: '${ .order }'}}}}}}
)");
  house.paid("1", R"({"order": 2})");
  EXPECT_EQ(house.asleep(), 0);
  EXPECT_EQ(house.look(house.ids.at(1)).status, InstanceStatus::completed);
  EXPECT_EQ(house.engine.open_instances(), 2U);
}

// Its name begins a line, which the definition's JSON writes as `\nnow`.
TEST(Sleepers, TheTimeIsSeenAtTheBeginningOfALine) {
  Orders house(R"(do:
  - hear: {listen: {to: {one: {with: {type: paid}, correlate: {order: {from: ".data.order + (\nnow -\nnow) ", expect: '${ .order }'}}}}}}
)");
  house.paid("1", R"({"order": 2})");
  EXPECT_EQ(house.asleep(), 0);
}

TEST(Sleepers, WhatTheFirstEventCorrelatedByCountsForTheNext) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(R"(do:
  - hear:
      listen: {to: {any: [{with: {type: go}, correlate: {k: {from: .data.k}}}], until: '${ length == 2 }'}}
)");
  const auto publish = [&](const char* number, const char* k) {
    house.publish((std::string(R"({"source": "s", "type": "go", "id": ")") + number +
                   R"(", "data": {"k": ")" + k + R"("}})")
                      .c_str());
    house.rest();
  };
  publish("1", "a");
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  publish("2", "b");
  EXPECT_EQ(house.asleep(), 1);
  publish("3", "a");
  EXPECT_EQ(house.look(id).output,
            Value::array({Value::object({{"k", "a"}}), Value::object({{"k", "a"}})}));
}

// The list of those who get the event is made, and the instance leaves before it gets it.
TEST(Sleepers, AnEventThatMeetsItOnItsWayToBedIsTakenOnce) {
  Dormitory house;
  const InstanceId id = house.start(kHearsAsleep);
  house.rest();
  house.clock.advance(kIdle + seconds(1));
  (void)house.engine.events().subscribe({"go"}, EventBus::Viewer([&](const Value& /*event*/) {
                                          house.engine.maintain();
                                          EXPECT_EQ(house.asleep(), 1);
                                        }));
  house.publish(kGo);
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::array({5}));
  EXPECT_EQ(house.count(Kind::event_received), 1U);
}

constexpr const char* kThree = R"(do:
  - hear:
      listen: {to: {any: [{with: {type: go}}], until: '${ length == 3 }'}}
)";

// While it is being read from the journal.
TEST(Sleepers, EventsThatComeWhileItWakesAreTakenInTheirOrder) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kThree);
  std::atomic<bool> read = false;
  house.journal.before_reading([&]() -> Status {
    if (read.exchange(true)) return {};
    house.publish(R"({"id": "2", "source": "s", "type": "go", "data": 2})");
    house.publish(R"({"id": "3", "source": "s", "type": "go", "data": 3})");
    return {};
  });
  house.publish(R"({"id": "1", "source": "s", "type": "go", "data": 1})");
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::array({1, 2, 3}));
}

TEST(Sleepers, TheSameEventIsNotTakenTwiceAcrossASleep) {
  Dormitory house;
  const InstanceId id = house.start(kThree);
  for (const char* event : {R"({"id": "1", "source": "s", "type": "go", "data": 1})",
                            R"({"id": "1", "source": "s", "type": "go", "data": 1})",
                            R"({"id": "2", "source": "s", "type": "go", "data": 2})",
                            R"({"id": "3", "source": "s", "type": "go", "data": 3})"}) {
    house.night();
    EXPECT_EQ(house.asleep(), 1);
    house.publish(event);
    house.rest();
  }
  EXPECT_EQ(house.look(id).output, Value::array({1, 2, 3}));
}

TEST(Sleepers, StopSuspendAndResumeReachASleeper) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kWait);
  EXPECT_TRUE(house.request(Engine::Operation::suspend, id));
  EXPECT_EQ(house.look(id).status, InstanceStatus::suspended);
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  EXPECT_EQ(house.look(id).status, InstanceStatus::suspended);
  EXPECT_TRUE(house.request(Engine::Operation::resume, id));
  EXPECT_EQ(house.look(id).status, InstanceStatus::waiting);
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  EXPECT_TRUE(house.engine.stop(id));
  house.rest();
  EXPECT_EQ(house.look(id).status, InstanceStatus::stopped);
  EXPECT_EQ(house.engine.open_instances(), 0U);
  EXPECT_EQ(house.asleep(), 0);
  EXPECT_EQ(house.engine.stop(id).error().code, "instance-ended");
}

TEST(Sleepers, ATimerThatFiresWhileItIsSuspendedIsKept) {
  Dormitory house;
  const InstanceId id = house.start(kWait);
  EXPECT_TRUE(house.request(Engine::Operation::suspend, id));
  house.night();
  house.timers.fire_next();
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  EXPECT_EQ(house.timers.size(), 0U);
  EXPECT_TRUE(house.request(Engine::Operation::resume, id));
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::object({{"x", 1}}));
}

TEST(Sleepers, ReadersSeeASleeperAsItWas) {
  Dormitory house;
  StartRequest request;
  request.workflow = house.engine.prepare(definition(kWait));
  request.name = "a name";
  request.key = "k1";
  request.tags = Value::array({"red"});
  request.input = Value::object({{"n", 1}});
  house.engine.start(std::move(request), [](const Result<InstanceId>& id) { ASSERT_TRUE(id); });
  house.rest();
  const auto all = house.engine.list({});
  ASSERT_EQ(all->views.size(), 1U);
  const InstanceView before = all->views.at(0);
  house.night();
  ASSERT_EQ(house.asleep(), 1);
  const auto same = [&](const InstanceView& view) {
    EXPECT_EQ(view.id, before.id);
    EXPECT_EQ(view.name, "a name");
    EXPECT_EQ(view.key, "k1");
    EXPECT_EQ(view.workflow, before.workflow);
    EXPECT_EQ(view.status, InstanceStatus::waiting);
    EXPECT_EQ(view.started, before.started);
    EXPECT_EQ(view.updated, before.updated);
    EXPECT_EQ(view.tags, before.tags);
    EXPECT_EQ(view.active_tasks, before.active_tasks);
    EXPECT_EQ(view.active_tasks.size(), 1U);
  };
  same(house.look(before.id));
  EXPECT_EQ(house.look(before.id).input, before.input);
  InstanceQuery query;
  query.filter.statuses = {InstanceStatus::waiting};
  const auto listed = house.engine.list(query);
  ASSERT_EQ(listed->views.size(), 1U);
  same(listed->views.at(0));
  query.filter.statuses = {InstanceStatus::running};
  EXPECT_TRUE(house.engine.list(query)->views.empty());
  std::string key;
  const auto open = house.engine.open_views([&](const config::Definition&, const std::string& of) {
    key = of;
    return true;
  });
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open.at(0).id, before.id);
  EXPECT_EQ(key, "k1");
  EXPECT_EQ(house.asleep(), 1);  // nobody was woken for it
}

// What few have is kept together: one part of it must not cost another.
TEST(Sleepers, ReadersSeeAllThatASleeperDoesAlsoWhereSomebodyWaitsForIt) {
  Dormitory house;
  constexpr const char* kTwo = R"(do:
  - both: {fork: {branches: [{one: {wait: {hours: 1}}}, {two: {wait: {hours: 2}}}]}}
)";
  const InstanceId plain = house.start(kTwo);
  StartRequest request;
  request.workflow = house.engine.prepare(definition(kTwo));
  request.name = "a name";
  std::promise<InstanceId> admitted;
  house.engine.start(std::move(request),
                     [&](const Result<InstanceId>& id) { admitted.set_value(id.value()); });
  const InstanceId named = admitted.get_future().get();
  house.rest();
  const std::vector<std::string> active = house.look(plain).active_tasks;
  ASSERT_EQ(active.size(), 2U);
  house.night();
  ASSERT_EQ(house.asleep(), 2);
  int told = 0;
  for (const InstanceId id : {plain, named})
    EXPECT_TRUE(house.engine.when_ended(id, [&](const InstanceView& /*view*/) { ++told; }));
  EXPECT_EQ(house.look(plain).active_tasks, active);
  EXPECT_EQ(house.look(plain).name, "");
  EXPECT_EQ(house.look(named).active_tasks, active);
  EXPECT_EQ(house.look(named).name, "a name");
  for (const char* step : {"one", "two"}) {
    InstanceQuery query;
    query.filter.step = step;
    EXPECT_EQ(house.engine.list(query)->views.size(), 2U) << step;
  }
  EXPECT_EQ(house.asleep(), 2);
  house.settle();
  EXPECT_EQ(told, 2);
}

TEST(Sleepers, ListsHaveTheFirstByIdWhereverTheyAre) {
  Dormitory house;
  std::vector<InstanceId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(house.start(kWait));
  house.night();
  for (int i = 0; i < 3; ++i) ids.push_back(house.start(kWait));
  house.rest();
  EXPECT_EQ(house.asleep(), 4);
  InstanceQuery query;
  query.filter.open = true;
  for (const std::size_t most : {1U, 4U, 6U, 20U}) {
    for (const std::uint64_t after : {std::uint64_t{0}, ids.at(2).number}) {
      query.most = most;
      query.after = InstancePosition{0, {}, InstanceId{after}};
      std::vector<InstanceId> wanted;
      for (const InstanceId id : ids)
        if (id.number > after && wanted.size() < most) wanted.push_back(id);
      std::vector<InstanceId> listed;
      const auto page = house.engine.list(query);
      for (const InstanceView& view : page->views) listed.push_back(view.id);
      EXPECT_EQ(listed, wanted) << most << " after " << after;
    }
  }
}

TEST(Sleepers, WhoWaitsForItsEndIsTold) {
  Dormitory house;
  const InstanceId id = house.start(kWait);
  std::atomic<int> told = 0;
  const auto tell = [&](const InstanceView& view) {
    EXPECT_EQ(view.status, InstanceStatus::completed);
    ++told;
  };
  EXPECT_TRUE(house.engine.when_ended(id, tell));
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  EXPECT_TRUE(house.engine.when_ended(id, tell));
  EXPECT_EQ(house.asleep(), 1);
  house.settle();
  EXPECT_EQ(told, 2);
}

// … and whoever has gone is not kept for as long as it lives.
TEST(Sleepers, WhoWaitsNoLongerIsForgotten) {
  Dormitory house;
  const InstanceId id = house.start(kWait);
  const auto kept = std::make_shared<int>();  // by each callback
  std::atomic<int> told = 0;
  const auto wait = [&](const std::shared_ptr<void>& owner) {
    EXPECT_TRUE(house.engine.when_ended(
        id, [&told, kept](const InstanceView& /*view*/) { ++told; }, owner));
  };
  const auto stayed = std::make_shared<bool>();
  const auto come_and_go = [&] {
    wait(stayed);
    wait(nullptr);
    for (int i = 0; i < 1'000; ++i) wait(std::make_shared<bool>());
    EXPECT_LT(kept.use_count(), 40);
  };
  come_and_go();
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  come_and_go();
  EXPECT_EQ(house.asleep(), 1);
  house.settle();
  EXPECT_EQ(told, 4);
}

class Watch final : public Observer {
 public:
  void on_trace(const config::Task& task, const Trace& trace, WallTime /*time*/) override {
    seen_ += std::string(to_string(trace.kind)) + " " + task.name + "\n";
  }
  void on_end(const InstanceView& view) override { seen_ += to_string(view.status); }
  const std::string& seen() const { return seen_; }

 private:
  std::string seen_;
};

TEST(Sleepers, AnObserverSeesItAll) {
  Dormitory house;
  const auto watch = std::make_shared<Watch>();
  StartRequest request;
  request.workflow = house.engine.prepare(definition(kWait));
  request.observer = watch;
  house.engine.start(std::move(request), [](const Result<InstanceId>& id) { ASSERT_TRUE(id); });
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  house.settle();
  EXPECT_EQ(watch->seen(), "started w\ncompleted w\nstarted s\ncompleted s\ncompleted");
}

TEST(Sleepers, ARepeatedStartFindsTheSleeper) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kWait, "the same");
  EXPECT_EQ(house.start(kWait, "the same"), id);
  EXPECT_EQ(house.engine.open_instances(), 1U);
  EXPECT_EQ(house.asleep(), 1);
}

TEST(Sleepers, ASleeperIsNotRetried) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kWait);
  EXPECT_EQ(house.request(Engine::Operation::retry, id).error().code, "instance-not-faulted");
}

TEST(Sleepers, WhoWaitsForItsTurnSleepsToo) {
  Dormitory house;
  const auto workflow = house.prepare("{concurrency: 1}", kWait);
  const InstanceId first = house.start(workflow);
  const InstanceId second = house.start(workflow);
  house.night();
  EXPECT_EQ(house.asleep(), 2);
  EXPECT_EQ(house.look(first).status, InstanceStatus::waiting);
  EXPECT_EQ(house.look(second).status, InstanceStatus::pending);
  const WallTime begin = house.clock.now();
  EXPECT_TRUE(house.engine.stop(first));
  house.rest();
  EXPECT_EQ(house.look(second).status, InstanceStatus::waiting);
  house.settle();
  EXPECT_EQ(house.clock.now() - begin, hours(1));
  EXPECT_EQ(house.look(second).output, Value::object({{"x", 1}}));
}

TEST(Sleepers, ManyThatAreDueAtTheSameMomentAllCome) {
  Dormitory house;
  constexpr std::size_t kMany = 1000;
  for (std::size_t i = 0; i < kMany; ++i) (void)house.start(kWait);
  house.night();
  EXPECT_EQ(house.asleep(), kMany);
  EXPECT_EQ(house.timers.size(), 1U);
  house.settle();
  EXPECT_EQ(house.count(Kind::timer_fired), kMany);
  EXPECT_EQ(house.count(Kind::ended), kMany);
}

TEST(Sleepers, WhatCannotBeReadIsTriedAgainAndWhoAskedIsTold) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kHearsAsleep);
  std::atomic<bool> broken = true;
  std::atomic<int> attempts = 0;
  house.journal.before_reading([&]() -> Status {
    ++attempts;
    if (!broken) return {};
    return fail(make_problem(ErrorKind::runtime, "store-failed", "no"));
  });
  EXPECT_EQ(house.request(Engine::Operation::suspend, id).error().code, "store-failed");
  EXPECT_EQ(attempts, 1);
  house.publish(kGo);
  house.rest();
  EXPECT_EQ(attempts, 1) << "an event waits until it is tried again";
  house.timers.fire_next();
  house.rest();
  EXPECT_EQ(house.asleep(), 1);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(house.count(Kind::delivered), 0U);
  broken = false;
  house.settle();
  EXPECT_EQ(house.look(id).output, Value::array({5}));
  EXPECT_EQ(house.count(Kind::delivered), 1U);
  EXPECT_EQ(house.metrics
                .counter("stepwell_instance_wakes_total",
                         "Attempts to bring back an instance that had left memory.",
                         {{"outcome", "failed"}})
                .value(),
            2);
}

TEST(Sleepers, NobodyLeavesBeforeItsLastRecordIsDurable) {
  Dormitory house;
  const InstanceId id = house.start(house.prepare("{durability: relaxed}", R"(do:
  - get: {call: http, with: {method: get, endpoint: 'http://h/'}}
  - w: {wait: {hours: 1}}
)"));
  house.journal.set_mode(KeepingJournal::Mode::by_hand);
  house.answer_next(Value(7));
  EXPECT_EQ(house.look(id).active_tasks, std::vector<std::string>{"/do/1/w"});
  house.night();
  EXPECT_EQ(house.asleep(), 0);
  EXPECT_EQ(house.journal.make_durable(), 1U);
  house.night();
  EXPECT_EQ(house.asleep(), 1);
  house.journal.set_mode(KeepingJournal::Mode::at_once);
  house.settle();
  EXPECT_EQ(house.look(id).output, Value(7));
}

TEST(Sleepers, ATurnedBackClockDoesNotMakeItWaitLonger) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kWait);
  const SteadyTime begin = house.clock.steady_now();
  house.clock.set_wall(house.clock.now() - hours(5));
  house.settle();
  EXPECT_LE(house.clock.steady_now() - begin, hours(1));
  EXPECT_EQ(house.look(id).output, Value::object({{"x", 1}}));
}

TEST(Sleepers, AfterARestartThoseThatWaitForLongAreNotTakenIntoMemory) {
  Dormitory first;
  const InstanceId waits = first.start(kWait);
  const InstanceId hears = first.start(kHearsAsleep);
  const InstanceId soon = first.start("do: [{w: {wait: {seconds: 5}}}]\n");
  first.rest();
  first.publish(kOther);
  first.rest();
  Dormitory second(first.journal.kept());
  ASSERT_TRUE(second.engine.recover(config::load_recorded));
  EXPECT_EQ(second.asleep(), 2);
  EXPECT_EQ(second.engine.open_instances(), 3U);
  second.engine.go_on();
  second.rest();
  EXPECT_FALSE(second.engine.peek(waits));
  EXPECT_TRUE(second.engine.peek(soon));
  second.publish(kGo);
  const WallTime begin = second.clock.now();
  second.settle();
  EXPECT_EQ(second.clock.now() - begin, hours(1));
  EXPECT_EQ(second.look(hears).output, Value::array({5}));
  EXPECT_EQ(second.look(waits).output, Value::object({{"x", 1}}));
}

TEST(Sleepers, AnEventThatWasOnItsWayWhenThePlugWasPulledReachesASleeper) {
  Dormitory first;
  const InstanceId id = first.start(kHearsAsleep);
  first.rest();
  KeptRecords kept = first.journal.kept();
  Record published{};
  published.kind = Kind::published;
  published.id = 7;
  published.payload = parse_json(kGo).value();
  kept.take(published);
  Dormitory second(std::move(kept));
  second.open();
  second.settle();
  EXPECT_EQ(second.look(id).output, Value::array({5}));
  EXPECT_EQ(second.count(Kind::event_received), 1U);
  EXPECT_EQ(second.count(Kind::delivered), 1U);
}

TEST(Sleepers, NothingIsWokenOnceTheEngineIsAboutToGo) {
  Dormitory house;
  const InstanceId id = house.start_and_sleep(kWait);
  house.engine.begin_no_more();
  EXPECT_EQ(house.request(Engine::Operation::suspend, id).error().code, "shutting-down");
  EXPECT_EQ(house.timers.size(), 0U);
  EXPECT_EQ(house.engine.stop(id).error().code, "shutting-down");
  EXPECT_EQ(house.look(id).status, InstanceStatus::waiting);
}

// Events, requests and lookups from several threads while instances go to bed again and again.
TEST(Sleepers, NothingIsLostHoweverTheyMeet) {
  EngineOptions options = sleepy();
  options.sleep_after = Milliseconds(1);
  Life house({}, nullptr, options);
  constexpr int kEvents = 300;
  const std::string body =
      "do:\n  - hear:\n      listen: {to: {any: [{with: {type: go}}], until: '${ length == " +
      std::to_string(kEvents) + " }'}}\n";
  std::vector<InstanceId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(house.start(body.c_str()));
  std::atomic<bool> over = false;
  std::thread nurse([&] {
    while (!over) {
      house.clock.advance(Milliseconds(2));
      house.engine.maintain();
    }
  });
  std::thread reader([&] {
    while (!over) {
      for (const InstanceId id : ids) {
        EXPECT_TRUE(house.engine.find(id));
        const Status asked = house.request(Engine::Operation::resume, id);
        EXPECT_TRUE(asked || asked.error().code == "instance-ended");
      }
    }
  });
  for (int i = 0; i < kEvents; ++i) {
    const std::string event = R"({"id": ")" + std::to_string(i) +
                              R"(", "source": "s", "type": "go", "data": )" + std::to_string(i) +
                              "}";
    house.publish(event.c_str());
  }
  while (house.engine.open_instances() > 0) std::this_thread::yield();
  over = true;
  nurse.join();
  reader.join();
  for (const InstanceId id : ids) {
    const InstanceView view = house.engine.find(id).value();
    ASSERT_EQ(view.output.size(), static_cast<std::size_t>(kEvents));
    for (int i = 0; i < kEvents; ++i)
      EXPECT_EQ(view.output.at(static_cast<std::size_t>(i)), Value(i));
  }
}

}  // namespace
}  // namespace stepwell::engine::test
