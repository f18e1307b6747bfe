// Schedules by time: `every`, `cron` and `after`.
#include <algorithm>
#include <utility>

#include "engine/schedule_entry.h"

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

void EverySchedule::open() {
  const std::scoped_lock lock(mutex_);
  due_ = surroundings_.clock.steady_now() + interval_;
  arm();
}

void EverySchedule::closing() { surroundings_.timers.cancel(timer_); }

std::optional<WallTime> EverySchedule::next() const {
  const auto left = std::chrono::ceil<Milliseconds>(due_ - surroundings_.clock.steady_now());
  return surroundings_.clock.now() + left;
}

void EverySchedule::arm() {
  if (closed_) return;
  timer_ = surroundings_.timers.run_at(due_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) static_cast<EverySchedule&>(*self).fired();
  });
}

// The times stay multiples of the interval; what passed meanwhile is one start, and not several.
void EverySchedule::fired() {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    const auto late = surroundings_.clock.steady_now() - due_;
    const auto passed = late > SteadyTime::duration(0) ? late / interval_ : 0;
    count_missed(static_cast<std::uint64_t>(passed));
    due_ += (passed + 1) * interval_;
    arm();
  }
  start({});
}

// --- cron ---

CronSchedule::CronSchedule(const Schedules::Surroundings& surroundings,
                           const Catalog::Entry& workflow, config::Cron cron,
                           std::shared_ptr<const config::TimeZone> zone)
    : ScheduleEntry(surroundings, workflow, "cron", cron_rule(*workflow.definition->schedule)),
      cron_(cron),
      zone_(std::move(zone)) {}

void CronSchedule::open() {
  const std::scoped_lock lock(mutex_);
  highest_ = surroundings_.clock.now();
  due_ = cron_.next(highest_, *zone_);
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

// Is there a start to be made now? The next one is known after it.
bool CronSchedule::take_due(WallTime now) {
  if (now < highest_ - kSetBack) {
    highest_ = now;
    due_ = cron_.next(now, *zone_);
    return false;
  }
  highest_ = std::max(highest_, now);
  if (!due_ || now < *due_) return false;
  std::uint64_t missed = 0;
  while (due_ && *due_ < now - kMostLate) {
    const bool counted = ++missed < kMostCounted;
    due_ = cron_.next(counted ? *due_ : now - kMostLate - Milliseconds(1), *zone_);
  }
  count_missed(missed);
  const bool start_now = due_ && *due_ <= now;
  if (start_now) due_ = cron_.next(now, *zone_);
  return start_now;
}

void CronSchedule::fired() {
  bool start_now = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    start_now = take_due(surroundings_.clock.now());
    arm();
  }
  if (start_now) start({});
}

// --- after ---

// Held by the instance that the schedule waits for.
class AfterSchedule::End final : public Observer {
 public:
  explicit End(std::weak_ptr<ScheduleEntry> schedule) : schedule_(std::move(schedule)) {}
  void on_end(const InstanceView& /*view*/) override {
    if (const auto schedule = schedule_.lock()) static_cast<AfterSchedule&>(*schedule).wait();
  }

 private:
  const std::weak_ptr<ScheduleEntry> schedule_;
};

AfterSchedule::AfterSchedule(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, Milliseconds delay)
    : ScheduleEntry(surroundings, workflow, "after", iso_seconds(delay)), delay_(delay) {}

void AfterSchedule::open() { begin(); }

void AfterSchedule::closing() { surroundings_.timers.cancel(timer_); }

void AfterSchedule::begin() {
  {
    const std::scoped_lock lock(mutex_);
    due_.reset();
  }
  start({}, std::make_shared<End>(weak_from_this()));
}

void AfterSchedule::wait() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  surroundings_.timers.cancel(timer_);
  due_ = surroundings_.clock.now() + delay_;
  timer_ = surroundings_.timers.run_at(surroundings_.clock.steady_now() + delay_,
                                       [weak = weak_from_this()] {
                                         if (const auto self = weak.lock())
                                           static_cast<AfterSchedule&>(*self).begin();
                                       });
}

}  // namespace stepwell::engine
