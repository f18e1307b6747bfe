#include "api/instance_view.h"

#include <algorithm>
#include <charconv>
#include <utility>

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
      {"tags", view.tags.is_null() ? Value::array() : view.tags},
      {"startedTime", time_or_null(view.started != WallTime{}, view.started)},
      {"completedTime", time_or_null(ended && !stopped, view.ended)},
      {"stoppedTime", time_or_null(stopped, view.ended)},
      {"lastUpdatedTime", format_time(view.updated)},
      {"activeSteps", std::move(active)},
  });
  if (whole) {
    object.set("input", view.input);
    object.set("output", view.output);
  }
  object.set("error", view.problem ? view.problem->to_value() : Value());
  return object;
}

// What is wrong with the parameter of that name.
Problem selection_fault(std::string_view name, std::string_view what) {
  return request_problem(400, "parameter-invalid",
                         "\"" + std::string(name) + "\" must be " + std::string(what));
}

std::optional<engine::InstanceStatus> parse_status(std::string_view text) {
  for (auto status = engine::InstanceStatus::pending; status <= engine::InstanceStatus::stopped;
       status = static_cast<engine::InstanceStatus>(static_cast<std::uint8_t>(status) + 1))
    if (to_string(status) == text) return status;
  return std::nullopt;
}

// Reads one parameter after the other; the first fault counts.
class SelectionReader {
 public:
  explicit SelectionReader(const TextOf& text_of) : text_of_(text_of) {}

  void workflow(std::string& into) {
    const std::optional<std::string> text = text_of_("workflow");
    if (!text) return;
    if (text->empty() || text->find('/') == std::string::npos)
      fault("workflow", "NAMESPACE/NAME or NAMESPACE/NAME:VERSION");
    into = *text;
  }
  void status(std::optional<engine::InstanceStatus>& into) {
    const std::optional<std::string> text = text_of_("status");
    if (!text) return;
    into = parse_status(*text);
    if (!into)
      fault("status", "pending, running, waiting, suspended, completed, faulted or stopped");
  }
  void flag(std::string_view name, bool& into) {
    const std::optional<std::string> text = text_of_(name);
    if (!text) return;
    if (*text != "true" && *text != "false") fault(name, "true or false");
    into = *text == "true";
  }
  void time(std::string_view name, std::optional<WallTime>& into) {
    const std::optional<std::string> text = text_of_(name);
    if (!text) return;
    const Result<WallTime> time = parse_time(*text);
    if (time)
      into = *time;
    else
      fault(name, "a date and time such as 2027-01-31T12:00:00Z");
  }
  void cursor(InstanceId& into) {
    const std::optional<std::string> text = text_of_("cursor");
    if (!text) return;
    const std::optional<InstanceId> id = parse_instance_id(*text);
    if (id)
      into = *id;
    else
      fault("cursor", "what an answer before had as \"next\"");
  }
  void limit(std::size_t& into, std::size_t most) {
    const std::optional<std::string> text = text_of_("limit");
    if (!text) return;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, into);
    if (parsed.ec != std::errc() || parsed.ptr != end || into == 0)
      fault("limit", "a whole number from 1 on");
    into = std::min(into, most);
  }
  const std::optional<Problem>& problem() const { return problem_; }

 private:
  void fault(std::string_view name, std::string_view what) {
    if (!problem_) problem_ = selection_fault(name, what);
  }

  const TextOf& text_of_;
  std::optional<Problem> problem_;
};

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

Result<Selection> read_selection(const TextOf& text_of, std::size_t usual, std::size_t most) {
  Selection selection;
  selection.most = usual;
  engine::InstanceFilter& filter = selection.filter;
  SelectionReader reader(text_of);
  reader.workflow(filter.workflow);
  reader.status(filter.status);
  reader.flag("open", filter.open);
  reader.time("startedAfter", filter.since);
  reader.time("startedBefore", filter.until);
  reader.time("endedBefore", filter.ended_before);
  reader.cursor(filter.after);
  reader.limit(selection.most, most);
  if (reader.problem()) return fail(*reader.problem());
  selection.narrowed = !filter.workflow.empty() || filter.status || filter.since || filter.until ||
                       filter.ended_before;
  return selection;
}

const std::vector<std::string>& selection_names() {
  static const std::vector<std::string> kNames{"workflow",     "status",        "open",
                                               "startedAfter", "startedBefore", "endedBefore",
                                               "cursor",       "limit"};
  return kNames;
}

}  // namespace stepwell::api
