// `stepwell graph FILE`: the flow of a definition as a picture. Runs on main's thread.
#pragma once

#include <string>

#include "daemon/command_context.h"

namespace stepwell::daemon {

struct GraphOptions {
  std::string file;
  std::string format = "mermaid";  // or "svg"
  std::string output;              // a file; empty or "-": standard output
};

// Gives an ExitCode: kUsage where the definition has errors (all its faults go to context.err) or
// the output cannot be written.
int graph(const GraphOptions& options, CommandContext& context);

}  // namespace stepwell::daemon
