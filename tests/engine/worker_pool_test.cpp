#include "engine/worker_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include "engine/turnstile.h"

namespace stepwell::engine {
namespace {

class FunctionJob final : public Job {
 public:
  explicit FunctionJob(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

TEST(WorkerPool, RunsEverythingThatWasPostedFromManyThreads) {
  std::atomic<int> done{0};
  {
    WorkerPool pool(2);
    std::vector<std::thread> posters;
    for (int t = 0; t < 4; ++t)
      posters.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) pool.post(std::make_shared<FunctionJob>([&] { ++done; }));
      });
    for (std::thread& poster : posters) poster.join();
  }
  EXPECT_EQ(done, 20'000);
}

class UrgentJob final : public Job {
 public:
  UrgentJob(std::uint8_t urgency, std::vector<int>& done) : urgency_(urgency), done_(done) {}
  void run() override { done_.push_back(urgency_); }
  std::uint8_t urgency() const override { return urgency_; }

 private:
  const std::uint8_t urgency_;
  std::vector<int>& done_;
};

TEST(WorkerPool, UrgentJobsComeFirstAndTheOthersStillGetTheirTurn) {
  std::vector<int> done;
  {
    WorkerPool pool(1);
    std::barrier ready(2);
    pool.post(std::make_shared<FunctionJob>([&] {
      ready.arrive_and_wait();
      ready.arrive_and_wait();
    }));
    ready.arrive_and_wait();
    for (int i = 0; i < 30; ++i)
      for (const std::uint8_t urgency : {0, 1, 2})
        pool.post(std::make_shared<UrgentJob>(urgency, done));
    ready.arrive_and_wait();
  }
  ASSERT_EQ(done.size(), 90U);
  const auto among = [&](std::ptrdiff_t first, int urgency) {
    return std::count(done.begin(), done.begin() + first, urgency);
  };
  EXPECT_EQ(among(3, 2), 3);
  EXPECT_EQ(among(32, 2), 24);
  EXPECT_EQ(among(32, 1), 4);
  EXPECT_EQ(among(32, 0), 4);
  EXPECT_EQ(among(70, 1), 30);
}

TEST(Turnstile, LetsThoseOfAHigherPriorityInFirst) {
  Turnstile turnstile;
  const auto id = [](std::uint64_t number) { return InstanceId{number}; };
  ASSERT_TRUE(turnstile.enter(id(1), 1));
  for (const std::uint64_t number : {2U, 3U, 4U}) EXPECT_FALSE(turnstile.enter(id(number), 1, 0));
  EXPECT_FALSE(turnstile.enter(id(5), 1, 1));
  EXPECT_FALSE(turnstile.enter(id(6), 1, 2));
  turnstile.move(id(4), 2);
  EXPECT_EQ(turnstile.waiting(), 5U);
  std::vector<std::uint64_t> order;
  for (InstanceId inside = id(1);;) {
    const std::vector<InstanceId> next = turnstile.leave(inside);
    if (next.empty()) break;
    ASSERT_EQ(next.size(), 1U);
    inside = next.front();
    order.push_back(inside.number);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{6, 4, 5, 2, 3}));
}

TEST(Turnstile, TheOneThatWaitsLongestGetsItsTurnAmongUrgentOnes) {
  Turnstile turnstile;
  ASSERT_TRUE(turnstile.enter(InstanceId{1}, 1));
  EXPECT_FALSE(turnstile.enter(InstanceId{2}, 1, 0));
  std::uint64_t next = 3;
  InstanceId inside{1};
  int turns = 0;
  while (inside.number != 2) {
    EXPECT_FALSE(turnstile.enter(InstanceId{next++}, 1, 2));  // ever more of them
    inside = turnstile.leave(inside).at(0);
    ASSERT_LE(++turns, 8);
  }
  EXPECT_EQ(turns, 8);
}

TEST(WorkerPool, UsesAllItsWorkers) {
  WorkerPool pool(2);
  std::barrier both(3);
  const auto meet = [&] {
    pool.post(std::make_shared<FunctionJob>([&] { both.arrive_and_wait(); }));
  };
  const auto fill = [&] {
    for (int i = 0; i < 64; ++i) pool.post(std::make_shared<FunctionJob>([] {}));
  };
  meet();  // blocks one worker; what lies behind it wakes the other
  fill();
  meet();
  fill();
  both.arrive_and_wait();
}

TEST(WorkerPool, GoesOnAfterItHasRunDry) {
  std::atomic<int> done{0};
  WorkerPool pool(2);
  for (int i = 1; i <= 2000; ++i) {
    pool.post(std::make_shared<FunctionJob>([&] {
      ++done;
      done.notify_all();
    }));
    for (int seen = done; seen < i; seen = done) done.wait(seen);
  }
  EXPECT_EQ(done, 2000);
}

TEST(WorkerPool, EndsOnlyWhenWhoeverOwesAWakeUpHasGivenIt) {
  std::atomic<bool> ran{false};
  std::thread waker;
  {
    WorkerPool pool(1);
    ASSERT_TRUE(pool.push(std::make_shared<FunctionJob>([&] { ran = true; })));
    EXPECT_FALSE(pool.idle());
    waker = std::thread([&] { pool.wake(); });
  }
  waker.join();
  EXPECT_TRUE(ran);
}

TEST(WorkerPool, IsIdleOnceNothingIsLeft) {
  WorkerPool pool(2);
  for (int i = 0; i < 100; ++i) pool.post(std::make_shared<FunctionJob>([] {}));
  while (!pool.idle()) std::this_thread::yield();
  EXPECT_EQ(pool.queued(), 0U);
}

}  // namespace
}  // namespace stepwell::engine
