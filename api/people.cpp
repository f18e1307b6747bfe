#include "api/people.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/file_upload.h"
#include "api/instance_view.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kMostFiles = 1000;

// The texts that may be a file's id, wherever they stand.
Status collect_ids(const Value& value, std::set<std::string>& ids) {
  if (value.is_string()) {
    if (engine::file_id(Value::object({{"file", value}}))) ids.emplace(value.as_string());
    if (ids.size() > kMostFiles)
      return fail(client_error(400, "request-invalid", "more than 1000 files are named"));
    return {};
  }
  for (const Value& element : value.elements())
    if (Status good = collect_ids(element, ids); !good) return good;
  for (const Value::Member& member : value.members())
    if (Status good = collect_ids(member.value, ids); !good) return good;
  return {};
}

}  // namespace

Value describe_open_step(const engine::OpenStep& step) {
  Value object = Value::object({{"instance", step.instance.number},
                                {"workflow", step.workflow},
                                {"step", step.task},
                                {"reference", step.reference},
                                {"id", std::to_string(step.id.number)},
                                {"kind", engine::to_string(step.kind)}});
  for (const Value::Member& member : step.arguments.members())
    if (member.name() != "hold" && member.name() != "due" && member.name() != "assignee")
      object.set(member.name(), member.value);
  object.set("assignee", step.arguments.get("assignee"));
  object.set("startedTime", format_time(step.started));
  object.set("due", time_or_null(step.due.has_value(), step.due.value_or(WallTime{})));
  object.set("overdue", step.overdue);
  return object;
}

Result<engine::Completer> completer_of(const auth::Principal& principal) {
  const auto& scopes = principal.scopes;
  const bool narrowed =
      !scopes.empty() &&
      std::find(scopes.begin(), scopes.end(), auth::Permission::complete_steps) == scopes.end();
  if (narrowed)
    return fail(make_problem(
        ErrorKind::authorization, "permission-denied",
        "API key " + principal.key_id + " is narrowed to scopes without complete-steps"));
  const bool may = principal.may(auth::Permission::complete_steps);
  return engine::Completer{principal.user, may, may};
}

Result<NamedFiles> files_named(engine::Files* files, const auth::Principal& principal,
                               const Value& value) {
  NamedFiles named;
  if (files == nullptr) return named;
  std::set<std::string> ids;
  if (Status good = collect_ids(value, ids); !good) return fail(std::move(good).error());
  for (const std::string& id : ids) {
    auto info = files->find(id);
    if (!info) return fail(std::move(info).error());
    if (*info && may_see(principal, **info)) named.emplace(id, std::move(**info));
  }
  return named;
}

std::string step_of_path(std::string_view segment) {
  if (!segment.starts_with("~1")) return std::string(segment);
  std::string reference;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const std::string_view two = segment.substr(i, 2);
    if (two == "~1" || two == "~0") {
      // What is escaped within the reference stays so: only its own slashes are undone.
      reference += two == "~1" ? '/' : '~';
      ++i;
    } else {
      reference += segment[i];
    }
  }
  return reference;
}

}  // namespace stepwell::api
