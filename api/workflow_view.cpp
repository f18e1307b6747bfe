#include "api/workflow_view.h"

#include "api/instance_view.h"

namespace stepwell::api {

namespace {

Value credentials_of(const config::Definition& definition) {
  Value credentials = Value::array();
  for (const auto& [name, position] : definition.credentials) credentials.push_back(name);
  return credentials;
}

// A duration in seconds, as ISO 8601 has it.
std::string seconds_text(Milliseconds duration) {
  std::string text = std::to_string(duration.count() / 1000);
  if (const auto rest = duration.count() % 1000; rest != 0)
    text += "." + std::to_string(1000 + rest).substr(1);
  return "PT" + text + "S";
}

// The rule alone; when it starts one next, /schedules says.
Value rule_of(const config::Definition& definition) {
  if (!definition.schedule) return {};
  const config::Schedule& schedule = *definition.schedule;
  if (schedule.every)
    return Value::object({{"kind", "every"}, {"rule", seconds_text(*schedule.every)}});
  if (schedule.after)
    return Value::object({{"kind", "after"}, {"rule", seconds_text(*schedule.after)}});
  if (schedule.on) return Value::object({{"kind", "on"}, {"rule", ""}});
  return Value::object(
      {{"kind", "cron"}, {"rule", schedule.cron + " (" + schedule.time_zone + ")"}});
}

Value webhook_of(const config::Definition& definition) {
  if (!definition.webhook) return {};
  const config::Webhook& webhook = *definition.webhook;
  return Value::object({{"path", "/api/v1/webhooks/" + webhook.path},
                        {"method", webhook.method},
                        {"access", webhook.hmac ? "signature" : (webhook.open ? "open" : "key")}});
}

Value basics(const config::Definition& definition) {
  return Value::object({{"namespace", definition.namespace_},
                        {"name", definition.name},
                        {"version", definition.version},
                        {"title", definition.title},
                        {"digest", definition.digest},
                        {"credentials", credentials_of(definition)},
                        {"schedule", rule_of(definition)},
                        {"webhook", webhook_of(definition)}});
}

}  // namespace

std::string workflow_name(const config::Definition& definition) {
  return definition.namespace_ + "/" + definition.name;
}

Value describe_workflow(const std::vector<engine::Catalog::Entry>& versions,
                        const std::optional<auth::WorkflowSwitch>& switches) {
  const config::Definition& newest = *versions.front().definition;
  Value object = Value::object({{"workflow", workflow_name(newest)}});
  const Value described = basics(newest);
  for (const Value::Member& member : described.members()) object.set(member.name(), member.value);
  Value all = Value::array();
  for (const engine::Catalog::Entry& entry : versions) all.push_back(entry.definition->version);
  object.set("versions", std::move(all));
  object.set("enabled", !(switches && switches->disabled));
  object.set("changedBy", switches ? Value(switches->by) : Value());
  object.set("changedAt", time_or_null(switches.has_value(), switches ? switches->at : WallTime{}));
  return object;
}

Value describe_version(const config::Definition& definition) {
  Value object = basics(definition);
  object.set("file", definition.file);
  object.set("source", definition.sources ? Value(definition.sources->text) : Value());
  return object;
}

Value describe_schedule(const engine::ScheduleView& view, bool paused) {
  return Value::object({
      {"workflow", view.workflow},
      {"kind", view.kind},
      {"rule", view.rule},
      {"paused", paused},
      {"nextTime", time_or_null(view.next.has_value(), view.next.value_or(WallTime{}))},
      {"lastTime", time_or_null(view.last.has_value(), view.last.value_or(WallTime{}))},
      {"started", view.started},
      {"refused", view.refused},
      {"missed", view.missed},
      {"error", view.problem ? view.problem->to_value() : Value()},
  });
}

Value describe_faults(const config::Loaded& loaded) {
  Value faults = Value::array();
  for (const config::Fault& fault : loaded.faults) {
    const bool error = fault.severity == config::Fault::Severity::error;
    Value described = Value::object({{"line", fault.position.line},
                                     {"column", fault.position.column},
                                     {"severity", error ? "error" : "warning"},
                                     {"message", fault.what},
                                     {"reference", fault.reference}});
    if (error) described.set("code", "definitions-invalid");
    if (!fault.advice().empty()) described.set("hint", fault.advice());
    faults.push_back(std::move(described));
  }
  return Value::object({{"valid", loaded.definition != nullptr},
                        {"workflow", loaded.definition ? Value(loaded.definition->id()) : Value()},
                        {"faults", std::move(faults)}});
}

}  // namespace stepwell::api
