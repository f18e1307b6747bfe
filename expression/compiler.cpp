#include "expression/compiler.h"

#include <algorithm>
#include <utility>

namespace stepwell::expression::detail {

Compiler::Compiler(std::string_view source, std::span<const std::string> variables)
    : source_(source), code_(std::make_unique<Code>()) {
  code_->source = source;
  code_->used_variables.resize(variables.size());
  code_->functions.push_back(std::make_unique<Function>());
  draft_ = {code_->functions[0].get(), 0};
  for (const std::string& name : variables)
    bind_name({.kind = BindingKind::variable, .name = name, .index = new_local()});
}

Result<std::unique_ptr<Code>> Compiler::compile(const Node& root) {
  expression(root);
  emit(Op::finish);
  finish_function(*draft_.function);
  if (problem_) return stepwell::fail(std::move(*problem_));
  code_->shape = shape_of(root);
  if (code_->shape) {
    code_->functions.clear();
    code_->constants.clear();
  }
  code_->constants.shrink_to_fit();
  code_->functions.shrink_to_fit();
  return std::move(code_);
}

// Code that replaces the input on the stack by the node's output.
void Compiler::expression(const Node& node) {
  if (problem_) return;
  if (in_source_) error_at_ = node.at;
  if (auto value = constant(node)) {
    emit(Op::load, add_constant(std::move(*value)));
    return;
  }
  switch (node.kind) {
    case NodeKind::identity:
    case NodeKind::literal:
      return;
    case NodeKind::recurse: {
      Node recursion(NodeKind::call, node.at);
      recursion.text = "recurse";
      return call(recursion);
    }
    case NodeKind::index:
      return index(node);
    case NodeKind::slice:
      return slice(node);
    case NodeKind::iterate:
      expression(node.kid(0));
      emit(Op::each, 0, 0, node.optional ? 1 : 0);
      return;
    case NodeKind::string:
      return string(node);
    case NodeKind::format:
      emit(Op::format, add_constant(Value(node.text)));
      return;
    case NodeKind::negate:
      return negate(node);
    case NodeKind::array:
      return array(node);
    case NodeKind::object:
      return object(node);
    case NodeKind::variable:
      return variable(node, false);
    case NodeKind::location:
      emit(Op::load, add_constant(node.value));
      return;
    case NodeKind::call:
      return call(node);
    case NodeKind::pipe:
      for (const NodePtr& kid : node.kids) expression(*kid);
      return;
    case NodeKind::comma:
      return comma(node);
    case NodeKind::binary:
      return binary(node);
    case NodeKind::conditional:
      return conditional(node);
    case NodeKind::attempt:
      return attempt(node);
    case NodeKind::reduce:
      return reduce(node);
    case NodeKind::foreach:
      return foreach (node);
    case NodeKind::bind:
      return bind(node);
    case NodeKind::define:
      return define(node);
    case NodeKind::label:
      return label(node);
    case NodeKind::leave:
      return leave(node);
    default:
      fail(node, "this is no expression");
  }
}

// The same, for a part whose indexing does not belong to the path of a path expression.
void Compiler::nested(const Node& node) {
  if (!tracked_ || plain(node)) {
    expression(node);
    return;
  }
  emit(Op::nest);
  tracked_ = false;
  expression(node);
  tracked_ = true;
  emit(Op::unnest);
}

// Code that leaves the input where it is and pushes the node's output.
void Compiler::subexpression(const Node& node) {
  if (auto value = constant(node)) {
    emit(Op::push, add_constant(std::move(*value)));
  } else if (node.kind == NodeKind::variable) {
    variable(node, true);
  } else {
    emit(Op::dup);
    nested(node);
  }
}

void Compiler::comma(const Node& node) {
  std::vector<std::size_t> jumps;
  for (std::size_t i = 0; i + 1 < node.kids.size(); ++i) {
    const std::size_t next = emit(Op::fork);
    expression(node.kid(i));
    jumps.push_back(emit(Op::jump));
    patch(next);
  }
  expression(*node.kids.back());
  for (const std::size_t jump : jumps) patch(jump);
}

// The constant keys of a chain such as .a["b"][0], where that is all there is down to the input or
// a variable.
bool Compiler::walkable(const Node& node, std::vector<Value>& keys) const {
  const Node* at = &node;
  while (at->kind == NodeKind::index && !at->optional) {
    auto key = constant(at->kid(1));
    if (!key || !(key->is_string() || key->is_number())) return false;
    keys.push_back(std::move(*key));
    at = &at->kid(0);
  }
  std::reverse(keys.begin(), keys.end());
  return at->kind == NodeKind::identity || at->kind == NodeKind::variable;
}

void Compiler::index(const Node& node) {
  std::vector<Value> keys;
  if (walkable(node, keys) && keys.size() > 1) {
    const Node* base = &node;
    while (base->kind == NodeKind::index) base = &base->kid(0);
    expression(*base);
    Value list = Value::array();
    for (Value& key : keys) list.push_back(std::move(key));
    emit(Op::walk, add_constant(std::move(list)));
    return;
  }
  const std::uint8_t optional = node.optional ? 1 : 0;
  if (auto key = constant(node.kid(1))) {
    expression(node.kid(0));
    emit(Op::index_constant, add_constant(std::move(*key)), 0, optional);
    return;
  }
  subexpression(node.kid(1));
  emit(Op::swap);
  expression(node.kid(0));
  emit(Op::index, 0, 0, optional);
}

void Compiler::slice(const Node& node) {
  for (const std::size_t bound : {1U, 2U}) {
    if (node.kids[bound] == nullptr)
      emit(Op::push, add_constant(Value()));
    else
      subexpression(node.kid(bound));
    emit(Op::swap);
  }
  expression(node.kid(0));
  emit(Op::slice, 0, 0, node.optional ? 1 : 0);
}

void Compiler::negate(const Node& node) {
  nested(node.kid(0));
  emit(Op::negate);
}

// The last piece first: with several outputs the first interpolation varies fastest.
void Compiler::string(const Node& node) {
  if (node.kids.size() > 200) return fail(node, "more than 100 interpolations in one string");
  const std::uint32_t form = add_constant(Value(node.text.empty() ? "@text" : node.text));
  std::uint8_t pieces = 0;
  for (std::size_t i = node.kids.size(); i-- > 0;) {
    const Node& piece = node.kid(i);
    const bool input_used_up = i == 0;
    if (i % 2 == 0) {
      if (piece.value.empty()) continue;
      emit(Op::push, add_constant(piece.value));
    } else if (i == 1) {
      nested(piece);
      emit(Op::format, form);
    } else {
      subexpression(piece);
      emit(Op::format, form);
    }
    ++pieces;
    if (i > 1 && !input_used_up) emit(Op::swap);
  }
  emit(Op::concatenate, 0, 0, pieces);
}

void Compiler::array(const Node& node) {
  const Node& content = node.kid(0);
  std::vector<const Node*> parts;
  if (content.kind == NodeKind::comma)
    for (const NodePtr& kid : content.kids) parts.push_back(kid.get());
  else
    parts.push_back(&content);
  const auto is_single = [this](const Node* part) { return single(*part); };
  if (parts.size() < 256 && std::all_of(parts.begin(), parts.end(), is_single)) {
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      subexpression(*parts[i]);
      emit(Op::swap);
    }
    nested(*parts.back());
    emit(Op::wrap, 0, 0, static_cast<std::uint8_t>(parts.size()));
    return;
  }
  const std::uint32_t list = new_local();
  const std::uint32_t input = new_local();
  emit(Op::collect, list);
  emit(Op::store, input);
  const std::size_t end = emit(Op::fork);
  emit(Op::take_variable, input);
  nested(content);
  emit(Op::append, list);
  patch(end);
  emit(Op::take_variable, list);
}

void Compiler::object(const Node& node) {
  emit(Op::push_object, static_cast<std::uint32_t>(node.kids.size() / 2));
  for (std::size_t i = 0; i < node.kids.size(); i += 2)
    member(node.kid(i), node.kids[i + 1].get(), i + 2 == node.kids.size());
}

// input object → input object, or → object for the last member.
void Compiler::member(const Node& key, const Node* value, bool last) {
  std::optional<Value> name = constant(key);
  if (!name && value == nullptr && key.kind == NodeKind::variable) name = Value(key.text);
  if (!name && value == nullptr && key.kind == NodeKind::location) name = Value("__loc__");
  if (name && !name->is_string()) return fail(key, "an object's key must be a string");
  if (!name) {
    emit(Op::pick, 0, 0, 1);
    nested(key);
  } else if (last) {
    emit(Op::swap);
  }
  if (!name || !last) emit(Op::pick, 0, 0, name ? 1 : 2);
  if (value != nullptr) {
    nested(*value);
  } else if (key.kind == NodeKind::variable || key.kind == NodeKind::location) {
    expression(key);
  } else if (name) {
    emit(Op::index_constant, add_constant(*name), 0, 2);
  } else {
    emit(Op::nest);
    emit(Op::pick, 0, 0, 1);
    emit(Op::swap);
    emit(Op::index);
    emit(Op::unnest);
  }
  if (name) {
    emit(Op::insert_constant, add_constant(std::move(*name)));
    return;
  }
  emit(Op::insert);
  if (!last) return;
  emit(Op::swap);
  emit(Op::pop);
}

void Compiler::conditional(const Node& node) {
  std::vector<std::size_t> jumps;
  for (std::size_t i = 0; i + 1 < node.kids.size(); i += 2) {
    subexpression(node.kid(i));
    const std::size_t next = emit(Op::jump_false);
    expression(node.kid(i + 1));
    jumps.push_back(emit(Op::jump));
    patch(next);
  }
  if (node.kids.back() != nullptr) expression(*node.kids.back());
  for (const std::size_t jump : jumps) patch(jump);
}

void Compiler::attempt(const Node& node) {
  const std::uint32_t point = new_local();
  const std::size_t handler = emit(Op::attempt, 0, static_cast<std::uint16_t>(point));
  expression(node.kid(0));
  emit(Op::attempt_end, point);
  const std::size_t end = emit(Op::jump);
  patch(handler);
  if (node.kids[1] == nullptr)
    emit(Op::backtrack);
  else
    expression(node.kid(1));
  patch(end);
}

void Compiler::variable(const Node& node, bool push) {
  const Binding* found = find_variable(node.text, BindingKind::variable);
  if (found == nullptr) {
    if (node.text == "JQ_BUILD_CONFIGURATION") {
      emit(push ? Op::push : Op::load, add_constant(Value("stepwell")));
      return;
    }
    return unknown_variable(node);
  }
  if (found->depth == 0 && found->index < code_->used_variables.size())
    code_->used_variables[found->index] = true;
  emit(push ? Op::push_variable : Op::load_variable, found->index, level_of(found->depth));
}

}  // namespace stepwell::expression::detail
