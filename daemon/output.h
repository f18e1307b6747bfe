// What commands print: answers as a table or as JSON on stdout, problems on stderr with the exit
// code that they mean. Pure but for the streams.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/value.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

enum class OutputFormat { table, json };

// An object with `items`: one line for each, under the named columns. Any other object: one line
// for each member that is not null.
void print_answer(std::ostream& out, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns);

void report_problem(CommandContext& context, OutputFormat format, const Problem& problem);

}  // namespace stepwell::daemon
