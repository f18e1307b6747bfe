#include "engine/worker_pool.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace stepwell::engine {

namespace {
// So many jobs may wait for each worker that is awake before another one is woken: a commit tells
// some forty instances at once, which one worker has done before a second one is there …
constexpr std::size_t kBacklog = 64;
// … unless all that are awake have been inside one job for so long, or off the processor.
constexpr auto kLongJob = std::chrono::microseconds(250);
// A worker that has run dry waits here for so long before it is TBB's again, whose idle threads
// turn for a while before they sleep: under a steady load that took 40 % of the workers' time.
constexpr auto kLinger = std::chrono::milliseconds(10);
// While there is urgent work, one job in so many is of the others.
constexpr std::uint64_t kFairJob = 8;
}  // namespace

class WorkerPool::Impl {
 public:
  explicit Impl(std::size_t workers)
      : workers_(workers),
        // TBB counts the calling thread as one; none of ours ever joins the arena.
        parallelism_(tbb::global_control::max_allowed_parallelism, workers + 1),
        arena_(static_cast<int>(workers), 0),
        all_places_(workers) {
    for (Lingering& place : all_places_) places_.push_back(&place);
  }

  ~Impl() {
    std::unique_lock lock(mutex_);
    gone_.wait(lock, [this] { return owed_ == 0; });
    stopping_ = true;
    for (Lingering* each : lingering_) each->call.notify_one();
    gone_.wait(lock, [this] { return present_ == 0; });
  }

  bool push(std::shared_ptr<Job> job) {
    const std::scoped_lock lock(mutex_);
    if (const std::uint8_t urgency = job->urgency(); urgency == 0) {
      queue_.push_back(std::move(job));
    } else {
      urgent_.at(std::min<std::size_t>(urgency, urgent_.size()) - 1).push_back(std::move(job));
      ++urgent_jobs_;
    }
    const bool wanted =
        busy_ == 0 ||
        (busy_ < workers_ && (waiting() > busy_ * kBacklog || now() - last_taken_ > kLongJob));
    if (!wanted) return false;
    ++busy_;
    ++owed_;
    return true;
  }

  // The one who came to linger last, whose core still has most of what it needs; or one more.
  void wake() {
    Lingering* last = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (lingering_.empty()) {
        ++present_;
      } else {
        last = lingering_.back();
        lingering_.pop_back();
        last->called = true;
      }
    }
    if (last != nullptr)
      last->call.notify_one();
    else
      enqueue();
    const std::scoped_lock lock(mutex_);
    if (--owed_ == 0) gone_.notify_all();
  }

  std::size_t queued() const {
    const std::scoped_lock lock(mutex_);
    return waiting();
  }
  std::size_t workers() const { return workers_; }
  std::size_t busy() const {
    const std::scoped_lock lock(mutex_);
    return busy_;
  }

  bool idle() const {
    const std::scoped_lock lock(mutex_);
    return busy_ == 0 && waiting() == 0;
  }

 private:
  using Queue = std::deque<std::shared_ptr<Job>>;

  // Where one who has run dry waits a little for more.
  struct Lingering {
    std::condition_variable call;
    bool called = false;
  };

  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

  // TBB hands tasks over out of ThreadSanitizer's sight: it sees this instead.
  void enqueue() {
    handed_over_.store(true, std::memory_order_release);
    arena_.enqueue([this] {
      (void)handed_over_.load(std::memory_order_acquire);
      drain();
    });
  }

  void drain() {
    pthread_setname_np(pthread_self(), "worker");  // for whoever looks at the process
    std::unique_lock lock(mutex_);
    Lingering& self = *places_.back();
    places_.pop_back();
    while (true) {
      while (waiting() > 0) {
        std::shared_ptr<Job> job = take();
        lock.unlock();
        job->run();
        job.reset();  // the last of an instance goes with it: not under the lock
        lock.lock();
      }
      --busy_;
      if (!linger(lock, self)) break;
    }
    places_.push_back(&self);
    if (--present_ == 0) gone_.notify_all();
  }

  // True: it was called, and counts as busy.
  bool linger(std::unique_lock<std::mutex>& lock, Lingering& self) {
    self.called = false;
    lingering_.push_back(&self);
    self.call.wait_for(lock, kLinger, [&] { return self.called || stopping_; });
    if (self.called) return true;
    std::erase(lingering_, &self);
    // Jobs that wait behind a long one, with nobody who has pushed another since.
    if (waiting() == 0) return false;
    ++busy_;
    return true;
  }

  std::shared_ptr<Job> take() {
    Queue& queue = urgent_jobs_ == 0 ? queue_ : next_queue();
    std::shared_ptr<Job> job = std::move(queue.front());
    queue.pop_front();
    last_taken_ = now();
    return job;
  }

  // Where there is urgent work. Each so many jobs one of the less urgent comes, the least urgent of
  // all at last, so that none waits for ever.
  Queue& next_queue() {
    const std::uint64_t turn = ++urgent_turns_;
    if (!queue_.empty() && turn % kFairJob == 0) return queue_;
    --urgent_jobs_;
    const bool second = !urgent_[0].empty() && turn % kFairJob == kFairJob / 2;
    return urgent_[1].empty() || second ? urgent_[0] : urgent_[1];
  }

  // With the lock held.
  std::size_t waiting() const { return queue_.size() + urgent_jobs_; }

  const std::size_t workers_;
  tbb::global_control parallelism_;
  tbb::task_arena arena_;
  std::atomic<bool> handed_over_{false};
  mutable std::mutex mutex_;
  std::condition_variable gone_;
  Queue queue_;                        // guarded by mutex_
  std::array<Queue, 2> urgent_;        // guarded by mutex_: high and very high
  std::size_t urgent_jobs_ = 0;        // guarded by mutex_: in both of them
  std::uint64_t urgent_turns_ = 0;     // guarded by mutex_: jobs taken while there were any
  std::size_t present_ = 0;            // guarded by mutex_: drain() calls under way
  std::size_t busy_ = 0;               // guarded by mutex_: that work, or are called
  std::deque<Lingering> all_places_;   // one for each that can be present
  std::vector<Lingering*> places_;     // guarded by mutex_: those that are free
  std::vector<Lingering*> lingering_;  // guarded by mutex_: in use, the last one last
  std::size_t owed_ = 0;               // guarded by mutex_: wake() is still to come
  bool stopping_ = false;              // guarded by mutex_
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
std::size_t WorkerPool::workers() const { return impl_->workers(); }
std::size_t WorkerPool::busy() const { return impl_->busy(); }
bool WorkerPool::idle() const { return impl_->idle(); }

}  // namespace stepwell::engine
