// Operators, and what is known of a node before it runs.
#include <algorithm>
#include <utility>

#include "expression/builtins.h"
#include "expression/compiler.h"
#include "expression/library.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

Op arithmetic_op(Operation operation) {
  return static_cast<Op>(static_cast<int>(Op::add) + static_cast<int>(operation) -
                         static_cast<int>(Operation::add));
}
static_assert(static_cast<int>(Op::greater_equal) - static_cast<int>(Op::add) ==
              static_cast<int>(Operation::greater_equal) - static_cast<int>(Operation::add));

}  // namespace

void Compiler::binary(const Node& node) {
  if (node.compound) return update(node);
  switch (node.operation) {
    case Operation::both:
    case Operation::either:
      return logic(node);
    case Operation::alternative:
      return alternative(node);
    case Operation::assign:
      return assign(node);
    case Operation::update:
      return update(node);
    default:
      return arithmetic(node);
  }
}

// The right side first: with several outputs on both sides the left one varies fastest.
void Compiler::arithmetic(const Node& node) {
  Instruction instruction{arithmetic_op(node.operation)};
  const Node& left = node.kid(0);
  const Node& right = node.kid(1);
  if (constant_operand(right, instruction)) {
    nested(left);
  } else if (left.kind == NodeKind::literal || left.kind == NodeKind::variable) {
    nested(right);
    subexpression(left);
  } else {
    subexpression(right);
    emit(Op::swap);
    nested(left);
  }
  emit(instruction.op, instruction.arg, instruction.level);
}

bool Compiler::constant_operand(const Node& node, Instruction& instruction) {
  if (auto value = constant(node)) {
    instruction.level = 1;
    instruction.arg = add_constant(std::move(*value));
    return true;
  }
  if (node.kind != NodeKind::variable) return false;
  const Binding* found = find_variable(node.text, BindingKind::variable);
  if (found == nullptr || found->depth != draft_.depth) return false;
  if (found->depth == 0 && found->index < code_->used_variables.size())
    code_->used_variables[found->index] = true;
  instruction.level = 2;
  instruction.arg = found->index;
  return true;
}

void Compiler::logic(const Node& node) {
  const bool both = node.operation == Operation::both;
  subexpression(node.kid(0));
  const std::size_t decided = emit(both ? Op::jump_false : Op::jump_true);
  nested(node.kid(1));
  emit(Op::truth);
  const std::size_t end = emit(Op::jump);
  patch(decided);
  emit(Op::load, add_constant(Value(!both)));
  patch(end);
}

void Compiler::alternative(const Node& node) {
  if (!tracked_ && single(node.kid(0))) {
    subexpression(node.kid(0));
    emit(Op::dup);
    const std::size_t found = emit(Op::jump_true);
    emit(Op::pop);
    expression(node.kid(1));
    const std::size_t end = emit(Op::jump);
    patch(found);
    emit(Op::swap);
    emit(Op::pop);
    patch(end);
    return;
  }
  const std::uint32_t seen = new_local();
  emit(Op::push, add_constant(Value(false)));
  emit(Op::store, seen);
  const std::size_t second = emit(Op::fork);
  expression(node.kid(0));
  emit(Op::dup);
  const std::size_t falsy = emit(Op::jump_false);
  emit(Op::push, add_constant(Value(true)));
  emit(Op::store, seen);
  const std::size_t end = emit(Op::jump);
  patch(falsy);
  const std::size_t back = emit(Op::backtrack);
  patch(second);
  emit(Op::push_variable, seen);
  patch_to(emit(Op::jump_true), back);
  expression(node.kid(1));
  patch(end);
}

// What the node always is, where that is known now.
std::optional<Value> Compiler::constant(const Node& node) const {
  switch (node.kind) {
    case NodeKind::literal:
      return node.value;
    case NodeKind::negate: {
      auto operand = constant(node.kid(0));
      if (!operand || !operand->is_number()) return std::nullopt;
      return negated(*operand);
    }
    case NodeKind::array: {
      Value list = Value::array();
      if (node.kids.empty()) return list;
      const Node& content = node.kid(0);
      const std::size_t count = content.kind == NodeKind::comma ? content.kids.size() : 1;
      for (std::size_t i = 0; i < count; ++i) {
        auto part = constant(content.kind == NodeKind::comma ? content.kid(i) : content);
        if (!part) return std::nullopt;
        list.push_back(std::move(*part));
      }
      return list;
    }
    case NodeKind::object: {
      Value object = Value::object();
      for (std::size_t i = 0; i < node.kids.size(); i += 2) {
        if (node.kids[i + 1] == nullptr) return std::nullopt;
        auto key = constant(node.kid(i));
        if (!key || !key->is_string()) return std::nullopt;
        auto value = constant(node.kid(i + 1));
        if (!value) return std::nullopt;
        object.set_member(*key, std::move(*value));
      }
      return object;
    }
    default:
      return std::nullopt;
  }
}

// True where the node has exactly one output (or fails) and leaves nothing to come back to.
bool Compiler::single(const Node& node) const {
  const auto all = [this, &node] {
    return std::all_of(node.kids.begin(), node.kids.end(),
                       [this](const NodePtr& kid) { return kid == nullptr || single(*kid); });
  };
  switch (node.kind) {
    case NodeKind::identity:
    case NodeKind::literal:
    case NodeKind::variable:
    case NodeKind::location:
    case NodeKind::format:
    case NodeKind::array:
      return true;
    case NodeKind::index:
    case NodeKind::slice:
      return !node.optional && all();
    case NodeKind::negate:
    case NodeKind::object:
    case NodeKind::string:
    case NodeKind::pipe:
    case NodeKind::conditional:
      return all();
    case NodeKind::binary:
      if (node.operation == Operation::update ||
          (node.compound && node.operation != Operation::update))
        return node.operation == Operation::update || single(node.kid(1));
      if (node.operation == Operation::assign) return single(node.kid(1));
      if (node.operation == Operation::alternative) return !tracked_ && all();
      return all();
    case NodeKind::attempt:
      return node.kids[1] != nullptr && all();
    case NodeKind::reduce:
      return single(node.kid(2));
    case NodeKind::call: {
      if (find_function(node.text, node.kids.size()) != nullptr) return false;
      return find_native(node.text, node.kids.size()) != nullptr && all();
    }
    default:
      return false;
  }
}

// True where running the node touches no path.
bool Compiler::plain(const Node& node) const {
  switch (node.kind) {
    case NodeKind::identity:
    case NodeKind::literal:
    case NodeKind::variable:
    case NodeKind::location:
    case NodeKind::format:
      return true;
    default:
      return constant(node).has_value();
  }
}

}  // namespace stepwell::expression::detail
