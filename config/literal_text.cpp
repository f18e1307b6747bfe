#include "config/literal_text.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/value.h"

namespace stepwell::config {

namespace {

// The end of the expression that begins at `from`: its closing brace. Braces in strings of its own
// do not count.
std::size_t closing_brace(std::string_view text, std::size_t from) {
  std::size_t open = 1;
  bool quoted = false;
  for (std::size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '{') {
      ++open;
    } else if (!quoted && c == '}' && --open == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<std::string> interpolated(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t open = text.find("${"); open != std::string_view::npos;
       open = text.find("${", at)) {
    const std::size_t end = closing_brace(text, open + 2);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string literal = to_json(Value(text.substr(at, open - at)));
    out += literal.substr(1, literal.size() - 2);
    out += "\\(" + std::string(trimmed(text.substr(open + 2, end - open - 2))) + ")";
    at = end + 1;
  }
  if (at == 0) return std::nullopt;
  const std::string rest = to_json(Value(text.substr(at)));
  return "\"" + out + rest.substr(1);
}

}  // namespace stepwell::config
