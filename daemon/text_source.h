// Text that a command is given as such, by file ("@FILE") or by standard input ("-").
#pragma once

#include <string>

#include "base/result.h"

namespace stepwell::daemon {

// Errors: configuration/`file-unreadable`.
Result<std::string> read_text_source(const std::string& source);
Result<std::string> read_file(const std::string& path);

}  // namespace stepwell::daemon
