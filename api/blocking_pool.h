// A few threads for what may block (fsync, waiting for the wire to become quiet, reading files), so
// that the I/O threads never do.
// Owned by Server; submit() may be called from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/metrics.h"

namespace stepwell::api {

class BlockingPool {
 public:
  // `queued` shows how many tasks wait for a thread.
  BlockingPool(std::size_t threads, std::size_t max_queued, Gauge queued);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // False where the queue is full or the pool has been stopped; then the task is gone.
  bool submit(std::function<void()> task);
  // Waits for tasks that run; those that wait are dropped. For the owner, once.
  void stop();

 private:
  void run();

  const std::size_t max_queued_;
  const Gauge queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopped_ = false;                     // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace stepwell::api
