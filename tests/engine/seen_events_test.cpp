// An event of one source and id is taken once, however often it is sent.
#include "engine/seen_events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/engine/life.h"
#include "tests/engine/scheduled.h"

namespace stepwell::engine::test {
namespace {

Value named(const std::string& id) {
  return Value::object({{"source", "/s"}, {"id", id}, {"type", "go"}});
}

ListenerId listener(std::uint64_t counter, std::uint64_t slot = 1) {
  return ListenerId{(counter << 24U) | slot};
}

TEST(SeenEvents, OneIsForAllWhoListenedWhenItCame) {
  SeenEvents seen;
  EXPECT_FALSE(seen.has(listener(3), named("a")));
  seen.add(listener(3), named("a"), 5);
  EXPECT_TRUE(seen.has(listener(3), named("a")));
  EXPECT_FALSE(seen.has(listener(4), named("a"))) << "it listened then, and has it not yet";
  EXPECT_TRUE(seen.has(listener(6), named("a"))) << "it began to listen later";
  EXPECT_FALSE(seen.has(listener(6), named("b")));
  seen.add(listener(4), named("a"), 9);
  EXPECT_TRUE(seen.has(listener(4), named("a")));
  EXPECT_TRUE(seen.has(listener(7), named("a")));
  EXPECT_EQ(seen.all().size(), 1U);
}

TEST(SeenEvents, TheOldestAreForgotten) {
  SeenEvents seen;
  for (std::size_t i = 0; i < SeenEvents::kMost + 1; ++i)
    seen.add(listener(1), named(std::to_string(i)), 1);
  EXPECT_FALSE(seen.has(listener(1), named("0")));
  EXPECT_TRUE(seen.has(listener(1), named("1")));
  EXPECT_EQ(seen.all().size(), SeenEvents::kMost);
}

TEST(SeenEvents, WhatHasNoIdIsNew) {
  SeenEvents seen;
  const Value event = Value::object({{"type", "go"}});
  seen.add(listener(1), event, 1);
  EXPECT_FALSE(seen.has(listener(1), event));
}

constexpr const char* kTwoInARow = R"(do:
  - first: {listen: {to: {one: {with: {type: go}}}}}
  - then: {listen: {to: {one: {with: {type: go}}}}}
)";
constexpr const char* kCounts = R"(do:
  - hear: {listen: {to: {any: [{with: {type: go}}], until: '${ length == 3 }'}}}
)";

std::string go(int id) {
  const std::string text = std::to_string(id);
  return R"({"id": ")" + text + R"(", "source": "s", "type": "go", "data": )" + text + "}";
}

TEST(SeenEvents, AnInstanceTakesNoneASecondTime) {
  Life first;
  const InstanceId row = first.start(kTwoInARow);
  const InstanceId counts = first.start(kCounts);
  first.rest();
  for (int i = 0; i < 3; ++i) first.publish(go(1).c_str());
  first.rest();
  EXPECT_EQ(first.engine.find(row)->status, InstanceStatus::waiting);
  Life second(first.journal.kept());
  second.open();
  second.rest();
  for (const int id : {1, 2, 1, 2, 3}) second.publish(go(id).c_str());
  second.settle();
  EXPECT_EQ(second.engine.find(row)->output, Value::array({2}));
  EXPECT_EQ(second.engine.find(counts)->output, Value::array({1, 2, 3}));
}

// The second branch once went without it, where the first one had it before the crash.
TEST(SeenEvents, AllBranchesThatListenGetItWhereverItCrashes) {
  Life first;
  const InstanceId id = first.start(R"(do:
  - both:
      fork:
        branches:
          - left: {listen: {to: {one: {with: {type: go}}}}}
          - right: {listen: {to: {one: {with: {type: go}}}}}
)");
  first.rest();
  first.publish(go(1).c_str());
  first.settle();
  const std::vector<Record> log = first.journal.log();
  const auto published = std::find_if(log.begin(), log.end(), [](const Record& record) {
    return record.kind == Record::Kind::published;
  });
  ASSERT_NE(published, log.end());
  for (auto end = published + 1; end != log.end() + 1; ++end) {
    KeptRecords kept;
    for (auto at = log.begin(); at != end; ++at) kept.take(*at);
    Life second(kept);
    second.open();
    second.rest();
    EXPECT_EQ(to_json(second.engine.find(id)->output), "[[1],[1]]") << end - log.begin();
    if (end == log.end()) break;
  }
}

// What comes beyond is not kept: neither its memory nor its journal would ever end.
TEST(SeenEvents, OneThatIsSuspendedKeepsTenThousand) {
  Life life;
  const InstanceId id = life.start(R"(do:
  - hear: {listen: {to: {any: [{with: {type: go}}], until: '${ .[-1] == 10001 }'}}}
  - last: {set: {heard: '${ length }'}}
)");
  EXPECT_TRUE(life.request(Engine::Operation::suspend, id));
  for (int i = 1; i <= 10'003; ++i) life.publish(go(i).c_str());
  life.rest();
  const auto missed = [&life] {
    return life.metrics.counter("stepwell_instance_events_missed_total", "").value();
  };
  EXPECT_EQ(missed(), 3);
  EXPECT_TRUE(life.request(Engine::Operation::resume, id));
  life.rest();
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::waiting);
  life.publish(go(10'001).c_str());
  life.settle();
  EXPECT_EQ(life.engine.find(id)->output, Value::object({{"heard", 10'001}}));
  EXPECT_EQ(missed(), 3);
}

TEST(SeenEvents, ASetOfEventsHasNoneTwice) {
  const std::string rule = "{on: {any: [{with: {type: go}}], until: '${ length == 2 }'}}";
  KeptRecords kept;
  {
    Scheduled world;
    world.start({world.workflow(rule)});
    for (const int id : {1, 1, 2, 1, 2, 3}) world.publish(go(id));
    EXPECT_EQ(world.open(), 1U);
    EXPECT_EQ(world.next_input(), "[1,2]");
    kept = world.kept();
  }
  Scheduled next("2026-11-22T08:00:00Z", kept);
  next.start({next.workflow(rule)});
  for (const int id : {1, 2}) next.publish(go(id));
  EXPECT_EQ(next.open(), 0U);
  next.publish(go(4));
  EXPECT_EQ(next.next_input(), "[3,4]");
}

}  // namespace
}  // namespace stepwell::engine::test
