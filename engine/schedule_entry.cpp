#include "engine/schedule_entry.h"

#include <algorithm>
#include <utility>

namespace stepwell::engine {

ScheduleEntry::ScheduleEntry(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, std::string kind, std::string rule)
    : surroundings_(surroundings),
      name_(workflow.definition->namespace_ + "/" + workflow.definition->name),
      skips_missed_(workflow.definition->skip_missed),
      workflow_(workflow) {
  const auto counter = [&](const char* outcome) {
    return surroundings_.metrics.counter("stepwell_schedule_starts_total",
                                         "Instances that schedules started, or could not start.",
                                         {{"kind", kind}, {"outcome", outcome}});
  };
  starts_ = counter("started");
  refusals_ = counter("refused");
  missed_ = surroundings_.metrics.counter("stepwell_schedule_missed_total",
                                          "Times of schedules that were missed, events dropped.",
                                          {{"kind", kind}});
  view_.kind = std::move(kind);
  view_.rule = std::move(rule);
}

void ScheduleEntry::open(ScheduleMark mark) {
  {
    const std::scoped_lock lock(mutex_);
    mark_ = std::move(mark);
    era_ = mark_.era;
    fresh_ = std::exchange(mark_.digest, workflow_.definition->digest) != mark_.digest;
    if (fresh_) {
      mark_.instance.reset();
      begin_era();
    }
  }
  opened();
}

ScheduleMark ScheduleEntry::close() {
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(closed_, true)) {
      surroundings_.timers.cancel(again_);
      closing();
    }
  }
  const std::scoped_lock starting(starting_);
  const std::scoped_lock lock(mutex_);
  ScheduleMark mark = mark_;
  mark.era = era_;
  return mark;
}

void ScheduleEntry::hand_over(ScheduleEntry* /*heir*/) {
  const std::scoped_lock lock(mutex_);
  miss_postponed();
}

void ScheduleEntry::renew(Catalog::Entry workflow) {
  const std::scoped_lock lock(mutex_);
  workflow_ = std::move(workflow);
}

std::string ScheduleEntry::digest() const {
  const std::scoped_lock lock(mutex_);
  return workflow_.definition->digest;
}

std::shared_ptr<const Workflow> ScheduleEntry::workflow() const {
  const std::scoped_lock lock(mutex_);
  return workflow_.workflow;
}

ScheduleView ScheduleEntry::view() const {
  const std::scoped_lock lock(mutex_);
  ScheduleView view = view_;
  view.workflow = workflow_.definition->id();
  view.next = next();
  return view;
}

void ScheduleEntry::count_missed(std::uint64_t count) {
  if (count == 0) return;
  view_.missed += count;
  missed_.increment(static_cast<double>(count));
  constexpr std::chrono::minutes kPause{1};
  untold_ += count;
  const SteadyTime now = surroundings_.clock.steady_now();
  if (told_ && now - *told_ < kPause && !closed_) return;
  told_ = now;
  surroundings_.log.warn("schedule missed", {{"workflow", workflow_.definition->id()},
                                             {"kind", view_.kind},
                                             {"count", std::exchange(untold_, 0)}});
}

std::string ScheduleEntry::once_at(WallTime due) const {
  return "schedule " + name_ + "@" + format_time(due) + "#" + std::to_string(era_);
}

void ScheduleEntry::catch_up(WallTime last, std::uint64_t passed) {
  if (passed == 0) return;
  if (skips_missed_) {
    count_missed(passed);
    return reach(last);
  }
  count_missed(passed - 1);
  surroundings_.log.info(
      "schedule catches up",
      {{"workflow", workflow_.definition->id()}, {"kind", view_.kind}, {"due", format_time(last)}});
  start_for(last, once_at(last));
}

void ScheduleEntry::start_for(WallTime due, std::string once, std::shared_ptr<Observer> observer) {
  miss_postponed();
  newest_ = first_ + times_.size();
  Time time;
  time.due = due;
  time.era = era_;
  time.request.once = std::move(once);
  time.request.observer = std::move(observer);
  times_.push_back(std::move(time));
  make(newest_);
}

void ScheduleEntry::make(std::uint64_t place) {
  const auto settled = [self = shared_from_this(), place](Outcome outcome,
                                                          std::optional<InstanceId> id) {
    if (outcome == Outcome::dropped) return;
    {
      const std::scoped_lock lock(self->mutex_);
      if (outcome == Outcome::postponed) return self->postpone(place);
      self->settle(place, id);
    }
    if (outcome == Outcome::refused) self->refused();
  };
  surroundings_.engine.post([self = shared_from_this(), request = times_[place - first_].request,
                             settled] { self->start(request, settled); });
}

Milliseconds ScheduleEntry::next_pause(Milliseconds before) {
  constexpr Milliseconds kShortest = std::chrono::seconds(2);
  constexpr Milliseconds kLongest = std::chrono::minutes(1);
  return std::clamp(before * 2, kShortest, kLongest);
}

void ScheduleEntry::postpone(std::uint64_t place) {
  if (place != newest_) {
    count_missed(1);
    return settle(place, std::nullopt);
  }
  postponed_ = place;
  if (closed_) return;
  postponed();
  Time& time = times_[place - first_];
  time.pause = next_pause(time.pause);
  again_ = surroundings_.timers.run_at(surroundings_.clock.steady_now() + time.pause,
                                       [weak = weak_from_this(), place] {
                                         if (const auto self = weak.lock()) self->try_again(place);
                                       });
}

void ScheduleEntry::try_again(std::uint64_t place) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || postponed_ != place) return;
  postponed_.reset();
  make(place);
}

void ScheduleEntry::miss_postponed() {
  if (!postponed_) return;
  surroundings_.timers.cancel(again_);
  count_missed(1);
  settle(*std::exchange(postponed_, std::nullopt), std::nullopt);
}

void ScheduleEntry::reach(WallTime due) {
  const std::uint64_t place = first_ + times_.size();
  Time time;
  time.due = due;
  time.era = era_;
  times_.push_back(std::move(time));
  settle(place, std::nullopt);
}

// The journal never learns of a time while one before it may still get lost.
void ScheduleEntry::settle(std::uint64_t place, std::optional<InstanceId> id) {
  Time& settled = times_[place - first_];
  settled.settled = true;
  settled.instance = id;
  bool further = false;
  for (; !times_.empty() && times_.front().settled; times_.pop_front(), ++first_) {
    mark_.due = times_.front().due;
    mark_.era = times_.front().era;
    mark_.instance = times_.front().instance;
    further = true;
  }
  if (further) append_mark();
}

// Nobody waits for it: what it says of a start can be found out again.
void ScheduleEntry::append_mark() {
  if (closed_) return;
  surroundings_.journal.append(to_record(name_, mark_, surroundings_.clock.now()), nullptr);
}

void ScheduleEntry::start(StartRequest request, const Settled& settled) {
  const std::scoped_lock starting(starting_);
  bool closed = false;
  {
    const std::scoped_lock lock(mutex_);
    closed = closed_;
    if (!request.workflow) request.workflow = workflow_.workflow;
  }
  if (closed) return settled(Outcome::dropped, std::nullopt);
  if (surroundings_.held->has(name_)) {
    {
      const std::scoped_lock lock(mutex_);
      count_missed(1);
    }
    return settled(Outcome::refused, std::nullopt);
  }
  request.name = "scheduled";
  surroundings_.engine.start(std::move(request),
                             [self = shared_from_this(), settled](const Result<InstanceId>& id) {
                               settled(self->count(id), id ? std::optional(*id) : std::nullopt);
                             });
}

ScheduleEntry::Outcome ScheduleEntry::count(const Result<InstanceId>& id) {
  if (!id && id.error().code == "shutting-down") return Outcome::dropped;
  const std::scoped_lock lock(mutex_);
  (id ? starts_ : refusals_).increment();
  if (id) {
    ++view_.started;
    view_.last = surroundings_.clock.now();
    view_.problem.reset();
    return Outcome::started;
  }
  ++view_.refused;
  view_.problem = id.error();
  surroundings_.log.warn("scheduled start refused", {{"workflow", workflow_.definition->id()},
                                                     {"kind", view_.kind},
                                                     {"problem", id.error().one_line()}});
  constexpr int kUnavailable = 503;  // RFC 9110 §15.6.4: after some time it may succeed
  return id.error().status == kUnavailable ? Outcome::postponed : Outcome::refused;
}

}  // namespace stepwell::engine
