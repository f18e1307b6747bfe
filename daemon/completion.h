// Scripts that let a shell complete the command line, made from the tree of all commands. Names of
// workflows, users and the like come from the daemon when they are asked for
// (daemon/completion_names.h).
// Pure.
#pragma once

#include <string>

#include "daemon/command_tree.h"

namespace stepwell::daemon {

std::string bash_completion(const CommandTree& tree);
std::string zsh_completion(const CommandTree& tree);
std::string fish_completion(const CommandTree& tree);

// A command as one can be in the middle of it: with the options of those above it.
struct CompletionPlace {
  const CommandTree* command = nullptr;
  std::vector<const CommandOption*> options;
  std::vector<const CommandOption*> positionals;
};
// Of the tree and all that is below it, the outermost first.
std::vector<CompletionPlace> completion_places(const CommandTree& tree);

}  // namespace stepwell::daemon
