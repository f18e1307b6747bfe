#include "engine/schedules.h"

#include <utility>

#include "engine/instance.h"
#include "engine/schedule_entry.h"

namespace stepwell::engine {

namespace {

std::shared_ptr<ScheduleEntry> make_entry(const Schedules::Surroundings& surroundings,
                                          const Catalog::Entry& workflow) {
  const config::Schedule& schedule = *workflow.definition->schedule;
  if (schedule.every)
    return std::make_shared<EverySchedule>(surroundings, workflow, *schedule.every);
  if (schedule.after)
    return std::make_shared<AfterSchedule>(surroundings, workflow, *schedule.after);
  if (schedule.on)
    return std::make_shared<EventSchedule>(surroundings, workflow,
                                           workflow.workflow->program->budget());
  auto cron = config::Cron::parse(schedule.cron);
  auto zone = config::TimeZone::load(schedule.time_zone);
  if (cron && zone)
    return std::make_shared<CronSchedule>(surroundings, workflow, *cron, std::move(*zone));
  surroundings.log.error("schedule",
                         {{"workflow", workflow.definition->id()},
                          {"problem", (cron ? zone.error() : cron.error()).one_line()}});
  return nullptr;
}

}  // namespace

// --- ScheduleEntry ---

ScheduleEntry::ScheduleEntry(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, std::string kind, std::string rule)
    : surroundings_(surroundings), workflow_(workflow) {
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

void ScheduleEntry::close() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    closing();
  }
  const std::scoped_lock lock(starting_);
}

void ScheduleEntry::renew(Catalog::Entry workflow) {
  const std::scoped_lock lock(mutex_);
  workflow_ = std::move(workflow);
}

std::string ScheduleEntry::digest() const {
  const std::scoped_lock lock(mutex_);
  return workflow_.definition->digest;
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
  if (told_ && now - *told_ < kPause) return;
  told_ = now;
  surroundings_.log.warn("schedule missed", {{"workflow", workflow_.definition->id()},
                                             {"kind", view_.kind},
                                             {"count", std::exchange(untold_, 0)}});
}

void ScheduleEntry::start(Value input, std::shared_ptr<Observer> observer) {
  StartRequest request;
  const std::scoped_lock starting(starting_);
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    request.workflow = workflow_.workflow;
  }
  request.input = std::move(input);
  request.name = "scheduled";
  request.observer = std::move(observer);
  surroundings_.engine.start(
      std::move(request),
      [self = shared_from_this()](const Result<InstanceId>& id) { self->admitted(id); });
}

void ScheduleEntry::admitted(const Result<InstanceId>& id) {
  {
    const std::scoped_lock lock(mutex_);
    (id ? starts_ : refusals_).increment();
    if (id) {
      ++view_.started;
      view_.last = surroundings_.clock.now();
      view_.problem.reset();
      return;
    }
    ++view_.refused;
    view_.problem = id.error();
    surroundings_.log.warn("scheduled start refused", {{"workflow", workflow_.definition->id()},
                                                       {"kind", view_.kind},
                                                       {"problem", id.error().one_line()}});
  }
  refused();
}

// --- Schedules ---

Schedules::Schedules(Engine& engine, Timers& timers, const Clock& clock, Metrics& metrics, Log& log)
    : surroundings_{engine, timers, clock, metrics, log},
      active_(metrics.gauge("stepwell_schedules", "Schedules in force.")),
      difference_(clock_difference()) {}

Schedules::~Schedules() { stop(); }

Milliseconds Schedules::clock_difference() const {
  return surroundings_.clock.now().time_since_epoch() -
         std::chrono::duration_cast<Milliseconds>(
             surroundings_.clock.steady_now().time_since_epoch());
}

void Schedules::replace(const std::vector<Catalog::Entry>& workflows) {
  std::map<std::string, const Catalog::Entry*> newest;
  for (const Catalog::Entry& entry : workflows) {
    const Catalog::Entry*& known =
        newest[entry.definition->namespace_ + "/" + entry.definition->name];
    if (known == nullptr ||
        compare_versions(entry.definition->version, known->definition->version) > 0)
      known = &entry;
  }
  const std::scoped_lock lock(mutex_);
  if (stopped_) return;
  Entries fresh;
  std::vector<std::shared_ptr<ScheduleEntry>> opened;
  for (const auto& [name, entry] : newest) {
    if (!entry->definition->schedule) continue;
    const auto known = entries_.find(name);
    if (known != entries_.end() && known->second->digest() == entry->definition->digest) {
      known->second->renew(*entry);
      fresh.insert(entries_.extract(known));
    } else if (auto made = make_entry(surroundings_, *entry)) {
      opened.push_back(made);
      fresh.emplace(name, std::move(made));
    }
  }
  for (const auto& [name, entry] : entries_) entry->close();
  entries_ = std::move(fresh);
  active_.set(static_cast<double>(entries_.size()));
  for (const auto& entry : opened) entry->open();
}

void Schedules::maintain() {
  constexpr Milliseconds kSet{1000};
  const std::scoped_lock lock(mutex_);
  const Milliseconds now = clock_difference();
  if (now - difference_ < kSet && difference_ - now < kSet) return;
  difference_ = now;
  for (const auto& [name, entry] : entries_) entry->clock_was_set();
}

void Schedules::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  for (const auto& [name, entry] : entries_) entry->close();
  entries_.clear();
  active_.set(0);
}

std::vector<ScheduleView> Schedules::list() const {
  std::vector<ScheduleView> views;
  const std::scoped_lock lock(mutex_);
  views.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) views.push_back(entry->view());
  return views;
}

}  // namespace stepwell::engine
