// Schedules over restarts and crashes: each world goes on from what another one left.
#include <algorithm>
#include <set>

#include "tests/engine/scheduled.h"

namespace stepwell::engine::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// What crashes leave: everything that the journal was given until then.
std::vector<KeptRecords> crashes(const KeptRecords& kept) {
  std::vector<KeptRecords> all(1);
  for (const Record& record : kept.log) {
    all.push_back(all.back());
    all.back().take(record);
  }
  return all;
}

std::string text(const Value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

// What the instances were started for.
std::vector<std::string> starts(const KeptRecords& kept) {
  std::vector<std::string> found;
  for (const auto& [id, instance] : kept.instances)
    found.push_back(text(instance.head.payload.get("once")));
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> inputs(const KeptRecords& kept) {
  std::vector<std::string> found;
  for (const auto& [id, instance] : kept.instances)
    found.push_back(to_json(instance.head.payload.get("input")));
  std::sort(found.begin(), found.end());
  return found;
}

// One that was started at 06:30 with the schedule, whose timers fired so often, and then killed.
KeptRecords run_and_kill(const std::string& rule, int timers, const std::string& own = "{}") {
  Scheduled world;
  world.start({world.workflow(rule, "1.0.0", "w", "", own)});
  for (int i = 0; i < timers; ++i) world.fire_next();
  return world.kept();
}

struct CaughtUp {
  std::size_t started;
  std::uint64_t missed;
  std::string next;
};

CaughtUp restart(const KeptRecords& kept, const char* now, const std::string& rule,
                 const std::string& own = "{}") {
  Scheduled world(now, kept);
  const std::size_t before = kept.instances.size();
  world.start({world.workflow(rule, "1.0.0", "w", "", own)});
  return {world.kept().instances.size() - before, world.view().missed, world.next_time()};
}

TEST(SchedulesOverARestart, OneStartCatchesUpForTheLastOfTheTimesThatPassed) {
  struct Case {
    const char* rule;
    int timers;
    const char* restarted;
    std::size_t started;
    std::uint64_t missed;
    const char* next;
  };
  const std::vector<Case> cases{
      // Nothing passed: the phase is kept.
      {"{every: PT10S}", 0, "2026-11-22T06:30:07Z", 0, 0, "2026-11-22T06:30:10Z"},
      {"{every: PT10S}", 2, "2026-11-22T06:30:27Z", 0, 0, "2026-11-22T06:30:30Z"},
      {"{cron: '0 * * * *'}", 0, "2026-11-22T06:40:00Z", 0, 0, "2026-11-22T07:00:00Z"},
      // One passed, however long ago.
      {"{every: PT10S}", 2, "2026-11-22T06:30:30Z", 1, 0, "2026-11-22T06:30:40Z"},
      {"{every: P1D}", 0, "2026-11-23T18:00:00Z", 1, 0, "2026-11-24T06:30:00Z"},
      {"{cron: '0 * * * *'}", 0, "2026-11-22T07:59:59Z", 1, 0, "2026-11-22T08:00:00Z"},
      {"{cron: '0 * * * *'}", 1, "2026-11-22T08:00:00Z", 1, 0, "2026-11-22T09:00:00Z"},
      // Several passed.
      {"{every: PT10S}", 1, "2026-11-22T06:31:05Z", 1, 4, "2026-11-22T06:31:10Z"},
      {"{cron: '0 * * * *'}", 1, "2026-11-22T10:20:00Z", 1, 2, "2026-11-22T11:00:00Z"},
      // So many that not all are counted.
      {"{cron: '* * * * *'}", 0, "2027-11-22T06:30:30Z", 1, 9'999, "2027-11-22T06:31:00Z"},
      {"{cron: '0,30 7 29 2 *'}", 0, "2031-01-01T00:00:00Z", 1, 1, "2032-02-29T07:00:00Z"},
  };
  for (const Case& each : cases) {
    const KeptRecords kept = run_and_kill(each.rule, each.timers);
    const CaughtUp caught = restart(kept, each.restarted, each.rule);
    EXPECT_EQ(caught.started, each.started) << each.rule << each.restarted;
    EXPECT_EQ(caught.missed, each.missed) << each.rule << each.restarted;
    EXPECT_EQ(caught.next, each.next) << each.rule << each.restarted;
  }
}

TEST(SchedulesOverARestart, NothingIsCaughtUpWhereTheMetadataSaysSo) {
  constexpr const char* kSkip = "{missed: skip}";
  KeptRecords kept = run_and_kill("{every: PT10S}", 1, kSkip);
  Scheduled world("2026-11-22T06:31:05Z", kept);
  world.start({world.workflow("{every: PT10S}", "1.0.0", "w", "", kSkip)});
  EXPECT_EQ(world.view().missed, 5U);
  EXPECT_EQ(world.next_time(), "2026-11-22T06:31:10Z");
  EXPECT_EQ(world.kept().instances.size(), 1U);
  const CaughtUp again = restart(world.kept(), "2026-11-22T06:31:07Z", "{every: PT10S}", kSkip);
  EXPECT_EQ(again.missed, 0U) << "each is counted once";

  kept = run_and_kill("{cron: '0 * * * *'}", 0, kSkip);
  const CaughtUp caught = restart(kept, "2026-11-22T09:00:30Z", "{cron: '0 * * * *'}", kSkip);
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.missed, 3U);
  EXPECT_EQ(caught.next, "2026-11-22T10:00:00Z");
}

TEST(SchedulesOverARestart, WhatWasCaughtUpIsNotCaughtUpAgain) {
  const KeptRecords kept = run_and_kill("{every: PT1H}", 0);
  Scheduled world("2026-11-22T10:00:00Z", kept);
  world.start({world.workflow("{every: PT1H}")});
  EXPECT_EQ(world.open(), 1U);
  const CaughtUp again = restart(world.kept(), "2026-11-22T10:10:00Z", "{every: PT1H}");
  EXPECT_EQ(again.started, 0U);
  EXPECT_EQ(again.next, "2026-11-22T10:30:00Z");
}

// Whatever of its records got lost, no time has two instances, and the last one has its own.
TEST(SchedulesOverARestart, ACrashAtAnyPointNeitherRepeatsATimeNorLosesIt) {
  struct Case {
    const char* rule;
    const char* restarted;
    const char* last;
  };
  const std::vector<Case> cases{
      {"{every: PT10S}", "2026-11-22T06:30:24Z", "schedule n/w@2026-11-22T06:30:20Z#1"},
      {"{every: PT10S}", "2026-11-22T06:30:35Z", "schedule n/w@2026-11-22T06:30:30Z#1"},
      {"{cron: '* * * * *'}", "2026-11-22T06:32:04Z", "schedule n/w@2026-11-22T06:32:00Z#1"},
      {"{cron: '* * * * *'}", "2026-11-22T06:37:55Z", "schedule n/w@2026-11-22T06:37:00Z#1"},
  };
  for (const Case& each : cases) {
    const KeptRecords kept = run_and_kill(each.rule, 2);
    ASSERT_EQ(kept.instances.size(), 2U);
    for (const KeptRecords& left : crashes(kept)) {
      Scheduled world(each.restarted, left);
      world.start({world.workflow(each.rule)});
      const std::vector<std::string> made = starts(world.kept());
      const std::set<std::string> different(made.begin(), made.end());
      EXPECT_EQ(different.size(), made.size()) << each.rule << left.log.size();
      EXPECT_EQ(different.contains(each.last), !left.schedules.empty())
          << each.rule << left.log.size();
      EXPECT_LE(made.size(), 3U);
    }
  }
}

// A time whose start is not durable yet is not behind those of later ones.
TEST(SchedulesOverARestart, TimesAreSettledInTheirOrder) {
  Scheduled world;
  world.start({world.workflow("{every: PT10S}")});
  world.journal.set_mode(KeepingJournal::Mode::by_hand);
  world.fire_next();
  world.fire_next();
  const auto last_due = [&] {
    std::vector<std::int64_t> times;
    for (const Record& record : world.journal.log())
      if (record.kind == Record::Kind::schedule)
        times.push_back(record.payload.get("due").as_integer().value());
    return format_time(WallTime(Milliseconds(times.back())));
  };
  EXPECT_EQ(last_due(), "2026-11-22T06:30:00Z");
  while (world.journal.make_durable() > 0) world.settle();
  EXPECT_EQ(last_due(), "2026-11-22T06:30:20Z");
}

TEST(SchedulesOverARestart, AnotherDefinitionBeginsAnew) {
  const KeptRecords kept = run_and_kill("{every: PT10S}", 1);
  CaughtUp caught = restart(kept, "2026-11-22T07:00:01Z", "{every: PT20S}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.missed, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T07:00:21Z");
  caught = restart(kept, "2026-11-22T07:00:01Z", "{cron: '* * * * *'}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T07:01:00Z");
}

TEST(SchedulesOverARestart, OneThatWasGoneMeanwhileBeginsAnew) {
  KeptRecords kept = run_and_kill("{every: PT10S}", 1);
  {
    Scheduled world("2026-11-22T06:30:15Z", kept);
    world.start({world.workflow("", "1.0.0", "other")});
    kept = world.kept();
  }
  const CaughtUp caught = restart(kept, "2026-11-22T07:00:01Z", "{every: PT10S}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T07:00:11Z");

  Scheduled world;
  world.start({world.workflow("{every: PT10S}")});
  world.schedules.replace({});
  world.clock.advance(minutes(1));
  world.schedule("{every: PT10S}");
  EXPECT_EQ(world.open(), 0U);
  EXPECT_EQ(world.next_time(), "2026-11-22T06:31:10Z");
}

TEST(SchedulesOverARestart, AClockThatWasSetBackStopsNothing) {
  KeptRecords kept = run_and_kill("{every: PT10S}", 2);
  CaughtUp caught = restart(kept, "2026-11-22T06:00:03Z", "{every: PT10S}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T06:00:10Z");
  // Times that come once more are other times for the journal.
  Scheduled world("2026-11-22T06:30:05Z", kept);
  world.start({world.workflow("{every: PT10S}")});
  world.fire_next();
  EXPECT_EQ(world.kept().instances.size(), 3U);
  EXPECT_EQ(world.open(), 3U);

  kept = run_and_kill("{cron: '0 * * * *'}", 2);  // at 07:00 and 08:00
  caught = restart(kept, "2026-11-22T06:30:00Z", "{cron: '0 * * * *'}");
  EXPECT_EQ(caught.next, "2026-11-22T09:00:00Z") << "what was done is not done once more …";
  caught = restart(kept, "2026-11-22T04:30:00Z", "{cron: '0 * * * *'}");
  EXPECT_EQ(caught.next, "2026-11-22T05:00:00Z") << "… unless the clock had been wrong";
  EXPECT_EQ(caught.started, 0U);
}

TEST(SchedulesOverARestart, EveryKeepsItsPhaseWhereTheClockWasSetWhileItRan) {
  Scheduled world;
  world.start({world.workflow("{every: PT10M}")});
  world.clock.advance(minutes(4));
  world.clock.set_wall(parse_time("2026-11-22T12:00:00Z").value());
  world.schedules.maintain();
  EXPECT_EQ(world.next_time(), "2026-11-22T12:06:00Z");
  const CaughtUp caught = restart(world.kept(), "2026-11-22T12:05:00Z", "{every: PT10M}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T12:06:00Z");
}

// What the running daemon took for missed stays so.
TEST(SchedulesOverARestart, CronDoesNotCatchUpWhatWasMissedBefore) {
  Scheduled world;
  world.start({world.workflow("{cron: '0 * * * *'}")});
  world.clock.set_wall(parse_time("2026-11-22T08:30:00Z").value());
  world.schedules.maintain();
  EXPECT_EQ(world.view().missed, 2U);
  const CaughtUp caught = restart(world.kept(), "2026-11-22T08:40:00Z", "{cron: '0 * * * *'}");
  EXPECT_EQ(caught.started, 0U);
  EXPECT_EQ(caught.missed, 0U);
}

TEST(SchedulesOverARestart, WhatAStoppingDaemonCouldNotStartIsCaughtUp) {
  Scheduled world;
  world.start({world.workflow("{every: PT10S}")});
  world.engine.refuse_new();
  world.fire_next();
  EXPECT_EQ(world.view().refused, 0U);
  world.schedules.stop();
  const CaughtUp caught = restart(world.kept(), "2026-11-22T06:30:12Z", "{every: PT10S}");
  EXPECT_EQ(caught.started, 1U);
  EXPECT_EQ(caught.missed, 0U);
  EXPECT_EQ(caught.next, "2026-11-22T06:30:20Z");
}

TEST(SchedulesOverARestart, AfterWaitsForTheEndOfTheOneThatRuns) {
  const KeptRecords kept = run_and_kill("{after: PT5S}", 0);
  Scheduled world("2026-11-22T08:00:00Z", kept);
  world.start({world.workflow("{after: PT5S}")});
  EXPECT_EQ(world.open(), 1U);
  EXPECT_EQ(world.timers.size(), 0U);
  world.clock.advance(minutes(1));
  world.run_next();
  EXPECT_EQ(world.next_time(), "2026-11-22T08:01:05Z");
  world.fire_next();
  EXPECT_EQ(world.open(), 1U);
}

TEST(SchedulesOverARestart, AfterCountsFromAnEndBeforeIt) {
  for (const char* own : {"{}", "{missed: skip}"}) {
    Scheduled world;
    world.start({world.workflow("{after: PT5M}", "1.0.0", "w", "", own)});
    world.clock.advance(minutes(1));
    world.run_next();
    const KeptRecords kept = world.kept();
    CaughtUp caught = restart(kept, "2026-11-22T06:34:00Z", "{after: PT5M}", own);
    EXPECT_EQ(caught.started, 0U);
    EXPECT_EQ(caught.next, "2026-11-22T06:36:00Z");
    caught = restart(kept, "2026-11-22T06:40:00Z", "{after: PT5M}", own);
    const bool skips = own != std::string("{}");
    EXPECT_EQ(caught.started, skips ? 0U : 1U);
    EXPECT_EQ(caught.missed, skips ? 1U : 0U);
    EXPECT_EQ(caught.next, skips ? "2026-11-22T06:45:00Z" : "none");
    // No longer than the delay, whatever the clock says now.
    caught = restart(kept, "2026-11-22T01:00:00Z", "{after: PT5M}", own);
    EXPECT_EQ(caught.next, "2026-11-22T01:05:00Z");
  }
}

TEST(SchedulesOverARestart, AfterBeginsWhereNobodyKnowsTheOneBefore) {
  KeptRecords kept = run_and_kill("{after: PT5M}", 0);
  kept.instances.clear();
  EXPECT_EQ(restart(kept, "2026-11-22T08:00:00Z", "{after: PT5M}").started, 1U);
}

TEST(SchedulesOverARestart, AfterHasOneInstanceWhereverItCrashes) {
  for (const char* own : {"{}", "{missed: skip}"}) {
    Scheduled world;
    world.start({world.workflow("{after: PT5S}", "1.0.0", "w", "", own)});
    world.run_next();
    world.fire_next();
    ASSERT_EQ(world.open(), 1U);
    for (const KeptRecords& left : crashes(world.kept())) {
      Scheduled next("2026-11-22T06:31:00Z", left);
      next.start({next.workflow("{after: PT5S}", "1.0.0", "w", "", own)});
      if (next.open() == 0) next.fire_next();
      EXPECT_EQ(next.open(), 1U) << own << left.log.size();
      const KeptRecords kept = next.kept();
      const auto ended = std::count_if(kept.instances.begin(), kept.instances.end(),
                                       [](const auto& each) { return each.second.ended; });
      EXPECT_EQ(kept.instances.size(), 1U + static_cast<std::size_t>(ended))
          << own << left.log.size();
    }
  }
}

TEST(SchedulesOverARestart, ARefusedOneIsFollowedByTheNext) {
  constexpr const char* kRefused = "input: {schema: {document: {required: [n]}}}\n";
  Scheduled world;
  world.start({world.workflow("{after: PT5M}", "1.0.0", "w", kRefused)});
  EXPECT_EQ(world.view().refused, 1U);
  Scheduled next("2026-11-22T06:32:00Z", world.kept());
  next.start({next.workflow("{after: PT5M}", "1.0.0", "w", kRefused)});
  EXPECT_EQ(next.view().refused, 0U);
  EXPECT_EQ(next.next_time(), "2026-11-22T06:35:00Z");
}

std::string event(const char* type, int number) {
  return std::string(R"({"source": "/test", "type": ")") + type + R"(", "id": ")" + type +
         std::to_string(number) + R"(", "data": ")" + type + std::to_string(number) + R"("})";
}

// Publishes those of them that the journal never got, as whoever got no answer does.
void publish_rest(Scheduled& world, const KeptRecords& left,
                  const std::vector<std::string>& events) {
  std::set<std::string> known;
  for (const Record& record : left.log)
    if (record.kind == Record::Kind::published) known.insert(text(record.payload.get("id")));
  for (const std::string& each : events)
    if (!known.contains(text(parse_json(each).value().get("id")))) world.publish(each);
}

TEST(SchedulesOverARestart, EventsStartOneInstanceWhereverItCrashes) {
  struct Case {
    const char* rule;
    std::vector<std::string> events;
    std::vector<std::string> inputs;
  };
  const std::vector<Case> cases{
      {"{on: {one: {with: {type: a}}}}",
       {event("a", 1), event("b", 1), event("a", 2)},
       {R"(["a1"])", R"(["a2"])"}},
      {"{on: {all: [{with: {type: a}}, {with: {type: b}}]}}",
       {event("a", 1), event("a", 2), event("b", 1), event("b", 2)},
       {R"(["a1","b1"])", R"(["a2","b2"])"}},
      {"{on: {any: [{with: {type: a}}], until: {one: {with: {type: b}}}}}",
       {event("a", 1), event("a", 2), event("b", 1), event("a", 3), event("b", 2)},
       {R"(["a1","a2"])", R"(["a3"])"}},
  };
  for (const Case& each : cases) {
    Scheduled world;
    world.start({world.workflow(each.rule)});
    for (const std::string& sent : each.events) world.publish(sent);
    ASSERT_EQ(inputs(world.kept()), each.inputs) << each.rule;
    EXPECT_TRUE(world.kept().events.empty()) << "nobody waits for them any more";
    for (const KeptRecords& left : crashes(world.kept())) {
      Scheduled next("2026-11-22T08:00:00Z", left);
      next.start({next.workflow(each.rule)});
      publish_rest(next, left, each.events);
      EXPECT_EQ(inputs(next.kept()), each.inputs) << each.rule << left.log.size();
      EXPECT_TRUE(next.kept().events.empty()) << each.rule << left.log.size();
    }
  }
}

TEST(SchedulesOverARestart, EventsWaitForTheOthersOfTheirSet) {
  constexpr const char* kBoth = "{on: {all: [{with: {type: a}}, {with: {type: b}}]}}";
  Scheduled world;
  world.start({world.workflow(kBoth)});
  world.publish(event("a", 1));
  EXPECT_EQ(world.kept().events.size(), 1U);
  world.engine.refuse_new();
  world.schedules.stop();
  Scheduled next("2026-11-22T08:00:00Z", world.kept());
  next.start({next.workflow(kBoth)});
  EXPECT_EQ(next.open(), 0U);
  next.publish(event("b", 1));
  EXPECT_EQ(next.next_input(), R"(["a1","b1"])");
  EXPECT_TRUE(next.kept().events.empty());
}

// Until its instance is durable.
TEST(SchedulesOverARestart, AnEventIsKeptUntilItsInstanceIs) {
  Scheduled world;
  world.start({world.workflow("{on: {one: {with: {type: a}}}}")});
  world.journal.set_mode(KeepingJournal::Mode::by_hand);
  world.publish(event("a", 1));
  world.journal.make_durable(1);
  world.settle();
  EXPECT_EQ(world.kept().events.size(), 1U);
  EXPECT_TRUE(world.kept().instances.empty());
  Scheduled next("2026-11-22T08:00:00Z", world.kept());
  next.start({next.workflow("{on: {one: {with: {type: a}}}}")});
  EXPECT_EQ(next.next_input(), R"(["a1"])");
  while (world.journal.make_durable() > 0) world.settle();
  EXPECT_TRUE(world.kept().events.empty());
}

// `slow` still gathers when `quick` has long had its instance, and the journal has forgotten that.
TEST(SchedulesOverARestart, AnEventThatOthersWaitForIsNotConsumedTwice) {
  constexpr const char* kBoth = "{on: {all: [{with: {type: a}}, {with: {type: b}}]}}";
  for (const char* rule :
       {"{on: {one: {with: {type: a}}}}", "{on: {all: [{with: {type: a}}, {with: {type: c}}]}}"}) {
    const auto workflows = [&](Scheduled& world) {
      return std::vector<Catalog::Entry>{world.workflow(rule, "1.0.0", "quick"),
                                         world.workflow(kBoth, "1.0.0", "slow")};
    };
    KeptRecords kept;
    {
      Scheduled world;
      world.start(workflows(world));
      world.publish(event("a", 1));
      world.publish(event("c", 1));
      EXPECT_EQ(world.open(), 1U) << rule;
      world.run_next();
      kept = world.kept();
    }
    kept.instances.clear();
    for (int i = 0; i < 2; ++i) {
      Scheduled world("2027-01-01T08:00:00Z", kept);
      world.start(workflows(world));
      world.publish(event("c", 2 + i));
      EXPECT_EQ(world.open(), 0U) << rule;
      kept = world.kept();
      EXPECT_EQ(kept.events.size(), 1U + (rule[6] == 'a' ? i + 1U : 0U)) << rule;
    }
    Scheduled world("2027-01-02T08:00:00Z", kept);
    world.start(workflows(world));
    world.publish(event("b", 1));
    EXPECT_EQ(world.open(), 1U) << rule;
  }
}

// Delivered twice by whoever sends them, or for want of an answer.
TEST(Schedules, AnEventOfTheSameSourceAndIdStartsOne) {
  Scheduled world;
  world.schedule("{on: {one: {with: {type: a}}}}");
  world.publish(event("a", 1));
  world.publish(event("a", 1));
  EXPECT_EQ(world.open(), 1U);
  world.publish(event("a", 2));
  EXPECT_EQ(world.open(), 2U);
}

TEST(Schedules, NoEventFallsBetweenTwoVersions) {
  Scheduled world;
  world.start({world.workflow("{on: {one: {with: {type: a}}}}")});
  world.publish(event("a", 1));
  world.schedules.replace({world.workflow("{on: {one: {with: {type: a}}}}", "1.1.0")});
  world.publish(event("a", 1));
  EXPECT_EQ(world.open(), 1U);
  world.publish(event("a", 2));
  EXPECT_EQ(world.open(), 2U);
  world.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value()));
  EXPECT_EQ(world.run_next().workflow, "n/w:1.1.0");
}

}  // namespace
}  // namespace stepwell::engine::test
