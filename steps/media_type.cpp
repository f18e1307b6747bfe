#include "steps/media_type.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace stepwell::steps {

namespace {

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A token or a quoted string, of which `text` begins with the former or the latter's quote; what
// was read is taken away, up to the next ";" (RFC 9110 §5.6.4, §5.6.6).
std::string take_parameter_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find(';'), text.size());
    value = without_blanks(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    value += text[at];
  }
  text.remove_prefix(std::min(text.find(';', at), text.size()));
  return value;
}

// Some servers give a charset to whatever they send.
bool is_binary(std::string_view name) {
  for (const std::string_view family : {"image/", "audio/", "video/", "font/", "multipart/"})
    if (name.starts_with(family)) return true;
  return name == "application/octet-stream" || name == "application/pdf" ||
         name == "application/zip" || name == "application/gzip";
}

}  // namespace

bool MediaType::is_json() const { return name == "application/json" || name.ends_with("+json"); }

bool MediaType::is_text() const {
  constexpr std::array<std::string_view, 7> kTexts = {
      "application/xml",       "application/yaml",    "application/javascript",
      "application/x-ndjson",  "application/graphql", "application/x-www-form-urlencoded",
      "application/ecmascript"};
  if (name.starts_with("text/") || name.ends_with("+xml") || name.ends_with("+yaml")) return true;
  return (!charset.empty() && !is_binary(name)) ||
         std::find(kTexts.begin(), kTexts.end(), name) != kTexts.end();
}

MediaType parse_media_type(std::string_view field) {
  MediaType type;
  const std::size_t end = std::min(field.find(';'), field.size());
  type.name = ascii_lower(without_blanks(field.substr(0, end)));
  field.remove_prefix(end);
  while (!field.empty()) {
    field.remove_prefix(1);  // the ";"
    field = without_blanks(field);
    const std::size_t name_end = std::min(field.find_first_of("=;"), field.size());
    const std::string name = ascii_lower(without_blanks(field.substr(0, name_end)));
    field.remove_prefix(name_end);
    if (!field.starts_with('=')) continue;
    field.remove_prefix(1);
    std::string value = take_parameter_value(field);
    if (name == "charset" && type.charset.empty())
      type.charset = std::move(value);
    else if (name == "boundary" && type.boundary.empty())
      type.boundary = std::move(value);
  }
  return type;
}

}  // namespace stepwell::steps
