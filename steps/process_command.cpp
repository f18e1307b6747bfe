#include "steps/process_command.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "steps/process_text.h"

namespace stepwell::steps {

namespace {

// Those of the task count before those of every process.
Status add_environment(const Value& arguments, const ProcessPrograms& programs,
                       std::vector<std::string>& into) {
  const Value& given = arguments.get("environment");
  for (const std::string& variable : programs.environment) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
    if (!given.contains(name)) into.push_back(variable);
  }
  auto own = own_environment(given);
  if (!own) return fail(std::move(own.error()));
  into.insert(into.end(), std::make_move_iterator(own->begin()),
              std::make_move_iterator(own->end()));
  return {};
}

Status add_arguments(const Value& arguments, std::vector<std::string>& into) {
  for (const Value& argument : arguments.get("arguments").elements()) {
    auto text = process_text(argument, "an argument");
    if (!text) return fail(std::move(text.error()));
    into.push_back(std::move(*text));
  }
  return {};
}

// What is the same for all: the tail of the arguments, the environment, the input.
Status add_rest(const Value& arguments, const ProcessPrograms& programs, ProcessRequest& request) {
  if (auto added = add_arguments(arguments, request.arguments); !added) return added;
  if (auto added = add_environment(arguments, programs, request.environment); !added) return added;
  const Value& input = arguments.get("stdin");
  if (!input.is_null())
    request.input = input.is_string() ? std::string(input.as_string()) : to_json(input);
  return {};
}

}  // namespace

Result<ProcessRequest> shell_request(const Value& arguments, const ProcessPrograms& programs) {
  ProcessRequest request;
  request.kind = "shell";
  auto command = process_text(arguments.get("command"), "the command");
  if (!command) return fail(std::move(command.error()));
  // The word behind the command is $0, the next one $1; `--` keeps a command that begins with `-`
  // from being an option (IEEE Std 1003.1-2017, sh).
  request.arguments = {programs.shell, "-c", "--", std::move(*command), "sh"};
  if (auto added = add_rest(arguments, programs, request); !added)
    return fail(std::move(added.error()));
  return request;
}

Result<ProcessRequest> script_request(const Value& arguments, const ProcessPrograms& programs) {
  ProcessRequest request;
  request.kind = "script";
  const Value& language = arguments.get("language");
  const bool python = language.is_string() && language.as_string() == "python";
  auto code = process_text(arguments.get("code"), "the code");
  if (!code) return fail(std::move(code.error()));
  request.file = std::move(*code);
  // A module of ECMAScript, which may import.
  request.file_name = python ? "script.py" : "script.mjs";
  request.arguments = {python ? programs.python : programs.node, request.file_name};
  if (auto added = add_rest(arguments, programs, request); !added)
    return fail(std::move(added.error()));
  return request;
}

}  // namespace stepwell::steps
