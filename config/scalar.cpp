// Scalars of YAML 1.2: the core schema, and the way from a place in a scalar's value back to the
// place in the file.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_number(std::string_view text) {
  text = without_sign(text);
  const auto digits = [&] {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    text.remove_prefix(n);
    return n;
  };
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    fraction = digits();
  }
  if (whole == 0 && fraction == 0) return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    text = without_sign(text);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// The same number as JSON writes it: no plus sign, no leading zeros, digits around the point.
std::string json_number(std::string_view text) {
  std::string out;
  if (text[0] == '-') out += '-';
  text = without_sign(text);
  const std::size_t end = std::min(text.find_first_of(".eE"), text.size());
  std::string_view whole = text.substr(0, end);
  while (whole.size() > 1 && whole[0] == '0') whole.remove_prefix(1);
  out += whole.empty() ? "0" : whole;
  text.remove_prefix(end);
  if (!text.empty() && text[0] == '.') {
    const bool has_digit = text.size() > 1 && is_digit(text[1]);
    const std::size_t stop = std::min(text.find_first_of("eE"), text.size());
    if (has_digit) out += text.substr(0, stop);
    text.remove_prefix(stop);
  }
  return out + std::string(text);
}

// 0o17 and 0xFF.
bool radix_number(std::string_view text, Value& value) {
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'o' && text[1] != 'x')) return false;
  const int base = text[1] == 'o' ? 8 : 16;
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 2, end, number, base);
  if (error != std::errc() || stop != end) return false;
  value = Value(number);
  return true;
}

// One character of a double-quoted scalar's escape: the bytes in the file and in the value.
struct Step {
  std::size_t raw;
  std::size_t decoded;
};

std::size_t utf8_length(std::uint32_t code) {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

Step escape_step(std::string_view raw) {  // raw[0] is the backslash
  if (raw.size() < 2) return {1, 0};
  const std::size_t digits = raw[1] == 'x' ? 2 : raw[1] == 'u' ? 4 : raw[1] == 'U' ? 8 : 0;
  if (digits == 0) {
    if (raw[1] == 'N' || raw[1] == '_') return {2, 2};
    if (raw[1] == 'L' || raw[1] == 'P') return {2, 3};
    return {2, 1};
  }
  std::uint32_t code = 0;
  const std::string_view hex = raw.substr(2, digits);
  std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  return {2 + digits, utf8_length(code)};
}

// A line break inside a flow scalar, with the white space around it, is one space, or a newline
// for each empty line (YAML 1.2.2 §6.5).
Step fold_step(std::string_view raw) {
  const std::size_t end = std::min(raw.find_first_not_of(" \t\r\n"), raw.size());
  const auto breaks = static_cast<std::size_t>(std::count(raw.begin(), raw.begin() + end, '\n'));
  if (breaks == 0) return {1, 1};
  return {end, breaks == 1 ? 1 : breaks - 1};
}

Step flow_step(std::string_view raw, char quote) {
  if (raw[0] == ' ' || raw[0] == '\t' || raw[0] == '\r' || raw[0] == '\n') return fold_step(raw);
  if (quote == '"' && raw[0] == '\\') return escape_step(raw);
  if (quote == '\'' && raw.substr(0, 2) == "''") return {2, 1};
  return {1, 1};
}

std::size_t offset_in_flow_scalar(std::string_view text, std::size_t offset, std::size_t index) {
  const char first = text[offset];
  const char quote = first == '"' || first == '\'' ? first : '\0';
  if (quote != '\0') ++offset;
  for (std::size_t decoded = 0; decoded < index && offset < text.size();) {
    const Step step = flow_step(text.substr(offset), quote);
    if (decoded + step.decoded > index) break;
    offset += step.raw;
    decoded += step.decoded;
  }
  return offset;
}

// A literal block's lines are the file's lines below the `|` without their indentation.
std::size_t offset_in_block_scalar(std::string_view text, const YamlNode& scalar,
                                   std::size_t index) {
  const std::string_view value = scalar.value.as_string();
  const std::string_view head = value.substr(0, std::min(index, value.size()));
  const auto lines = std::count(head.begin(), head.end(), '\n') + 1;
  const std::size_t in_line = head.size() - (head.rfind('\n') + 1);
  const std::size_t content = text.find_first_not_of(" \r\n", text.find('\n', scalar.offset));
  if (content == std::string_view::npos) return scalar.offset;
  const std::size_t indentation = content - (text.rfind('\n', content) + 1);
  std::size_t offset = scalar.offset;
  for (std::ptrdiff_t i = 0; i < lines; ++i) {
    const std::size_t end = text.find('\n', offset);
    if (end == std::string_view::npos) return scalar.offset;
    offset = end + 1;
  }
  return std::min(offset + indentation + in_line, text.size());
}

}  // namespace

Value resolve_plain_scalar(std::string_view text, std::string& fault) {
  static constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 3> kTrue{"true", "True", "TRUE"};
  static constexpr std::array<std::string_view, 3> kFalse{"false", "False", "FALSE"};
  static constexpr std::array<std::string_view, 6> kNotFinite{".inf", ".Inf", ".INF",
                                                              ".nan", ".NaN", ".NAN"};
  const auto among = [&](const auto& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (among(kNull, text)) return {};
  if (among(kTrue, text)) return Value(true);
  if (among(kFalse, text)) return Value(false);
  if (among(kNotFinite, without_sign(text))) {
    fault = quoted(text) + " is a number that JSON does not have; write text in quotes";
    return {};
  }
  Value number;
  if (radix_number(text, number)) return number;
  if (is_number(text)) return Value::number_from_literal(json_number(text));
  return Value(text);
}

Position position_within(std::string_view text, const YamlNode& scalar, std::size_t index) {
  if (!scalar.value.is_string() || scalar.offset >= text.size()) return scalar.position;
  const char first = text[scalar.offset];
  // An anchor or a tag stands before the scalar itself.
  if (first == '&' || first == '!') return scalar.position;
  const bool block = scalar.style == YamlNode::Style::quoted && (first == '|' || first == '>');
  const std::size_t offset = block ? offset_in_block_scalar(text, scalar, index)
                                   : offset_in_flow_scalar(text, scalar.offset, index);
  Position position = scalar.position;
  const std::string_view between = text.substr(scalar.offset, offset - scalar.offset);
  const auto breaks = std::count(between.begin(), between.end(), '\n');
  const std::size_t from = breaks == 0 ? 0 : between.rfind('\n') + 1;
  const auto characters =
      std::count_if(between.begin() + static_cast<std::ptrdiff_t>(from), between.end(),
                    [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  position.line += static_cast<std::uint32_t>(breaks);
  position.column =
      static_cast<std::uint32_t>(characters) + (breaks == 0 ? scalar.position.column : 1);
  return position;
}

}  // namespace stepwell::config
