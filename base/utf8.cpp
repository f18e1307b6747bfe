#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/json.h"

namespace stepwell {

namespace {

struct Sequence {
  std::size_t length;  // of the sequence, or of its maximal valid beginning (at least 1)
  bool valid;
};

bool continues(std::string_view bytes, std::size_t at, std::uint8_t low, std::uint8_t high) {
  if (at >= bytes.size()) return false;
  const auto byte = static_cast<std::uint8_t>(bytes[at]);
  return byte >= low && byte <= high;
}

// Unicode 15, table 3-7, "Well-Formed UTF-8 Byte Sequences".
Sequence sequence_at(std::string_view bytes, std::size_t at) {
  const auto lead = static_cast<std::uint8_t>(bytes[at]);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead < 0xE0 ? 2 : (lead < 0xF0 ? 3 : 4);
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(bytes, at + i, low, high)) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

// Where the first byte that is not ASCII stands, as far as whole words tell.
std::size_t ascii_words(std::string_view bytes, std::size_t at) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::uint64_t word = 0;
  for (; at + sizeof word <= bytes.size(); at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

}  // namespace

std::string_view utf8_prefix(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  constexpr std::size_t kLongest = 3;  // bytes of a character behind its first
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  std::size_t end = most;
  while (end > 0 && most - end < kLongest && is_inside(text[end])) --end;
  return text.substr(0, end);
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t at = ascii_words(bytes, 0); at < bytes.size();) {
    const Sequence sequence = sequence_at(bytes, at);
    if (!sequence.valid) return false;
    at += sequence.length;
  }
  return true;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Sequence sequence = sequence_at(bytes, at);
    if (sequence.valid)
      text.append(bytes, at, sequence.length);
    else
      text.append("\xEF\xBF\xBD");
    at += sequence.length;
  }
  return text;
}

}  // namespace stepwell
