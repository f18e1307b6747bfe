#include "engine/worker_pool.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <pthread.h>

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
// A worker that has run dry waits here for so long before it is TBB's again, whose idle threads
// turn for a while before they sleep: under a steady load that took 40 % of the workers' time.
constexpr auto kLinger = std::chrono::milliseconds(10);
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
    gone_.wait(lock, [this] { return owed_ == 0; });
    stopping_ = true;
    more_.notify_all();
    gone_.wait(lock, [this] { return present_ == 0; });
  }

  bool push(std::shared_ptr<Job> job) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(job));
    const bool wanted =
        busy_ == 0 ||
        (busy_ < workers_ && (queue_.size() > busy_ * kBacklog || now() - last_taken_ > kLongJob));
    if (!wanted) return false;
    ++busy_;
    ++owed_;
    return true;
  }

  // One who lingers, or one more.
  void wake() {
    bool lingers = false;
    {
      const std::scoped_lock lock(mutex_);
      lingers = lingering_ > calls_;
      ++(lingers ? calls_ : present_);
    }
    if (lingers)
      more_.notify_one();
    else
      arena_.enqueue([this] { drain(); });
    const std::scoped_lock lock(mutex_);
    if (--owed_ == 0) gone_.notify_all();
  }

  std::size_t queued() const {
    const std::scoped_lock lock(mutex_);
    return queue_.size();
  }

  bool idle() const {
    const std::scoped_lock lock(mutex_);
    return busy_ == 0 && queue_.empty();
  }

 private:
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

  void drain() {
    pthread_setname_np(pthread_self(), "worker");  // for whoever looks at the process
    std::unique_lock lock(mutex_);
    while (true) {
      while (!queue_.empty()) {
        std::shared_ptr<Job> job = take();
        lock.unlock();
        job->run();
        job.reset();  // the last of an instance goes with it: not under the lock
        lock.lock();
      }
      --busy_;
      ++lingering_;
      more_.wait_for(lock, kLinger, [this] { return calls_ > 0 || stopping_; });
      --lingering_;
      if (calls_ == 0) break;
      --calls_;
    }
    if (--present_ == 0) gone_.notify_all();
  }

  std::shared_ptr<Job> take() {
    std::shared_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    last_taken_ = now();
    return job;
  }

  const std::size_t workers_;
  tbb::global_control parallelism_;
  tbb::task_arena arena_;
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::condition_variable gone_;
  std::deque<std::shared_ptr<Job>> queue_;            // guarded by mutex_
  std::size_t present_ = 0;                           // guarded by mutex_: drain() calls under way
  std::size_t busy_ = 0;                              // guarded by mutex_: that work, or are called
  std::size_t lingering_ = 0;                         // guarded by mutex_
  std::size_t calls_ = 0;                             // guarded by mutex_: lingering ones to go on
  std::size_t owed_ = 0;                              // guarded by mutex_: wake() is still to come
  bool stopping_ = false;                             // guarded by mutex_
  std::chrono::steady_clock::time_point last_taken_;  // guarded by mutex_: when a job was taken
};

WorkerPool::WorkerPool(std::size_t workers)
    : impl_(std::make_unique<Impl>(
          workers != 0 ? workers : std::max<std::size_t>(1, std::thread::hardware_concurrency()))) {
}
WorkerPool::~WorkerPool() = default;
bool WorkerPool::push(std::shared_ptr<Job> job) { return impl_->push(std::move(job)); }
void WorkerPool::wake() { impl_->wake(); }
std::size_t WorkerPool::queued() const { return impl_->queued(); }
bool WorkerPool::idle() const { return impl_->idle(); }

}  // namespace stepwell::engine
