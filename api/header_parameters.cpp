#include "api/header_parameters.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

constexpr std::string_view kBlanks = " \t";

bool is_token_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::string_view taken = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(taken.size());
  return taken;
}

std::string_view without_end_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kBlanks);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// What stands between two quotes; `text` begins behind the first one and goes on behind the second.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return out;
    // Some escape by a backslash; whoever ends a name with one does not.
    const bool escapes = c == '\\' && !text.empty() &&
                         (text.front() == '\\' ||
                          (text.front() == '"' && text.find('"', 1) != std::string_view::npos));
    out += escapes ? text.front() : c;
    if (escapes) text.remove_prefix(1);
  }
  return std::nullopt;
}

std::optional<std::string> take_text(std::string_view& text) {
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    return take_quoted(text);
  }
  const std::string_view plain = without_end_blanks(take_until(text, ";"));
  if (plain.empty() || plain.find('"') != std::string_view::npos) return std::nullopt;
  return std::string(plain);
}

}  // namespace

const std::string* ParameterizedField::find(std::string_view name) const {
  for (const auto& [known, text] : parameters)
    if (known == name) return &text;
  return nullptr;
}

std::optional<ParameterizedField> parse_field(std::string_view text) {
  ParameterizedField field;
  skip_blanks(text);
  field.value = ascii_lower(without_end_blanks(take_until(text, ";")));
  while (!text.empty()) {
    text.remove_prefix(1);  // the semicolon
    skip_blanks(text);
    if (text.empty() || text.front() == ';') continue;
    const std::string name = ascii_lower(without_end_blanks(take_until(text, "=;")));
    if (!text.starts_with('=') || name.empty() ||
        !std::all_of(name.begin(), name.end(), is_token_byte) || field.find(name) != nullptr)
      return std::nullopt;
    text.remove_prefix(1);
    skip_blanks(text);
    std::optional<std::string> value = take_text(text);
    if (!value) return std::nullopt;
    field.parameters.emplace_back(name, *std::move(value));
    skip_blanks(text);
    if (!text.empty() && text.front() != ';') return std::nullopt;
  }
  return field;
}

std::optional<std::string> extended_text(std::string_view text) {
  const std::size_t first = text.find('\'');
  const std::size_t second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string charset = ascii_lower(text.substr(0, first));
  const std::string bytes = percent_decode(text.substr(second + 1));
  if (charset == "utf-8") return is_valid_utf8(bytes) ? std::optional(bytes) : std::nullopt;
  if (charset != "iso-8859-1") return std::nullopt;
  std::string out;
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x80) {
      out += byte;
    } else {
      out += static_cast<char>(0xc0U | (code >> 6U));
      out += static_cast<char>(0x80U | (code & 0x3fU));
    }
  }
  return out;
}

std::string attachment(std::string_view name) {
  std::string plain;
  bool all = true;
  for (const char c : name) {
    const bool fit = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
    all = all && fit;
    // One mark for each character, not for each of its bytes.
    if (fit)
      plain += c;
    else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80)
      plain += '_';
  }
  std::string field = "attachment; filename=\"" + plain + "\"";
  if (!all) field += "; filename*=UTF-8''" + percent_encode(name);
  return field;
}

}  // namespace stepwell::api
