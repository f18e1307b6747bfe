// `stepwell backup` and `stepwell restore` on the command line.
// Used by main, once.
#pragma once

#include "daemon/command_context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace stepwell::daemon {

// Each does what it is asked for when it is parsed. `context` outlives the app.
void add_backup_commands(CLI::App& app, CommandContext& context);

}  // namespace stepwell::daemon
