// The manual page and the document docs/cli.md, made from the tree of all commands.
// Pure.
#pragma once

#include <string>

#include "daemon/command_tree.h"

namespace stepwell::daemon {

// man(7), for the section 1.
std::string manual_page(const CommandTree& tree, const std::string& version);
std::string markdown_manual(const CommandTree& tree);

}  // namespace stepwell::daemon
