#include "engine/schedules.h"

#include <utility>

#include "engine/instance.h"
#include "engine/schedule_kinds.h"

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

Schedules::Schedules(Engine& engine, Journal& journal, Timers& timers, const Clock& clock,
                     Metrics& metrics, Log& log)
    : surroundings_{engine, journal, timers, clock, metrics, log, held_},
      active_(metrics.gauge("stepwell_schedules", "Schedules in force.")),
      difference_(clock_difference()) {}

Schedules::~Schedules() { stop(); }

Milliseconds Schedules::clock_difference() const {
  return surroundings_.clock.now().time_since_epoch() -
         std::chrono::duration_cast<Milliseconds>(
             surroundings_.clock.steady_now().time_since_epoch());
}

Status Schedules::recover() {
  Result<std::vector<Record>> records = surroundings_.journal.schedules();
  if (!records) return fail(std::move(records.error()));
  const std::scoped_lock lock(mutex_);
  marks_ = read_marks(*records);
  return {};
}

// Should it come back, it begins anew.
void Schedules::retire(const std::string& name, ScheduleMark& mark) {
  if (std::exchange(mark.digest, "").empty()) return;
  mark.instance.reset();
  surroundings_.journal.append(to_record(name, mark, surroundings_.clock.now()), nullptr);
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
  Entries in_force;
  Entries opened;
  for (const auto& [name, entry] : newest) {
    if (!entry->definition->schedule) continue;
    const auto known = entries_.find(name);
    if (known != entries_.end() && known->second->digest() == entry->definition->digest) {
      known->second->renew(*entry);
      in_force.insert(entries_.extract(known));
    } else if (auto made = make_entry(surroundings_, *entry)) {
      made->listen();
      opened.emplace(name, std::move(made));
    }
  }
  for (const auto& [name, entry] : entries_) {
    marks_[name] = entry->close();
    const auto heir = opened.find(name);
    entry->hand_over(heir == opened.end() ? nullptr : heir->second.get());
  }
  for (const auto& [name, entry] : opened) {
    entry->open(std::exchange(marks_[name], {}));
    marks_.erase(name);
  }
  for (auto& [name, mark] : marks_) retire(name, mark);
  in_force.merge(opened);
  entries_ = std::move(in_force);
  active_.set(static_cast<double>(entries_.size()));
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

void Schedules::hold(std::set<std::string> workflows) { held_->set(std::move(workflows)); }

Status Schedules::trigger(const std::string& workflow, StartRequest request,
                          std::function<void(Result<InstanceId>)> admitted) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(workflow);
    if (found == entries_.end()) {
      Problem problem = make_problem(ErrorKind::validation, "schedule-unknown",
                                     "workflow " + workflow + " has no schedule in force");
      problem.status = 404;
      return fail(std::move(problem));
    }
    request.workflow = found->second->workflow();
  }
  request.name = "triggered";
  surroundings_.engine.start(std::move(request), std::move(admitted));
  return {};
}

std::vector<ScheduleView> Schedules::list() const {
  std::vector<ScheduleView> views;
  const std::scoped_lock lock(mutex_);
  views.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) views.push_back(entry->view());
  return views;
}

}  // namespace stepwell::engine
