// `stepwell eval EXPR`: the expression language on JSON from standard input, for authors to try
// things out. In the manner of the jq command. Runs on main's thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/budget_options.h"

namespace stepwell::daemon {

struct EvalOptions {
  using Arguments = std::vector<std::pair<std::string, std::string>>;  // name and value

  std::optional<std::string> expression;  // nothing where it comes from `file`
  std::string file;
  Arguments arguments;       // $NAME is a string
  Arguments json_arguments;  // $NAME is what the JSON text says
  bool null_input = false;
  bool raw_input = false;
  bool slurp = false;
  bool compact = false;
  bool raw = false;   // strings as they are, without quotes
  bool join = false;  // the same, and nothing between outputs
  bool ascii = false;
  bool sort_keys = false;
  bool tabs = false;
  int indent = 2;
  bool exit_status = false;  // the exit code tells about the last output
  BudgetOptions budget;      // of one evaluation
};

// The outputs on standard output, each with a line end; errors on standard error. An evaluation
// that fails is reported, and the next input is read. Gives an ExitCode: kUsage for an expression,
// argument or input that is not valid; else kFailed where any evaluation failed, or where with
// `exit_status` the last output is null or false or there is none.
int eval(const EvalOptions& options);

}  // namespace stepwell::daemon
