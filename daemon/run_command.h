// `stepwell run FILE`: one instance in this process, with no daemon. Runs on main's thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/budget_options.h"
#include "daemon/terminal.h"
#include "http/reactor.h"

namespace stepwell::daemon {

struct RunOptions {
  std::string file;
  std::vector<std::string> with;         // files or folders of workflows that it may run
  std::string input;                     // JSON text, "@FILE", or "-" for standard input
  std::string trace;                     // a file, or "-" for standard output; empty: none
  std::vector<std::string> connect_to;   // as curl's --connect-to
  std::vector<std::string> resolve;      // as curl's --resolve
  std::string ca_file;                   // as curl's --cacert
  std::vector<std::string> networks;     // CIDRs that the egress rules are opened for
  std::string catalog;                   // as the setting: a folder or a URI; empty: none
  std::vector<std::string> credentials;  // NAME=bearer:@FILE, NAME=basic:USERNAME:@FILE, …
  BudgetOptions budget;                  // of one evaluation of an expression
  std::vector<std::string> origins;      // NAME=ORIGIN, where the definition does not tell
  bool allow_shell = false;              // run: shell
  bool allow_script = false;             // run: script
  bool allow_container = false;          // run: container
};

// By what it connects. Errors: for a network that is no CIDR.
Result<http::ReactorOptions> transport_options(const RunOptions& options);

// The output as JSON on standard output; while it runs, what its steps do on a terminal at standard
// error, unless the trace goes to standard output; a fault's problem object on standard error.
// Gives an ExitCode: kDone, kFailed where the instance faulted, kUsage for invalid arguments or
// files.
int run(const RunOptions& options, const Terminal& terminal);

}  // namespace stepwell::daemon
