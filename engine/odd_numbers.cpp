#include "engine/odd_numbers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace stepwell::engine {

namespace {

constexpr std::size_t kDeep = 200;  // such a value is rare, and not looked through
constexpr std::size_t kDeepest = 100'000;

bool is_double(const Value& value) {
  return value.is_number() && !value.is_int64() && !value.literal();
}

bool has_odd(const Value& value) {
  if (value.is_array()) {
    const auto elements = value.elements();
    return std::any_of(elements.begin(), elements.end(), has_odd);
  }
  if (value.is_object()) {
    const auto members = value.members();
    return std::any_of(members.begin(), members.end(),
                       [](const auto& member) { return has_odd(member.value); });
  }
  return is_odd(value);
}

}  // namespace

bool is_odd(const Value& number) {
  if (!is_double(number)) return false;
  const double value = number.as_double();
  if (!std::isfinite(value)) return true;
  if (std::trunc(value) != value) return false;
  const Value again = Value::number_from_literal(number_text(number));
  return !is_double(again) || again.as_double() != value ||
         std::signbit(again.as_double()) != std::signbit(value);
}

Value as_recorded(Value value) {
  if (value.depth() < kDeep && !has_odd(value)) return value;
  Result<Value> read = parse_json(to_json(value), {kDeepest});
  return read ? std::move(*read) : std::move(value);
}

}  // namespace stepwell::engine
