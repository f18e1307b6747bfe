#include "base/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/json.h"

namespace stepwell {

namespace {

// jq 1.8 keeps literals up to this exponent; beyond it a number is infinite, or zero.
constexpr std::int64_t kMaxExponent = 999'999'999;

// A number as it is written: its digits without leading zeros, times ten to the exponent.
struct Literal {
  bool negative = false;
  std::string digits;         // at least one
  std::int64_t exponent = 0;  // of the last digit
  std::int64_t adjusted() const { return exponent + static_cast<std::int64_t>(digits.size()) - 1; }
};

std::int64_t exponent_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), exponent);
  constexpr std::int64_t kMost = std::int64_t{1} << 40U;  // still far from an overflow
  if (parsed.ec == std::errc::result_out_of_range) return text.starts_with('-') ? -kMost : kMost;
  return std::clamp(exponent, -kMost, kMost);
}

Literal read_literal(std::string_view text) {
  Literal literal;
  if (text.starts_with('-')) {
    literal.negative = true;
    text.remove_prefix(1);
  }
  const std::size_t end = std::min(text.find_first_of("eE"), text.size());
  if (end < text.size()) literal.exponent = exponent_of(text.substr(end + 1));
  bool after_point = false;
  for (const char c : text.substr(0, end)) {
    if (c == '.') {
      after_point = true;
      continue;
    }
    if (!literal.digits.empty() || c != '0') literal.digits.push_back(c);
    if (after_point) --literal.exponent;
  }
  if (literal.digits.empty()) literal.digits.push_back('0');
  return literal;
}

// In the form of decimal arithmetic's "scientific string" (IEEE 754 §5.12.2, ANSI X3.274), which
// tells 1 from 1.00: plain digits where the exponent allows it, else 1.5E+300.
std::string literal_text(const Literal& literal) {
  std::string text = literal.negative ? "-" : "";
  const std::string& digits = literal.digits;
  const std::int64_t adjusted = literal.adjusted();
  if (literal.exponent > 0 || adjusted < -6) {
    text += digits[0];
    if (digits.size() > 1) text.append(".").append(digits, 1);
    text += adjusted < 0 ? "E-" : "E+";
    return text + std::to_string(std::abs(adjusted));
  }
  const auto fraction = static_cast<std::size_t>(-literal.exponent);
  if (fraction == 0) return text + digits;
  if (fraction < digits.size())
    return text.append(digits, 0, digits.size() - fraction)
        .append(".")
        .append(digits, digits.size() - fraction);
  return text.append("0.").append(fraction - digits.size(), '0').append(digits);
}

// The same number without trailing zeros, so that equal ones are equal; no digits for zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;  // of the last digit
  // The exponent of the first digit, by which magnitudes are ordered.
  std::int64_t magnitude() const { return exponent + static_cast<std::int64_t>(digits.size()); }
};

Decimal decimal_of(std::string_view text) {
  Literal literal = read_literal(text);
  std::string& digits = literal.digits;
  const std::size_t last = digits.find_last_not_of('0');
  if (last == std::string::npos) return {literal.negative, "", 0};
  literal.exponent += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  return {literal.negative, std::move(digits), literal.exponent};
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

std::string real_text(double real) {
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

// True where the double's own text is the literal, told without working that text out; false where
// it may be another.
bool prints_back(std::string_view text, double real) {
  // Below, and with an exponent, the two have forms of their own.
  if (!(std::fabs(real) >= 1e-4) || text.find('.') == std::string_view::npos ||
      text.find_first_of("eE") != std::string_view::npos || text.ends_with('0'))
    return false;
  // Up to 15 significant digits always survive the way through a double (IEEE 754, DBL_DIG).
  if (text.size() <= 15) return true;
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), real);
  return text == std::string_view(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
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
      return number;
    }
  }
  const auto parsed = std::from_chars(text.data(), end, number.real);
  if (parsed.ec == std::errc() && prints_back(text, number.real)) return number;
  const Literal literal = read_literal(text);
  const bool zero = literal.digits == "0";
  if (parsed.ec == std::errc::result_out_of_range) {
    const double size = !zero && literal.adjusted() > 0 ? HUGE_VAL : 0.0;
    number.real = literal.negative ? -size : size;
  }
  if (std::abs(literal.adjusted()) > kMaxExponent) return number;
  // What a double printed (1e+17) is that double again, so that a value comes back from a record
  // the same; other ways to write it are literals.
  const std::string printed = real_text(number.real);
  if (text == printed) return number;
  std::string kept = literal_text(literal);
  if (kept != printed) number.literal = std::move(kept);
  return number;
}

namespace {

// Numbers of this kind are equal where their doubles are: no two of them share a double.
bool is_its_double(const Value& number, double real) {
  if (number.is_int64()) return std::fabs(real) < 0x1p53;
  const auto literal = number.literal();
  if (!literal) return true;
  // (The exponent's digits count too, which errs on the safe side.)
  return literal->size() <= 15 && std::fabs(real) > 1e-300 && std::fabs(real) < 1e300;
}

}  // namespace

int compare_numbers(const Value& a, const Value& b) noexcept {
  if (a.is_int64() && b.is_int64())
    return a.int64() == b.int64() ? 0 : order_of(a.int64() < b.int64());
  const double left = a.as_double();
  const double right = b.as_double();
  if (std::isnan(left)) return -1;
  if (std::isnan(right)) return 1;
  if (left != right) return order_of(left < right);
  if (is_its_double(a, left) && is_its_double(b, right)) return 0;
  if (std::isinf(left) && !(a.literal() && b.literal())) return 0;
  return compare_decimals(decimal_of(plain_text(a)), decimal_of(plain_text(b)));
}

std::string number_text(const Value& number) {
  return number.is_int64() || number.literal() ? plain_text(number) : real_text(number.as_double());
}

std::string negated_literal(std::string_view text) {
  if (text.starts_with('-')) return std::string(text.substr(1));
  const bool zero =
      text.substr(0, text.find('E')).find_first_not_of("0.") == std::string_view::npos;
  return zero ? std::string(text) : "-" + std::string(text);
}

}  // namespace stepwell
