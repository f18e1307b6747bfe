// Endpoints: what can be said about a URI before it is known (RFC 3986).
#include <algorithm>
#include <utility>

#include "config/read_values.h"

namespace stepwell::config {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// What is wrong with the braces of "a{b}c" or the names in them, or nothing.
std::string names_fault(std::string_view text) {
  while (!text.empty()) {
    const std::size_t open = text.find_first_of("{}");
    if (open == std::string_view::npos) break;
    if (text[open] == '}') return "a `}` without `{`";
    text.remove_prefix(open + 1);
    const std::size_t close = text.find_first_of("{}");
    if (close == std::string_view::npos || text[close] == '{') return "a `{` is not closed";
    const std::string_view name = text.substr(0, close);
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character))
      return quoted("{" + std::string(name) + "}") +
             " is no name of a property of the input; only `{name}` is replaced";
    text.remove_prefix(close + 1);
  }
  return {};
}

bool same_scheme(std::string_view scheme, std::string_view wanted) {
  return std::equal(scheme.begin(), scheme.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

// The fault of an endpoint's literal text, or nothing.
std::string uri_fault(std::string_view text) {
  const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '\\' || c == '"' ||
           c == '<' || c == '>' || c == '^' || c == '`' || c == '|';
  });
  if (bad != text.end())
    return "a URI cannot hold " + (*bad == ' ' ? "a space" : quoted(std::string_view(&*bad, 1))) +
           "; write it percent-encoded";
  const std::size_t colon = text.find(':');
  const std::size_t brace = text.find('{');
  if (brace == 0) return {};  // all of it is known only when it runs
  const std::string_view scheme =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (!same_scheme(scheme, "http") && !same_scheme(scheme, "https"))
    return "expected an absolute URI that begins with http:// or https://, found " + quoted(text);
  const std::string_view rest = text.substr(colon + 1);
  if (rest.substr(0, 2) != "//") return "a URI of " + std::string(scheme) + " goes on with `//`";
  const std::string_view authority = rest.substr(2, rest.find_first_of("/?#", 2) - 2);
  if (authority.empty()) return "the URI names no host";
  if (authority.find('@') != std::string_view::npos)
    return "a URI must not hold a user name or a password; use `authentication: {use: NAME}`";
  return {};
}

}  // namespace

void check_uri_reference(Reading& reading, const Place& place) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text || is_expression_text(*text)) return;
  if (text->empty() || text->find_first_of(" \t\r\n") != std::string::npos ||
      text->starts_with("${"))
    reading.error(place, quoted(*text) + " is no URI");
}

std::optional<UriTemplate> read_uri(Reading& reading, const Place& place, const Site& site) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return std::nullopt;
  if (is_expression_text(*text)) {
    std::optional<Expression> expression = read_expression(reading, place, site);
    if (!expression) return std::nullopt;
    return UriTemplate::expression(std::move(*expression));
  }
  std::string fault = text->empty() ? "the URI is empty" : uri_fault(*text);
  if (fault.empty()) fault = names_fault(*text);
  if (!fault.empty()) {
    reading.error(place, std::move(fault));
    return std::nullopt;
  }
  return UriTemplate::literal(place.node().value);
}

}  // namespace stepwell::config
