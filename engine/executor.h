// Where the engine's work gets done: a queue of jobs, and whoever runs them. engine/worker_pool has
// the one with threads; a test that owns time and chance has its own, on one thread.
// Owned by the engine, or by whoever gives it one; all members may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace stepwell::engine {

class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;
  // 0, or what comes before those with less, 2 at most.
  virtual std::uint8_t urgency() const { return 0; }
};

// No job runs inside a call of push() or wake().
class Executor {
 public:
  virtual ~Executor() = default;

  void post(std::shared_ptr<Job> job) {
    if (push(std::move(job))) wake();
  }
  // The same in two parts, for whoever holds a lock that the job will want: where push() says so,
  // wake() is to be called once, after that lock is released.
  [[nodiscard]] virtual bool push(std::shared_ptr<Job> job) = 0;
  virtual void wake() = 0;
  virtual std::size_t queued() const = 0;
  // Threads that run jobs, and those of them that do so now.
  virtual std::size_t workers() const { return 1; }
  virtual std::size_t busy() const { return idle() ? 0 : 1; }
  // Nothing is posted and nothing runs.
  virtual bool idle() const = 0;
};

}  // namespace stepwell::engine
