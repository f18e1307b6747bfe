#include "api/instance_view.h"

#include <charconv>
#include <utility>

#include "api/people.h"

namespace stepwell::api {

namespace {

Value of_view(const engine::InstanceView& view, bool whole) {
  const bool stopped = view.status == engine::InstanceStatus::stopped;
  const bool ended = engine::ended(view.status);
  Value active = Value::array();
  for (const std::string& task : view.active_tasks) active.push_back(task);
  Value object = Value::object({
      {"id", view.id.number},
      {"name", view.name},
      {"workflow", view.workflow},
      {"parent", view.parent ? Value(view.parent->number) : Value()},
      {"status", to_string(view.status)},
      {"priority", to_string(view.priority)},
      {"tags", view.tags.is_null() ? Value::array() : view.tags},
      {"deadline", time_or_null(view.deadline.has_value(), view.deadline.value_or(WallTime{}))},
      {"runAs", view.key.empty() ? Value() : Value(view.key)},
      {"startedTime", time_or_null(view.started != WallTime{}, view.started)},
      {"completedTime", time_or_null(ended && !stopped, view.ended)},
      {"stoppedTime", time_or_null(stopped, view.ended)},
      {"lastUpdatedTime", format_time(view.updated)},
      {"activeSteps", std::move(active)},
      {"progress", view.progress},
  });
  if (whole) {
    Value open = Value::array();
    for (const engine::OpenStep& step : view.open_steps) open.push_back(describe_open_step(step));
    object.set("openSteps", std::move(open));
    object.set("input", view.input);
    object.set("output", view.output);
  }
  object.set("error", view.problem ? view.problem->to_value() : Value());
  return object;
}

}  // namespace

Value time_or_null(bool known, WallTime time) { return known ? Value(format_time(time)) : Value(); }

Value describe_instance(const engine::InstanceView& view) { return of_view(view, true); }
Value summarize_instance(const engine::InstanceView& view) { return of_view(view, false); }

Problem unknown_instance() {
  return request_problem(404, "instance-unknown", "there is no such instance");
}

std::optional<InstanceId> parse_instance_id(std::string_view text) {
  InstanceId id;
  const char* end = text.data() + text.size();
  const auto [stopped_at, error] = std::from_chars(text.data(), end, id.number);
  const bool number = error == std::errc() && stopped_at == end && text.front() != '0';
  if (!number || id.number >= (1ULL << 53U)) return std::nullopt;
  return id;
}

}  // namespace stepwell::api
