// Finds out whether a whole expression is no more than a Shape.
#include <utility>

#include "expression/compiler.h"

namespace stepwell::expression::detail {

std::optional<Shape> Compiler::shape_of(const Node& node) const {
  if (auto value = constant(node)) return Shape{Shape::Kind::constant, 0, std::move(*value), {}};
  switch (node.kind) {
    case NodeKind::identity:
    case NodeKind::variable:
    case NodeKind::index:
      return shape_of_walk(node);
    case NodeKind::array:
      return shape_of_array(node.kid(0));
    case NodeKind::object:
      return shape_of_object(node);
    default:
      return std::nullopt;
  }
}

std::optional<Shape> Compiler::shape_of_walk(const Node& node) const {
  std::vector<Value> keys;
  if (!walkable(node, keys)) return std::nullopt;
  const Node* base = &node;
  while (base->kind == NodeKind::index) base = &base->kid(0);
  Shape shape{Shape::Kind::input, 0, Value::array(), {}};
  if (base->kind == NodeKind::variable) {
    const Binding* found = find_variable(base->text, BindingKind::variable);
    if (found == nullptr) return std::nullopt;
    shape.kind = Shape::Kind::variable;
    shape.variable = found->index;
  }
  for (Value& key : keys) shape.value.push_back(std::move(key));
  return shape;
}

std::optional<Shape> Compiler::shape_of_array(const Node& content) const {
  Shape shape{Shape::Kind::array, 0, {}, {}};
  const std::size_t count = content.kind == NodeKind::comma ? content.kids.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    auto part = shape_of(content.kind == NodeKind::comma ? content.kid(i) : content);
    if (!part) return std::nullopt;
    shape.parts.push_back(std::move(*part));
  }
  return shape;
}

std::optional<Shape> Compiler::shape_of_object(const Node& node) const {
  Shape shape{Shape::Kind::object, 0, Value::array(), {}};
  for (std::size_t i = 0; i < node.kids.size(); i += 2) {
    const Node& key = node.kid(i);
    const Node* value = node.kids[i + 1].get();
    std::optional<Value> name = constant(key);
    std::optional<Shape> part;
    if (value != nullptr) {
      part = shape_of(*value);
    } else if (name) {
      part = Shape{Shape::Kind::input, 0, Value::array({*name}), {}};
    } else if (key.kind == NodeKind::variable) {
      name = Value(key.text);
      part = shape_of_walk(key);
    }
    if (!part || !name || !name->is_string()) return std::nullopt;
    shape.value.push_back(std::move(*name));
    shape.parts.push_back(std::move(*part));
  }
  return shape;
}

}  // namespace stepwell::expression::detail
