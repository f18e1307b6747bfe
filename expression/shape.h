// What many expressions are no more than: a constant, a chain of keys into the input or a variable,
// or objects and arrays made of such. They are built without a Machine.
// Made by the Compiler; immutable afterwards, read by all threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/value.h"

namespace stepwell::expression::detail {

struct Shape {
  enum class Kind : std::uint8_t { constant, input, variable, array, object };

  Kind kind = Kind::constant;
  std::uint32_t variable = 0;  // index of the variable
  // constant: itself; input, variable: an array of the keys to follow; object: of its members'
  // names
  Value value;
  std::vector<Shape> parts;  // array, object: one an element or member
};

// False where a key cannot be followed; `result` is then the error's value.
bool build_shape(const Shape& shape, const Value& input, std::span<const Value> variables,
                 Value& result);

}  // namespace stepwell::expression::detail
