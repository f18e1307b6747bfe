#include "http/mail_address.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::http {
namespace {

constexpr std::size_t kMaxLocal = 64;     // RFC 5321 §4.5.3.1.1
constexpr std::size_t kMaxAddress = 254;  // of a path of 256 with its brackets (§4.5.3.1.3)
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kShown = 100;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_ascii_control);
}

bool is_letter_or_digit(char c) {
  return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

std::string shown_address(std::string_view text) {
  std::string out(utf8_prefix(text, kShown));
  for (char& c : out)
    if (is_ascii_control(c)) c = '?';
  if (text.size() > kShown) out += "...";
  return "\"" + out + "\"";
}

tl::unexpected<Problem> invalid(std::string_view text, std::string_view why) {
  return fail(mail_invalid(shown_address(text) + " is no mail address: " + std::string(why)));
}

// Runs of atext with single dots between (RFC 5322 §3.2.3).
bool is_dot_atom(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  char before = '.';
  for (const char c : text) {
    const bool good = c == '.' ? before != '.'
                               : is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos;
    if (!good) return false;
    before = c;
  }
  return before != '.';
}

bool is_domain(std::string_view text) {
  if (text.empty()) return false;
  // An address literal (RFC 5321 §4.1.3).
  if (text.front() == '[')
    return text.size() > 2 && text.back() == ']' &&
           std::all_of(text.begin() + 1, text.end() - 1,
                       [](char c) { return is_letter_or_digit(c) || c == '.' || c == ':'; });
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const bool good = !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
                      label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                        return is_letter_or_digit(c) || c == '-';
                      });
    if (!good) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// Why the text is no address; nullptr: it is one.
const char* fault_of(std::string_view address) {
  if (std::any_of(address.begin(), address.end(),
                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return "it has characters beyond ASCII, which few servers take; write its domain as xn--…";
  const std::size_t at = address.find('@');
  if (at == std::string_view::npos) return "it has no @";
  if (address.find('@', at + 1) != std::string_view::npos) return "it has more than one @";
  if (address.size() > kMaxAddress || at > kMaxLocal) return "it is too long";
  if (at == 0 || !is_dot_atom(address.substr(0, at)))
    return "what is before its @ has characters that are not supported there";
  if (!is_domain(address.substr(at + 1))) return "what is behind its @ is no domain";
  return nullptr;
}

// Takes "…" with its escapes (RFC 5322 §3.2.4) off the front; what is no such thing stays.
std::string take_quoted(std::string_view& text) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return {};
}

// Where the first address of the list ends: a comma outside of quotes and brackets.
std::size_t end_of_first(std::string_view text) {
  bool quoted = false;
  bool bracketed = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        quoted = false;
      continue;
    }
    if (text[i] == '"') quoted = true;
    if (text[i] == '<') bracketed = true;
    if (text[i] == '>') bracketed = false;
    if (text[i] == ',' && !bracketed) return i;
  }
  return std::string_view::npos;
}

}  // namespace

Problem mail_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "mail-invalid", std::move(detail));
}

Result<MailAddress> make_mail_address(std::string_view name, std::string_view address) {
  if (has_control(name) || has_control(address))
    return invalid(has_control(name) ? name : address,
                   "it has a line break or another control character");
  if (const char* why = fault_of(address); why != nullptr) return invalid(address, why);
  if (name.size() > kMaxName) return invalid(name, "its name is too long");
  return MailAddress{std::string(name), std::string(address)};
}

Result<MailAddress> parse_mail_address(std::string_view text) {
  if (has_control(text)) return invalid(text, "it has a line break or another control character");
  const std::string_view whole = trimmed(text);
  if (whole.empty()) return invalid(text, "it is empty");
  if (whole.back() != '>') return make_mail_address({}, whole);
  std::string_view rest = whole;
  std::string name;
  if (rest.front() == '"') {
    name = take_quoted(rest);
    rest = trimmed(rest);
    if (!rest.starts_with('<')) return invalid(text, "its quotes do not end before the address");
  } else {
    const std::size_t open = rest.find('<');
    if (open == std::string_view::npos) return invalid(text, "it has a > without a <");
    name = trimmed(rest.substr(0, open));
    rest.remove_prefix(open);
  }
  return make_mail_address(name, rest.substr(1, rest.size() - 2));
}

Result<std::vector<MailAddress>> parse_mail_addresses(std::string_view text) {
  std::vector<MailAddress> addresses;
  while (true) {
    const std::size_t end = end_of_first(text);
    auto address = parse_mail_address(text.substr(0, end));
    if (!address) return fail(std::move(address.error()));
    addresses.push_back(std::move(*address));
    if (end == std::string_view::npos) return addresses;
    text.remove_prefix(end + 1);
  }
}

std::string_view mail_domain(std::string_view address) {
  return address.substr(std::min(address.find('@'), address.size() - 1) + 1);
}

}  // namespace stepwell::http
