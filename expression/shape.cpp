#include "expression/shape.h"

#include <utility>

#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

bool follow(const Value& start, const Value& keys, Value& result) {
  const Value* at = &start;
  for (const Value& key : keys.elements()) {
    const Value* next = nullptr;
    if (!child_of(*at, key, next, result)) return false;
    at = next;
  }
  result = *at;
  return true;
}

}  // namespace

bool build_shape(const Shape& shape, const Value& input, std::span<const Value> variables,
                 Value& result) {
  switch (shape.kind) {
    case Shape::Kind::constant:
      result = shape.value;
      return true;
    case Shape::Kind::input:
      return follow(input, shape.value, result);
    case Shape::Kind::variable:
      return follow(variables[shape.variable], shape.value, result);
    default:
      break;
  }
  const bool object = shape.kind == Shape::Kind::object;
  Value whole = object ? Value::object() : Value::array();
  whole.reserve(shape.parts.size());
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    Value part;
    if (!build_shape(shape.parts[i], input, variables, part)) {
      result = std::move(part);
      return false;
    }
    if (object)
      whole.set_member(shape.value.at(i), std::move(part));
    else
      whole.push_back(std::move(part));
  }
  result = std::move(whole);
  return true;
}

}  // namespace stepwell::expression::detail
