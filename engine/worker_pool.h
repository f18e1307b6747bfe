// The pool that does CPU work, and nothing that waits (oneTBB inside). A worker that is awake is
// not woken again; a further one is woken where jobs pile up or one takes long.
// Owned by the engine; post() may be called from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace stepwell::engine {

class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;
};

class WorkerPool {
 public:
  // `workers` 0: one for each core.
  explicit WorkerPool(std::size_t workers);
  // Runs what was posted, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void post(std::shared_ptr<Job> job) {
    if (push(std::move(job))) wake();
  }
  // The same in two parts, for whoever holds a lock that the job will want: where push() says so,
  // wake() is to be called once, after that lock is released.
  [[nodiscard]] bool push(std::shared_ptr<Job> job);
  void wake();
  std::size_t queued() const;
  // Nothing is posted and nothing runs.
  bool idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::engine
