#include "engine/recovery.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "engine/instance.h"

namespace stepwell::engine {

namespace {

using Kind = Record::Kind;

std::string text_of(const Value& object, std::string_view member) {
  const Value& text = object.get(member);
  return text.is_string() ? std::string(text.as_string()) : std::string();
}

std::uint64_t number_of(const Value& object, std::string_view member) {
  const auto number = object.get(member).as_integer();
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

InstanceStatus status_of(const std::string& text) {
  for (const InstanceStatus status :
       {InstanceStatus::completed, InstanceStatus::faulted, InstanceStatus::stopped})
    if (text == to_string(status)) return status;
  return InstanceStatus::pending;
}

std::string name_of(InstanceId id) { return "instance " + std::to_string(id.number); }

}  // namespace

Value head_payload(const StartRequest& request, std::uint32_t level, const Started& started) {
  static const Value trace_id("traceId");
  static const Value input("input");
  Value payload = request.workflow->head;
  payload.reserve(request.key.empty() ? 4 : 5);
  payload.set_member(trace_id, started.trace_id);
  payload.set_member(input, started.input);
  add_label(payload, label_of(request));
  if (!request.key.empty()) payload.set("key", request.key);
  if (!request.once.empty()) payload.set("once", valid_utf8(request.once));
  if (request.parent) {
    payload.set("parent", Value::object({{"id", request.parent->id.number},
                                         {"step", request.parent->step},
                                         {"awaited", request.parent->awaited},
                                         {"level", level}}));
  }
  return payload;
}

Asked read_head(const Record& head) {
  Asked asked;
  const Value& payload = head.payload;
  asked.digest = text_of(payload, "digest");
  StartRequest& request = asked.request;
  request.input = payload.get("input");
  Label label = label_of(payload);
  request.name = std::move(label.name);
  request.tags = std::move(label.tags);
  request.priority = label.priority;
  request.deadline = label.deadline;
  request.key = text_of(payload, "key");
  request.once = text_of(payload, "once");
  if (const Value& parent = payload.get("parent"); parent.is_object()) {
    request.parent = Parent{InstanceId{number_of(parent, "id")}, text_of(parent, "step"),
                            parent.get("awaited").truthy()};
    asked.level = static_cast<std::uint32_t>(number_of(parent, "level"));
  }
  return asked;
}

Label label_of(const StartRequest& request) {
  return {request.name, request.tags, request.priority, request.deadline, false, {}};
}

Label label_of(const InstanceSummary& summary) {
  const Record& said = summary.changed ? *summary.changed : summary.head;
  Label label = label_of(said.payload);
  if (summary.changed) label.changed = said.time;
  return label;
}

InstanceSummary summary_of(const std::vector<Record>& records) {
  InstanceSummary summary{records.front(), std::nullopt, std::nullopt, {}};
  if (records.front().kind == Kind::started) summary.started = records.front().time;
  for (const Record& record : records) {
    if (record.kind == Kind::started && record.number > 1) summary.started = record.time;
    if (record.kind == Kind::changed) summary.changed = record;
    if (record.kind != Kind::snapshot) continue;
    const Value& state = record.payload.get("state");
    if (const auto at = state.get("started").as_integer())
      summary.started = WallTime(Milliseconds(*at));
    const Value& label = record.payload.get("label");
    if (!label.is_object()) continue;
    summary.changed = record;
    summary.changed->kind = Kind::changed;
    summary.changed->time = label_of(label).changed;
    summary.changed->payload = label;
  }
  return summary;
}

void show_label(const Label& label, InstanceView& view) {
  view.name = label.name;
  view.tags = label.tags;
  view.priority = label.priority;
  view.deadline = label.deadline;
  if (!ended(view.status)) view.updated = std::max(view.updated, label.changed);
}

std::uint8_t progress_of(std::size_t done, std::size_t all) {
  return all == 0 ? 0 : static_cast<std::uint8_t>(std::min(done, all) * 100 / all);
}

InstanceView view_of(const InstanceSummary& summary) {
  Asked asked = read_head(summary.head);
  InstanceView view;
  view.id = summary.head.instance;
  view.workflow = text_of(summary.head.payload, "workflow");
  view.key = std::move(asked.request.key);
  view.input = std::move(asked.request.input);
  if (asked.request.parent) view.parent = asked.request.parent->id;
  view.started = summary.started;
  view.updated = summary.head.time;
  if (summary.end) {
    const Value& end = summary.end->payload;
    view.status = status_of(text_of(end, "status"));
    view.updated = view.ended = summary.end->time;
    view.output = end.get("output");
    if (const Value& problem = end.get("problem"); problem.is_object())
      view.problem = Problem::from_value(problem);
    view.progress = view.status == InstanceStatus::completed
                        ? 100
                        : static_cast<std::uint8_t>(number_of(end, "progress"));
  }
  show_label(label_of(summary), view);
  return view;
}

Value names_of_credentials(const config::Definition& definition) {
  Value names = Value::array();
  for (const auto& [name, position] : definition.credentials) names.push_back(name);
  return names;
}

InstanceFacts facts_of(const InstanceView& view, const Label& label) {
  return {view.id,    view.status, view.started, view.updated,
          view.ended, &label,      view.parent,  view.key};
}

Status check_retry(const std::vector<Record>& records) {
  const InstanceId id = records.front().instance;
  const Record& end = records.back();
  if (end.kind != Kind::ended || text_of(end.payload, "status") != "faulted") {
    return fail(client_error(409, "instance-not-faulted",
                             name_of(id) + " has not faulted; only one that has can be retried"));
  }
  if (may_succeed_again(records)) return {};
  return fail(client_error(
      409, "instance-not-retryable",
      name_of(id) +
          " did not fail in a step: the same input would fail again in the same way; start a new "
          "one once its definition or its input is mended"));
}

Problem has_ended(const InstanceView& view) {
  return client_error(409, "instance-ended",
                      name_of(view.id) + " has ended as " + std::string(to_string(view.status)));
}

Problem not_recovered(const InstanceView& view) {
  Problem problem = make_problem(
      ErrorKind::configuration, "definition-lost",
      name_of(view.id) +
          " is in the journal and could not be brought back when the daemon started" +
          (view.problem ? ": " + view.problem->detail : "; the log of that moment says why"));
  problem.status = 409;
  return problem;
}

Problem not_open(const InstanceView& view) {
  return ended(view.status) ? has_ended(view) : not_recovered(view);
}

Problem shutting_down() {
  return unavailable("shutting-down", "the daemon is stopping; try another node or later");
}

Problem unknown_instance(InstanceId id) {
  return client_error(404, "instance-unknown", "there is no " + name_of(id));
}

}  // namespace stepwell::engine
