// The pool that does CPU work, and nothing that waits (oneTBB inside). A worker that is awake is
// not woken again; a further one is woken where jobs pile up or one takes long. Urgent jobs come
// first, and do not starve the others.
// Owned by the engine; post() may be called from any thread.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/executor.h"

namespace stepwell::engine {

class WorkerPool final : public Executor {
 public:
  // `workers` 0: one for each core.
  explicit WorkerPool(std::size_t workers);
  // Runs what was posted, then joins.
  ~WorkerPool() override;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] bool push(std::shared_ptr<Job> job) override;
  void wake() override;
  std::size_t queued() const override;
  std::size_t workers() const override;
  std::size_t busy() const override;
  bool idle() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::engine
