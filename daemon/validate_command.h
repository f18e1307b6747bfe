// `stepwell validate PATH…`: every fault of every file. Runs on main's thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/command_context.h"
#include "http/reactor.h"

namespace stepwell::daemon {

enum class ValidateOutput { text, json };

struct ValidateOptions {
  std::vector<std::string> paths;
  ValidateOutput output = ValidateOutput::text;
  bool offline = false;  // fetch nothing, and warn of what is not checked for it
  std::string catalog;   // as the setting: a folder or a URI
};

// Files, or folders whose *.yaml, *.yml and *.json files are meant, in the order of their names.
// text: faults go to context.err, one a line; an "ok" line for each good file to context.out.
// json: one array to context.out, of an object for each fault: file, line, column (1-based, in
// characters; 0 where unknown), severity ("error", "warning"), message, reference, and hint where
// there is one. Gives an ExitCode: kDone, or kUsage where any file has an error.
// What definitions refer to is fetched, by a transport with these options, unless it is offline.
int validate(const ValidateOptions& options, const http::ReactorOptions& transport,
             CommandContext& context);

// The definition files of a folder, sorted by name; the path itself where it is no folder.
// Errors: configuration/`file-unreadable` for a folder that cannot be read to its end.
Result<std::vector<std::string>> definition_files(const std::string& path);

}  // namespace stepwell::daemon
