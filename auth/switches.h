// What operators have switched off: workflows that start no instances for now, and schedules that
// start none. Decided by name, whatever versions there are; what runs goes on.
// Owned by Authority; all members may be called from any thread; the changing ones block for an
// fsync.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "auth/audit.h"

namespace stepwell::auth {

class Switches {
 public:
  Switches(AuditLog& audit, ExpiryClock& clock) : audit_(audit), clock_(clock) {}

  void load(const StoredState& stored);

  // Nothing where neither was ever touched.
  std::optional<WorkflowSwitch> find(std::string_view workflow) const;
  std::set<std::string> disabled() const;
  std::set<std::string> paused() const;  // disabled ones included

  // Audited as workflow.enable, workflow.disable, schedule.pause and schedule.resume; nothing
  // happens where it is so already. Errors: the store's.
  Status set_disabled(const Actor& actor, const std::string& workflow, bool disabled);
  Status set_paused(const Actor& actor, const std::string& workflow, bool paused);

 private:
  Status change(const Actor& actor, const WorkflowSwitch& row, std::string action);
  WorkflowSwitch current(const std::string& workflow) const;

  AuditLog& audit_;
  ExpiryClock& clock_;
  std::mutex changes_;  // one change at a time
  mutable std::mutex mutex_;
  std::map<std::string, WorkflowSwitch, std::less<>> switches_;  // guarded by mutex_
};

}  // namespace stepwell::auth
