#include "config/yaml_print.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kStep = 2;  // columns that a level is indented by

// Words that one YAML or another takes for something else than text (YAML 1.1 has yes and no).
bool has_meaning(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kWords{"true", "false", "null", "yes", "no",
                                                           "on",   "off",   "y",    "n",   "nan"};
  const std::string word = ascii_lower(text);
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

// Without quotes: what begins with a letter and has nothing that YAML could see a sign in.
bool may_be_plain(std::string_view text) {
  if (text.empty() || !is_letter(text.front()) || text.back() == ' ' || has_meaning(text))
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_ascii_digit(c) ||
           std::string_view(" _-./@+()").find(c) != std::string_view::npos;
  });
}

// The code point at `at`, which is moved behind it. Precondition: UTF-8.
std::uint32_t take_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  std::uint32_t point = lead & (0x3FU >> static_cast<unsigned>(more));
  for (int i = 0; i < more && at < text.size(); ++i)
    point = point << 6U | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  return point;
}

// YAML 1.2.2 §5.1: what a reader may refuse, and §5.4: what YAML 1.1 takes for a line break.
bool needs_escape(std::uint32_t point) {
  return (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 || point == 0xFEFF ||
         point == 0xFFFE || point == 0xFFFF;
}

// As JSON has it, which YAML reads too (YAML 1.2.2 §1.2), with more of it escaped.
std::string quoted_scalar(const Value& text) {
  const std::string json = to_json(text);
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = take_code_point(json, at);
    if (!needs_escape(point)) {
      out.append(json, begin, at - begin);
      continue;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\u";
    for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[point >> shift & 0xFU];
  }
  return out;
}

// Lines that can stand as they are below a "|".
bool may_be_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n')
    return false;
  if (text.size() > 1 && text.ends_with("\n\n")) return false;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = take_code_point(text, at);
    if (needs_escape(point) || (point < 0x20 && point != '\n')) return false;
  }
  return true;
}

std::string block_scalar(std::string_view text, std::size_t indent) {
  std::string out = text.ends_with('\n') ? "|" : "|-";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += '\n';
    if (end > 0) out.append(indent, ' ').append(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string key_text(const Value& key) {
  return may_be_plain(key.as_string()) ? std::string(key.as_string()) : quoted_scalar(key);
}

bool is_block(const Value& value) {
  return !value.empty() && (value.is_array() || value.is_object());
}

void append_scalar(std::string& out, const Value& value, std::size_t indent) {
  if (!value.is_string()) {
    out += to_json(value);  // "[]" and "{}" too
  } else if (may_be_plain(value.as_string())) {
    out += value.as_string();
  } else if (may_be_block(value.as_string())) {
    out += block_scalar(value.as_string(), indent);
  } else {
    out += quoted_scalar(value);
  }
}

void append_block(std::string& out, const Value& value, std::size_t indent);

// What stands behind "key:" or "-".
void append_below(std::string& out, const Value& value, std::size_t indent, bool in_line) {
  if (!is_block(value)) {
    out += ' ';
    append_scalar(out, value, indent);
    out += '\n';
    return;
  }
  if (!in_line) {
    out += '\n';
    out.append(indent, ' ');
  } else {
    out += ' ';
  }
  append_block(out, value, indent);
}

// The cursor stands at column `indent` already.
void append_block(std::string& out, const Value& value, std::size_t indent) {
  bool first = true;
  const auto begin = [&] {
    if (!first) out.append(indent, ' ');
    first = false;
  };
  for (const Value& element : value.elements()) {
    begin();
    out += '-';
    append_below(out, element, indent + kStep, true);
  }
  for (const Value::Member& member : value.members()) {
    begin();
    out += key_text(member.key);
    out += ':';
    append_below(out, member.value, indent + kStep, false);
  }
}

}  // namespace

std::string to_yaml(const Value& value) {
  std::string out;
  if (is_block(value)) {
    append_block(out, value, 0);
    return out;
  }
  append_scalar(out, value, kStep);
  out += '\n';
  return out;
}

}  // namespace stepwell::config
