#include "steps/process_text.h"

#include <utility>

#include "base/json.h"

namespace stepwell::steps {

Problem process_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "process-invalid", std::move(detail));
}

Result<std::string> process_text(const Value& value, std::string_view what) {
  if (value.is_null()) return std::string();
  std::string text = value.is_string() ? std::string(value.as_string()) : to_json(value);
  // The kernel takes it as the end of the text.
  if (text.find('\0') != std::string::npos)
    return fail(process_invalid(std::string(what) + " of a process holds a NUL character"));
  return text;
}

Result<std::vector<std::string>> own_environment(const Value& environment) {
  std::vector<std::string> variables;
  for (const Value::Member& member : environment.members()) {
    if (member.value.is_null()) continue;
    const std::string name(member.name());
    auto text = process_text(member.value, "the environment variable " + name);
    if (!text) return fail(std::move(text.error()));
    variables.push_back(name + "=" + *text);
  }
  return variables;
}

}  // namespace stepwell::steps
