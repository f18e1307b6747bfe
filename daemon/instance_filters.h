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
  std::vector<std::string> workflows, statuses, names, priorities, tags;  // any of each
  std::string step, credential, parent;
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

}  // namespace stepwell::daemon
