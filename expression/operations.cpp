#include "expression/operations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

// Appends the value's JSON until the text is longer than any summary; so neither the work nor the
// recursion depends on the value's size.
void append_summary(std::string& out, const Value& value) {
  if (out.size() > kLongSummary) return;
  if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size() && out.size() <= kLongSummary; ++i) {
      if (i > 0) out += ',';
      append_summary(out, value.at(i));
    }
    out += ']';
  } else if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const Value::Member& member : value.members()) {
      if (out.size() > kLongSummary) break;
      if (!std::exchange(first, false)) out += ',';
      append_summary(out, member.key);
      out += ':';
      append_summary(out, member.value);
    }
    out += '}';
  } else if (const auto literal = value.literal(); literal && literal->size() > 64) {
    out.append(literal->substr(0, 64));
  } else if (value.is_string() && value.size() > 64) {
    append_json(out, Value(value.as_string().substr(0, byte_offset(value.as_string(), 40))));
  } else {
    append_json(out, value);
  }
}

}  // namespace

std::string summary(const Value& value, std::size_t bytes) {
  std::string text;
  append_summary(text, value);
  if (text.size() <= bytes) return text;
  std::size_t end = bytes - 3;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end) + "...";
}

Value type_error(const Value& value, std::string_view what) {
  return Value(std::string(kind_name(value)) + " (" + summary(value) + ") " + std::string(what));
}

Value type_error(const Value& a, const Value& b, std::string_view what) {
  return Value(std::string(kind_name(a)) + " (" + summary(a) + ") and " +
               std::string(kind_name(b)) + " (" + summary(b) + ") " + std::string(what));
}

Value number_value(double number) {
  if (number >= -0x1p53 && number <= 0x1p53 && std::trunc(number) == number &&
      !(number == 0 && std::signbit(number)))
    return Value(static_cast<std::int64_t>(number));
  return Value(number);
}

namespace {
bool index_plainly(const Value& target, const Value& key, Value& result);
}

SliceBounds slice_bounds(const Value& from, const Value& to, std::size_t size) {
  const auto length = static_cast<double>(size);
  const auto bound = [length](const Value& value, double otherwise) {
    double at = value.is_null() ? otherwise : value.as_double();
    if (std::isnan(at)) at = otherwise;
    return at < 0 ? at + length : at;
  };
  double first = std::clamp(bound(from, 0), 0.0, length);
  first = std::floor(first);
  double last = bound(to, length);
  last = last < 0 ? first : std::min(std::ceil(last), length);
  last = std::max(first, last);
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last)};
}

bool slice_value(const Value& target, const Value& from, const Value& to, Value& result) {
  if (target.is_null()) {
    result = Value();
    return true;
  }
  if (!target.is_array() && !target.is_string()) {
    return index_plainly(target, Value::object({{"start", from}, {"end", to}}), result);
  }
  const auto is_bound = [](const Value& value) { return value.is_null() || value.is_number(); };
  if (!is_bound(from) || !is_bound(to)) {
    result = Value("Array/string slice indices must be integers");
    return false;
  }
  if (target.is_array()) {
    const SliceBounds bounds = slice_bounds(from, to, target.size());
    Value list = Value::array();
    list.reserve(bounds.to - bounds.from);
    for (std::size_t i = bounds.from; i < bounds.to; ++i) list.push_back(target.at(i));
    result = std::move(list);
    return true;
  }
  const std::string_view text = target.as_string();
  const SliceBounds bounds = slice_bounds(from, to, count_code_points(text));
  const std::size_t begin = byte_offset(text, bounds.from);
  const std::string_view rest = text.substr(begin);
  result = Value(rest.substr(0, byte_offset(rest, bounds.to - bounds.from)));
  return true;
}

namespace {

// Where `part_size` things lie among `size` things, overlapping ones too: by Knuth, Morris and
// Pratt, so that no more than twice as many are compared as there are.
template <class Same, class SameInPart, class Found>
void each_occurrence(std::size_t size, std::size_t part_size, const Same& same,
                     const SameInPart& same_in_part, Limits& limits, const Found& found) {
  if (part_size == 0 || part_size > size) return;
  if (!limits.room_for(static_cast<std::int64_t>(part_size * sizeof(std::size_t)))) return;
  std::vector<std::size_t> border(part_size, 0);
  for (std::size_t i = 1, k = 0; i < part_size; ++i) {
    if (!limits.spend(1)) return;
    while (k > 0 && !same_in_part(i, k)) k = border[k - 1];
    if (same_in_part(i, k)) ++k;
    border[i] = k;
  }
  for (std::size_t at = 0, matched = 0; at < size; ++at) {
    if (!limits.spend(1)) return;
    while (matched > 0 && !same(at, matched)) matched = border[matched - 1];
    if (same(at, matched)) ++matched;
    if (matched < part_size) continue;
    found(at + 1 - part_size);
    matched = border[matched - 1];
  }
}

}  // namespace

Value text_positions(std::string_view text, std::string_view part, Limits& limits) {
  Value found = Value::array();
  std::size_t counted = 0;
  std::size_t code_points = 0;
  each_occurrence(
      text.size(), part.size(), [&](std::size_t at, std::size_t i) { return text[at] == part[i]; },
      [&](std::size_t i, std::size_t k) { return part[i] == part[k]; }, limits,
      [&](std::size_t at) {
        code_points += count_code_points(text.substr(counted, at - counted));
        counted = at;
        found.push_back(Value(code_points));
      });
  return found;
}

Value positions_of(const Value& array, const Value& part, Limits& limits) {
  Value found = Value::array();
  each_occurrence(
      array.size(), part.size(),
      [&](std::size_t at, std::size_t i) {
        return compare_paid(array.at(at), part.at(i), limits) == 0 && !limits.exceeded();
      },
      [&](std::size_t i, std::size_t k) {
        return compare_paid(part.at(i), part.at(k), limits) == 0 && !limits.exceeded();
      },
      limits, [&](std::size_t at) { found.push_back(Value(at)); });
  return found;
}

std::size_t find_text(std::string_view text, std::string_view part) {
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

namespace {

bool index_plainly(const Value& target, const Value& key, Value& result) {
  if (target.is_object() && key.is_string()) {
    const Value* found = target.find(key.as_string());
    result = found == nullptr ? Value() : Value(*found);
    return true;
  }
  if (target.is_array() && key.is_number()) {
    const double number = key.as_double();
    const auto size = static_cast<std::int64_t>(target.size());
    std::int64_t at = -1;
    if (!std::isnan(number) && std::abs(number) < 0x1p53) {
      at = static_cast<std::int64_t>(number);
      if (at < 0) at += size;
    }
    result = at < 0 || at >= size ? Value() : Value(target.at(static_cast<std::size_t>(at)));
    return true;
  }
  if ((target.is_array() || target.is_string()) && key.is_object()) {
    if (!key.contains("start") || !key.contains("end")) {
      result = Value("Array/string slice indices must be integers");
      return false;
    }
    return slice_value(target, key.get("start"), key.get("end"), result);
  }
  if (target.is_null() && (key.is_string() || key.is_number() || key.is_object())) {
    result = Value();
    return true;
  }
  std::string message = "Cannot index " + std::string(kind_name(target)) + " with ";
  if (key.is_string() && key.size() < 30)
    message.append("string \"").append(key.as_string()).push_back('"');
  else
    message += kind_name(key);
  result = Value(message);
  return false;
}

}  // namespace

bool index_value(const Value& target, const Value& key, Limits& limits, Value& result) {
  if (key.is_array() && target.is_array()) {
    result = positions_of(target, key, limits);
    return !limits.exceeded();
  }
  // A slice takes its part of the whole.
  if (key.is_object() && !limits.spend(static_cast<std::int64_t>(target.size() / 16))) return false;
  return index_plainly(target, key, result);
}

bool child_of(const Value& target, const Value& key, const Value*& child, Value& error) {
  if (target.is_object() && key.is_string()) {
    child = &target.get(key.as_string());
    return true;
  }
  if (target.is_array() && key.is_int64()) {
    const auto size = static_cast<std::int64_t>(target.size());
    const std::int64_t at = key.int64() < 0 ? key.int64() + size : key.int64();
    if (at >= 0 && at < size) {
      child = &target.at(static_cast<std::size_t>(at));
      return true;
    }
  }
  Value element;
  if (!index_plainly(target, key, element)) {
    error = std::move(element);
    return false;
  }
  if (element.is_null()) {
    child = &Value().get({});
    return true;
  }
  // An index that is no whole number: rare enough to look for the element by its position.
  const double number = std::trunc(key.as_double());
  const double at = number < 0 ? number + static_cast<double>(target.size()) : number;
  child = &target.at(static_cast<std::size_t>(at));
  return true;
}

int compare_paid(const Value& a, const Value& b, Limits& limits) {
  // Above this a comparison could take longer than it may without a look at the clock, because its
  // parts are shared; whoever reads them pays for each.
  constexpr std::uint64_t kHeavy = UINT64_C(1) << 26U;
  const std::uint64_t weight = std::min(a.weight(), b.weight());
  if (weight > kHeavy && !a.same(b)) {
    if (!pay_for_reading(limits, a.weight() <= b.weight() ? a : b)) return 0;
  } else if (!limits.spend(1 + static_cast<std::int64_t>(weight / 64))) {
    return 0;
  }
  return compare(a, b);
}

}  // namespace stepwell::expression::detail
