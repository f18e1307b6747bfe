// `then`, `switch`, and which tasks the flow can reach.
#include <algorithm>
#include <array>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

void leads_to(const FlowDirective& then, std::size_t from, std::vector<std::size_t>& targets) {
  if (then.kind == FlowDirective::Kind::next) targets.push_back(from + 1);
  if (then.kind == FlowDirective::Kind::task) targets.push_back(then.target);
}

// Where the flow can go after the task at `index`. A task that its `if` skips goes on to the next.
std::vector<std::size_t> successors(const Task& task, std::size_t index) {
  std::vector<std::size_t> targets;
  if (task.condition) targets.push_back(index + 1);
  if (std::holds_alternative<RaiseBody>(task.body)) return targets;
  if (const auto* choice = std::get_if<SwitchBody>(&task.body)) {
    bool has_default = false;
    for (const SwitchBody::Case& one : choice->cases) {
      has_default = has_default || !one.when;
      leads_to(one.then, index, targets);
    }
    if (has_default) return targets;
  }
  if (const auto* attempt = std::get_if<TryBody>(&task.body); attempt && attempt->then)
    leads_to(*attempt->then, index, targets);
  leads_to(task.then, index, targets);
  return targets;
}

// The one case of an item of `switch`.
std::optional<SwitchBody::Case> read_case(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 2> kCase{"when", "then"};
  SwitchBody::Case result;
  result.name = std::string(place.key());
  const Fields fields(reading, place, kCase);
  if (!fields.is_mapping()) return std::nullopt;
  if (const auto when = fields.find("when")) {
    result.when = read_expression(reading, *when, body_site("switch.when"));
    if (!result.when) return std::nullopt;
  }
  if (const auto then = fields.require("then")) result.then = read_flow(reading, *then);
  return result;
}

}  // namespace

FlowDirective read_flow(Reading& reading, const Place& place) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name || *name == "continue") return {};
  if (*name == "exit") return {FlowDirective::Kind::exit, 0};
  if (*name == "end") return {FlowDirective::Kind::end, 0};
  if (reading.tasks != nullptr) {
    const auto found = reading.tasks->find(*name);
    if (found != reading.tasks->end())
      return {FlowDirective::Kind::task, static_cast<std::uint32_t>(found->second)};
  }
  if (reading.tasks == nullptr) {
    reading.error(place, std::string(reading.loner) + " cannot go on to " + quoted(*name),
                  "; expected `continue`, `exit` or `end`");
    return {};
  }
  std::vector<std::string_view> names{"continue", "exit", "end"};
  for (const auto& [task, index] : *reading.tasks) names.push_back(task);
  std::string hint = reading.faults.full() ? "" : did_you_mean(*name, names);
  if (hint.empty()) hint = "; expected `continue`, `exit`, `end` or the name of a task beside it";
  reading.error(place, "there is no task " + quoted(*name) + " in this list", hint);
  return {};
}

SwitchBody read_switch(Reading& reading, const Place& task) {
  SwitchBody body;
  const Place cases(task, *task.node().find("switch"));
  if (cases.node().kind != YamlNode::Kind::sequence || cases.node().elements.empty()) {
    reading.expected(cases, "a list of cases, at least one");
    return body;
  }
  std::size_t defaults = 0;
  for (std::size_t i = 0; i < cases.node().elements.size(); ++i) {
    const Place item(cases, i);
    if (item.node().kind != YamlNode::Kind::mapping || item.node().members.size() != 1) {
      if (item.node().members.size() > 1)
        reading.error(item, "an item of `switch` has one name, found " +
                                std::to_string(item.node().members.size()) +
                                " (is the case indented below its name?)");
      else
        reading.expected(item, "a mapping of one name to a case");
      continue;
    }
    const Place place(item, item.node().members[0]);
    std::optional<SwitchBody::Case> one = read_case(reading, place);
    if (!one) continue;
    if (!one->when && ++defaults == 2) reading.error_at_key(place, "a second case without `when`");
    body.cases.push_back(std::move(*one));
  }
  return body;
}

void check_reachability(Reading& reading, const TaskList& tasks) {
  std::vector<bool> reached(tasks.size(), false);
  std::vector<std::size_t> waiting{0};
  while (!waiting.empty()) {
    const std::size_t index = waiting.back();
    waiting.pop_back();
    if (index >= tasks.size() || reached[index]) continue;
    reached[index] = true;
    for (const std::size_t target : successors(tasks[index], index)) waiting.push_back(target);
  }
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (!reached[i])
      reading.faults.warning(tasks[i].position,
                             "nothing leads to the task " + quoted(tasks[i].name),
                             tasks[i].reference);
}

}  // namespace stepwell::config
