#include "expression/program.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "expression/code.h"
#include "expression/compiler.h"
#include "expression/machine.h"
#include "expression/operations.h"
#include "expression/parser.h"

namespace stepwell::expression {

namespace {

using detail::Code;
using detail::Machine;
using detail::Shape;

Problem failed_problem(const Value& error) {
  // As the jq command prints it: a message as it is, anything else as JSON.
  std::string detail = error.is_string() ? std::string(error.as_string())
                                         : detail::summary(error) + " (not a string)";
  return make_problem(ErrorKind::expression, "expression-failed", std::move(detail));
}

// For a repeated evaluation, of which it is known whether it meets a limit. The depth stays: there
// are functions that fail by it, which an author may catch.
Context unlimited(const Context& context) {
  Context result;
  result.now = context.now;
  result.budget = {std::chrono::milliseconds(1'000'000'000'000),
                   std::numeric_limits<std::int64_t>::max() / 4,
                   std::numeric_limits<std::uint64_t>::max(), context.budget.depth};
  return result;
}

Problem budget_problem(const Budget& budget, Limit limit) {
  std::string what;
  switch (limit) {
    case Limit::cpu:
      what = "it ran longer than " + std::to_string(budget.cpu.count()) + " ms of CPU time";
      break;
    case Limit::outputs:
      what = "it gave more than " + std::to_string(budget.outputs) + " outputs";
      break;
    case Limit::depth:
      what = "a value was nested deeper than " + std::to_string(budget.depth) + " levels";
      break;
    default:
      what = "it needed more than " + std::to_string(budget.memory_bytes) + " bytes of memory";
  }
  return make_problem(ErrorKind::expression, "expression-budget",
                      "the expression was ended: " + what);
}

// A small value that shares its parts can be huge when it is written out.
// What was given is the giver's matter.
bool too_heavy(const Value& value, const Value& input, std::span<const Value> variables,
               const Budget& budget) {
  constexpr std::uint64_t kMost = UINT64_C(1) << 62U;
  std::uint64_t given = input.weight();
  for (const Value& variable : variables) given = std::min(given + variable.weight(), kMost);
  return value.weight() > static_cast<std::uint64_t>(budget.memory_bytes) + given;
}

Limit limit_of(detail::Limits::Exceeded what) {
  using Exceeded = detail::Limits::Exceeded;
  if (what == Exceeded::cpu) return Limit::cpu;
  if (what == Exceeded::outputs) return Limit::outputs;
  return what == Exceeded::depth ? Limit::depth : Limit::memory;
}

std::size_t bytes_of(const Value& value) {
  std::size_t bytes = sizeof(Value) + (value.is_string() ? 16 + value.size() : 0);
  if (value.depth() > 0) bytes += 40;
  for (const Value& element : value.elements()) bytes += bytes_of(element);
  for (const Value::Member& member : value.members())
    bytes += bytes_of(member.key) + bytes_of(member.value);
  return bytes;
}

std::size_t bytes_of(const Shape& shape) {
  std::size_t bytes = sizeof(Shape) - sizeof(Value) + bytes_of(shape.value);
  for (const Shape& part : shape.parts) bytes += bytes_of(part);
  return bytes;
}

Problem missing_variables(std::size_t wanted, std::size_t given) {
  return make_problem(ErrorKind::expression, "expression-failed",
                      "the expression was compiled for " + std::to_string(wanted) +
                          " variables but given " + std::to_string(given));
}

}  // namespace

Result<Program> Program::compile(std::string_view source, std::span<const std::string> variables) {
  auto tree = detail::Parser(source).parse();
  if (!tree) return fail(std::move(tree.error()));
  auto code = detail::Compiler(source, variables).compile(**tree);
  if (!code) return fail(std::move(code.error()));
  return Program(std::shared_ptr<const Code>(std::move(*code)));
}

Status Program::evaluate_all(const Value& input, std::span<const Value> variables,
                             const Context& context, const std::function<bool(Value)>& sink) const {
  if (variables.size() != code_->used_variables.size())
    return fail(missing_variables(code_->used_variables.size(), variables.size()));
  if (context.cuts == nullptr) return run(input, variables, context, sink);
  if (const auto limit = context.cuts->begin()) return fail(budget_problem(context.budget, *limit));
  return context.cuts->replaying ? run(input, variables, unlimited(context), sink)
                                 : run(input, variables, context, sink);
}

Status Program::run(const Value& input, std::span<const Value> variables, const Context& context,
                    const std::function<bool(Value)>& sink) const {
  const auto exceeded = [&context](Limit limit) {
    if (context.cuts != nullptr) context.cuts->end(limit);
    return fail(budget_problem(context.budget, limit));
  };
  if (code_->shape) {
    Value value;
    if (!detail::build_shape(*code_->shape, input, variables, value))
      return fail(failed_problem(value));
    if (too_heavy(value, input, variables, context.budget)) return exceeded(Limit::memory);
    sink(std::move(value));
    return {};
  }
  Machine machine(*code_, input, variables, context);
  std::uint64_t outputs = 0;
  while (true) {
    Value value;
    switch (machine.next(value)) {
      case Machine::Outcome::output:
        if (++outputs > context.budget.outputs) return exceeded(Limit::outputs);
        if (too_heavy(value, input, variables, context.budget)) return exceeded(Limit::memory);
        if (!sink(std::move(value))) return {};
        break;
      case Machine::Outcome::done:
        return {};
      case Machine::Outcome::failed:
        return fail(failed_problem(value));
      case Machine::Outcome::exceeded:
        return exceeded(limit_of(machine.limits().what()));
    }
  }
}

Result<Value> Program::evaluate(const Value& input, std::span<const Value> variables,
                                const Context& context) const {
  Value first;
  const auto keep = [&first](Value value) {
    first = std::move(value);
    return false;
  };
  if (auto status = evaluate_all(input, variables, context, keep); !status)
    return fail(std::move(status.error()));
  return first;
}

bool Program::uses_variable(std::size_t index) const {
  return index < code_->used_variables.size() && code_->used_variables[index];
}

std::size_t Program::memory_bytes() const {
  std::size_t bytes = sizeof(Code) + code_->source.capacity() + code_->used_variables.size() / 8 +
                      code_->functions.capacity() * sizeof(void*);
  for (const auto& function : code_->functions)
    bytes += sizeof(detail::Function) + function->code.capacity() * sizeof(detail::Instruction);
  for (const Value& constant : code_->constants) bytes += bytes_of(constant);
  return code_->shape ? bytes + bytes_of(*code_->shape) - sizeof(Shape) : bytes;
}

const std::string& Program::source() const { return code_->source; }

}  // namespace stepwell::expression
