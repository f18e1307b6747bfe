// What an instance does by itself, after it gave others a turn, stands in no record of an event: a
// crash must neither lose what it sent out then, nor send it out twice, nor go another way.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

EngineOptions with_memory(std::int64_t bytes) {
  EngineOptions options{2, 1000, 1000};
  options.budget.memory_bytes = bytes;
  return options;
}

// It yields once before it tells of what it found, which depends on a limit.
constexpr const char* kTellsInATurn = R"(do:
  - loop:
      for: {each: n, in: '${ [range(6000)] }'}
      do: [{one: {set: {n: '${ $n }'}}}]
  - careful:
      try: [{deep: {set: {way: '${ "x" * 2000000 | length }'}}}]
      catch:
        do: [{limited: {set: {way: limited}}}]
  - tell: {emit: {event: {with: {source: 'http://e.x/', type: told, data: '${ . }'}}}}
  - last: {wait: {hours: 1}}
)";
constexpr const char* kHearsOfATurn = R"(do:
  - hear: {listen: {to: {any: [{with: {type: told}}], until: '${ length == 2 }'}}}
)";

TEST(Turns, WhatIsSentOutInOneIsHeardOnceWhereverItCrashes) {
  for (const std::int64_t bytes : {500'000, 50'000'000}) {
    Life first({}, nullptr, with_memory(bytes));
    const InstanceId hearer = first.start(kHearsOfATurn);
    first.rest();
    const InstanceId teller = first.start(kTellsInATurn);
    first.rest();
    const std::vector<Record> log = first.journal.log();
    Value told;
    for (const Record& record : log)
      if (record.kind == Record::Kind::event_received) told = record.payload.get("data");
    ASSERT_EQ(told.get("way"), bytes == 500'000 ? Value("limited") : Value(2'000'000))
        << to_json(told);
    bool heard = false;
    for (std::size_t length = 1; length <= log.size(); ++length) {
      SCOPED_TRACE("the first " + std::to_string(length) + " of " + std::to_string(log.size()));
      KeptRecords kept;
      for (std::size_t i = 0; i < length; ++i) kept.take(log[i]);
      heard = heard || log[length - 1].kind == Record::Kind::event_received;
      const auto begun = kept.instances.find(teller);
      if (begun == kept.instances.end()) continue;
      Life second(kept, nullptr, with_memory(50'000'000));
      second.open();
      second.rest();
      // It hears one event; of two it would have ended.
      ASSERT_EQ(second.engine.find(hearer)->status, InstanceStatus::waiting);
      std::vector<Value> received;
      for (const Record& record : second.journal.kept().instances.at(hearer).all())
        if (record.kind == Record::Kind::event_received)
          received.push_back(record.payload.get("data"));
      ASSERT_EQ(received.size(), 1U);
      while (second.timers.size() > 0) second.timers.fire_next();
      second.rest();
      EXPECT_EQ(second.engine.find(teller)->output.get("data"), received[0]);
      if (heard) {
        EXPECT_EQ(received[0], told);
      }
    }
    EXPECT_TRUE(heard);
  }
}

TEST(Turns, OneThatTellsNothingIsNotRecorded) {
  Life life;
  const InstanceId id = life.start(R"(do:
  - loop:
      for: {each: n, in: '${ [range(6000)] }'}
      do: [{one: {set: {n: '${ $n }'}}}]
)");
  life.settle();
  EXPECT_EQ(life.journal.kept().instances.at(id).all().size(), 2U) << "the start and the end";
}

}  // namespace
}  // namespace stepwell::engine::test
