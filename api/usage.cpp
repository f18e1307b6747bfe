#include "api/usage.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace stepwell::api {

namespace {

constexpr std::size_t kIdsShown = 100;

// Does the task authenticate by the credential?
bool uses_credential(const config::Task& task, const std::string& credential) {
  const auto is_it = [&](const config::Boxed<config::Authentication>& policy) {
    return policy && policy->credential == credential;
  };
  if (const auto* call = std::get_if<config::HttpCallBody>(&task.body))
    return is_it(call->authentication) || call->options.or_default().tls_credential == credential;
  if (const auto* process = std::get_if<config::RunProcessBody>(&task.body))
    return process->source && is_it(process->source->authentication);
  if (const auto* person = std::get_if<config::PersonStepBody>(&task.body))
    return is_it(person->authentication);
  const auto* call = std::get_if<config::OpenApiCallBody>(&task.body);
  if (call == nullptr) return false;
  return is_it(call->authentication) || call->options.or_default().tls_credential == credential ||
         is_it(call->document.authentication) ||
         (call->named != nullptr &&
          std::any_of(call->named->begin(), call->named->end(),
                      [&](const auto& each) { return each.second.credential == credential; }));
}

// Appends the references of the tasks that authenticate by the credential.
void find_tasks(const config::TaskList& tasks, const std::string& credential, Value& found) {
  for (const config::Task& task : tasks) {
    if (uses_credential(task, credential)) found.push_back(task.reference);
    for (const config::TaskList* list : config::child_lists(task.body))
      find_tasks(*list, credential, found);
  }
}

bool refers_to(const config::Definition& definition, const std::string& credential) {
  return std::any_of(definition.credentials.begin(), definition.credentials.end(),
                     [&](const auto& entry) { return entry.first == credential; });
}

void set_last_use(Value& usage, const std::optional<WallTime>& at) {
  usage.set("lastUsedAt", at ? Value(format_time(*at)) : Value());
}

}  // namespace

Value Usage::of_credential(const std::string& name) const {
  Value workflows = Value::array();
  for (const engine::Catalog::Entry& entry : catalog_.list()) {
    if (!refers_to(*entry.definition, name)) continue;
    Value tasks = Value::array();
    for (const config::TaskList* list : config::top_lists(*entry.definition))
      find_tasks(*list, name, tasks);
    workflows.push_back(Value::object({{"workflow", entry.definition->id()},
                                       {"file", entry.definition->file},
                                       {"tasks", std::move(tasks)}}));
  }
  Value usage = Value::object({{"workflows", std::move(workflows)}});
  usage.set("instances", instances([&](const config::Definition& definition, const std::string&) {
              return refers_to(definition, name);
            }));
  set_last_use(usage, authority_.credentials().last_used(name));
  return usage;
}

Value Usage::of_key(const std::string& id) const {
  Value workflows = Value::array();
  for (const engine::Catalog::Entry& entry : catalog_.list()) {
    if (entry.definition->run_as == id)
      workflows.push_back(
          Value::object({{"workflow", entry.definition->id()}, {"file", entry.definition->file}}));
  }
  Value credentials = Value::array();
  for (const auth::Credential& credential : authority_.credentials().list()) {
    if (credential.linked_key == id) credentials.push_back(credential.name);
  }
  Value usage =
      Value::object({{"workflows", std::move(workflows)}, {"credentials", std::move(credentials)}});
  usage.set("instances",
            instances([&](const config::Definition& definition, const std::string& key) {
              return definition.run_as.empty() ? key == id : definition.run_as == id;
            }));
  set_last_use(usage, authority_.keys().last_used(id));
  return usage;
}

bool Usage::in_use(const Value& usage) {
  return !usage.get("workflows").elements().empty() ||
         !usage.get("credentials").elements().empty() ||
         !usage.get("instances").get("ids").elements().empty();
}

Status free_to_end(const Request& request, const std::string& what, const Value& usage) {
  const std::string* force = request.query_value("force");
  if (force != nullptr && *force != "true" && *force != "false")
    return fail(client_error(400, "parameter-invalid", "\"force\" must be true or false"));
  if ((force != nullptr && *force == "true") || !Usage::in_use(usage)) return {};
  const auto count = [&](const char* list) {
    return std::to_string(usage.get(list).elements().size());
  };
  const Value& instances = usage.get("instances").get("count");
  return fail(client_error(409, "in-use",
                           what + " is in use by " + count("workflows") + " workflow(s), " +
                               std::to_string(instances.as_integer().value_or(0)) +
                               " running instance(s) and " + count("credentials") +
                               " credential(s), which would fail; look at \"usage\", and repeat "
                               "it with --force (?force=true) if that is meant")
                  .with("usage", usage));
}

Value Usage::instances(const engine::Engine::Wanted& wanted) const {
  std::vector<engine::InstanceView> views;
  if (engine_ != nullptr) views = engine_->open_views(wanted);
  Value ids = Value::array();
  for (std::size_t i = 0; i < std::min(views.size(), kIdsShown); ++i)
    ids.push_back(views[i].id.number);
  return Value::object({{"count", views.size()}, {"ids", std::move(ids)}});
}

}  // namespace stepwell::api
