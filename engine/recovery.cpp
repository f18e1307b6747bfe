#include "engine/recovery.h"

#include <algorithm>
#include <utility>

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
  const config::Definition& definition = request.workflow->program->definition();
  Value payload = Value::object({{"workflow", definition.id()},
                                 {"digest", definition.digest},
                                 {"traceId", started.trace_id},
                                 {"input", started.input}});
  if (!request.name.empty()) payload.set("name", request.name);
  if (!request.tags.is_null()) payload.set("tags", request.tags);
  if (!request.key.empty()) payload.set("key", request.key);
  if (!request.once.empty()) payload.set("once", request.once);
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
  request.name = text_of(payload, "name");
  request.tags = payload.get("tags");
  request.key = text_of(payload, "key");
  request.once = text_of(payload, "once");
  if (const Value& parent = payload.get("parent"); parent.is_object()) {
    request.parent = Parent{InstanceId{number_of(parent, "id")}, text_of(parent, "step"),
                            parent.get("awaited").truthy()};
    asked.level = static_cast<std::uint32_t>(number_of(parent, "level"));
  }
  return asked;
}

InstanceView view_of(const InstanceSummary& summary) {
  Asked asked = read_head(summary.head);
  InstanceView view;
  view.id = summary.head.instance;
  view.workflow = text_of(summary.head.payload, "workflow");
  view.name = std::move(asked.request.name);
  view.key = std::move(asked.request.key);
  view.tags = std::move(asked.request.tags);
  view.input = std::move(asked.request.input);
  if (asked.request.parent) view.parent = asked.request.parent->id;
  view.started = view.updated = summary.head.time;
  if (!summary.end) return view;
  const Value& end = summary.end->payload;
  view.status = status_of(text_of(end, "status"));
  view.updated = view.ended = summary.end->time;
  view.output = end.get("output");
  if (const Value& problem = end.get("problem"); problem.is_object())
    view.problem = Problem::from_value(problem);
  return view;
}

bool picks(const InstanceFilter& filter, const InstanceView& view) {
  const bool closed = ended(view.status);
  if (view.id.number <= filter.after.number || (filter.open && closed)) return false;
  if (filter.status && *filter.status != view.status) return false;
  if (filter.since && view.started < *filter.since) return false;
  if (filter.until && view.started >= *filter.until) return false;
  if (filter.ended_before && (!closed || view.ended >= *filter.ended_before)) return false;
  return filter.workflow.empty() || view.workflow == filter.workflow ||
         (filter.workflow.find(':') == std::string::npos &&
          view.workflow.starts_with(filter.workflow + ":"));
}

Status check_retry(const std::vector<Record>& records) {
  const InstanceId id = records.front().instance;
  const Record& end = records.back();
  if (end.kind != Kind::ended || text_of(end.payload, "status") != "faulted") {
    return fail(client_error(409, "instance-not-faulted",
                             name_of(id) + " has not faulted; only one that has can be retried"));
  }
  const auto last = std::find_if(records.rbegin(), records.rend(), [](const Record& record) {
    return record.kind != Kind::ended && record.kind != Kind::step_started;
  });
  const bool step = last->kind == Kind::step_finished && last->payload.get("problem").is_object();
  const bool timeout =
      last->kind == Kind::timer_fired && end.payload.get("problem").is_object() &&
      Problem::from_value(end.payload.get("problem")).type == error_type_uri(ErrorKind::timeout);
  if (step || timeout) return {};
  return fail(client_error(
      409, "instance-not-retryable",
      name_of(id) +
          " did not fail in a step: the same input would fail again in the same way; start a new "
          "one once its definition or its input is mended"));
}

Problem client_error(int status, std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  problem.status = status;
  return problem;
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
  Problem problem = make_problem(ErrorKind::runtime, "shutting-down",
                                 "the daemon is stopping; try another node or later");
  problem.status = 503;
  problem.retryable = true;
  return problem;
}

Problem unknown_instance(InstanceId id) {
  return client_error(404, "instance-unknown", "there is no " + name_of(id));
}

}  // namespace stepwell::engine
