// Schedules by time: `every`, `cron` and `after`.
#include <algorithm>
#include <utility>

#include "engine/schedule_kinds.h"

namespace stepwell::engine {

namespace {

// A time of a cron line that is found later than this is missed, and not caught up.
constexpr Milliseconds kMostLate = std::chrono::minutes(1);
// Set back by less, the wall clock shows times once more, and what was done is not done again; by
// more, it had been wrong before. The bound is that of cron(8).
constexpr Milliseconds kSetBack = std::chrono::hours(3);
// So many missed times are counted one by one.
constexpr std::uint64_t kMostCounted = 10'000;

std::string iso_seconds(Milliseconds interval) {
  std::string text = std::to_string(interval.count() / 1000);
  if (const auto rest = interval.count() % 1000; rest != 0)
    text += "." + std::to_string(1000 + rest).substr(1);
  return "PT" + text + "S";
}

std::string cron_rule(const config::Schedule& schedule) {
  return schedule.cron + " (" + schedule.time_zone + ")";
}

}  // namespace

// --- every ---

EverySchedule::EverySchedule(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, Milliseconds interval)
    : ScheduleEntry(surroundings, workflow, "every", iso_seconds(interval)), interval_(interval) {}

void EverySchedule::opened() {
  const std::scoped_lock lock(mutex_);
  const WallTime now = surroundings_.clock.now();
  WallTime last = fresh_ ? now : mark_.due;
  if (last > now) {  // the clock was set back: the times stay where they are in each interval
    last -= ((last - now - Milliseconds(1)) / interval_ + 1) * interval_;
    begin_era();
    reach(last);
  } else if (fresh_) {
    reach(last);
  }
  const auto passed = (now - last) / interval_;
  last += passed * interval_;
  label_ = last + interval_;
  due_ = surroundings_.clock.steady_now() + (label_ - now);
  catch_up(last, static_cast<std::uint64_t>(passed));
  arm();
}

void EverySchedule::closing() { surroundings_.timers.cancel(timer_); }

std::optional<WallTime> EverySchedule::next() const {
  const auto left = std::chrono::ceil<Milliseconds>(due_ - surroundings_.clock.steady_now());
  return surroundings_.clock.now() + left;
}

// The steady clock goes on as it did; what the journal says of it is told by the new one.
void EverySchedule::clock_was_set() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  label_ = *next();
  begin_era();
  reach(label_ - interval_);
}

void EverySchedule::arm() {
  if (closed_) return;
  timer_ = surroundings_.timers.run_at(due_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) static_cast<EverySchedule&>(*self).fired();
  });
}

// The times stay multiples of the interval; what passed meanwhile is one start, and not several.
void EverySchedule::fired() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  const auto late = surroundings_.clock.steady_now() - due_;
  const auto passed = late > SteadyTime::duration(0) ? late / interval_ : 0;
  count_missed(static_cast<std::uint64_t>(passed));
  const WallTime last = label_ + passed * interval_;
  due_ += (passed + 1) * interval_;
  label_ = last + interval_;
  start_for(last, once_at(last));
  arm();
}

// --- cron ---

CronSchedule::CronSchedule(const Schedules::Surroundings& surroundings,
                           const Catalog::Entry& workflow, config::Cron cron,
                           std::shared_ptr<const config::TimeZone> zone)
    : ScheduleEntry(surroundings, workflow, "cron", cron_rule(*workflow.definition->schedule)),
      cron_(cron),
      zone_(std::move(zone)) {}

void CronSchedule::opened() {
  const std::scoped_lock lock(mutex_);
  const WallTime now = surroundings_.clock.now();
  highest_ = fresh_ ? now : mark_.due;
  due_ = cron_.next(highest_, *zone_);
  if (fresh_)
    reach(now);
  else if (!was_set_back(now))
    take_passed(now);
  arm();
}

void CronSchedule::closing() { surroundings_.timers.cancel(timer_); }

void CronSchedule::arm() {
  surroundings_.timers.cancel(timer_);
  if (closed_ || !due_) return;
  const SteadyTime when = surroundings_.clock.steady_now() + (*due_ - surroundings_.clock.now());
  timer_ = surroundings_.timers.run_at(when, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) static_cast<CronSchedule&>(*self).fired();
  });
}

void CronSchedule::clock_was_set() { fired(); }

bool CronSchedule::was_set_back(WallTime now) {
  if (now >= highest_ - kSetBack) {
    highest_ = std::max(highest_, now);
    return false;
  }
  highest_ = now;
  due_ = cron_.next(now, *zone_);
  begin_era();
  reach(now);
  return true;
}

// What passed while the daemon did not run, in so far as it is not in the future again.
void CronSchedule::take_passed(WallTime now) {
  if (!due_ || *due_ > now) return;
  std::uint64_t passed = 0;
  WallTime last = *due_;
  for (; due_ && *due_ <= now && passed < kMostCounted; ++passed) {
    last = *due_;
    due_ = cron_.next(last, *zone_);
  }
  // The last one of a great many lies between a time before it and any after it.
  for (WallTime after = now; due_ && *due_ <= now;) {
    const WallTime middle = last + (after - last) / 2;
    const auto next = cron_.next(middle, *zone_);
    if (!next || *next > now)
      after = middle;
    else
      last = *next;
    if (after - last <= Milliseconds(1)) due_ = cron_.next(last, *zone_);
  }
  catch_up(last, passed);
}

// The next one is known after it.
void CronSchedule::take_due(WallTime now) {
  if (was_set_back(now) || !due_ || now < *due_) return;
  std::uint64_t missed = 0;
  WallTime passed = *due_;
  while (due_ && *due_ < now - kMostLate) {
    const bool counted = ++missed < kMostCounted;
    passed = counted ? *due_ : now - kMostLate - Milliseconds(1);
    due_ = cron_.next(passed, *zone_);
  }
  count_missed(missed);
  if (!due_ || *due_ > now) return reach(passed);
  start_for(*due_, once_at(*due_));
  due_ = cron_.next(now, *zone_);
}

void CronSchedule::fired() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  take_due(surroundings_.clock.now());
  arm();
}

// --- after ---

// Held by the instance that the schedule waits for.
class AfterSchedule::End final : public Observer {
 public:
  explicit End(std::weak_ptr<ScheduleEntry> schedule) : schedule_(std::move(schedule)) {}
  void on_end(const InstanceView& view) override {
    if (const auto schedule = schedule_.lock())
      static_cast<AfterSchedule&>(*schedule).ended(view.ended);
  }

 private:
  const std::weak_ptr<ScheduleEntry> schedule_;
};

AfterSchedule::AfterSchedule(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, Milliseconds delay)
    : ScheduleEntry(surroundings, workflow, "after", iso_seconds(delay)), delay_(delay) {}

void AfterSchedule::opened() {
  std::optional<InstanceId> before;
  {
    const std::scoped_lock lock(mutex_);
    before = mark_.instance;
    if (fresh_) reach(surroundings_.clock.now());
  }
  const bool known = before && surroundings_.engine.when_ended(
                                   *before, [weak = weak_from_this()](const InstanceView& view) {
                                     End(weak).on_end(view);
                                   });
  const std::scoped_lock lock(mutex_);
  opening_ = false;
  if (!known) arm(mark_.due);
}

void AfterSchedule::closing() { surroundings_.timers.cancel(timer_); }

void AfterSchedule::fired() {
  const std::scoped_lock lock(mutex_);
  if (!closed_) begin();
}

void AfterSchedule::begin() {
  due_.reset();
  // So that it cannot start two after the same one.
  const std::string once =
      mark_.instance ? "schedule " + name_ + " after " + std::to_string(mark_.instance->number)
                     : once_at(mark_.due);
  start_for(surroundings_.clock.now(), once, std::make_shared<End>(weak_from_this()));
}

void AfterSchedule::refused() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  const WallTime due = surroundings_.clock.now() + delay_;
  begin_era();
  reach(due);
  arm(due);
}

// The instance that the journal did not take has an end as well, which does not count.
void AfterSchedule::postponed() {
  surroundings_.timers.cancel(timer_);
  due_.reset();
}

void AfterSchedule::ended(WallTime when) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || is_postponed()) return;
  const WallTime now = surroundings_.clock.now();
  if (when == WallTime{} || when > now) when = now;
  if (opening_ && skips_missed_ && when + delay_ <= now) {
    count_missed(1);
    when = now;
  }
  arm(when + delay_);
}

void AfterSchedule::arm(WallTime due) {
  surroundings_.timers.cancel(timer_);
  if (closed_) return;
  const WallTime now = surroundings_.clock.now();
  const Milliseconds left = std::clamp(due - now, Milliseconds(0), delay_);
  if (left == Milliseconds(0)) return begin();
  due_ = now + left;
  timer_ = surroundings_.timers.run_at(surroundings_.clock.steady_now() + left,
                                       [weak = weak_from_this()] {
                                         if (const auto self = weak.lock())
                                           static_cast<AfterSchedule&>(*self).fired();
                                       });
}

}  // namespace stepwell::engine
