#include "steps/process_runner.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "steps/process_job.h"

namespace stepwell::steps {

namespace {

constexpr std::array<const char*, 5> kProcessOutcomes{"exited", "timed_out", "too_much_output",
                                                      "cancelled", "not_started"};
constexpr Milliseconds kFollowerTime{10'000};

struct ProcessCounters {
  Gauge running;
  std::array<Counter, 5> ended;
  Histogram seconds;
};

ProcessCounters process_counters(Metrics& metrics, const std::string& kind) {
  ProcessCounters counters;
  counters.running = metrics.gauge("stepwell_processes_running",
                                   "Processes of run: tasks that run.", {{"kind", kind}});
  for (std::size_t i = 0; i < kProcessOutcomes.size(); ++i)
    counters.ended.at(i) =
        metrics.counter("stepwell_processes_total", "Processes of run: tasks by how they ended.",
                        {{"kind", kind}, {"outcome", kProcessOutcomes.at(i)}});
  counters.seconds = metrics.histogram("stepwell_process_seconds", "How long they ran.",
                                       duration_buckets(), {{"kind", kind}});
  return counters;
}

}  // namespace

// Where the processes are watched.
class ProcessRunner::Room {
 public:
  Room(ProcessRunnerOptions options, const Clock& clock, Metrics& metrics, Log& log)
      : options_(std::move(options)),
        clock_(clock),
        log_(log),
        directories_(options_.directory, log),
        poll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    for (const char* kind : {"container", "script", "shell"})
      counters_.emplace(kind, process_counters(metrics, kind));
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, wake_.number(), &event);
    // Where whoever started this ignores it, the kernel collects processes before their exit code
    // is read (waitid(2)).
    ::signal(SIGCHLD, SIG_DFL);
    // Signals are for main's thread; a pipe that nobody reads is told by write().
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Room() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake();
    thread_.join();
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  ProcessId start(ProcessRequest request, std::shared_ptr<ProcessListener> listener) {
    ProcessId id;
    {
      const std::scoped_lock lock(mutex_);
      id.number = ++last_;
      started_.emplace_back(id.number,
                            std::make_unique<ProcessJob>(std::move(request), std::move(listener),
                                                         options_.most_output));
    }
    wake();
    return id;
  }

  void cancel(ProcessId process) {
    {
      const std::scoped_lock lock(mutex_);
      cancelled_.push_back(process.number);
    }
    wake();
  }

 private:
  using Stream = ProcessJob::Stream;
  using State = ProcessJob::State;
  using Jobs = std::unordered_map<std::uint64_t, std::unique_ptr<ProcessJob>>;
  using Started = std::vector<std::pair<std::uint64_t, std::unique_ptr<ProcessJob>>>;

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.number(), &one, sizeof(one));
  }

  void run() {
    std::array<epoll_event, 128> events{};
    while (!leaving_ || !jobs_.empty()) {
      const int count = ::epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()),
                                     milliseconds_to_wait());
      for (int i = 0; i < count; ++i) serve(events.at(static_cast<std::size_t>(i)).data.u64);
      take_wishes();
      ring_alarms();
      launch_waiting();
    }
  }

  int milliseconds_to_wait() const {
    if (alarms_.empty()) return -1;
    const auto wait = alarms_.begin()->first - clock_.steady_now();
    const auto rounded = std::chrono::ceil<Milliseconds>(wait).count();
    return static_cast<int>(std::clamp<std::int64_t>(rounded, 0, 60'000));
  }

  void take_wishes() {
    Started started;
    std::vector<std::uint64_t> cancelled;
    {
      const std::scoped_lock lock(mutex_);
      started.swap(started_);
      cancelled.swap(cancelled_);
      if (stopping_ && !leaving_) leaving_ = true;
    }
    for (auto& [id, job] : started) {
      ProcessJob& added = *jobs_.emplace(id, std::move(job)).first->second;
      if (told_all_) {
        cancel_job(id);
      } else if (added.request().delay.count() > 0) {
        added.state = State::delayed;
        set_alarm(id, added, added.request().delay);
      } else {
        waiting_.push_back(id);
      }
    }
    for (const std::uint64_t id : cancelled) cancel_job(id);
    if (!leaving_ || told_all_) return;
    told_all_ = true;
    std::vector<std::uint64_t> all;
    for (const auto& [id, job] : jobs_) all.push_back(id);
    for (const std::uint64_t id : all) cancel_job(id);
  }

  void cancel_job(std::uint64_t id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    ProcessJob& job = *found->second;
    if (job.state == State::running) return cut_short(id, job, ProcessEnd::How::cancelled);
    if (job.state == State::following) return;
    job.end.how = ProcessEnd::How::cancelled;
    finish(id, job);
  }

  void launch_waiting() {
    while (!waiting_.empty() && running_ < options_.most_processes) {
      const std::uint64_t id = waiting_.front();
      waiting_.pop_front();
      const auto found = jobs_.find(id);
      if (found != jobs_.end()) launch(id, *found->second);
    }
  }

  void launch(std::uint64_t id, ProcessJob& job) {
    // Counted first: whoever hears of the process finds it in the metrics.
    const auto* counters = counters_of(job);
    if (counters != nullptr) counters->running.add(1);
    if (auto launched = job.launch(directories_); !launched) {
      if (counters != nullptr) counters->running.add(-1);
      job.end.how = ProcessEnd::How::not_started;
      job.end.problem = std::move(launched.error());
      return finish(id, job);
    }
    ++running_;
    job.began = clock_.steady_now();
    log_.debug("process started", {{"kind", job.request().kind}, {"process", job.process()}});
    if (!watch(id, job)) return ended_unwatched(id, job);
    set_alarm(id, job, options_.timeout);
    job.listener().started();
  }

  // False where the machine lacks what it takes.
  bool watch(std::uint64_t id, const ProcessJob& job) const {
    for (const Stream stream : {Stream::watch, Stream::input, Stream::output, Stream::error}) {
      const Descriptor& descriptor = job.descriptor(stream);
      if (!descriptor.is_open()) continue;
      epoll_event event{};
      event.events = stream == Stream::input ? EPOLLOUT : EPOLLIN;
      event.data.u64 = id << 2U | static_cast<std::uint64_t>(stream);
      if (::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, descriptor.number(), &event) != 0)
        return false;
    }
    return true;
  }

  void ended_unwatched(std::uint64_t id, ProcessJob& job) {
    job.signal_group(SIGKILL);
    job.cut_short = true;  // what it has made in its moment is to go
    job.end.how = ProcessEnd::How::not_started;
    job.end.problem = make_problem(ErrorKind::runtime, "process-start-failed",
                                   "the machine cannot watch a further process");
    job.end.problem->retryable = true;
    ended(id, job);
  }

  void serve(std::uint64_t tag) {
    const std::uint64_t id = tag >> 2U;
    if (id == 0) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.number(), &ignored, sizeof(ignored));
      return;
    }
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;  // it ended in this round
    ProcessJob& job = *found->second;
    const auto stream = static_cast<Stream>(tag & 3U);
    if (stream == Stream::watch) return ended(id, job);
    // Of the process before it, in the same round.
    if (job.state == State::following) return;
    if (!job.serve(stream) && job.overflowed()) {
      cut_short(id, job, ProcessEnd::How::too_much_output);
      kill(id, job);
    }
  }

  // The first reason counts.
  void cut_short(std::uint64_t id, ProcessJob& job, ProcessEnd::How how) {
    if (job.cut_short) return;
    job.cut_short = true;
    job.end.how = how;
    job.signal_group(SIGTERM);
    job.signal_group(SIGCONT);
    set_alarm(id, job, options_.grace);
  }

  void kill(std::uint64_t id, ProcessJob& job) {
    job.signal_group(SIGKILL);
    clear_alarm(id, job);
    // It may still write until it is gone, and nobody reads it any more.
    for (const Stream stream : {Stream::output, Stream::error}) {
      const Descriptor& descriptor = job.descriptor(stream);
      if (descriptor.is_open())
        ::epoll_ctl(poll_.number(), EPOLL_CTL_DEL, descriptor.number(), nullptr);
    }
  }

  void ended(std::uint64_t id, ProcessJob& job) {
    clear_alarm(id, job);
    job.collect();
    if (job.overflowed() && !job.cut_short) {
      job.cut_short = true;
      job.end.how = ProcessEnd::How::too_much_output;
    }
    if (job.launch_follower()) {
      if (watch(id, job)) return set_alarm(id, job, kFollowerTime);
      job.collect();  // kills it first: nobody would be told of its end
    }
    --running_;
    const std::chrono::duration<double> took = clock_.steady_now() - job.began;
    if (const auto* counters = counters_of(job)) {
      counters->running.add(-1);
      counters->seconds.observe(took.count());
    }
    log_.debug("process ended",
               {{"kind", job.request().kind},
                {"outcome", kProcessOutcomes.at(static_cast<std::size_t>(job.end.how))},
                {"code", job.end.code},
                {"seconds", took.count()}});
    finish(id, job);
  }

  void finish(std::uint64_t id, ProcessJob& job) {
    clear_alarm(id, job);
    if (const auto* counters = counters_of(job))
      counters->ended.at(static_cast<std::size_t>(job.end.how)).increment();
    job.report(directories_);
    jobs_.erase(id);
  }

  void ring_alarms() {
    const SteadyTime now = clock_.steady_now();
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
      const std::uint64_t id = alarms_.begin()->second;
      ProcessJob& job = *jobs_.at(id);
      clear_alarm(id, job);
      if (job.state == State::delayed) {
        job.state = State::waiting;
        waiting_.push_back(id);
      } else if (job.state == State::following || job.cut_short) {
        kill(id, job);
      } else {
        cut_short(id, job, ProcessEnd::How::timed_out);
      }
    }
  }

  void set_alarm(std::uint64_t id, ProcessJob& job, Milliseconds delay) {
    clear_alarm(id, job);
    job.alarm = clock_.steady_now() + delay;
    alarms_.emplace(*job.alarm, id);
  }
  void clear_alarm(std::uint64_t id, ProcessJob& job) {
    if (job.alarm) alarms_.erase({*job.alarm, id});
    job.alarm.reset();
  }

  const ProcessCounters* counters_of(const ProcessJob& job) const {
    const auto found = counters_.find(job.request().kind);
    return found == counters_.end() ? nullptr : &found->second;
  }

  const ProcessRunnerOptions options_;
  const Clock& clock_;
  Log& log_;
  ProcessDirectories directories_;
  const Descriptor poll_;
  const Descriptor wake_;
  std::map<std::string, ProcessCounters, std::less<>> counters_;

  // The thread's own.
  Jobs jobs_;
  std::deque<std::uint64_t> waiting_;
  std::set<std::pair<SteadyTime, std::uint64_t>> alarms_;
  std::size_t running_ = 0;
  bool leaving_ = false;
  bool told_all_ = false;

  std::mutex mutex_;
  Started started_;                       // guarded by mutex_
  std::vector<std::uint64_t> cancelled_;  // guarded by mutex_
  std::uint64_t last_ = 0;                // guarded by mutex_
  bool stopping_ = false;                 // guarded by mutex_
  std::thread thread_;
};

ProcessRunner::ProcessRunner(ProcessRunnerOptions options, const Clock& clock, Metrics& metrics,
                             Log& log)
    : room_(std::make_unique<Room>(std::move(options), clock, metrics, log)) {}

ProcessRunner::~ProcessRunner() = default;

ProcessId ProcessRunner::start(ProcessRequest request, std::shared_ptr<ProcessListener> listener) {
  return room_->start(std::move(request), std::move(listener));
}

void ProcessRunner::cancel(ProcessId process) { room_->cancel(process); }

}  // namespace stepwell::steps
