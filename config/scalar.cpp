// Scalars of YAML 1.2: the core schema, and the way from a place in a scalar's value back to the
// place in the file.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/json.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_number(std::string_view text) {
  text = without_sign(text);
  const auto digits = [&] {
    std::size_t n = 0;
    while (n < text.size() && is_ascii_digit(text[n])) ++n;
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
    const bool has_digit = text.size() > 1 && is_ascii_digit(text[1]);
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

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Behind an anchor and a tag (YAML 1.2.2 §6.9), and what may stand between them and the scalar.
std::size_t behind_properties(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    at = std::min(text.find_first_of(" \t\r\n", at), text.size());
    while (at < text.size() && (is_blank(text[at]) || text[at] == '#'))
      at = text[at] == '#' ? std::min(text.find('\n', at), text.size()) : at + 1;
  }
  return at;
}

// One element of a scalar as it is written: so many bytes of the file stand for that text.
struct Element {
  std::size_t raw = 1;
  std::string decoded;
};

void append_utf8(std::string& out, std::uint32_t code) {
  const auto continuation = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
    continuation(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | code >> 12U);
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xF0U | code >> 18U);
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

std::uint32_t hex_number(std::string_view digits) {
  std::uint32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

// YAML 1.2.2 §5.7; text[0] is the backslash.
Element escape_element(std::string_view text) {
  if (text.size() < 2) return {1, ""};
  const char c = text[1];
  if (c == '\n') return {2, ""};
  if (c == '\r') return {text.substr(1, 2) == "\r\n" ? 3U : 2U, ""};
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits > 0) {
    Element element{std::min(2 + digits, text.size()), {}};
    std::uint32_t code = hex_number(text.substr(2, digits));
    // Of a JSON file: half of a character beyond U+FFFF (RFC 8259 §7).
    if (digits == 4 && code >= 0xD800 && code < 0xDC00 && text.substr(6, 2) == "\\u") {
      code =
          0x10000 + ((code - 0xD800) << 10U) + ((hex_number(text.substr(8, 4)) - 0xDC00) & 0x3FFU);
      element.raw = std::min<std::size_t>(12, text.size());
    }
    append_utf8(element.decoded, code);
    return element;
  }
  constexpr std::string_view kNames = "0abtnvfre\t";
  constexpr std::string_view kMeanings("\0\a\b\t\n\v\f\r\x1b\t", 10);
  if (const std::size_t name = kNames.find(c); name != std::string_view::npos)
    return {2, std::string(1, kMeanings[name])};
  if (c == 'N') return {2, "\xC2\x85"};
  if (c == '_') return {2, "\xC2\xA0"};
  if (c == 'L') return {2, "\xE2\x80\xA8"};
  if (c == 'P') return {2, "\xE2\x80\xA9"};
  return {2, std::string(1, c)};
}

Element element_at(std::string_view text, char quote) {
  if (quote == '"' && text[0] == '\\') return escape_element(text);
  if (quote == '\'' && text.substr(0, 2) == "''") return {2, "'"};
  return {1, std::string(1, text[0])};
}

// Walks through a scalar's text in the file and its value side by side. What is no white space must
// be the same in both; of white space a scalar may have more, less and other than its value, by
// indentation and folding.
class Alignment {
 public:
  Alignment(std::string_view text, std::size_t offset, std::string_view value)
      : text_(text), value_(value), at_(behind_properties(text, offset)) {
    const char first = at_ < text_.size() ? text_[at_] : '\0';
    if (first == '"' || first == '\'') {
      quote_ = first;
      ++at_;
    } else if (first == '|' || first == '>') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
  }

  // Where byte `index` of the value stands; nothing where the two do not fit together.
  std::optional<std::size_t> find(std::size_t index) {
    // The end is right behind the last word, wherever a block goes on to.
    const std::size_t last = value_.find_last_not_of(" \t\r\n");
    const bool behind = last == std::string_view::npos || index > last;
    const std::size_t wanted = behind ? last + 1 : index;
    while (done_ < wanted)
      if (!(is_blank(value_[done_]) ? blanks(wanted) : word())) return std::nullopt;
    if (!behind && !is_blank(value_[wanted])) skip_blanks();
    return at_;
  }

 private:
  // A run of white space. Where `wanted` is within it and the run is written as it is meant, the
  // very place; else where the next word begins.
  bool blanks(std::size_t wanted) {
    const std::size_t end = std::min(value_.find_first_not_of(" \t\r\n", done_), value_.size());
    std::size_t raw = at_;
    std::size_t same = done_;
    while (same < std::min(end, wanted) && raw < text_.size()) {
      const Element element = element_at(text_.substr(raw), quote_);
      if (element.decoded != value_.substr(same, 1)) break;
      raw += element.raw;
      ++same;
    }
    if (same == wanted) {
      at_ = raw;
      done_ = same;
      return true;
    }
    skip_blanks();
    done_ = end;
    return true;
  }
  bool word() {
    skip_blanks();
    if (at_ >= text_.size()) return false;
    const Element element = element_at(text_.substr(at_), quote_);
    if (value_.substr(done_, element.decoded.size()) != element.decoded) return false;
    at_ += element.raw;
    done_ += element.decoded.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size()) {
      const Element element = element_at(text_.substr(at_), quote_);
      if (!std::all_of(element.decoded.begin(), element.decoded.end(), is_blank)) return;
      at_ += element.raw;
    }
  }

  const std::string_view text_;
  const std::string_view value_;
  char quote_ = '\0';
  std::size_t at_;
  std::size_t done_ = 0;  // bytes of the value
};

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
  const std::size_t offset =
      Alignment(text, scalar.offset, scalar.value.as_string()).find(index).value_or(scalar.offset);
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
