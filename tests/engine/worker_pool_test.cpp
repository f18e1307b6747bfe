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

}  // namespace
}  // namespace stepwell::engine
