// What expressions see: "." and the variables.
#include <utility>

#include "engine/machine_impl.h"

namespace stepwell::engine {

namespace {

Value time_value(WallTime time) {
  const std::int64_t milliseconds = time.time_since_epoch().count();
  return Value::object({{"iso8601", format_time(time)},
                        {"epoch", Value::object({{"seconds", milliseconds / 1000},
                                                 {"milliseconds", milliseconds}})}});
}

bool has(std::uint8_t used, config::Variable variable) { return ((used >> variable) & 1U) != 0; }

}  // namespace

void Machine::fill_standard(std::uint8_t used) {
  variables_.clear();
  variables_.resize(config::kFirstLocal);
  if (has(used, config::kContext)) variables_[config::kContext] = state_.context;
  if (has(used, config::kWorkflow)) variables_[config::kWorkflow] = workflow_variable();
  if (has(used, config::kRuntime)) variables_[config::kRuntime] = program_.runtime();
}

config::Scope Machine::scope(const Frame& frame, const Value& input, const Value* output) {
  if (frame.task == kNone) return workflow_scope(0, input);
  const std::uint8_t used = program_.task(frame.task).used;
  fill_standard(used);
  if (has(used, config::kInput)) variables_[config::kInput] = frame.input;
  if (has(used, config::kOutput) && output != nullptr) variables_[config::kOutput] = *output;
  if (has(used, config::kTask)) variables_[config::kTask] = task_variable(frame, output);
  if (has(used, config::kAuthorization)) variables_[config::kAuthorization] = frame.authorization;
  variables_.insert(variables_.end(), frame.locals.begin(), frame.locals.end());
  return {input, variables_, {now_, program_.budget(), cuts_}};
}

config::Scope Machine::scope_with(const Frame& frame, const Value& input, const Value& local) {
  const config::Scope outer = scope(frame, input);
  variables_.push_back(local);
  return {input, variables_, outer.context};
}

config::Scope Machine::workflow_scope(std::uint8_t used, const Value& input) {
  fill_standard(used);
  return {input, variables_, {now_, program_.budget(), cuts_}};
}

Value Machine::workflow_variable() const {
  return Value::object({{"id", std::to_string(state_.id.number)},
                        {"definition", program_.definition().document},
                        {"input", state_.input},
                        {"startedAt", time_value(state_.started)}});
}

Value Machine::task_variable(const Frame& frame, const Value* output) const {
  if (program_.has_extensions()) {
    // What an extension runs is told of the task that it extends.
    if (const Frame* extended = extended_by(frame)) {
      const Extending& around = *extended->extending;
      return task_variable(*extended,
                           around.stage == Extending::Stage::after ? &around.output : nullptr);
    }
  }
  const config::Task& described = *program_.task(frame.task).task;
  Value value = Value::object({{"name", described.name},
                               {"reference", described.reference},
                               {"definition", described.definition},
                               {"input", frame.raw_input},
                               {"startedAt", time_value(frame.started)}});
  if (output != nullptr) value.set("output", *output);
  return value;
}

}  // namespace stepwell::engine
