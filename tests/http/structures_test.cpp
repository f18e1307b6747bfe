#include <gtest/gtest.h>

#include <random>

#include "http/pool.h"
#include "http/timer_heap.h"
#include "http/transfer_table.h"

namespace stepwell::http {
namespace {

struct Alarm {
  int number = 0;
  TimerHook hook;
};
using Heap = TimerHeap<Alarm, &Alarm::hook>;

SteadyTime at(int milliseconds) { return SteadyTime(Milliseconds(milliseconds)); }

TEST(TimerHeap, GivesTheEarliestFirstWhateverIsArmedMovedAndDisarmed) {
  std::mt19937 random(7);
  std::vector<Alarm> alarms(500);
  Heap heap;
  for (int round = 0; round < 5000; ++round) {
    Alarm& alarm = alarms[random() % alarms.size()];
    if (random() % 3 == 0)
      heap.disarm(alarm);
    else
      heap.arm(alarm, at(static_cast<int>(random() % 1000)));
  }
  std::size_t armed = 0;
  for (const Alarm& alarm : alarms) armed += alarm.hook.armed() ? 1 : 0;
  ASSERT_EQ(heap.size(), armed);
  SteadyTime last = at(0);
  while (!heap.empty()) {
    EXPECT_GE(heap.due(), last);
    last = heap.due();
    heap.disarm(heap.top());
  }
}

TEST(TimerHeap, DisarmingWhatIsNotArmedDoesNothing) {
  Alarm alarm;
  Heap heap;
  heap.disarm(alarm);
  EXPECT_TRUE(heap.empty());
}

std::unique_ptr<Transfer> transfer(std::uint64_t id) {
  return std::make_unique<Transfer>(id, nullptr, SteadyTime());
}

TEST(TransferTable, FindsEachByItsNumberAlsoWhereManyAreOldAndManyAreNew) {
  TransferTable table;
  // Some live on while the numbers of the others go round the table many times.
  for (std::uint64_t id = 1; id <= 20'000; ++id) {
    table.insert(transfer(id));
    if (id > 10 && id % 7 != 0) table.extract(*table.find(id));
  }
  EXPECT_EQ(table.size(), table.ids().size());
  for (std::uint64_t id = 1; id <= 20'000; ++id) {
    Transfer* found = table.find(id);
    if (id <= 10 || id % 7 == 0) {
      ASSERT_NE(found, nullptr) << id;
      EXPECT_EQ(found->id, id);
    } else {
      EXPECT_EQ(found, nullptr) << id;
    }
  }
  for (const std::uint64_t id : table.ids()) EXPECT_EQ(table.extract(*table.find(id))->id, id);
  EXPECT_EQ(table.size(), 0U);
}

TEST(Pools, ServeThoseOfWhomTheyAreJoined) {
  EXPECT_TRUE(pool_serves("cred/a/1/x", "cred/a/1/x"));
  EXPECT_TRUE(pool_serves("cred/a/1/x&cred/b/2/y", "cred/a/1/x"));
  EXPECT_TRUE(pool_serves("cred/a/1/x&cred/b/2/y", "cred/b/2/y"));
  EXPECT_TRUE(pool_serves("", ""));
  for (const char* other : {"", "cred/a/1", "cred/b/2/yy", "cred/a/1/x&cred/b", "x"})
    EXPECT_FALSE(pool_serves("cred/a/1/x&cred/b/2/y", other)) << other;
  EXPECT_FALSE(pool_serves("", "x"));
}

}  // namespace
}  // namespace stepwell::http
