#include "http/mail_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/ascii.h"
#include "base/encoding.h"

namespace stepwell::http {
namespace {

constexpr std::size_t kFoldAt = 76;     // RFC 5322 §2.1.1 recommends 78 …
constexpr std::size_t kMaxLine = 998;   // … and demands this
constexpr std::size_t kWordBytes = 42;  // of an encoded word: 56 characters of base64
constexpr std::string_view kFold = "\r\n ";

bool is_printable(char c) { return c >= 0x20 && c < 0x7f; }
bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_printable(c); });
}

std::size_t longest_word(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    longest = std::max(longest, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return longest;
}

// Can it stand in a field as it is? A space at an end would be lost.
bool is_plain(std::string_view text) {
  return is_printable(text) && text.find("=?") == std::string_view::npos && text.front() != ' ' &&
         text.back() != ' ' && longest_word(text) < kMaxLine - kFoldAt;
}

// Encoded words of UTF-8 (RFC 2047 §2), no character cut in two (§5).
std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(kWordBytes, text.size());
    while (size < text.size() && size > kWordBytes - 4 &&
           (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80)
      --size;
    if (!out.empty()) out += kFold;
    out.append("=?UTF-8?B?").append(to_base64(text.substr(0, size))).append("?=");
    text.remove_prefix(size);
  }
  return out;
}

// Lines are broken before words, never in them.
std::string folded(std::string_view text, std::size_t column) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' ', 1), text.size());
    // A line of spaces alone would not be one of this field (RFC 5322 §3.2.2).
    const bool blank = text.substr(0, end).find_first_not_of(' ') == std::string_view::npos;
    if (column + end > kFoldAt && text.front() == ' ' && !blank) {
      out += "\r\n";
      column = 0;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(end);
  }
  return out;
}

bool is_atom_text(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~ ";
  return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
         kMarks.find(c) != std::string_view::npos;
}

std::string quoted_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string written(const MailAddress& address) {
  if (address.name.empty()) return address.address;
  std::string out;
  if (!is_plain(address.name))
    out = encoded_words(address.name);
  else if (std::all_of(address.name.begin(), address.name.end(), is_atom_text))
    out = address.name;
  else
    out = quoted_string(address.name);
  out += out.size() + address.address.size() > kFoldAt ? kFold : " ";
  return out.append("<").append(address.address).append(">");
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '\r' && c != '\n') {
      out += c;
      continue;
    }
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    out += "\r\n";
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

template <class Each>
void for_each_line(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    each(text.substr(0, end));
    text.remove_prefix(end + 2);
  }
}

bool goes_as_it_is(std::string_view text) {
  bool good = text.find("=_") == std::string_view::npos;
  for_each_line(text, [&good](std::string_view line) {
    good = good && line.size() <= kMaxLine && std::all_of(line.begin(), line.end(), [](char c) {
             return is_printable(c) || c == '\t';
           });
  });
  return good;
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for_each_line(text, [&out](std::string_view line) {
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      const bool last = i + 1 == line.size();
      // Space at a line's end would be lost on the way.
      const bool plain =
          (is_printable(c) && c != '=' && c != ' ') || ((c == ' ' || c == '\t') && !last);
      const std::size_t size = plain ? 1 : 3;
      if (column + size > kFoldAt - 1) {
        out += "=\r\n";
        column = 0;
      }
      if (plain)
        out += c;
      else
        out.append("=").append(to_hex({&c, 1}, true));
      column += size;
    }
    out += "\r\n";
  });
  return out;
}

}  // namespace

std::string mail_header(std::string_view name, std::string_view value) {
  std::string out(name);
  out += ':';
  if (value.empty()) return out + " \r\n";
  if (is_plain(value))
    out += folded(" " + std::string(value), out.size());
  else
    out.append(" ").append(encoded_words(value));
  return out + "\r\n";
}

std::string mail_header(std::string_view name, const std::vector<MailAddress>& addresses) {
  std::string out(name);
  out += ": ";
  for (const MailAddress& address : addresses) {
    if (&address != &addresses.front()) out.append(",").append(kFold);
    out += written(address);
  }
  return out + "\r\n";
}

std::string mail_parameter(std::string_view name, std::string_view value) {
  std::string out = ";\r\n ";
  out += name;
  if (is_printable(value) && value.size() < kMaxLine / 2)
    return out.append("=").append(quoted_string(value));
  return out.append("*=UTF-8''").append(percent_encode(value));
}

std::string mail_date(WallTime time) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

MailText mail_text(std::string_view text) {
  std::string lines = with_crlf(text);
  if (goes_as_it_is(lines)) return {"7bit", std::move(lines)};
  return {"quoted-printable", quoted_printable(lines)};
}

std::string mail_base64(std::string_view bytes) {
  std::string out;
  out.reserve(mail_base64_size(bytes.size()));
  while (!bytes.empty()) {
    const std::size_t size = std::min(kMailBase64Bytes, bytes.size());
    out.append(to_base64(bytes.substr(0, size))).append("\r\n");
    bytes.remove_prefix(size);
  }
  return out;
}

std::uint64_t mail_base64_size(std::uint64_t bytes) {
  const std::uint64_t rest = bytes % kMailBase64Bytes;
  return bytes / kMailBase64Bytes * (kMailBase64Bytes / 3 * 4 + 2) +
         (rest == 0 ? 0 : (rest + 2) / 3 * 4 + 2);
}

std::optional<std::size_t> decode_base64(std::string_view text, char* into) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::size_t count = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  std::uint32_t bits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\r' || c == '\n' || c == '\t') continue;
    const std::size_t value = kDigits.find(c);
    if (c == '=') {
      ++padding;
      continue;
    }
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    if (digits++ % 4 > 0)
      into[count++] = static_cast<char>(bits >> (6U - 2U * ((digits - 1) % 4)) & 0xffU);
  }
  // One digit of a group says nothing, and with padding it has four.
  if (digits % 4 == 1 || padding > 2 || (padding > 0 && (digits + padding) % 4 != 0))
    return std::nullopt;
  return count;
}

}  // namespace stepwell::http
