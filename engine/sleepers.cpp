#include "engine/sleepers.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

constexpr std::size_t kBatch = 64;          // woken before it looks round again
constexpr std::size_t kQueueIsLong = 2048;  // jobs that wait for a worker: no more are woken
constexpr std::chrono::milliseconds kLookAgain{1};
// Until the next attempt, where one could not be woken.
constexpr Milliseconds kNotYet{20};
constexpr Milliseconds kFirstPause{250};
constexpr Milliseconds kLongestPause{60'000};
constexpr std::size_t kMostEvents = 10'000;  // that wait for one instance

}  // namespace

class Sleepers::Core final : public Job, public std::enable_shared_from_this<Core> {
 public:
  Core(Surroundings surroundings, bool threaded, Wake wake, Check check)
      : surroundings_(surroundings),
        wake_(std::move(wake)),
        check_(std::move(check)),
        threaded_(threaded),
        asleep_(surroundings.metrics.gauge("stepwell_instances_asleep",
                                           "Open instances that have left memory.")),
        woken_(wakes("done")),
        failed_(wakes("failed")),
        missed_(surroundings.metrics.counter(
            "stepwell_instance_events_missed_total",
            "Events that an instance did not take, since too many wait for it.")) {}

  void open() {
    if (threaded_) thread_ = std::thread([this] { serve(); });
  }

  const std::string* shared_text(const std::string& text) {
    const std::scoped_lock lock(mutex_);
    return &*texts_.insert(text).first;
  }

  void add(InstanceId id, const Sleeper& sleeper) {
    asleep_.add(1);
    size_.fetch_add(1, std::memory_order_relaxed);
    if (sleeper.due == SteadyTime::max()) return;
    const std::scoped_lock lock(mutex_);
    alarms_.emplace(sleeper.due, id.number);
  }

  void remove(InstanceId id, const Sleeper& sleeper) {
    asleep_.add(-1);
    size_.fetch_sub(1, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    alarms_.erase({sleeper.due, id.number});
    if (const auto retry = retries_.find(id); retry != retries_.end()) {
      alarms_.erase({retry->second.at, id.number});
      retries_.erase(retry);
    }
  }

  void arm() {
    const std::scoped_lock lock(mutex_);
    arm_locked();
  }

  bool call(InstanceId id, Call call) {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return false;
    Called& called = called_[id];
    if (call.event && !has_room(id, called)) return true;
    const bool may_wait = !call.failed;
    called.calls.push_back(std::move(call));
    if (may_wait && has_failed_locked(id)) return true;  // its next attempt has its time
    if (std::exchange(called.queued, true)) return true;
    queue_.push_back(id);
    nudge_locked();
    return true;
  }

  std::vector<Call> take_calls(InstanceId id) {
    const std::scoped_lock lock(mutex_);
    const auto found = called_.find(id);
    if (found == called_.end()) return {};
    std::vector<Call> calls = std::move(found->second.calls);
    called_.erase(found);
    return calls;
  }

  void check(InstanceId id) {
    const std::scoped_lock lock(mutex_);
    if (stopped_ || !checks_.insert(id).second) return;
    nudge_locked();
  }

  void set_held(bool held) {
    const std::scoped_lock lock(mutex_);
    held_ = held;
    if (held) return;
    settle_locked();
    nudge_locked();
  }

  void stop() {
    std::vector<Call> refused;
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
      if (armed_ != 0) surroundings_.timers.cancel(std::exchange(armed_, 0));
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !working_; });
      for (auto& [id, called] : called_)
        for (Call& call : called.calls) refused.push_back(std::move(call));
      called_.clear();
    }
    const Problem problem = shutting_down();
    for (const Call& call : refused)
      if (call.failed) call.failed(problem);
  }

  bool idle() const {
    const std::scoped_lock lock(mutex_);
    return !working_ && !has_work_locked();
  }

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  std::uint64_t tasks() const {
    const std::scoped_lock lock(mutex_);
    return tasks_;
  }

  // As a job of the executor.
  void run() override {
    std::unique_lock lock(mutex_);
    if (has_work_locked()) round(lock);
    scheduled_ = false;
    if (has_work_locked()) nudge_locked();
  }

 private:
  using Alarm = std::pair<SteadyTime, std::uint64_t>;
  struct Called {
    std::vector<Call> calls;
    std::size_t events = 0;  // of calls
    bool queued = false;
  };
  // Of one that could not be woken.
  struct Retry {
    SteadyTime at{};        // its alarm
    unsigned failures = 0;  // in a row
  };

  Counter wakes(const char* outcome) const {
    return surroundings_.metrics.counter("stepwell_instance_wakes_total",
                                         "Attempts to bring back an instance that had left memory.",
                                         {{"outcome", outcome}});
  }

  bool due_locked() const {
    return !alarms_.empty() && alarms_.begin()->first <= surroundings_.clock.steady_now();
  }
  bool has_work_locked() const {
    if (stopped_ || held_) return false;
    return !queue_.empty() || !checks_.empty() || (rung_ && due_locked());
  }

  void nudge_locked() {
    ++tasks_;
    if (threaded_) return changed_.notify_one();
    if (!has_work_locked() || std::exchange(scheduled_, true)) return;
    surroundings_.executor.post(shared_from_this());
  }

  bool has_failed_locked(InstanceId id) const {
    const auto retry = retries_.find(id);
    return retry != retries_.end() && retry->second.failures > 0;
  }

  // For one more event.
  bool has_room(InstanceId id, Called& called) {
    if (called.events < kMostEvents) return ++called.events > 0;
    missed_.increment();
    if (called.events++ == kMostEvents)
      surroundings_.log.warn("too many events wait for an instance that cannot be woken",
                             {{"instance", id.number}, {"events", kMostEvents}});
    return false;
  }

  void retry_locked(InstanceId id, Retry& retry, Milliseconds pause) {
    alarms_.erase({retry.at, id.number});
    retry.at = surroundings_.clock.steady_now() + pause;
    alarms_.emplace(retry.at, id.number);
  }

  // One timer for all.
  void arm_locked() {
    if (stopped_ || held_ || rung_) return;
    const SteadyTime first = alarms_.empty() ? SteadyTime::max() : alarms_.begin()->first;
    if (armed_ != 0 && armed_for_ == first) return;
    if (armed_ != 0) surroundings_.timers.cancel(std::exchange(armed_, 0));
    if (alarms_.empty()) return;
    armed_for_ = first;
    const std::uint64_t turn = ++turn_;
    armed_ = surroundings_.timers.run_at(first, [weak = weak_from_this(), turn] {
      if (const auto self = weak.lock()) self->ring(turn);
    });
  }

  void ring(std::uint64_t turn) {
    const std::scoped_lock lock(mutex_);
    if (stopped_ || turn != turn_) return;
    armed_ = 0;
    rung_ = true;
    settle_locked();
    if (rung_) nudge_locked();
  }

  void settle_locked() {
    rung_ = rung_ && due_locked();
    arm_locked();
  }

  void serve() {
    pthread_setname_np(pthread_self(), "waker");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopped_ || has_work_locked(); });
      if (stopped_) return;
      if (surroundings_.executor.queued() > kQueueIsLong) {
        changed_.wait_for(lock, kLookAgain, [this] { return stopped_; });
        continue;
      }
      round(lock);
    }
  }

  // Who was called first, then whose time has come.
  std::vector<InstanceId> take_batch() {
    std::vector<InstanceId> batch;
    while (!queue_.empty() && batch.size() < kBatch) {
      batch.push_back(queue_.front());
      queue_.pop_front();
      if (const auto called = called_.find(batch.back()); called != called_.end())
        called->second.queued = false;
    }
    for (std::size_t most = kBatch; most > 0 && due_locked(); --most) {
      batch.push_back(InstanceId{alarms_.begin()->second});
      alarms_.erase(alarms_.begin());
    }
    return batch;
  }

  void round(std::unique_lock<std::mutex>& lock) {
    working_ = true;
    const std::vector<InstanceId> batch = take_batch();
    std::vector<InstanceId> checks;
    for (auto next = checks_.begin(); next != checks_.end() && checks.size() < kBatch;
         next = checks_.erase(next))
      checks.push_back(*next);
    lock.unlock();
    for (const InstanceId id : batch) {
      if (is_stopped()) break;
      wake_one(id);
    }
    for (const InstanceId id : checks) {
      if (is_stopped()) break;
      check_(id);
    }
    lock.lock();
    working_ = false;
    settle_locked();
    changed_.notify_all();
  }

  bool is_stopped() const {
    const std::scoped_lock lock(mutex_);
    return stopped_;
  }

  void wake_one(InstanceId id) {
    const Result<bool> done = wake_(id);
    if (done && *done) return woken_.increment();
    std::vector<Call> told;
    Milliseconds pause = kNotYet;
    {
      const std::scoped_lock lock(mutex_);
      if (stopped_) return;
      Retry& retry = retries_[id];
      if (!done) {
        pause = std::min(kFirstPause * (1U << std::min(retry.failures++, 8U)), kLongestPause);
        told = take_told(id);
      }
      retry_locked(id, retry, pause);
    }
    if (done) return;
    failed_.increment();
    surroundings_.log.error("an instance that has left memory cannot be woken; it is tried again",
                            {{"instance", id.number},
                             {"problem", done.error().one_line()},
                             {"inMilliseconds", pause.count()}});
    for (const Call& call : told) call.failed(done.error());
  }

  // Of those who called, who wants to know.
  std::vector<Call> take_told(InstanceId id) {
    std::vector<Call> told;
    const auto found = called_.find(id);
    if (found == called_.end()) return told;
    std::vector<Call>& calls = found->second.calls;
    const auto first = std::stable_partition(calls.begin(), calls.end(),
                                             [](const Call& call) { return !call.failed; });
    std::move(first, calls.end(), std::back_inserter(told));
    calls.erase(first, calls.end());
    return told;
  }

  const Surroundings surroundings_;
  const Wake wake_;
  const Check check_;
  const bool threaded_;
  const Gauge asleep_;
  const Counter woken_;
  const Counter failed_;
  const Counter missed_;
  std::atomic<std::size_t> size_{0};
  std::thread thread_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unordered_set<std::string> texts_;
  std::set<Alarm> alarms_;
  std::deque<InstanceId> queue_;
  std::unordered_map<InstanceId, Called> called_;
  std::unordered_set<InstanceId> checks_;
  std::unordered_map<InstanceId, Retry> retries_;
  std::uint64_t armed_ = 0;  // the timer; 0: none
  std::uint64_t turn_ = 0;   // of the timer, so that one that was cancelled too late is known
  SteadyTime armed_for_{};
  std::uint64_t tasks_ = 0;
  bool rung_ = false;  // some are due
  bool scheduled_ = false;
  bool working_ = false;
  bool held_ = false;
  bool stopped_ = false;
};

Sleepers::Sleepers(Surroundings surroundings, bool threaded, Wake wake, Check check)
    : core_(std::make_shared<Core>(surroundings, threaded, std::move(wake), std::move(check))) {
  core_->open();
}

Sleepers::~Sleepers() { stop(); }

const std::string* Sleepers::shared_text(const std::string& text) {
  return core_->shared_text(text);
}
void Sleepers::add(InstanceId id, const Sleeper& sleeper) { core_->add(id, sleeper); }
void Sleepers::remove(InstanceId id, const Sleeper& sleeper) { core_->remove(id, sleeper); }
void Sleepers::arm() { core_->arm(); }
bool Sleepers::call(InstanceId id, Call call) { return core_->call(id, std::move(call)); }
std::vector<Sleepers::Call> Sleepers::take_calls(InstanceId id) { return core_->take_calls(id); }
void Sleepers::check(InstanceId id) { core_->check(id); }
void Sleepers::hold() { core_->set_held(true); }
void Sleepers::go_on() { core_->set_held(false); }
void Sleepers::stop() { core_->stop(); }
std::size_t Sleepers::size() const { return core_->size(); }
bool Sleepers::idle() const { return core_->idle(); }
std::uint64_t Sleepers::tasks() const { return core_->tasks(); }

}  // namespace stepwell::engine
