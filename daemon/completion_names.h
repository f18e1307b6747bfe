// What a shell completes that only the daemon knows: names of workflows, credentials, users, keys,
// instances, schedules and files. Nothing of it is secret; who may not see it gets nothing.
// Used by one thread; blocks for two seconds at most.
#pragma once

#include <string>
#include <vector>

#include "base/value.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

// One a line, of what an argument of that kind (daemon/command_line.h) can be. Nothing, and no word
// of why, where the daemon cannot be asked.
void print_completion_names(CommandContext& context, const std::string& kind);

// Of a list's answer; a name that a shell could take for anything else is left out.
std::vector<std::string> completion_names(const std::string& kind, const Value& answer);

}  // namespace stepwell::daemon
