#include "store/file_name.h"

#include <algorithm>
#include <cstdint>

#include "base/ascii.h"

namespace stepwell::store {

namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestType = 255;
constexpr std::string_view kUnknownType = "application/octet-stream";

// The character that begins there and its length in bytes; a byte that begins none counts as one
// that may not stand there.
struct Character {
  char32_t code = 0;
  std::size_t length = 1;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return {};
  char32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80) return {};
    code = (code << 6U) | (byte(at + i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {};
  return {code, length};
}

// Unicode's control characters, line and paragraph separators, and the marks that make a name look
// like another one ("exe.fdp" that reads backwards).
bool is_fit(char32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;
  if (code == 0x200e || code == 0x200f || code == 0x061c || code == 0xfeff) return false;
  return !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

// RFC 9110 §5.6.2.
bool is_type_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "image/png", in lower case; empty for what is no media type.
std::string essence_of(std::string_view type) {
  const std::string_view essence = without_blanks(type.substr(0, type.find(';')));
  const std::size_t slash = essence.find('/');
  if (slash == std::string_view::npos || !is_type_token(essence.substr(0, slash)) ||
      !is_type_token(essence.substr(slash + 1)))
    return {};
  return ascii_lower(essence);
}

}  // namespace

std::string clean_file_name(std::string_view name) {
  if (const std::size_t slash = name.find_last_of("/\\"); slash != std::string_view::npos)
    name.remove_prefix(slash + 1);
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const Character next = character_at(name, at);
    if (is_fit(next.code)) {
      if (out.size() + next.length > kLongestName) break;
      out.append(name, at, next.length);
    }
    at += next.length;
  }
  out = std::string(without_blanks(out));
  if (out.find_first_not_of('.') == std::string::npos) return "file";
  return out;
}

std::string clean_media_type(std::string_view type) {
  std::string essence = essence_of(type);
  const bool printable =
      std::all_of(type.begin(), type.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (essence.empty() || !printable || type.size() > kLongestType) return std::string(kUnknownType);
  const std::size_t semicolon = type.find(';');
  if (semicolon == std::string_view::npos) return essence;
  const std::string_view parameters = without_blanks(type.substr(semicolon + 1));
  return parameters.empty() ? essence : essence + "; " + std::string(parameters);
}

bool media_type_allowed(const std::vector<std::string>& patterns, std::string_view type) {
  if (patterns.empty()) return true;
  const std::string essence = essence_of(type);
  const std::string family = essence.substr(0, essence.find('/') + 1);
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& each) {
    const std::string pattern = ascii_lower(std::string_view(each));
    return pattern == essence || pattern == "*/*" || pattern == family + "*";
  });
}

std::string base32_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(byte);
    count += 8;
    for (; count >= 5; count -= 5) out += kDigits[(bits >> (count - 5)) & 31U];
    bits &= 0xffU;
  }
  if (count > 0) out += kDigits[(bits << (5 - count)) & 31U];
  return out;
}

}  // namespace stepwell::store
