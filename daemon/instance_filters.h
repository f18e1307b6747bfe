// Which instances a command is about: by what they have in common, as the API names it.
// A plain value.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "daemon/admin_call.h"
#include "daemon/command_line.h"

namespace stepwell::daemon {

struct InstanceFilters {
  std::vector<std::string> statuses, priorities, tags, run_as;  // any of each
  std::string workflow, name, step, credential, parent;
  struct Times {
    std::string after, before;
  };
  Times started, completed, stopped, ended, updated, deadline;
  bool open = false, overdue = false;

  bool any() const { return !query().text().empty(); }
  Query query() const;
  void set(Value& body) const;
};

// As options of a command.
void add_instance_filters(Command command, InstanceFilters& filters);
// Those alone that say the same of an instance whatever becomes of it, and its status.
void add_lasting_filters(Command command, InstanceFilters& filters);

}  // namespace stepwell::daemon
