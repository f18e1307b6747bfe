#include "engine/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

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

TEST(WorkerPool, UsesAllItsWorkers) {
  WorkerPool pool(2);
  std::barrier both(3);
  const auto meet = [&] {
    pool.post(std::make_shared<FunctionJob>([&] { both.arrive_and_wait(); }));
  };
  const auto fill = [&] {
    for (int i = 0; i < 16; ++i) pool.post(std::make_shared<FunctionJob>([] {}));
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
