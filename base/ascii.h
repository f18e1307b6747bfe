// Letters, digits and spaces of ASCII, whatever the locale. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace stepwell {

constexpr bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ascii_lower(c);
  return lower;
}

constexpr bool is_ascii_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr bool is_ascii_control(char c) {
  return static_cast<unsigned char>(c) < 0x20U || c == 0x7F;
}
// Without the spaces, tabs and line ends at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace stepwell
