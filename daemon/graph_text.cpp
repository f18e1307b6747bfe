#include "daemon/graph_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::daemon {

namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// The blocks that matter here; a letter more or less is of no harm.
constexpr std::array<Range, 10> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1F64F},
                                       {0x1F680, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 5> kNone{
    {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xE0100, 0xE01EF}}};

template <std::size_t N>
bool among(const std::array<Range, N>& ranges, std::uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

// Takes the first character off; `text` is valid UTF-8 and not empty.
std::uint32_t take_character(std::string_view& text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80U ? 1 : first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  std::uint32_t code = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < std::min(length, text.size()); ++i)
    code = code << 6U | (byte(i) & 0x3FU);
  text.remove_prefix(std::min(length, text.size()));
  return code;
}

std::size_t cells_of(std::uint32_t code) {
  if (among(kNone, code)) return 0;
  return among(kWide, code) ? 2 : 1;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80U;
}

// Whether Mermaid could read more than the character in it: labels are Markdown (where lists begin
// with "-", "+" or "1.", and "_" marks words), with entities, comments and addresses.
bool is_markup(std::string_view text, std::size_t i, bool styled) {
  const char c = text[i];
  if (std::string_view("\"#&<>`\\*[]~@%;^").find(c) != std::string_view::npos) return true;
  const std::string_view before = text.substr(0, i);
  switch (c) {
    case '_':
      return i == 0 || i + 1 == text.size() || !is_letter(text[i - 1]) || !is_letter(text[i + 1]);
    case '-':
    case '+':
    case '=':
      return i == 0;
    case '.':
    case ')':
      return before.ends_with("www") ||
             (!before.empty() && std::all_of(before.begin(), before.end(),
                                             [](char d) { return d >= '0' && d <= '9'; }));
    case ':':
      return styled || text.substr(i, 3) == "://";
    default:
      return false;
  }
}

}  // namespace

std::size_t cells(std::string_view text) {
  const std::string valid = valid_utf8(text);
  std::string_view rest = valid;
  std::size_t count = 0;
  while (!rest.empty()) count += cells_of(take_character(rest));
  return count;
}

std::size_t widest(const std::vector<std::string>& lines) {
  std::size_t most = 0;
  for (const std::string& line : lines) most = std::max(most, cells(line));
  return most;
}

std::string cut(std::string_view text, std::size_t most) {
  std::string valid = valid_utf8(text);
  if (cells(valid) <= most) return valid;
  std::string_view rest = valid;
  std::size_t count = 0;
  std::size_t kept = 0;
  while (!rest.empty()) {
    count += cells_of(take_character(rest));
    if (count >= most) break;
    kept = valid.size() - rest.size();
  }
  return valid.substr(0, kept) + "…";
}

std::string xml_text(std::string_view text) {
  const std::string valid = valid_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\t' || c == '\n' || c == '\r')
      out += ' ';
    else if (static_cast<unsigned char>(c) < 0x20U)
      out += "\xEF\xBF\xBD";
    else
      out += c;
  }
  for (const std::string_view none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
    for (std::size_t i = out.find(none); i != std::string::npos; i = out.find(none, i + 3))
      out.replace(i, 3, "\xEF\xBF\xBD");
  return out;
}

std::string mermaid_text(std::string_view text) {
  const std::string valid = valid_utf8(text);
  // Mermaid looks for these words before it looks at quotes.
  const bool styled =
      valid.find("style") != std::string::npos || valid.find("classDef") != std::string::npos;
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (is_ascii_control(c))
      out += ' ';
    else if (is_markup(valid, i, styled))
      out += "#" + std::to_string(static_cast<int>(c)) + ";";
    else
      out += c;
  }
  return out;
}

std::string mermaid_lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty()) out += "<br/>";
    out += mermaid_text(line);
  }
  return out;
}

}  // namespace stepwell::daemon
