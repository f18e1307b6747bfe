// What stands at the other ends of a command's streams: a person at a terminal, or a program. Found
// out once, by main; a plain value.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepwell::daemon {

struct Terminal {
  bool in = false;           // somebody can be asked
  bool out = false;          // tables are fitted to `columns`
  bool err = false;          // progress can be shown, and lines rewritten
  bool colour = false;       // of standard output
  bool colour_err = false;   // of standard error
  std::size_t columns = 80;  // of the terminal
};

enum class ColourChoice { automatic, always, never };

// `automatic`: where standard output is a terminal, unless NO_COLOR is set and not empty
// (https://no-color.org), or TERM says that it knows nothing.
bool wants_colour(
    ColourChoice choice, bool is_terminal,
    const std::function<std::optional<std::string>(const std::string& name)>& environment);

// That of this process. COLUMNS counts where the terminal does not say how wide it is.
Terminal process_terminal(
    ColourChoice choice,
    const std::function<std::optional<std::string>(const std::string& name)>& environment);

enum class Colour { none, bold, red, green, yellow, faint };
// The text between the sequences that make it so, where `on`.
std::string coloured(std::string text, Colour colour, bool on);

// The columns that the text takes (wide characters of East Asia and emoji take two).
std::size_t display_width(std::string_view text);
// At most so many columns of it; what is cut is shown by "…" at the end.
std::string cut_to_width(std::string_view text, std::size_t columns);
// Control characters and those that turn the direction of writing are shown as \u escapes: a text
// from elsewhere cannot move the cursor or look like another one. Line ends too, unless `lines`.
std::string printable(std::string_view text, bool lines = false);

}  // namespace stepwell::daemon
