#include "engine/program.h"

#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace stepwell::engine {

namespace {

using config::DurationTemplate;
using config::Expression;
using config::Template;

template <class T>
void note(std::uint8_t& used, const T& expression) {
  for (std::size_t variable = 0; variable < config::kFirstLocal; ++variable)
    if (expression.uses(variable)) used = static_cast<std::uint8_t>(used | (1U << variable));
}

void note(std::uint8_t& used, const DurationTemplate& duration) {
  if (duration.expression) note(used, *duration.expression);
}

template <class T>
void note(std::uint8_t& used, const std::optional<T>& expression) {
  if (expression) note(used, *expression);
}

template <class T>
void note(std::uint8_t& used, const config::Boxed<T>& expression) {
  if (expression) note(used, *expression);
}

struct Notes {
  std::uint8_t& used;

  void operator()(const config::DoBody&) const {}
  void operator()(const config::SetBody& body) const { note(used, body.value); }
  void operator()(const config::SwitchBody& body) const {
    for (const auto& each : body.cases) note(used, each.when);
  }
  void operator()(const config::ForBody& body) const {
    note(used, body.in);
    note(used, body.while_);
  }
  void operator()(const config::ForkBody&) const {}
  void operator()(const config::HttpCallBody& body) const {
    note(used, body.method);
    note(used, body.endpoint);
    note(used, body.headers);
    note(used, body.query);
    note(used, body.body);
    if (body.authentication) note_policy(*body.authentication);
  }
  void operator()(const config::OpenApiCallBody& body) const {
    note(used, body.document.endpoint);
    note(used, body.operation);
    note(used, body.parameters);
    if (body.authentication) note_policy(*body.authentication);
    if (body.document.authentication) note_policy(*body.document.authentication);
  }
  void note_policy(const config::Authentication& policy) const {
    note(used, policy.username);
    note(used, policy.password);
    note(used, policy.token);
    note(used, policy.authority);
    note(used, policy.policy);
  }
  void operator()(const config::FunctionCallBody& body) const { note(used, body.arguments); }
  void operator()(const config::RunWorkflowBody& body) const { note(used, body.input); }
  void operator()(const config::RunProcessBody& body) const {
    note(used, body.arguments);
    if (!body.source) return;
    note(used, body.source->endpoint);
    if (body.source->authentication) note_policy(*body.source->authentication);
  }
  void operator()(const config::PersonStepBody& body) const {
    note(used, body.arguments);
    if (body.authentication) note_policy(*body.authentication);
  }
  void operator()(const config::RaiseBody& body) const { note(used, body.error); }
  void operator()(const config::TryBody& body) const {
    note(used, body.errors_with);
    note(used, body.when);
    note(used, body.except_when);
    if (!body.retry) return;
    const config::RetryPolicy& retry = *body.retry;
    note(used, retry.when);
    note(used, retry.except_when);
    note(used, retry.delay);
    note(used, retry.max_delay);
    note(used, retry.attempt_duration);
    note(used, retry.total_duration);
    note(used, retry.jitter_from);
    note(used, retry.jitter_to);
  }
  void operator()(const config::WaitBody& body) const { note(used, body.duration); }
  void operator()(const config::EmitBody& body) const { note(used, body.event); }
  void operator()(const config::ListenBody& body) const {
    note_strategy(body.to);
    note(used, body.foreach_output_as);
    note(used, body.foreach_export_as);
  }
  void note_strategy(const config::EventStrategy& strategy) const {
    for (const config::EventFilter& filter : strategy.filters) {
      for (const auto& attribute : filter.attributes) note(used, attribute.value);
      for (const auto& correlation : filter.correlations) {
        note(used, correlation.from);
        note(used, correlation.expect);
      }
    }
    note(used, strategy.until);
    if (strategy.until_events) note_strategy(*strategy.until_events);
  }
};

}  // namespace

// The lists that several tasks share, which are numbered once.
struct Program::Known {
  std::map<const config::TaskList*, ListNumber> lists;
  std::map<const config::Extensions*, std::uint32_t> extensions;
};

Program::Program(std::shared_ptr<const config::Definition> definition,
                 const expression::Budget& budget)
    : definition_(std::move(definition)), budget_(budget) {
  // All of them have their numbers before any is gone into: functions and extensions may call
  // functions, and extensions extend the tasks of functions.
  const std::vector<const config::TaskList*> top = config::top_lists(*definition_);
  Known known;
  lists_.resize(top.size());
  for (std::size_t i = 0; i < top.size(); ++i)
    known.lists.emplace(top[i], static_cast<ListNumber>(i));
  for (std::size_t i = 0; i < top.size(); ++i)
    fill_list(static_cast<ListNumber>(i), *top[i], known);
  note(used_by_input_, definition_->input_from);
  note(used_by_input_, definition_->timeout);
  note(used_by_output_, definition_->output_as);
  // The same for all programs, so that it is held once.
  static const Value kRuntime = Value::object(
      {{"name", "stepwell"}, {"version", STEPWELL_VERSION}, {"metadata", Value::object()}});
  runtime_ = kRuntime;
  tasks_.shrink_to_fit();
  lists_.shrink_to_fit();
}

ListNumber Program::number_list(const config::TaskList& tasks, Known& known) {
  const auto number = static_cast<ListNumber>(lists_.size());
  lists_.emplace_back();
  fill_list(number, tasks, known);
  return number;
}

void Program::fill_list(ListNumber number, const config::TaskList& tasks, Known& known) {
  std::vector<TaskNumber> numbers;
  numbers.reserve(tasks.size());
  for (const config::Task& task : tasks) numbers.push_back(number_task(task, known));
  lists_[number] = std::move(numbers);
}

std::uint32_t Program::number_extensions(const config::Extensions& extensions, const Known& known) {
  std::vector<ProgramExtension> entries;
  entries.reserve(extensions.size());
  for (const auto& extension : extensions)
    entries.push_back(
        {extension.get(), known.lists.at(&extension->before), known.lists.at(&extension->after)});
  extensions_.push_back(std::move(entries));
  return static_cast<std::uint32_t>(extensions_.size() - 1);
}

TaskNumber Program::number_task(const config::Task& task, Known& known) {
  const auto number = static_cast<TaskNumber>(tasks_.size());
  tasks_.emplace_back();
  ProgramTask entry;
  entry.task = &task;
  note(entry.used, task.condition);
  note(entry.used, task.input_from);
  note(entry.used, task.output_as);
  note(entry.used, task.export_as);
  note(entry.used, task.timeout);
  std::visit(Notes{entry.used}, task.body);
  if (task.extensions) {
    const auto [place, fresh] = known.extensions.try_emplace(task.extensions.get(), kNone);
    if (fresh) place->second = number_extensions(*task.extensions, known);
    entry.extensions = place->second;
    // Whatever a condition of theirs looks at has to be there for it.
    for (const auto& extension : *task.extensions) note(entry.used, extension->when);
  }
  if (const auto* body = std::get_if<config::DoBody>(&task.body)) {
    entry.body = number_list(body->tasks, known);
  } else if (const auto* fork = std::get_if<config::ForkBody>(&task.body)) {
    entry.body = number_list(fork->branches, known);
  } else if (const auto* listen = std::get_if<config::ListenBody>(&task.body)) {
    entry.body = number_list(listen->tasks, known);
  } else if (const auto* loop = std::get_if<config::ForBody>(&task.body)) {
    entry.body = number_list(loop->tasks, known);
  } else if (const auto* call = std::get_if<config::FunctionCallBody>(&task.body)) {
    entry.body = known.lists.at(call->function.get());
  } else if (const auto* attempt = std::get_if<config::TryBody>(&task.body)) {
    entry.body = number_list(attempt->tasks, known);
    if (attempt->has_handler) entry.handler = number_list(attempt->handler, known);
  }
  tasks_[number] = entry;
  return number;
}

}  // namespace stepwell::engine
