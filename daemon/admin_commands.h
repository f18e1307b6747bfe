// The administrative subcommands: init, keys, credentials, users, instances. CLI11 lies behind this
// header. For main, which owns both arguments; they outlive the parsing.
#pragma once

#include "daemon/command_context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace stepwell::daemon {

// Each subcommand runs when the app has been parsed, and leaves its exit code in the context.
void add_admin_commands(CLI::App& app, CommandContext& context);

}  // namespace stepwell::daemon
