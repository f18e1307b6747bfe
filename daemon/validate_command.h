// `stepwell validate PATH…`: every fault of every file. Runs on main's thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace stepwell::daemon {

// Files, or folders whose *.yaml, *.yml and *.json files are meant, in the order of their names.
// Faults go to standard error, one a line; an "ok" line for each good file to standard output.
// Gives an ExitCode: kDone, or kUsage where any file has an error.
int validate(const std::vector<std::string>& paths);

// The definition files of a folder, sorted by name; the path itself where it is no folder.
// Errors: configuration/`file-unreadable` for a folder that cannot be read to its end.
Result<std::vector<std::string>> definition_files(const std::string& path);

}  // namespace stepwell::daemon
