// JSON text as the jq command reads it, which takes more than RFC 8259 has (nan, Infinity, +1, .5)
// and has words of its own for what is wrong. For fromjson and tonumber, where base's parser has
// refused a text. Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"

namespace stepwell::expression::detail {

// The number that the whole word is, where it is one: digits with a sign, point and exponent, or
// nan, inf or infinity in any case.
std::optional<Value> read_number(std::string_view word);

// One value. False with the message where there is none, more than one, or something else.
bool read_loosely(std::string_view text, std::size_t max_depth, Value& value, std::string& fault);

}  // namespace stepwell::expression::detail
