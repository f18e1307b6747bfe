// `stepwell run FILE`: one instance in this process, with no daemon. Runs on main's thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/budget_options.h"

namespace stepwell::daemon {

struct RunOptions {
  std::string file;
  std::string input;                     // JSON text, "@FILE", or "-" for standard input
  std::string trace;                     // a file, or "-" for standard output; empty: none
  std::vector<std::string> connect_to;   // as curl's --connect-to
  std::vector<std::string> resolve;      // as curl's --resolve
  std::string ca_file;                   // as curl's --cacert
  std::vector<std::string> networks;     // CIDRs that the egress rules are opened for
  std::vector<std::string> credentials;  // NAME=bearer:@FILE, NAME=basic:USERNAME:@FILE, …
  BudgetOptions budget;                  // of one evaluation of an expression
  std::vector<std::string> origins;      // NAME=ORIGIN, where the definition does not tell
};

// The output as JSON on standard output; a fault's problem object on standard error. Gives an
// ExitCode: kDone, kFailed where the instance faulted, kUsage for invalid arguments or files.
int run(const RunOptions& options);

}  // namespace stepwell::daemon
