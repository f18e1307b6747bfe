// A few threads for what may block (fsync, waiting for the wire to become quiet, reading files), so
// that the I/O threads never do.
// Owned by Server; submit() may be called from any thread.
#pragma once

#include <functional>
#include <memory>
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
  using Submit = std::function<bool(std::function<void()>)>;
  bool submit(std::function<void()> task);
  // The same, for whoever may outlive the pool; false then, too.
  Submit submitter() const;
  // Waits for tasks that run; those that wait are dropped. For the owner, once.
  void stop();

 private:
  struct Queue;
  const std::shared_ptr<Queue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace stepwell::api
