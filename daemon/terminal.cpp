#include "daemon/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/json.h"

namespace stepwell::daemon {

namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr std::size_t kFewestColumns = 20;

std::size_t columns_of(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t number_in(const std::optional<std::string>& text) {
  std::size_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// A character of valid UTF-8.
struct Character {
  std::uint32_t point = 0;
  std::size_t bytes = 1;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  std::uint32_t point = lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes && at + i < text.size(); ++i)
    point = point << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {point, std::min(bytes, text.size() - at)};
}

struct CharacterRange {
  std::uint32_t first;
  std::uint32_t last;
};

template <std::size_t N>
bool is_in(const std::array<CharacterRange, N>& ranges, std::uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(), [point](const CharacterRange& range) {
    return point >= range.first && point <= range.last;
  });
}

// Unicode 15, East_Asian_Width W and F, by block.
constexpr std::array<CharacterRange, 9> kWideCharacters{{{0x1100, 0x115F},
                                                         {0x2E80, 0x303E},
                                                         {0x3041, 0xA4CF},
                                                         {0xAC00, 0xD7A3},
                                                         {0xF900, 0xFAFF},
                                                         {0xFE30, 0xFE6F},
                                                         {0xFF00, 0xFF60},
                                                         {0x1F300, 0x1F9FF},
                                                         {0x20000, 0x3FFFD}}};
// Marks that stand on the character before them, joiners, variation selectors.
constexpr std::array<CharacterRange, 5> kCharactersWithoutWidth{
    {{0x0300, 0x036F}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
// Control characters, and those that turn the direction of writing (UAX #9).
constexpr std::array<CharacterRange, 7> kHiddenCharacters{{{0x00, 0x1F},
                                                           {0x7F, 0x9F},
                                                           {0x061C, 0x061C},
                                                           {0x200E, 0x200F},
                                                           {0x2028, 0x202E},
                                                           {0x2066, 0x2069},
                                                           {0xFEFF, 0xFEFF}}};

std::size_t width_of(std::uint32_t point) {
  if (point < 0x300) return 1;
  if (is_in(kCharactersWithoutWidth, point)) return 0;
  return is_in(kWideCharacters, point) ? 2 : 1;
}

const char* sequence_of(Colour colour) {
  switch (colour) {
    case Colour::bold:
      return "\033[1m";
    case Colour::red:
      return "\033[31m";
    case Colour::green:
      return "\033[32m";
    case Colour::yellow:
      return "\033[33m";
    case Colour::faint:
      return "\033[2m";
    case Colour::none:
      break;
  }
  return "";
}

}  // namespace

bool wants_colour(
    ColourChoice choice, bool is_terminal,
    const std::function<std::optional<std::string>(const std::string& name)>& environment) {
  if (choice != ColourChoice::automatic) return choice == ColourChoice::always;
  const std::optional<std::string> none = environment("NO_COLOR");
  const std::optional<std::string> kind = environment("TERM");
  return is_terminal && (!none || none->empty()) && kind && !kind->empty() && *kind != "dumb";
}

Terminal process_terminal(
    ColourChoice choice,
    const std::function<std::optional<std::string>(const std::string& name)>& environment) {
  const std::optional<std::string> kind = environment("TERM");
  const bool clever = kind && !kind->empty() && *kind != "dumb";
  Terminal terminal;
  terminal.in = ::isatty(STDIN_FILENO) == 1;
  terminal.out = ::isatty(STDOUT_FILENO) == 1;
  terminal.err = clever && ::isatty(STDERR_FILENO) == 1;
  terminal.colour = wants_colour(choice, terminal.out, environment);
  terminal.colour_err = wants_colour(choice, terminal.err, environment);
  std::size_t columns = terminal.out ? columns_of(STDOUT_FILENO) : columns_of(STDERR_FILENO);
  if (columns == 0) columns = number_in(environment("COLUMNS"));
  terminal.columns = columns == 0 ? kUsualColumns : std::max(columns, kFewestColumns);
  return terminal;
}

std::string coloured(std::string text, Colour colour, bool on) {
  if (!on || colour == Colour::none) return text;
  return sequence_of(colour) + std::move(text) + "\033[0m";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    width += width_of(character.point);
    at += character.bytes;
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = character_at(text, at);
    width += width_of(character.point);
    if (width > columns - 1) break;
    at += character.bytes;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string printable(std::string_view text, bool lines) {
  const std::string valid = valid_utf8(text);
  std::string out;
  for (std::size_t at = 0; at < valid.size();) {
    const Character character = character_at(valid, at);
    const bool line_end = lines && (character.point == '\n' || character.point == '\t');
    if (line_end || !is_in(kHiddenCharacters, character.point)) {
      out.append(valid, at, character.bytes);
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\u";
      for (const unsigned shift : {12U, 8U, 4U, 0U})
        out += kDigits[character.point >> shift & 0xFU];
    }
    at += character.bytes;
  }
  return out;
}

}  // namespace stepwell::daemon
