#include "http/headers.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace stepwell::http {
namespace {

// Fields that say how the message is framed or routed: a second opinion about them is how
// requests are smuggled (RFC 9112 §11.2). The hop-by-hop ones are of RFC 9110 §7.6.1.
constexpr std::array<std::string_view, 12> kTransportFields = {
    "host",       "content-length", "transfer-encoding", "te",
    "connection", "keep-alive",     "upgrade",           "trailer",
    "expect",     "http2-settings", "proxy-connection",  "proxy-authorization"};

constexpr std::array<bool, 256> kOfToken = [] {
  std::array<bool, 256> set{};
  for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~"))
    set[static_cast<unsigned char>(c)] = true;
  return set;
}();

// Everything but CR, LF, NUL and other control characters than tab.
constexpr std::array<bool, 256> kOfValue = [] {
  std::array<bool, 256> set{};
  for (std::size_t byte = 0; byte < set.size(); ++byte)
    set[byte] = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  return set;
}();

bool is_of_transport(std::string_view name) {
  return std::any_of(kTransportFields.begin(), kTransportFields.end(), [&](std::string_view field) {
    return field.size() == name.size() && equal_names(name, field);
  });
}

// A name as it may be shown in a problem: printable, short.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 80));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return out;
}

Problem header_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "header-invalid", std::move(detail));
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kOfToken[static_cast<unsigned char>(c)];
  });
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kOfValue[static_cast<unsigned char>(c)]; });
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}

Status check_headers(const std::vector<Header>& headers) {
  for (const Header& header : headers) {
    if (!is_token(header.name))
      return fail(header_invalid("the header name \"" + shown(header.name) +
                                 "\" is empty or has characters that a header name cannot have"));
    if (!is_field_value(header.value))
      return fail(header_invalid("the value of the header " + shown(header.name) +
                                 " has a line break or another control character"));
    if (is_of_transport(header.name))
      return fail(header_invalid("the header " + shown(header.name) +
                                 " is set by Stepwell itself; remove it from the request"));
  }
  return {};
}

Status check_method(std::string_view method) {
  if (is_token(method) && method.size() <= 32) return {};
  return fail(make_problem(ErrorKind::configuration, "method-invalid",
                           "the method \"" + shown(method) + "\" is not a valid HTTP method"));
}

std::string form_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '"')
      out += "%22";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else
      out += c;
  }
  return out;
}

}  // namespace stepwell::http
