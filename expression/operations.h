// What the operators and indexing do to values, with jq 1.8's error messages.
// Pure functions, callable from any thread. Those that can fail return false and leave the error's
// value in `result`.
#pragma once

#include <string>
#include <string_view>

#include "base/value.h"
#include "expression/code.h"
#include "expression/limits.h"

namespace stepwell::expression::detail {

// The value as JSON, cut to fit an error message of jq's.
std::string summary(const Value& value, std::size_t bytes = 14);
inline constexpr std::size_t kLongSummary = 29;
// `KIND (VALUE) WHAT`, `KIND (VALUE) and KIND (VALUE) WHAT`.
Value type_error(const Value& value, std::string_view what);
Value type_error(const Value& a, const Value& b, std::string_view what);

bool index_value(const Value& target, const Value& key, Limits& limits, Value& result);
// The same for a string or number key, without a copy: `child` points into the target, or at null.
bool child_of(const Value& target, const Value& key, const Value*& child, Value& error);
bool slice_value(const Value& target, const Value& from, const Value& to, Value& result);
struct SliceBounds {
  std::size_t from = 0;
  std::size_t to = 0;
};
// Both bounds are numbers or null; `size` counts elements or code points.
SliceBounds slice_bounds(const Value& from, const Value& to, std::size_t size);
// Positions in `array` where the elements of `part` begin.
Value positions_of(const Value& array, const Value& part, Limits& limits);
// Positions in code points of every occurrence, overlapping ones too.
Value text_positions(std::string_view text, std::string_view part, Limits& limits);
// The byte where `part` begins in `text`, or npos; never slower than the two texts are long.
std::size_t find_text(std::string_view text, std::string_view part);

Value negated(const Value& number);
// One of add … greater_equal.
bool operate(Op op, Value left, Value right, Limits& limits, Value& result);
bool add_values(Value left, Value right, Limits& limits, Value& result);
// compare() of base, paid for.
int compare_paid(const Value& a, const Value& b, Limits& limits);
// The parts of `text` between the separators; code points where the separator is empty.
Value split_text(std::string_view text, std::string_view separator, Limits& limits);
// A whole number where the double is one that int64 holds exactly, else the double.
Value number_value(double number);

}  // namespace stepwell::expression::detail
