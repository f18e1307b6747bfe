// What commands print: answers as a table, as JSON or as YAML on stdout, problems on stderr with
// the exit code that they mean. Pure but for the streams.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/value.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

enum class OutputFormat { table, json, yaml };
// By the name that a command is given; anything else is a table.
OutputFormat format_named(std::string_view name);

// As a table: an object with `items` has one line for each, under the named columns, fitted to the
// terminal; any other object has one line for each member that is not null, and below it a table
// for each member that is a list of objects.
void print_answer(std::ostream& out, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns, const Terminal& terminal = {});
void print_answer(CommandContext& context, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns = {});

void report_problem(CommandContext& context, OutputFormat format, const Problem& problem);

}  // namespace stepwell::daemon
