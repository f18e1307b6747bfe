#include "engine/worker_pool.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace stepwell::engine {

namespace {
// So many jobs may wait for each worker that is awake before another one is woken …
constexpr std::size_t kBacklog = 4;
// … unless all that are awake have been inside one job for so long.
constexpr auto kLongJob = std::chrono::milliseconds(1);
}  // namespace

class WorkerPool::Impl {
 public:
  explicit Impl(std::size_t workers)
      : workers_(workers),
        // TBB counts the calling thread as one; none of ours ever joins the arena.
        parallelism_(tbb::global_control::max_allowed_parallelism, workers + 1),
        arena_(static_cast<int>(workers), 0) {}

  ~Impl() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return active_ == 0; });
  }

  void post(std::shared_ptr<Job> job) {
    {
      const std::scoped_lock lock(mutex_);
      queue_.push_back(std::move(job));
      const bool wanted =
          active_ == 0 ||
          (active_ < workers_ && (queue_.size() > active_ * kBacklog ||
                                  std::chrono::steady_clock::now() - last_taken_ > kLongJob));
      if (!wanted) return;
      ++active_;
    }
    arena_.enqueue([this] { drain(); });
  }

  std::size_t queued() const {
    const std::scoped_lock lock(mutex_);
    return queue_.size();
  }

  bool idle() const {
    const std::scoped_lock lock(mutex_);
    return active_ == 0 && queue_.empty();
  }

 private:
  void drain() {
    while (true) {
      std::shared_ptr<Job> job;
      {
        const std::scoped_lock lock(mutex_);
        if (queue_.empty()) {
          if (--active_ == 0) idle_.notify_all();
          return;
        }
        job = std::move(queue_.front());
        queue_.pop_front();
        last_taken_ = std::chrono::steady_clock::now();
      }
      job->run();
    }
  }

  const std::size_t workers_;
  tbb::global_control parallelism_;
  tbb::task_arena arena_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<std::shared_ptr<Job>> queue_;            // guarded by mutex_
  std::size_t active_ = 0;                            // guarded by mutex_: drain() calls under way
  std::chrono::steady_clock::time_point last_taken_;  // guarded by mutex_: when a job was taken
};

WorkerPool::WorkerPool(std::size_t workers)
    : impl_(std::make_unique<Impl>(
          workers != 0 ? workers : std::max<std::size_t>(1, std::thread::hardware_concurrency()))) {
}
WorkerPool::~WorkerPool() = default;
void WorkerPool::post(std::shared_ptr<Job> job) { impl_->post(std::move(job)); }
std::size_t WorkerPool::queued() const { return impl_->queued(); }
bool WorkerPool::idle() const { return impl_->idle(); }

}  // namespace stepwell::engine
