#include "api/instance_view.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/people.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

// Gives each member to `put`, in their order.
template <class Put>
void put_members(const engine::InstanceView& view, bool whole, const Put& put) {
  const bool stopped = view.status == engine::InstanceStatus::stopped;
  const bool ended = engine::ended(view.status);
  Value active = Value::array();
  for (const std::string& task : view.active_tasks) active.push_back(task);
  put("id", view.id.number);
  put("name", view.name);
  put("workflow", view.workflow);
  put("parent", view.parent ? Value(view.parent->number) : Value());
  put("status", to_string(view.status));
  put("priority", to_string(view.priority));
  put("tags", view.tags.is_null() ? Value::array() : view.tags);
  put("deadline", time_or_null(view.deadline.has_value(), view.deadline.value_or(WallTime{})));
  put("runAs", view.key.empty() ? Value() : Value(view.key));
  put("startedTime", time_or_null(view.started != WallTime{}, view.started));
  put("completedTime", time_or_null(ended && !stopped, view.ended));
  put("stoppedTime", time_or_null(stopped, view.ended));
  put("lastUpdatedTime", format_time(view.updated));
  put("activeSteps", std::move(active));
  put("progress", view.progress);
  if (whole) {
    Value open = Value::array();
    for (const engine::OpenStep& step : view.open_steps) open.push_back(describe_open_step(step));
    put("openSteps", std::move(open));
    put("input", view.input);
    put("output", view.output);
  }
  put("error", view.problem ? view.problem->to_value() : Value());
}

Value of_view(const engine::InstanceView& view, bool whole) {
  constexpr std::size_t kMembers = 19;
  Value object = Value::object();
  object.reserve(kMembers);
  put_members(view, whole,
              [&object](std::string_view key, Value value) { object.set(key, std::move(value)); });
  return object;
}

}  // namespace

Value time_or_null(bool known, WallTime time) { return known ? Value(format_time(time)) : Value(); }

Value describe_instance(const engine::InstanceView& view) { return of_view(view, true); }
Value summarize_instance(const engine::InstanceView& view) { return of_view(view, false); }

std::string instance_json(const engine::InstanceView& view) {
  constexpr std::uint64_t kMostReserved = std::uint64_t{64} * 1024;
  std::string text;
  text.reserve(640 + std::min(kMostReserved, view.input.weight() + view.output.weight()));
  char before = '{';
  put_members(view, true, [&](std::string_view key, const Value& value) {
    text += std::exchange(before, ',');
    text.append("\"").append(key).append("\":");
    append_json(text, value);
  });
  text += '}';
  return text;
}

Problem unknown_instance() {
  return client_error(404, "instance-unknown", "there is no such instance");
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
