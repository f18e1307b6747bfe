// The arithmetic of number literals: text to int64 or double where these say the same, order of
// numbers however they are held, and their text. Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"

namespace stepwell {

struct ParsedNumber {
  std::optional<std::int64_t> integer;  // set where the literal is a whole number within int64
  double real = 0;                      // the nearest double
  bool exact = false;                   // `real` prints back to the same decimal number
};

// `text` must be a JSON number (RFC 8259 §6).
ParsedNumber parse_number(std::string_view text);

// -1, 0 or 1; exact between whole numbers, doubles and literals. NaN is below every number.
int compare_numbers(const Value& a, const Value& b) noexcept;

}  // namespace stepwell
