#include "config/definition.h"

#include <algorithm>
#include <utility>

namespace stepwell::config {

namespace {

struct ChildLists {
  std::vector<const TaskList*> lists;

  void operator()(const DoBody& body) { lists.push_back(&body.tasks); }
  void operator()(const SetBody& /*holds none*/) {}
  void operator()(const SwitchBody& /*holds none*/) {}
  void operator()(const ForBody& body) { lists.push_back(&body.tasks); }
  void operator()(const ForkBody& body) { lists.push_back(&body.branches); }
  void operator()(const HttpCallBody& /*holds none*/) {}
  void operator()(const RaiseBody& /*holds none*/) {}
  void operator()(const TryBody& body) {
    lists.push_back(&body.tasks);
    lists.push_back(&body.handler);
  }
  void operator()(const WaitBody& /*holds none*/) {}
  void operator()(const EmitBody& /*holds none*/) {}
  void operator()(const ListenBody& body) { lists.push_back(&body.tasks); }
  void operator()(const OpenApiCallBody& /*holds none*/) {}
  void operator()(const FunctionCallBody& /*holds none*/) {}
  void operator()(const RunWorkflowBody& /*holds none*/) {}
  void operator()(const RunProcessBody& /*holds none*/) {}
  void operator()(const PersonStepBody& /*holds none*/) {}
};

// False where an event of any type may be meant.
bool collect_types(const EventStrategy& strategy, std::vector<std::string>& types) {
  if (strategy.kind == EventStrategy::Kind::any && strategy.filters.empty()) return false;
  for (const EventFilter& filter : strategy.filters) {
    const auto named = [](const EventFilter::Attribute& attribute) {
      return attribute.name == "type" && attribute.value.is_constant() && !attribute.pattern &&
             attribute.value.constant().is_string();
    };
    const auto found = std::find_if(filter.attributes.begin(), filter.attributes.end(), named);
    if (found == filter.attributes.end()) return false;
    types.emplace_back(found->value.constant().as_string());
  }
  return !strategy.until_events || collect_types(*strategy.until_events, types);
}

void drop_definitions(TaskList& tasks) {
  for (Task& task : tasks) {
    task.definition = {};
    if (auto* group = std::get_if<DoBody>(&task.body)) drop_definitions(group->tasks);
    if (auto* loop = std::get_if<ForBody>(&task.body)) drop_definitions(loop->tasks);
    if (auto* fork = std::get_if<ForkBody>(&task.body)) drop_definitions(fork->branches);
    if (auto* listen = std::get_if<ListenBody>(&task.body)) drop_definitions(listen->tasks);
    if (auto* attempt = std::get_if<TryBody>(&task.body)) {
      drop_definitions(attempt->tasks);
      drop_definitions(attempt->handler);
    }
  }
}

}  // namespace

void drop_document(Definition& definition) {
  definition.document = {};
  drop_definitions(definition.tasks);
}

std::vector<std::string> event_types(const EventStrategy& strategy) {
  std::vector<std::string> types;
  if (!collect_types(strategy, types)) return {};
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

std::vector<const TaskList*> child_lists(const TaskBody& body) {
  ChildLists found;
  std::visit(found, body);
  return std::move(found.lists);
}

std::vector<const TaskList*> top_lists(const Definition& definition) {
  std::vector<const TaskList*> lists{&definition.tasks};
  for (const auto& function : definition.functions) lists.push_back(function.get());
  for (const auto& extension : definition.extensions) {
    lists.push_back(&extension->before);
    lists.push_back(&extension->after);
  }
  return lists;
}

}  // namespace stepwell::config
