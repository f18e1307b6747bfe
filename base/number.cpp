#include "base/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/json.h"

namespace stepwell {

namespace {

// A decimal number as digits without leading or trailing zeros, times ten to the exponent.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;  // of the last digit
  bool operator==(const Decimal&) const = default;
  // The exponent of the first digit, by which magnitudes are ordered.
  std::int64_t magnitude() const { return exponent + static_cast<std::int64_t>(digits.size()); }
};

Decimal decimal_of(std::string_view text) {
  Decimal decimal;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') {
    decimal.negative = true;
    ++at;
  }
  std::int64_t fraction = 0;
  bool after_point = false;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      after_point = true;
      continue;
    }
    decimal.digits.push_back(text[at]);
    if (after_point) ++fraction;
  }
  std::int64_t exponent = 0;
  if (at < text.size()) {
    ++at;
    if (at < text.size() && text[at] == '+') ++at;
    const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), exponent);
    if (parsed.ec == std::errc::result_out_of_range)
      exponent = text[at] == '-' ? std::numeric_limits<std::int32_t>::min()
                                 : std::numeric_limits<std::int32_t>::max();
    exponent = std::clamp<std::int64_t>(exponent, std::numeric_limits<std::int32_t>::min(),
                                        std::numeric_limits<std::int32_t>::max());
  }
  decimal.exponent = exponent - fraction;
  const std::size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return {decimal.negative, "", 0};
  decimal.digits.erase(0, first);
  while (decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  return decimal;
}

int order_of(bool less) { return less ? -1 : 1; }

int compare_decimals(const Decimal& a, const Decimal& b) {
  if (a.digits.empty() && b.digits.empty()) return 0;
  const bool a_negative = a.negative && !a.digits.empty();
  const bool b_negative = b.negative && !b.digits.empty();
  if (a_negative != b_negative) return order_of(a_negative);
  if (a.digits.empty() || b.digits.empty()) return order_of(a.digits.empty() != a_negative);
  if (a.magnitude() != b.magnitude())
    return order_of((a.magnitude() < b.magnitude()) != a_negative);
  if (a.digits == b.digits) return 0;
  return order_of((a.digits < b.digits) != a_negative);
}

std::string plain_text(const Value& number) {
  if (const auto literal = number.literal()) return std::string(*literal);
  std::array<char, 32> buffer{};
  const auto end = number.is_int64()
                       ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), number.int64())
                       : std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                       number.as_double(), std::chars_format::scientific);
  return {buffer.data(), end.ptr};
}

}  // namespace

ParsedNumber parse_number(std::string_view text) {
  ParsedNumber number;
  const char* const end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos && text != "-0") {
    std::int64_t integer = 0;
    const auto parsed = std::from_chars(text.data(), end, integer);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      number.integer = integer;
      number.real = static_cast<double>(integer);
      number.exact = true;
      return number;
    }
  }
  const auto parsed = std::from_chars(text.data(), end, number.real);
  if (parsed.ec == std::errc::result_out_of_range) {
    const Decimal decimal = decimal_of(text);
    const double size = decimal.magnitude() > 0 ? HUGE_VAL : 0.0;
    number.real = decimal.negative ? -size : size;
    return number;
  }
  // Up to 15 significant digits always survive the way through a double (IEEE 754, DBL_DIG).
  if (text.size() <= 15) {
    number.exact = true;
    return number;
  }
  std::array<char, 32> buffer{};
  const auto shortest = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number.real,
                                      std::chars_format::scientific);
  number.exact =
      decimal_of(text) ==
      decimal_of({buffer.data(), static_cast<std::size_t>(shortest.ptr - buffer.data())});
  return number;
}

int compare_numbers(const Value& a, const Value& b) noexcept {
  if (a.is_int64() && b.is_int64())
    return a.int64() == b.int64() ? 0 : order_of(a.int64() < b.int64());
  const double left = a.as_double();
  const double right = b.as_double();
  if (std::isnan(left)) return -1;
  if (std::isnan(right)) return 1;
  if (left != right) return order_of(left < right);
  if (!a.literal() && !b.literal() && !a.is_int64() && !b.is_int64()) return 0;
  if (std::isinf(left) && !(a.literal() && b.literal())) return 0;
  return compare_decimals(decimal_of(plain_text(a)), decimal_of(plain_text(b)));
}

std::string number_text(const Value& number) {
  if (number.is_int64() || number.literal()) return plain_text(number);
  double real = number.as_double();
  if (std::isnan(real)) return "null";
  if (std::isinf(real)) real = std::copysign(std::numeric_limits<double>::max(), real);
  if (real == 0) return std::signbit(real) ? "-0" : "0";
  const Decimal decimal = decimal_of(plain_text(Value(real)));
  const auto count = static_cast<std::int64_t>(decimal.digits.size());
  const std::int64_t point = decimal.magnitude();  // digits before the decimal point
  std::string text = decimal.negative ? "-" : "";
  if (point <= -4 || point > count + 15) {
    text += decimal.digits[0];
    if (count > 1) text.append(".").append(decimal.digits, 1);
    const std::int64_t exponent = point - 1;
    text += exponent < 0 ? "e-" : "e+";
    const std::string digits = std::to_string(std::abs(exponent));
    return text + (digits.size() < 2 ? "0" : "") + digits;
  }
  if (point <= 0)
    return text + "0." + std::string(static_cast<std::size_t>(-point), '0') + decimal.digits;
  if (point >= count)
    return text + decimal.digits + std::string(static_cast<std::size_t>(point - count), '0');
  const auto whole = static_cast<std::size_t>(point);
  return text + decimal.digits.substr(0, whole) + "." + decimal.digits.substr(whole);
}

}  // namespace stepwell
