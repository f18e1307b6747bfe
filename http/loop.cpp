#include "http/loop.h"

#include <algorithm>

#include "http/classify.h"

namespace stepwell::http {
namespace {

constexpr Milliseconds kTick{5};
constexpr Milliseconds kMetricsEvery{5};
constexpr std::chrono::seconds kSweepEvery{5};
constexpr std::chrono::seconds kKeepIdle{60};
// Authentications that stand in a definition may have a new value, and so a pool, for each call.
constexpr std::chrono::seconds kKeepInlineIdle{5};
constexpr std::string_view kInlinePools = "inline/";

}  // namespace

Loop::Loop(ReactorOptions options, const Clock& clock, Metrics& metrics, Log& log)
    : clock_(clock), log_(log), surroundings_(std::move(options)), telemetry_(metrics) {
  surroundings_.now = clock_.steady_now();
  next_sweep_ = surroundings_.now + kSweepEvery;
}

Loop::~Loop() = default;

void Loop::post(std::unique_ptr<Transfer> transfer) {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  if (inbox_.put(std::move(transfer))) surroundings_.poller.wake();
}

void Loop::post(Order order) {
  if (inbox_.put(std::move(order))) surroundings_.poller.wake();
}

void Loop::run() {
  for (;;) {
    surroundings_.now = clock_.steady_now();
    read_inbox();
    if (stopping_) break;
    run_timers();
    admit_some();
    start_some();
    act_on_lanes();
    if (!dropped_.empty()) std::erase_if(dropped_, [](const auto& pool) { return pool->idle(); });
    wait_and_dispatch();
  }
  cancel_everything();
}

void Loop::read_inbox() {
  if (!inbox_.take(taken_)) return;
  for (auto& transfer : taken_.transfers) {
    arrivals_.push_back(transfer->id);
    Transfer& admitted = *transfer;
    transfers_.insert(std::move(transfer));
    // The time that a request has for everything runs while it waits, too.
    if (!admitted.request().timeouts.total.never())
      deadlines_.arm(admitted, admitted.request().timeouts.total.at());
  }
  for (Order& order : taken_.orders) carry_out(order);
  taken_.orders.clear();  // what they captured goes now, not with the next orders
}

void Loop::carry_out(Order& order) {
  if (const auto* cancel = std::get_if<CancelTransfer>(&order)) {
    Transfer* transfer = transfers_.find(cancel->id);
    if (transfer != nullptr) give_up(*transfer, cancelled(transfer->target()));
  } else if (auto* start = std::get_if<StartTimer>(&order)) {
    Timer& timer = timers_[start->id];
    timer.id = start->id;
    timer.task = std::move(start->task);
    timer_heap_.arm(timer, start->when);
  } else if (const auto* stop_timer = std::get_if<CancelTimer>(&order)) {
    const auto found = timers_.find(stop_timer->id);
    if (found == timers_.end()) return;
    timer_heap_.disarm(found->second);
    timers_.erase(found);
  } else if (auto* call = std::get_if<Call>(&order)) {
    (*call)();
  }
}

void Loop::run_timers() {
  const SteadyTime now = surroundings_.now;
  while (!timer_heap_.empty() && timer_heap_.due() <= now) {
    Timer& timer = timer_heap_.top();
    timer_heap_.disarm(timer);
    const auto task = std::move(timer.task);
    timers_.erase(timer.id);
    task();
  }
  while (!deadlines_.empty() && deadlines_.due() <= now) check_times(deadlines_.top());
  if (ticking_ && now >= tick_began_ + kTick) tick();
  if (now >= next_sweep_) sweep();
}

void Loop::tick() {
  const std::chrono::nanoseconds elapsed = surroundings_.now - tick_began_;
  const double idle = elapsed.count() > 0 ? static_cast<double>(slept_.count()) /
                                                static_cast<double>(elapsed.count())
                                          : 0.0;
  for (auto& [key, pool] : pools_)
    pool->for_each_host([&](Host& host) {
      host.queue.tick(idle);
      note_startable(host);
    });
  ticking_ = queued_ > 0;
  tick_began_ = surroundings_.now;
  slept_ = {};
}

void Loop::sweep() {
  for (auto& [key, pool] : pools_)
    pool->close_idle(surroundings_.now -
                     (pool->name().starts_with(kInlinePools) ? kKeepInlineIdle : kKeepIdle));
  std::erase_if(pools_, [](const auto& entry) { return entry.second->empty(); });
  next_sweep_ = surroundings_.now + kSweepEvery;
}

void Loop::act_on_lanes() {
  // By index: a completion may start transfers in a lane that is new.
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (lanes_[i]->due() && *lanes_[i]->due() <= surroundings_.now) lanes_[i]->act_on_time();
}

bool Loop::work_is_waiting() const { return !arrivals_.empty() || !startable_.empty(); }

SteadyTime Loop::next_due() const {
  SteadyTime due = SteadyTime::max();
  if (!timer_heap_.empty()) due = std::min(due, timer_heap_.due());
  if (!deadlines_.empty()) due = std::min(due, deadlines_.due());
  if (ticking_) due = std::min(due, tick_began_ + kTick);
  if (!pools_.empty()) due = std::min(due, next_sweep_);
  if (telemetry_.dirty()) due = std::min(due, telemetry_.handed_over() + kMetricsEvery);
  for (const auto& lane : lanes_)
    if (lane->due()) due = std::min(due, *lane->due());
  return due;
}

void Loop::hand_over_metrics() {
  telemetry_.hand_over(surroundings_.now, in_flight_, queued_ + arrivals_.size());
}

void Loop::wait_and_dispatch() {
  hand_over_completed();
  if (telemetry_.dirty() &&
      (in_flight_ == 0 || surroundings_.now >= telemetry_.handed_over() + kMetricsEvery))
    hand_over_metrics();
  Milliseconds timeout{0};
  bool asleep = false;
  if (!work_is_waiting()) {
    const SteadyTime due = next_due();
    timeout =
        due == SteadyTime::max()
            ? Milliseconds(-1)
            : std::max(std::chrono::ceil<Milliseconds>(due - surroundings_.now), Milliseconds(0));
    if (timeout.count() != 0) asleep = inbox_.fall_asleep();
    if (!asleep) timeout = Milliseconds(0);
  }
  const SteadyTime before = surroundings_.now;
  const auto& events = surroundings_.poller.wait(timeout);
  if (asleep) inbox_.awake();
  surroundings_.now = clock_.steady_now();
  if (asleep) slept_ += surroundings_.now - before;
  for (const Poller::Event& event : events) event.lane->act_on(event);
  hand_over_completed();
}

void Loop::cancel_everything() {
  // A completion may submit again, so this goes on until nothing is left.
  do {
    read_inbox();
    for (const std::uint64_t id : transfers_.ids()) {
      Transfer* transfer = transfers_.find(id);
      if (transfer != nullptr) give_up(*transfer, cancelled(transfer->target()));
    }
    arrivals_.clear();
    hand_over_completed();
  } while (inbox_.filled() || transfers_.size() > 0);
  timers_.clear();
  hand_over_metrics();
}

}  // namespace stepwell::http
