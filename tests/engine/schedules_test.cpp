// Instances that start by themselves, with time and events in the test's hands.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/scheduled.h"

namespace stepwell::engine::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Schedules, EveryStartsAtMultiplesOfTheInterval) {
  Scheduled world;
  world.schedule("{every: PT10S}");
  EXPECT_EQ(world.open(), 0U);
  EXPECT_EQ(world.next_time(), "2026-11-22T06:30:10Z");
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(world.next_time(), "2026-11-22T06:30:20Z");
  world.fire_next();
  EXPECT_EQ(world.open(), 2U) << "the first one still runs";
  auto other = world.steps.next();
  const InstanceView first = world.view_of(other.call.instance);
  other.ticket.finish(std::make_unique<ReadyResult>(Value()));
  world.run_next();
  EXPECT_EQ(to_json(first.input), "{}");
  EXPECT_EQ(first.name, "scheduled");
  EXPECT_EQ(first.key, "");
  const ScheduleView view = world.view();
  EXPECT_EQ(view.workflow, "n/w:1.0.0");
  EXPECT_EQ(view.kind, "every");
  EXPECT_EQ(view.rule, "PT10S");
  EXPECT_EQ(view.started, 2U);
  EXPECT_EQ(view.missed, 0U);
}

TEST(Schedules, EveryDoesNotCatchUp) {
  Scheduled world;
  world.schedule("{every: PT10S}");
  world.clock.advance(seconds(35));
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(world.view().missed, 2U);
  EXPECT_EQ(world.next_time(), "2026-11-22T06:30:40Z");
  world.run_next();
  // What people read on the wall does not matter to it.
  world.clock.set_wall(parse_time("2030-01-01T00:00:00Z").value());
  world.schedules.maintain();
  EXPECT_EQ(world.open(), 0U);
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(world.view().missed, 2U);
  world.run_next();
}

TEST(Schedules, CronStartsAtTheTimesOfItsZone) {
  Scheduled world;
  const auto loaded = config::load_definition(
      "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
      "{timeZone: Asia/Kolkata}}}\nschedule: {cron: '0 13 * * *'}\n"
      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]\n",
      "w.yaml");
  world.schedules.replace({{loaded.definition, world.engine.prepare(loaded.definition)}});
  EXPECT_EQ(world.next_time(), "2026-11-22T07:30:00Z");
  EXPECT_EQ(world.view().rule, "0 13 * * * (Asia/Kolkata)");
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T07:30:00Z");
  EXPECT_EQ(world.next_time(), "2026-11-23T07:30:00Z");
  world.run_next();
}

TEST(Schedules, CronNoticesThatTheClockWasSet) {
  Scheduled world;
  const auto set_clock = [&](const char* time) {
    world.clock.set_wall(parse_time(time).value());
    world.schedules.maintain();
    return world.next_time() + (world.open() > 0 ? " started" : "");
  };
  world.schedule("{cron: '0 * * * *'}");
  EXPECT_EQ(world.next_time(), "2026-11-22T07:00:00Z");
  EXPECT_EQ(set_clock("2026-11-22T06:50:00Z"), "2026-11-22T07:00:00Z");
  // Two times are over, and a third one is not too late.
  EXPECT_EQ(set_clock("2026-11-22T09:00:30Z"), "2026-11-22T10:00:00Z started");
  EXPECT_EQ(world.view().missed, 2U);
  world.run_next();
  // What was done is not done once more …
  EXPECT_EQ(set_clock("2026-11-22T08:30:00Z"), "2026-11-22T10:00:00Z");
  // … unless the clock was far from right before.
  EXPECT_EQ(set_clock("2026-11-22T05:30:00Z"), "2026-11-22T06:00:00Z");
  EXPECT_EQ(set_clock("2126-01-01T00:30:00Z"), "2126-01-01T01:00:00Z");
  EXPECT_GT(world.view().missed, 10'000U - 10);
  EXPECT_EQ(set_clock("2026-11-22T05:30:00Z"), "2026-11-22T06:00:00Z");
  EXPECT_EQ(world.timers.size(), 1U);
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  world.run_next();
}

// The timers are on the steady clock, which may run ahead of the wall clock.
TEST(Schedules, CronDoesNotStartBeforeItsTime) {
  Scheduled world;
  world.schedule("{cron: '0 * * * *'}");
  world.clock.set_wall(parse_time("2026-11-22T06:29:59.500Z").value());
  world.fire_next();
  EXPECT_EQ(world.open(), 0U);
  EXPECT_EQ(world.next_time(), "2026-11-22T07:00:00Z");
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  world.run_next();
}

TEST(Schedules, AfterCountsFromTheEndOfTheOneBefore) {
  Scheduled world;
  world.schedule("{after: PT5S}");
  EXPECT_EQ(world.open(), 1U) << "the first one starts at once";
  EXPECT_EQ(world.next_time(), "none");
  EXPECT_EQ(world.timers.size(), 0U);
  world.clock.advance(minutes(7));
  world.run_next();
  EXPECT_EQ(world.next_time(), "2026-11-22T06:37:05Z");
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  // However it ends.
  const auto step = world.steps.next();
  ASSERT_TRUE(world.engine.stop(step.call.instance));
  world.engine.wait_until_idle(Deadline());
  EXPECT_EQ(world.next_time(), "2026-11-22T06:37:10Z");
}

TEST(Schedules, ARefusedStartIsToldAndTheScheduleGoesOn) {
  for (const char* rule : {"{after: PT5S}", "{every: PT5S}"}) {
    Scheduled world;
    world.schedules.replace(
        {world.workflow(rule, "1.0.0", "w", "input: {schema: {document: {required: [n]}}}\n")});
    for (std::uint64_t i = 1; i < 4; ++i) {
      if (world.view().refused < i) world.fire_next();
      EXPECT_EQ(world.view().refused, i);
    }
    EXPECT_EQ(world.view().problem->code, "schema-violation");
    EXPECT_EQ(world.view().started, 0U);
    EXPECT_NE(world.metrics.text().find("outcome=\"refused\"} 3"), std::string::npos);
  }
}

TEST(Schedules, EventsBecomeTheInput) {
  constexpr const char* kA = R"({"id": "1", "type": "a", "data": {"n": 1}})";
  constexpr const char* kB = R"({"id": "2", "type": "b", "data": {"n": 2}})";
  {
    Scheduled world;
    world.schedule("{on: {one: {with: {type: a}}}}");
    world.publish(kB);
    EXPECT_EQ(world.open(), 0U);
    world.publish(kA);
    EXPECT_EQ(world.next_input(), R"([{"n":1}])");
    world.publish(kA);
    EXPECT_EQ(world.next_input(), R"([{"n":1}])") << "it goes on listening";
    EXPECT_EQ(world.view().started, 2U);
    EXPECT_EQ(world.next_time(), "none");
  }
  {
    Scheduled world;
    world.schedule("{on: {any: [{with: {type: a}}, {with: {type: b}}]}, read: envelope}");
    world.publish(kB);
    EXPECT_EQ(world.next_input(), R"([{"id":"2","type":"b","data":{"n":2}}])");
  }
  {
    Scheduled world;
    world.schedule("{on: {any: []}, read: raw}");
    world.publish(kB);
    EXPECT_EQ(world.next_input(), R"(["eyJuIjoyfQ=="])");
  }
  {
    Scheduled world;
    world.schedule("{on: {all: [{with: {type: a}}, {with: {type: b}}]}}");
    world.publish(kB);
    world.publish(kB);
    EXPECT_EQ(world.open(), 0U);
    world.publish(kA);
    EXPECT_EQ(world.next_input(), R"([{"n":2},{"n":1}])");
    world.publish(kA);
    EXPECT_EQ(world.next_input(), R"([{"n":2},{"n":1}])") << "the second b has waited for it";
  }
  {
    Scheduled world;
    world.schedule("{on: {any: [{with: {type: a}}], until: 'length == 2'}}");
    world.publish(kA);
    EXPECT_EQ(world.open(), 0U);
    world.publish(kA);
    EXPECT_EQ(world.next_input(), R"([{"n":1},{"n":1}])");
  }
  {
    Scheduled world;
    world.schedule("{on: {any: [{with: {type: a}}], until: {one: {with: {type: b}}}}}");
    world.publish(kB);
    EXPECT_EQ(world.open(), 0U) << "nothing was collected yet";
    world.publish(kA);
    world.publish(kA);
    world.publish(kB);
    EXPECT_EQ(world.next_input(), R"([{"n":1},{"n":1}])");
  }
}

TEST(Schedules, EventsThatBelongTogetherStartOne) {
  Scheduled world;
  const std::string part = "{with: {type: TYPE}, correlate: {order: {from: .data.order}}}";
  const auto of_type = [&](const char* type) {
    return std::string(part).replace(part.find("TYPE"), 4, type);
  };
  world.schedule("{on: {all: [" + of_type("ordered") + ", " + of_type("paid") + "]}}");
  world.publish(R"({"type": "ordered", "data": {"order": 1}})");
  world.publish(R"({"type": "ordered", "data": {"order": 2}})");
  world.publish(R"({"type": "paid", "data": {"order": 3}})");
  EXPECT_EQ(world.open(), 0U);
  world.publish(R"({"type": "paid", "data": {"order": 2}})");
  EXPECT_EQ(world.next_input(), R"([{"order":2},{"order":2}])");
  world.publish(R"({"type": "ordered", "data": {"order": 3}})");
  EXPECT_EQ(world.next_input(), R"([{"order":3},{"order":3}])");
  world.publish(R"({"type": "paid", "data": {"order": 1}})");
  EXPECT_EQ(world.next_input(), R"([{"order":1},{"order":1}])");
}

TEST(Schedules, CollectionsThatNeverEndAreBounded) {
  Scheduled world;
  world.schedule(
      "{on: {all: [{with: {type: a}, correlate: {k: {from: .k}}}, "
      "{with: {type: b}, correlate: {k: {from: .k}}}]}}");
  for (int i = 0; i < 1001; ++i)
    world.engine.events().publish(Value::object({{"type", "a"}, {"k", i}, {"data", i}}));
  world.publish(R"({"type": "b", "k": 0, "data": 0})");
  EXPECT_EQ(world.open(), 0U) << "the oldest was dropped";
  world.publish(R"({"type": "b", "k": 1000, "data": 0})");
  EXPECT_EQ(world.next_input(), "[1000,0]");
  EXPECT_EQ(world.view().missed, 2U);
}

TEST(Schedules, WhatIsCollectedIsBoundedByItsBytesToo) {
  Scheduled world;
  world.schedule(
      "{on: {all: [{with: {type: a}, correlate: {k: {from: .k}}}, "
      "{with: {type: b}, correlate: {k: {from: .k}}}]}}");
  const std::string large(4'000'000, 'x');
  for (int i = 0; i < 10; ++i) {
    world.engine.events().publish(Value::object({{"type", "a"}, {"k", i}, {"data", large}}));
    world.settle();
  }
  EXPECT_EQ(world.view().missed, 2U) << "eight of them make 32 MB";
  world.publish(R"({"type": "b", "k": 1, "data": 0})");
  EXPECT_EQ(world.open(), 0U);
  world.publish(R"({"type": "b", "k": 2, "data": 0})");
  EXPECT_EQ(world.run_next().input.at(0), Value(large));
  // What has left makes room.
  world.engine.events().publish(Value::object({{"type", "a"}, {"k", 11}, {"data", large}}));
  world.settle();
  EXPECT_EQ(world.view().missed, 2U);
}

// Each event once had its line.
TEST(Schedules, WhatWasMissedIsLoggedOnceAMinute) {
  Scheduled world;
  std::mutex mutex;
  std::vector<std::string> lines;
  Log log(LogLevel::warn, LogFormat::logfmt, [&](std::string_view line) {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(line);
  });
  Schedules schedules{world.engine, world.journal, world.timers, world.clock, world.metrics, log};
  schedules.replace({world.workflow("{every: PT1S}")});
  for (const int pause : {5, 6, 7, 50}) {
    world.clock.advance(seconds(pause));
    world.fire_next();
  }
  EXPECT_EQ(schedules.list().at(0).missed, 4U + 5 + 6 + 49);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("count=4"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("count=60"), std::string::npos) << lines[1];
}

// It once started itself for ever.
TEST(Schedules, TheLifeOfItsOwnInstancesStartsNothing) {
  Scheduled world;
  const std::string on = "{on: {one: {with: {type: io.serverlessworkflow.workflow.completed.v1}}}}";
  world.schedules.replace({world.workflow(on), world.workflow("{every: PT1S}", "1.0.0", "other")});
  world.fire_next();
  world.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value()));  // other's
  world.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value()));  // its own
  world.engine.wait_until_idle(Deadline());
  world.settle();
  EXPECT_EQ(world.open(), 0U);
  EXPECT_EQ(world.schedules.list().at(1).started, 1U);
}

TEST(Schedules, OnlyTheNewestVersionIsScheduled) {
  Scheduled world;
  world.schedules.replace(
      {world.workflow("{every: PT1S}", "1.9.0"), world.workflow("{every: PT2S}", "1.10.0"),
       world.workflow("{every: PT3S}", "1.10.0-rc.1"),
       world.workflow("{every: PT4S}", "1.0.0", "old"), world.workflow("", "2.0.0", "old")});
  ASSERT_EQ(world.schedules.list().size(), 1U);
  EXPECT_EQ(world.view().workflow, "n/w:1.10.0");
  EXPECT_EQ(world.view().rule, "PT2S");
}

TEST(Schedules, AReloadKeepsWhatIsUnchanged) {
  Scheduled world;
  world.schedules.replace({world.workflow("{every: PT10S}"),
                           world.workflow("{every: PT20S}", "1.0.0", "x"),
                           world.workflow("{on: {any: []}}", "1.0.0", "y")});
  EXPECT_EQ(world.metrics.gauge("stepwell_schedules", "").value(), 3);
  world.clock.advance(seconds(4));
  world.schedules.replace(
      {world.workflow("{every: PT10S}"), world.workflow("{every: PT30S}", "1.0.0", "x")});
  const auto list = world.schedules.list();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(format_time(*list[0].next), "2026-11-22T06:30:10Z");
  EXPECT_EQ(format_time(*list[1].next), "2026-11-22T06:30:34Z");
  EXPECT_EQ(world.timers.size(), 2U);
  world.publish(R"({"type": "a"})");
  EXPECT_EQ(world.open(), 0U) << "y is gone";
  world.schedules.stop();
  EXPECT_EQ(world.timers.size(), 0U);
  EXPECT_TRUE(world.schedules.list().empty());
  world.schedules.replace({world.workflow("{after: PT10S}")});
  EXPECT_EQ(world.open(), 0U) << "it has stopped for good";
}

TEST(Schedules, AnEndAfterTheReloadStartsNothing) {
  Scheduled world;
  world.schedule("{after: PT5S}");
  world.schedules.replace({});
  world.run_next();
  EXPECT_EQ(world.timers.size(), 0U);
}

TEST(Schedules, WhatIsTooMuchAtOnceWaits) {
  Scheduled world;
  const auto loaded = config::load_definition(
      "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
      "{concurrency: 1}}}\nschedule: {every: PT1S}\n"
      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]\n",
      "w.yaml");
  world.schedules.replace({{loaded.definition, world.engine.prepare(loaded.definition)}});
  world.fire_next();
  world.fire_next();
  EXPECT_EQ(world.open(), 2U);
  auto first = world.steps.next();
  EXPECT_TRUE(world.steps.empty());
  first.ticket.finish(std::make_unique<ReadyResult>(Value()));
  EXPECT_EQ(world.run_next().name, "scheduled");
}

// Starts that fail for a reason that passes by itself.
Problem for_now() {
  Problem problem = make_problem(ErrorKind::runtime, "journal-failing", "the disk is full");
  problem.status = 503;
  return problem;
}

std::string a_event(int number) {
  const std::string id = "a" + std::to_string(number);
  return R"({"source": "/test", "type": "a", "id": ")" + id + R"(", "data": ")" + id + R"("})";
}

struct Admitted {
  std::vector<std::string> inputs;  // in the journal's order: workers may overtake each other
  std::vector<std::string> workflows;
};

Admitted admissions(const KeptRecords& kept) {
  Admitted found;
  for (const Record& record : kept.log) {
    if (record.kind != Record::Kind::started || record.number != 1) continue;
    found.inputs.push_back(to_json(record.payload.get("input")));
    found.workflows.emplace_back(record.payload.get("workflow").as_string());
  }
  return found;
}

constexpr const char* kOnA = "{on: {one: {with: {type: a}}}}";

// The events were once lost, though they had been acknowledged.
TEST(Schedules, EventsWaitWhereTheirStartIsRefusedForNow) {
  Scheduled world;
  world.start({world.workflow(kOnA)});
  world.journal.refuse_admissions(for_now());
  constexpr int kEvents = 100;
  for (int i = 0; i < kEvents; ++i)
    world.engine.publish(parse_json(a_event(i)).value(),
                         [](const Status& status) { EXPECT_TRUE(status); });
  world.settle();
  std::uint64_t refused = world.view().refused;
  EXPECT_GE(refused, 1U);
  EXPECT_EQ(world.view().problem->code, "journal-failing");
  for (const int pause : {2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(world.timers.size(), 1U);
    const WallTime before = world.clock.now();
    world.fire_next();
    EXPECT_EQ(world.clock.now() - before, seconds(pause));
    EXPECT_EQ(world.view().refused, ++refused) << "one is tried, for all";
  }
  world.publish(a_event(kEvents));
  EXPECT_EQ(world.view().refused, refused) << "it waits for the others";
  EXPECT_EQ(world.kept().events.size(), kEvents + 1U);

  Scheduled next("2026-11-22T08:00:00Z", world.kept());
  next.start({next.workflow(kOnA)});
  EXPECT_EQ(next.open(), kEvents + 1U) << "after a crash";

  world.journal.refuse_admissions(std::nullopt);
  world.fire_next();
  std::vector<std::string> expected;
  for (int i = 0; i <= kEvents; ++i) expected.push_back("[\"a" + std::to_string(i) + "\"]");
  std::vector<std::string> inputs = admissions(world.kept()).inputs;
  EXPECT_EQ(inputs.front(), expected.front());
  std::sort(inputs.begin(), inputs.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(inputs, expected);
  EXPECT_EQ(world.view().started, kEvents + 1U);
  EXPECT_EQ(world.view().refused, refused);
  EXPECT_EQ(world.view().missed, 0U);
  EXPECT_FALSE(world.view().problem);
  EXPECT_TRUE(world.kept().events.empty());
  EXPECT_EQ(world.timers.size(), 0U);

  // The pauses begin anew.
  world.journal.refuse_admissions(for_now());
  world.publish(a_event(200));
  const WallTime before = world.clock.now();
  world.fire_next();
  EXPECT_EQ(world.clock.now() - before, seconds(2));
}

TEST(Schedules, AnEventWhoseStartIsRefusedForGoodIsLetGo) {
  Scheduled world;
  world.start({world.workflow(kOnA, "1.0.0", "w", "input: {schema: {document: {maxItems: 0}}}\n")});
  world.publish(a_event(1));
  world.publish(a_event(2));
  EXPECT_EQ(world.view().refused, 2U);
  EXPECT_TRUE(world.kept().events.empty());
  EXPECT_EQ(world.timers.size(), 0U);
}

// One waits to be tried again, and what came after it waits too.
void refuse_two(Scheduled& world) {
  world.start({world.workflow(kOnA)});
  world.journal.refuse_admissions(for_now());
  world.publish(a_event(1));
  world.publish(a_event(2));
  EXPECT_EQ(world.view().refused, 1U);
}

// They were once dropped without a word.
TEST(Schedules, AReloadKeepsTheEventsThatWait) {
  Scheduled world;
  refuse_two(world);
  world.schedules.replace({world.workflow(kOnA, "1.1.0")});
  world.publish(a_event(3));
  world.schedules.replace({world.workflow(kOnA, "1.2.0")});
  EXPECT_EQ(world.kept().events.size(), 3U);
  world.journal.refuse_admissions(std::nullopt);
  world.fire_next();
  const Admitted found = admissions(world.kept());
  ASSERT_EQ(found.inputs.size(), 3U);
  EXPECT_EQ(found.inputs.front(), R"(["a1"])");
  EXPECT_EQ(found.workflows.front(), "n/w:1.0.0") << "it had become the input of that one";
  for (std::size_t i = 1; i < found.workflows.size(); ++i)
    EXPECT_NE(found.workflows[i], "n/w:1.0.0") << i;
  EXPECT_EQ(world.view().missed, 0U);
  EXPECT_TRUE(world.kept().events.empty());
}

TEST(Schedules, EventsThatWaitForOneThatIsGoneAreMissed) {
  for (const char* rule : {"", "{every: PT1H}"}) {
    Scheduled world;
    refuse_two(world);
    world.schedules.replace({world.workflow(rule, "1.1.0")});
    EXPECT_NE(world.metrics.text().find("stepwell_schedule_missed_total{kind=\"on\"} 2"),
              std::string::npos)
        << world.metrics.text();
    EXPECT_TRUE(world.kept().events.empty());
    EXPECT_EQ(world.timers.size(), *rule == '\0' ? 0U : 1U);
  }
}

TEST(Schedules, EventsThatWaitWhenTheDaemonStopsAreInTheJournal) {
  Scheduled world;
  refuse_two(world);
  world.engine.refuse_new();
  world.schedules.stop();
  EXPECT_EQ(world.timers.size(), 0U);
  EXPECT_EQ(world.kept().events.size(), 2U);
  EXPECT_EQ(world.metrics.text().find("stepwell_schedule_missed_total{kind=\"on\"} 2"),
            std::string::npos);
}

std::string last_once(const KeptRecords& kept) {
  std::string once;
  for (const Record& record : kept.log)
    if (record.kind == Record::Kind::started && record.number == 1)
      once = record.payload.get("once").as_string();
  return once;
}

TEST(Schedules, ATimeThatIsRefusedForNowIsTriedAgain) {
  for (const char* rule : {"{every: PT1M}", "{cron: '* * * * *'}"}) {
    Scheduled world;
    world.start({world.workflow(rule)});
    world.journal.refuse_admissions(for_now());
    world.fire_next();
    world.fire_next();
    EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T06:31:02Z") << rule;
    EXPECT_EQ(world.view().refused, 2U) << rule;
    EXPECT_EQ(world.next_time(), "2026-11-22T06:32:00Z") << rule;
    world.journal.refuse_admissions(std::nullopt);
    world.fire_next();
    EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T06:31:06Z") << rule;
    EXPECT_EQ(last_once(world.kept()), "schedule n/w@2026-11-22T06:31:00Z#1") << rule;
    EXPECT_EQ(world.view().missed, 0U) << rule;
    EXPECT_EQ(world.timers.size(), 1U) << rule;
    world.fire_next();
    EXPECT_EQ(last_once(world.kept()), "schedule n/w@2026-11-22T06:32:00Z#1") << rule;
  }
}

TEST(Schedules, ATimeThatIsRefusedUntilTheNextIsMissed) {
  Scheduled world;
  world.start({world.workflow("{every: PT5S}")});
  world.journal.refuse_admissions(for_now());
  for (const char* time : {"06:30:05", "06:30:07", "06:30:10"}) {
    world.fire_next();
    EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T" + std::string(time) + "Z");
  }
  EXPECT_EQ(world.view().refused, 3U);
  EXPECT_EQ(world.view().missed, 1U);
  EXPECT_EQ(world.timers.size(), 2U);
  world.journal.refuse_admissions(std::nullopt);
  world.fire_next();
  EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T06:30:12Z") << "pauses begin anew";
  EXPECT_EQ(last_once(world.kept()), "schedule n/w@2026-11-22T06:30:10Z#1");
  EXPECT_EQ(world.view().started, 1U);
  EXPECT_EQ(world.view().missed, 1U);

  // One that waits when the workflow changes is missed as well.
  world.journal.refuse_admissions(for_now());
  world.fire_next();
  world.schedules.replace({world.workflow("{every: PT7S}")});
  EXPECT_NE(world.metrics.text().find("stepwell_schedule_missed_total{kind=\"every\"} 2"),
            std::string::npos);
  EXPECT_EQ(world.timers.size(), 1U);
}

TEST(Schedules, AfterTriesUntilItsInstanceIsThere) {
  Scheduled world;
  world.journal.refuse_admissions(for_now());
  world.start({world.workflow("{after: PT1S}")});
  for (std::uint64_t i = 1; i < 8; ++i) {
    EXPECT_EQ(world.view().refused, i);
    EXPECT_EQ(world.timers.size(), 1U);
    world.fire_next();
  }
  EXPECT_EQ(format_time(world.clock.now()), "2026-11-22T06:33:02Z");
  world.journal.refuse_admissions(std::nullopt);
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(world.timers.size(), 0U);
  EXPECT_EQ(world.view().missed, 0U);
  world.run_next();
  EXPECT_EQ(world.next_time(), "2026-11-22T06:34:03Z");
}

}  // namespace
}  // namespace stepwell::engine::test
