// Runs the command that gives the master key. Internal to auth/master_key*.cpp. Blocks.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

// What the command writes, at most `most` bytes. It gets no descriptor of ours but stderr, no
// environment but PATH and HOME, and is killed with what it started after `limit`. Errors:
// configuration/`master-key-command-failed`.
Result<Secret> run_key_command(const std::string& line, std::size_t most, Milliseconds limit);

}  // namespace stepwell::auth
