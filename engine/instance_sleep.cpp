// How an instance leaves memory, and comes back.
#include <algorithm>
#include <utility>

#include "engine/instance.h"
#include "engine/machine.h"

namespace stepwell::engine {

// Nothing of it is under way: what it waits for are timers, events, its turn, or to be resumed. All
// that it is follows from its records.
bool Instance::needs_nobody() const {
  const bool steps = !running_.empty() || !held_.empty() ||
                     (!interrupted_.empty() && state_.status != InstanceStatus::suspended);
  const bool waits_for_disk = awaited_ != 0 || !admission_durable_ || admitted_ || requested_;
  const bool goes_on = yielded_ || turns_ > 0 || over_ || !commands_.empty() || !replies_.empty();
  return !steps && preparing_ == 0 && !waits_for_disk && !goes_on && !recovered_ && !gone_ &&
         !resting() && !ended(state_.status) && !ended_in_journal_ && number_ > 0;
}

Sleeper Instance::as_sleeper() const {
  Sleeper sleeper;
  sleeper.workflow = request_.workflow;
  sleeper.number = number_;
  const std::scoped_lock lock(view_mutex_);
  sleeper.status = published_.status;
  sleeper.started = published_.started;
  sleeper.updated = published_.updated;
  sleeper.set_active(published_.active);
  sleeper.progress = published_.progress;
  const bool labelled = !label_.name.empty() || !label_.tags.is_null() || label_.deadline ||
                        label_.priority != Priority::regular || label_.changed != WallTime{};
  if (labelled || request_.parent) {
    Sleeper::Rare& rare = sleeper.with_rare();
    rare.label = label_;
    if (request_.parent) rare.parent = request_.parent->id;
  }
  return sleeper;
}

Instance::Bed Instance::go_to_bed(const Bedtime& time) {
  Bed bed;
  if (ended(status())) return bed;
  const std::unique_lock work(work_mutex_, std::try_to_lock);
  if (!work || !needs_nobody() || risen_ > time.awake_since || updated() > time.idle_since)
    return bed;
  for (const auto& [id, armed] : timers_)
    if (armed.when < time.next_due) return bed;
  if (sure_ < number_) {
    bed.unsure = true;
    return bed;
  }
  Sleeper sleeper = as_sleeper();
  for (const auto& [id, armed] : timers_) {
    if (armed.when >= sleeper.due) continue;
    sleeper.due = armed.when;
    sleeper.ahead = armed.ahead;
  }
  sleeper.ears.reserve(listeners_.size());
  for (const auto& [listener, group] : listeners_) sleeper.ears.push_back({listener, group, {}, 0});
  {
    const std::scoped_lock lock(mailbox_mutex_, view_mutex_);
    if (closed_ || scheduled_ || blocked_ || !mailbox_.empty() || !durable_.empty()) return bed;
    closed_ = true;
    left_.store(true, std::memory_order_release);
    if (request_.observer || !waiters_.empty()) {
      Sleeper::Rare& rare = sleeper.with_rare();
      rare.observer = request_.observer;
      rare.waiters = std::exchange(waiters_, {});
    }
  }
  bed.timers.reserve(timers_.size());
  for (const auto& [id, armed] : timers_) bed.timers.push_back(armed.handle);
  timers_.clear();
  listeners_.clear();
  bed.sleeper = std::move(sleeper);
  return bed;
}

std::optional<Sleeper> Instance::stay_in_bed(const Bedtime& time) {
  const std::scoped_lock work(work_mutex_);
  if (!recovered_ || waits_ || ended(state_.status) || !recovered_->steps.empty() ||
      recovered_->yielded || !recovered_->emitted.empty() ||
      (request_.parent && request_.parent->awaited))
    return std::nullopt;
  const SteadyTime::duration ahead = steady_ahead();
  SteadyTime due = SteadyTime::max();
  for (const auto& [id, timer] : recovered_->timers)
    due = std::min(due, steady_time(timer.due, ahead));
  if (due < time.next_due) return std::nullopt;
  Sleeper sleeper = as_sleeper();
  sleeper.due = due;
  sleeper.ahead = ahead;
  sleeper.ears.reserve(recovered_->listeners.size());
  for (const auto& [id, listener] : recovered_->listeners)
    sleeper.ears.push_back({id, surroundings_.events.listen(listener.types, {id_, id}), {}, 0});
  return sleeper;
}

// Both know the same: nothing happens to it as long as it sleeps.
std::vector<Sleeper::Ear> Instance::plugged_ears(std::uint32_t& number) {
  const std::scoped_lock work(work_mutex_);
  number = number_;
  const Program& program = *request_.workflow->program;
  std::vector<Sleeper::Ear> ears;
  for (const Frame& frame : state_.frames) {
    if (frame.listening == nullptr) continue;
    const ListenerId listener = frame.listening->id;
    auto sieve = request_.workflow->sieve_of(frame.task, config::kFirstLocal + frame.locals.size());
    if (!sieve) continue;
    const auto key = key_of(program, state_, listener, *sieve, surroundings_.clock.now());
    if (key) ears.push_back({listener, 0, std::move(sieve), *key});
  }
  return ears;
}

std::shared_ptr<const EventSieve> Workflow::sieve_of(TaskNumber task, std::size_t variables) const {
  const std::scoped_lock lock(mutex_);
  const auto [known, fresh] = sieves_.try_emplace(task);
  if (fresh) known->second = EventSieve::make(program, task, variables);
  return known->second;
}

// Another one's last record was on its way to the disk.
void Instance::sure_of(std::uint32_t number) {
  const std::unique_lock work(work_mutex_, std::try_to_lock);
  if (work) sure_ = std::max(sure_, number);
}

// What is due already need not go round by whoever keeps the time; it comes in its order.
void Instance::arm_again(const std::map<TimerId, Replayed::Timer, ById>& timers,
                         const std::optional<SteadyTime::duration>& ahead) {
  std::vector<std::pair<SteadyTime, TimerId>> due;
  const SteadyTime now = surroundings_.clock.steady_now();
  for (const auto& [id, timer] : timers) {
    if (!ahead) {
      arm(id, timer.due);
      continue;
    }
    const SteadyTime when = steady_time(timer.due, *ahead);
    if (when <= now)
      due.emplace_back(when, id);
    else
      arm_at(id, timer.due, *ahead);
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [when, id] : due) {
    timers_[id] = {0, timers.at(id).due, when, *ahead};
    timer_fired(id);
  }
}

void Instance::prepare_to_rise(const std::vector<Sleeper::Ear>& ears) {
  const std::scoped_lock work(work_mutex_);
  risen_ = surroundings_.clock.steady_now();
  for (const Sleeper::Ear& ear : ears) listeners_[ear.listener] = ear.group;
}

void Instance::rise(Sleeper& sleeper) {
  if (sleeper.rare) {
    const std::scoped_lock lock(view_mutex_);
    waiters_ = std::move(sleeper.rare->waiters);
  }
  post(GoOnMail{false, sleeper.ahead});
}

}  // namespace stepwell::engine
