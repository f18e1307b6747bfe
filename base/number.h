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
  std::string literal;  // where neither prints as the literal does: its digits, in jq 1.8's form
};

// `text` must be a JSON number (RFC 8259 §6). A number beyond what jq 1.8 keeps, with an exponent
// of ten digits, is infinite or zero.
ParsedNumber parse_number(std::string_view text);

// The literal with the other sign; a zero has none.
std::string negated_literal(std::string_view text);

// -1, 0 or 1; exact between whole numbers, doubles and literals. NaN is below every number.
int compare_numbers(const Value& a, const Value& b) noexcept;

}  // namespace stepwell
