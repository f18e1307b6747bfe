// `stepwell completion` and `stepwell manual`: what is made from the command line itself.
// For main; `app` has all other commands already, and outlives the parsing.
#pragma once

#include "daemon/command_context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace stepwell::daemon {

void add_shell_commands(CLI::App& app, CommandContext& context);

}  // namespace stepwell::daemon
