// The arithmetic and comparison operators. Whole numbers stay exact within int64 and become doubles
// where a result leaves it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/number.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

constexpr std::int64_t kWholeMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kWholeMin = std::numeric_limits<std::int64_t>::min();

bool fail_with(Value& result, Value error) {
  result = std::move(error);
  return false;
}

// jq's merge of `*`: objects into objects, all else replaced. Iterative in depth.
Value merge_deep(Value left, const Value& right, Limits& limits) {
  struct Level {
    Value into;
    const Value* from;
    std::size_t next;
  };
  std::vector<Level> levels;
  levels.push_back({std::move(left), &right, 0});
  while (true) {
    Level& level = levels.back();
    const std::size_t copied = level.into.is_shared() ? level.into.size() : 0;
    if (!limits.spend(1 + static_cast<std::int64_t>(copied / 8))) return {};
    if (level.next < level.from->size()) {
      const Value::Member& member = level.from->members()[level.next++];
      const Value* old = level.into.find(member.name());
      if (old != nullptr && old->is_object() && member.value.is_object()) {
        Value inner = level.into.take(member.name());
        levels.push_back({std::move(inner), &member.value, 0});
      } else {
        level.into.set_member(member.key, member.value);
      }
      continue;
    }
    Value done = std::move(level.into);
    levels.pop_back();
    if (levels.empty()) return done;
    Level& outer = levels.back();
    outer.into.set_member(outer.from->members()[outer.next - 1].key, std::move(done));
  }
}

bool repeat_text(const Value& text, double times, Limits& limits, Value& result) {
  if (!(times >= 0)) {
    result = Value();
    return true;
  }
  const double whole = std::floor(std::min(times, 2147483647.0));
  const double bytes = whole * static_cast<double>(text.size());
  if (bytes >= 2147483600.0) return fail_with(result, Value("Repeat string result too long"));
  if (!limits.room_for(static_cast<std::int64_t>(bytes) * 2)) {
    limits.exceed(Limits::Exceeded::memory);
    return false;
  }
  const auto count = static_cast<std::size_t>(whole);
  std::string out;
  const std::size_t size = count * text.size();
  out.reserve(size);
  if (size > 0) out.append(text.as_string());
  while (out.size() < size) out.append(out, 0, size - out.size());  // doubles each time
  result = Value(out);
  return limits.spend(static_cast<std::int64_t>(bytes / 256));
}

bool subtract(const Value& left, const Value& right, Limits& limits, Value& result) {
  if (left.is_number() && right.is_number()) {
    std::int64_t whole = 0;
    if (left.is_int64() && right.is_int64() &&
        !__builtin_sub_overflow(left.int64(), right.int64(), &whole))
      result = Value(whole);
    else
      result = Value(left.as_double() - right.as_double());
    return true;
  }
  if (!left.is_array() || !right.is_array())
    return fail_with(result, type_error(left, right, "cannot be subtracted"));
  Value rest = Value::array();
  for (const Value& element : left.elements()) {
    if (!limits.spend(static_cast<std::int64_t>(right.size()))) return false;
    const auto same = [&](const Value& gone) { return compare_paid(element, gone, limits) == 0; };
    if (std::none_of(right.elements().begin(), right.elements().end(), same))
      rest.push_back(element);
  }
  result = std::move(rest);
  return true;
}

bool multiply(Value left, const Value& right, Limits& limits, Value& result) {
  if (left.is_number() && right.is_number()) {
    std::int64_t whole = 0;
    if (left.is_int64() && right.is_int64() &&
        !__builtin_mul_overflow(left.int64(), right.int64(), &whole) && whole != 0)
      result = Value(whole);  // (a zero may be a negative one, which is a double)
    else
      result = number_value(left.as_double() * right.as_double());
    return true;
  }
  if (left.is_string() && right.is_number())
    return repeat_text(left, right.as_double(), limits, result);
  if (left.is_number() && right.is_string())
    return repeat_text(right, left.as_double(), limits, result);
  if (left.is_object() && right.is_object()) {
    if (!pay_for_reading(limits, right)) return false;
    result = merge_deep(std::move(left), right, limits);
    return !limits.exceeded();
  }
  return fail_with(result, type_error(left, right, "cannot be multiplied"));
}

bool divide(const Value& left, const Value& right, Limits& limits, Value& result) {
  if (left.is_number() && right.is_number()) {
    if (right.as_double() == 0)
      return fail_with(result,
                       type_error(left, right, "cannot be divided because the divisor is zero"));
    if (left.is_int64() && right.is_int64() && left.int64() != 0 && right.int64() != -1 &&
        left.int64() % right.int64() == 0)
      result = Value(left.int64() / right.int64());
    else
      result = Value(left.as_double() / right.as_double());
    return true;
  }
  if (left.is_string() && right.is_string()) {
    result = split_text(left.as_string(), right.as_string(), limits);
    return true;
  }
  return fail_with(result, type_error(left, right, "cannot be divided"));
}

std::int64_t to_whole(const Value& number) {
  if (number.is_int64()) return number.int64();
  const double real = number.as_double();
  if (real < -0x1p63) return kWholeMin;
  if (real >= 0x1p63) return kWholeMax;
  return static_cast<std::int64_t>(real);
}

bool modulo(const Value& left, const Value& right, Value& result) {
  if (!left.is_number() || !right.is_number())
    return fail_with(result, type_error(left, right, "cannot be divided (remainder)"));
  if (std::isnan(left.as_double()) || std::isnan(right.as_double())) {
    result = Value(std::numeric_limits<double>::quiet_NaN());
    return true;
  }
  const std::int64_t divisor = to_whole(right);
  if (divisor == 0)
    return fail_with(
        result,
        type_error(left, right, "cannot be divided (remainder) because the divisor is zero"));
  result = Value(divisor == -1 ? std::int64_t{0} : to_whole(left) % divisor);
  return true;
}

}  // namespace

Value negated(const Value& number) {
  if (number.is_int64() && number.int64() != kWholeMin) return Value(-number.int64());
  if (const auto text = number.literal()) return Value::number_from_literal(negated_literal(*text));
  const double real = number.as_double();
  if (real == 0 && std::signbit(real)) return Value(0);
  return Value(-real);
}

bool add_values(Value left, Value right, Limits& limits, Value& result) {
  if (left.is_number() && right.is_number()) {
    std::int64_t whole = 0;
    if (left.is_int64() && right.is_int64() &&
        !__builtin_add_overflow(left.int64(), right.int64(), &whole))
      result = Value(whole);
    else
      result = Value(left.as_double() + right.as_double());
    return true;
  }
  if (left.is_null() || right.is_null()) {
    result = left.is_null() ? std::move(right) : std::move(left);
    return true;
  }
  if (left.kind() != right.kind() || left.is_bool())
    return fail_with(result, type_error(left, right, "cannot be added"));
  const auto size = static_cast<std::int64_t>(left.size() + right.size());
  if (left.is_string()) {
    if (!limits.room_for(size * 2) || !limits.spend(size / 256)) return false;
    std::string text;
    text.reserve(static_cast<std::size_t>(size));
    text.append(left.as_string()).append(right.as_string());
    result = Value(text);
    return true;
  }
  // What is shared is copied.
  const auto grown = static_cast<std::int64_t>(right.size() + (left.is_shared() ? left.size() : 0));
  if (!limits.room_for(grown * 16) || !limits.spend(grown / 16)) return false;
  if (left.is_array()) {
    for (const Value& element : right.elements()) left.push_back(element);
  } else {
    for (const Value::Member& member : right.members()) left.set_member(member.key, member.value);
  }
  result = std::move(left);
  return true;
}

bool operate(Op op, Value left, Value right, Limits& limits, Value& result) {
  switch (op) {
    case Op::add:
      return add_values(std::move(left), std::move(right), limits, result);
    case Op::subtract:
      return subtract(left, right, limits, result);
    case Op::multiply:
      return multiply(std::move(left), right, limits, result);
    case Op::divide:
      return divide(left, right, limits, result);
    case Op::modulo:
      return modulo(left, right, result);
    default:
      break;
  }
  const int order = compare_paid(left, right, limits);
  if (limits.exceeded()) return false;
  switch (op) {
    case Op::equal:
      result = Value(order == 0);
      break;
    case Op::unequal:
      result = Value(order != 0);
      break;
    case Op::less:
      result = Value(order < 0);
      break;
    case Op::less_equal:
      result = Value(order <= 0);
      break;
    case Op::greater:
      result = Value(order > 0);
      break;
    default:
      result = Value(order >= 0);
  }
  return true;
}

}  // namespace stepwell::expression::detail
