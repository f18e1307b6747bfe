#include "engine/lifecycle.h"

#include <string>
#include <utility>

namespace stepwell::engine {

std::string lifecycle_type(std::string_view name) {
  return std::string(EventBus::kLifecyclePrefix).append(name).append(".v1");
}

std::string lifecycle_source(const config::Definition& definition, InstanceId id) {
  return "/" + definition.namespace_ + "/" + definition.name + "/" + std::to_string(id.number);
}

std::string lifecycle_name(const config::Definition& definition, InstanceId id) {
  return definition.name + "-" + std::to_string(id.number) + "." + definition.namespace_;
}

bool Lifecycle::wanted(std::string_view type) const { return bus_.wanted(lifecycle_type(type)); }

std::string Lifecycle::source() const { return lifecycle_source(program_.definition(), id_); }

bool Lifecycle::made(const Value& event) const {
  const Value& type = event.get("type");
  return type.is_string() && type.as_string().starts_with(EventBus::kLifecyclePrefix) &&
         event.get("source") == Value(source());
}

void Lifecycle::publish(std::string_view type, Value data, WallTime time) const {
  bus_.publish(Value::object({{"specversion", "1.0"},
                              {"id", entropy_.hex(16)},
                              {"source", source()},
                              {"type", lifecycle_type(type)},
                              {"time", format_time(time)},
                              {"datacontenttype", "application/json"},
                              {"data", std::move(data)}}));
}

// {name, TIME_NAME}
Value Lifecycle::workflow_data(std::string_view time_name, WallTime time) const {
  return Value::object(
      {{"name", lifecycle_name(program_.definition(), id_)}, {time_name, format_time(time)}});
}

// {workflow, task, TIME_NAME}
Value Lifecycle::task_data(const Trace& trace, std::string_view time_name, WallTime time) const {
  return Value::object({{"workflow", workflow_data(time_name, time).get("name")},
                        {"task", program_.task(trace.task).task->reference},
                        {time_name, format_time(time)}});
}

void Lifecycle::publish_status(std::string_view type, Value data, std::string_view status,
                               WallTime time) const {
  data.set("status", status);
  publish(type, std::move(data), time);
}

void Lifecycle::started(WallTime time) const {
  if (wanted("workflow.started")) {
    const config::Definition& definition = program_.definition();
    Value data = workflow_data("startedAt", time);
    data.set("definition", Value::object({{"namespace", definition.namespace_},
                                          {"name", definition.name},
                                          {"version", definition.version}}));
    publish("workflow.started", std::move(data), time);
  }
  if (wanted("workflow.status-changed"))
    publish_status("workflow.status-changed", workflow_data("updatedAt", time), "running", time);
}

void Lifecycle::suspended(WallTime time) const {
  if (wanted("workflow.suspended"))
    publish("workflow.suspended", workflow_data("suspendedAt", time), time);
  if (wanted("workflow.status-changed"))
    publish_status("workflow.status-changed", workflow_data("updatedAt", time), "suspended", time);
}

void Lifecycle::resumed(WallTime time) const {
  if (wanted("workflow.resumed"))
    publish("workflow.resumed", workflow_data("resumedAt", time), time);
  if (wanted("workflow.status-changed"))
    publish_status("workflow.status-changed", workflow_data("updatedAt", time), "running", time);
}

void Lifecycle::ended(const State& state) const {
  const WallTime time = state.ended;
  if (state.status == InstanceStatus::completed && wanted("workflow.completed")) {
    Value data = workflow_data("completedAt", time);
    data.set("output", state.output);
    publish("workflow.completed", std::move(data), time);
  } else if (state.status == InstanceStatus::faulted && wanted("workflow.faulted")) {
    Value data = workflow_data("faultedAt", time);
    data.set("error", state.problem->to_value());
    publish("workflow.faulted", std::move(data), time);
  } else if (state.status == InstanceStatus::stopped && wanted("workflow.cancelled")) {
    publish("workflow.cancelled", workflow_data("cancelledAt", time), time);
  }
  if (wanted("workflow.status-changed")) {
    const bool cancelled = state.status == InstanceStatus::stopped;
    publish_status("workflow.status-changed", workflow_data("updatedAt", time),
                   cancelled ? "cancelled" : to_string(state.status), time);
  }
}

// Not one of the standard's.
void Lifecycle::overdue(WallTime deadline, WallTime time) const {
  if (!wanted("workflow.overdue")) return;
  Value data = workflow_data("overdueAt", time);
  data.set("deadline", format_time(deadline));
  publish("workflow.overdue", std::move(data), time);
}

void Lifecycle::correlation_started(WallTime time) const {
  if (wanted("workflow.correlation-started"))
    publish("workflow.correlation-started", workflow_data("startedAt", time), time);
}

void Lifecycle::correlation_completed(const Value& keys, WallTime time) const {
  if (!wanted("workflow.correlation-completed")) return;
  Value data = workflow_data("completedAt", time);
  if (!keys.is_null()) data.set("correlationKeys", keys);
  publish("workflow.correlation-completed", std::move(data), time);
}

void Lifecycle::task(const Trace& trace, WallTime time) const {
  const auto tell = [&](std::string_view event, std::string_view time_name) {
    const std::string type = "task." + std::string(event);
    if (!wanted(type)) return;
    Value data = task_data(trace, time_name, time);
    if (trace.kind == Trace::Kind::completed) data.set("output", trace.output);
    if (trace.problem) data.set("error", trace.problem->to_value());
    publish(type, std::move(data), time);
  };
  std::string_view status = to_string(trace.kind);
  switch (trace.kind) {
    case Trace::Kind::started:
      tell("created", "createdAt");
      tell("started", "startedAt");
      status = "running";
      break;
    case Trace::Kind::completed:
      tell("completed", "completedAt");
      break;
    case Trace::Kind::faulted:
      tell("faulted", "faultedAt");
      break;
    case Trace::Kind::retried:
      tell("retried", "retriedAt");
      status = "running";
      break;
    case Trace::Kind::cancelled:
      tell("cancelled", "cancelledAt");
      break;
    case Trace::Kind::skipped:
      return;  // it never came to life
  }
  if (wanted("task.status-changed"))
    publish_status("task.status-changed", task_data(trace, "updatedAt", time), status, time);
}

}  // namespace stepwell::engine
