#include "api/target.h"

#include <algorithm>
#include <optional>

#include "base/json.h"

namespace stepwell::api {

namespace {

Problem target_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "target-invalid", std::move(detail));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// pchar without "%" (RFC 3986 §3.3); a query may also hold "/" and "?".
bool is_path_byte(char c) {
  return is_alphanumeric(c) || std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string::npos;
}
bool is_query_byte(char c) { return is_path_byte(c) || c == '/' || c == '?'; }

Result<std::string> decode(std::string_view text, bool in_query) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%') {
      if (!(in_query ? is_query_byte(c) : is_path_byte(c)))
        return fail(
            target_invalid("the request target holds a character that must be percent-encoded"));
      out += in_query && c == '+' ? ' ' : c;
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail(
          target_invalid("the request target holds a \"%\" without two hexadecimal digits"));
    const auto byte = static_cast<unsigned char>(high * 16 + low);
    if (byte < 0x20 || byte == 0x7f)
      return fail(target_invalid("the request target holds an encoded control character"));
    if (!in_query && (byte == '/' || byte == '\\'))
      return fail(target_invalid("the request target holds an encoded slash or backslash"));
    out += static_cast<char>(byte);
    i += 2;
  }
  if (!is_valid_utf8(out)) return fail(target_invalid("the request target is not UTF-8"));
  return out;
}

Status read_path(std::string_view path, Target& target) {
  if (path.empty() || path.front() != '/')
    return fail(target_invalid("the request target must begin with \"/\""));
  target.segments.reserve(static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    Result<std::string> segment = decode(path.substr(0, end), false);
    if (!segment) return fail(std::move(segment).error());
    if (*segment == "." || *segment == "..")
      return fail(target_invalid("the request target holds a dot segment"));
    target.segments.push_back(*std::move(segment));
    path.remove_prefix(end);
  }
  return {};
}

Status read_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    Result<std::string> name = decode(pair.substr(0, equals), true);
    if (!name) return fail(std::move(name).error());
    Result<std::string> value =
        decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!value) return fail(std::move(value).error());
    const bool twice = std::any_of(target.query.begin(), target.query.end(),
                                   [&](const auto& known) { return known.first == *name; });
    if (twice) return fail(target_invalid("the query parameter \"" + *name + "\" is given twice"));
    target.query.emplace_back(*std::move(name), *std::move(value));
  }
  return {};
}

// Absolute form is for proxies, but a server must accept it (RFC 9112 §3.2.2).
std::string_view without_authority(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::size_t path = text.find_first_of("/?", scheme.size());
    if (path == std::string_view::npos) return "/";
    return text.substr(path);
  }
  return text;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  text = without_authority(text);
  if (text.find('#') != std::string_view::npos)
    return fail(target_invalid("the request target holds a fragment"));
  const std::size_t question = std::min(text.find('?'), text.size());
  Target target;
  if (Status status = read_path(text.substr(0, question), target); !status)
    return fail(std::move(status).error());
  if (question < text.size()) {
    if (Status status = read_query(text.substr(question + 1), target); !status)
      return fail(std::move(status).error());
  }
  return target;
}

}  // namespace stepwell::api
