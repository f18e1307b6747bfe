#include "config/yaml_text.h"

#include <algorithm>
#include <array>

namespace stepwell::config {

namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The code point at the beginning of a text in UTF-8.
std::uint32_t code_of(std::string_view text) {
  const std::size_t length = length_of(text[0]);
  constexpr std::array<std::uint32_t, 5> kMasks{0, 0x7F, 0x1F, 0x0F, 0x07};
  std::uint32_t code = static_cast<unsigned char>(text[0]) & kMasks[length];
  for (std::size_t i = 1; i < length; ++i)
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return code;
}

// Characters of the Basic Multilingual Plane that the library reads otherwise than YAML 1.2.
bool is_odd(std::uint32_t code) {
  return (code >= 0x80 && code <= 0x9F) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
         code == 0xFFFE || code == 0xFFFF;
}

void append_four_bytes(std::string& out, std::uint32_t code) {
  out += static_cast<char>(0xF0U | code >> 18U);
  for (const unsigned shift : {12U, 6U, 0U})
    out += static_cast<char>(0x80U | (code >> shift & 0x3FU));
}

void append_odd(std::string& out, std::uint32_t code) {
  if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

// \uXXXX at a place; 0 where there is none.
std::uint32_t escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text.substr(at, 2) != "\\u") return 0;
  std::uint32_t code = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (digit == std::string_view::npos) return 0;
    code = code * 16 + static_cast<std::uint32_t>(digit);
  }
  return code;
}

}  // namespace

YamlText::YamlText(std::string_view text) : original_(text) {
  ascii_ = std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (text.find("\n\t") != std::string_view::npos) blank_tabs();
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  if (is_json && text.find("\\u") != std::string_view::npos) join_surrogates();
  if (!ascii_) replace_odd_characters();
}

// The library refuses a tab at the beginning of a line that has nothing else: it becomes a space.
void YamlText::blank_tabs() {
  std::string out(original_);
  for (std::size_t at = out.find("\n\t"); at != std::string::npos; at = out.find("\n\t", at)) {
    ++at;
    const std::size_t end = out.find_first_not_of(" \t", at);
    if (end == std::string::npos || out[end] == '\n' || out[end] == '\r') {
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(at),
                out.begin() + static_cast<std::ptrdiff_t>(std::min(end, out.size())), ' ');
      changed_ = true;
    }
  }
  if (changed_) text_ = std::move(out);
}

// JSON writes characters beyond U+FFFF as two escapes, which the library refuses: they become the
// one escape of YAML. Only for files that are JSON, where a backslash is always within a string.
void YamlText::join_surrogates() {
  std::string out;
  std::size_t characters = 0;  // of `out`
  const std::string_view text = given();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::uint32_t high = text[i] == '\\' ? escaped_unit(text, i) : 0;
    const std::uint32_t low = high == 0 ? 0 : escaped_unit(text, i + 6);
    if (high >= 0xD800 && high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
      const std::uint32_t code = 0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00);
      out += "\\U";
      for (int shift = 28; shift >= 0; shift -= 4)
        out += "0123456789ABCDEF"[(code >> static_cast<unsigned>(shift)) & 0xFU];
      i += 12;
      characters += 10;
      shortened_.push_back(characters);
      continue;
    }
    const std::size_t length = text[i] == '\\' ? 2 : 1;  // `\\` escapes itself
    for (const char c : text.substr(i, length)) {
      out += c;
      characters += is_continuation(c) ? 0 : 1;
    }
    i += length;
  }
  if (shortened_.empty()) return;
  text_ = std::move(out);
  changed_ = true;
}

void YamlText::replace_odd_characters() {
  // Two planes are private: the text surely has nothing in one of them.
  std::array<bool, 2> taken{};
  bool any = false;
  const std::string_view text = given();
  for (std::size_t i = 0; i < text.size(); i += length_of(text[i])) {
    const std::uint32_t code = code_of(text.substr(i));
    any = any || is_odd(code);
    if (code >= 0xF0000) taken[code >= 0x100000 ? 1 : 0] = true;
  }
  if (!any || (taken[0] && taken[1])) return;
  replaced_by_ = taken[1] ? 0xF0000 : 0x100000;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = length_of(text[i]);
    const std::uint32_t code = code_of(text.substr(i));
    if (is_odd(code))
      append_four_bytes(out, replaced_by_ + code);
    else
      out += text.substr(i, length);
    i += length;
  }
  text_ = std::move(out);
  changed_ = true;
}

TextPlace YamlText::place(const TextPlace& given) {
  if (ascii_ && shortened_.empty())
    return {std::min(given.offset, original_.size()), given.position};
  const auto before = std::upper_bound(shortened_.begin(), shortened_.end(), given.offset);
  go_to(given.offset + 2 * static_cast<std::size_t>(before - shortened_.begin()));
  return shortened_.empty() ? TextPlace{at_.offset, given.position} : at_;
}

void YamlText::go_to(std::size_t character) {
  if (character < character_) {
    character_ = 0;
    at_ = {0, {1, 1}};
  }
  while (character_ < character && at_.offset < original_.size()) {
    const bool ends_line = original_[at_.offset] == '\n';
    at_.offset += length_of(original_[at_.offset]);
    ++character_;
    at_.position = ends_line ? Position{at_.position.line + 1, 1}
                             : Position{at_.position.line, at_.position.column + 1};
  }
}

std::string_view YamlText::restored(std::string_view scalar) {
  if (replaced_by_ == 0) return scalar;
  restored_.clear();
  for (std::size_t i = 0; i < scalar.size();) {
    const std::size_t length = length_of(scalar[i]);
    const std::uint32_t code = code_of(scalar.substr(i));
    if (code >= replaced_by_ && code - replaced_by_ <= 0xFFFF && is_odd(code - replaced_by_))
      append_odd(restored_, code - replaced_by_);
    else
      restored_ += scalar.substr(i, length);
    i += length;
  }
  return restored_;
}

}  // namespace stepwell::config
