#include "engine/open_steps.h"

#include <algorithm>

#include "config/person_step.h"

namespace stepwell::engine {

namespace {

bool of_workflow(const std::string& wanted, const std::string& workflow) {
  return wanted.empty() || workflow == wanted ||
         (wanted.find(':') == std::string::npos && workflow.starts_with(wanted + ":"));
}

}  // namespace

std::string_view to_string(PersonKind kind) { return config::person_kind_name(kind); }
std::optional<PersonKind> parse_person_kind(std::string_view text) {
  return config::person_kind(text);
}

bool is_decided(const State& state, StepId step) {
  return std::any_of(state.deferred.begin(), state.deferred.end(), [step](const Event& event) {
    if (const auto* finished = std::get_if<StepFinished>(&event.what))
      return finished->step == step;
    const auto* changed = std::get_if<StepChanged>(&event.what);  // a mail that was let go
    return changed != nullptr && changed->step == step;
  });
}

std::vector<OpenStep> open_steps_of(const Program& program, const State& state) {
  std::vector<OpenStep> steps;
  for (const Frame& frame : state.frames) {
    if (!frame.parked || is_decided(state, frame.parked->step)) continue;
    const config::Task& task = *program.task(frame.task).task;
    OpenStep step;
    step.instance = state.id;
    step.workflow = program.definition().id();
    step.id = frame.parked->step;
    step.task = task.name;
    step.reference = task.reference;
    step.kind = std::get<config::PersonStepBody>(task.body).kind;
    step.arguments = frame.parked->arguments;
    step.started = frame.started;
    step.due = frame.parked->due;
    steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(),
            [](const OpenStep& a, const OpenStep& b) { return a.id.number < b.id.number; });
  return steps;
}

bool same_steps(const std::vector<OpenStep>& a, const std::vector<OpenStep>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.id == y.id && x.due == y.due && x.arguments.same(y.arguments);
  });
}

void mark_overdue(std::vector<OpenStep>& steps, WallTime now) {
  for (OpenStep& step : steps) step.overdue = step.due && *step.due <= now;
}

OpenStepIndex::OpenStepIndex(Metrics& metrics) {
  for (const PersonKind kind :
       {PersonKind::decision, PersonKind::form, PersonKind::email, PersonKind::upload})
    waiting_.at(static_cast<std::size_t>(kind)) =
        metrics.gauge("stepwell_person_steps_waiting", "Open steps that wait for people, by kind.",
                      {{"kind", std::string(to_string(kind))}});
}

void OpenStepIndex::forget_locked(InstanceId instance) {
  auto at = steps_.lower_bound({instance.number, 0});
  while (at != steps_.end() && at->first.first == instance.number) {
    for (const std::string& user : at->second.entry.assignees) {
      const auto known = by_assignee_.find(user);
      if (known == by_assignee_.end()) continue;
      known->second.erase(at->first);
      if (known->second.empty()) by_assignee_.erase(known);
    }
    waiting(at->second.entry.kind).add(-1);
    at = steps_.erase(at);
  }
}

void OpenStepIndex::set(InstanceId instance, const std::string& workflow,
                        std::vector<Entry> entries) {
  const std::scoped_lock lock(mutex_);
  forget_locked(instance);
  for (Entry& entry : entries) {
    const Key key{instance.number, entry.id.number};
    for (const std::string& user : entry.assignees) by_assignee_[user].insert(key);
    waiting(entry.kind).add(1);
    steps_[key] = {std::move(entry), &*workflows_.insert(workflow).first};
  }
  size_.store(steps_.size(), std::memory_order_relaxed);
}

bool OpenStepIndex::has(InstanceId instance) const {
  if (empty()) return false;
  const std::scoped_lock lock(mutex_);
  const auto at = steps_.lower_bound({instance.number, 0});
  return at != steps_.end() && at->first.first == instance.number;
}

bool OpenStepIndex::picks(const OpenStepFilter& filter, const Kept& kept, WallTime now) {
  if (filter.kind && *filter.kind != kept.entry.kind) return false;
  if (filter.overdue && *filter.overdue != (kept.entry.due && *kept.entry.due <= now)) return false;
  return of_workflow(filter.workflow, *kept.workflow);
}

std::vector<OpenStepIndex::Key> OpenStepIndex::find(const OpenStepFilter& filter, WallTime now,
                                                    std::size_t most) const {
  const Key after{filter.after_instance.number, filter.after_step.number};
  std::vector<Key> found;
  const std::scoped_lock lock(mutex_);
  if (filter.assignee) {
    const auto mine = by_assignee_.find(*filter.assignee);
    if (mine == by_assignee_.end()) return found;
    for (auto at = mine->second.upper_bound(after); at != mine->second.end() && found.size() < most;
         ++at)
      if (picks(filter, steps_.at(*at), now)) found.push_back(*at);
    return found;
  }
  for (auto at = steps_.upper_bound(after); at != steps_.end() && found.size() < most; ++at)
    if (picks(filter, at->second, now)) found.push_back(at->first);
  return found;
}

}  // namespace stepwell::engine
