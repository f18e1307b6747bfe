#include "auth/switches.h"

#include <utility>

namespace stepwell::auth {

void Switches::load(const StoredState& stored) {
  const std::scoped_lock lock(mutex_);
  for (const WorkflowSwitch& row : stored.switches) switches_[row.workflow] = row;
}

std::optional<WorkflowSwitch> Switches::find(std::string_view workflow) const {
  const std::scoped_lock lock(mutex_);
  const auto found = switches_.find(workflow);
  if (found == switches_.end()) return std::nullopt;
  return found->second;
}

std::set<std::string> Switches::disabled() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, row] : switches_)
    if (row.disabled) names.insert(name);
  return names;
}

std::set<std::string> Switches::paused() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, row] : switches_)
    if (row.disabled || row.paused) names.insert(name);
  return names;
}

WorkflowSwitch Switches::current(const std::string& workflow) const {
  if (std::optional<WorkflowSwitch> known = find(workflow)) return *std::move(known);
  WorkflowSwitch fresh;
  fresh.workflow = workflow;
  return fresh;
}

Status Switches::set_disabled(const Actor& actor, const std::string& workflow, bool disabled) {
  const std::scoped_lock changing(changes_);
  WorkflowSwitch row = current(workflow);
  if (row.disabled == disabled) return {};
  row.disabled = disabled;
  return change(actor, row, disabled ? "workflow.disable" : "workflow.enable");
}

Status Switches::set_paused(const Actor& actor, const std::string& workflow, bool paused) {
  const std::scoped_lock changing(changes_);
  WorkflowSwitch row = current(workflow);
  if (row.paused == paused) return {};
  row.paused = paused;
  return change(actor, row, paused ? "schedule.pause" : "schedule.resume");
}

Status Switches::change(const Actor& actor, const WorkflowSwitch& row, std::string action) {
  WorkflowSwitch changed = row;
  changed.by = actor.user;
  changed.at = clock_.now();
  Status done = audit_.commit({actor, std::move(action), row.workflow, ""}, {changed});
  if (!done) return done;
  const std::scoped_lock lock(mutex_);
  switches_[row.workflow] = std::move(changed);
  return {};
}

}  // namespace stepwell::auth
