#include "http/url.h"

#include <curl/curl.h>

#include <charconv>
#include <memory>
#include <optional>

#include "base/ascii.h"

namespace stepwell::http {
namespace {

Problem url_invalid(std::string_view text, std::string_view why) {
  // The query may carry what nobody should read; user info as well.
  std::string shown(text.substr(0, text.find_first_of("?#")));
  if (const auto at = shown.rfind('@'); at != std::string::npos)
    shown = "(hidden)" + shown.substr(at);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (shown.size() > 200) shown = shown.substr(0, 200) + "...";
  return make_problem(ErrorKind::configuration, "url-invalid",
                      "the URL \"" + shown + "\" cannot be used: " + std::string(why));
}

bool is_alpha(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

bool is_unreserved(char c) {
  return is_alpha(c) || is_ascii_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// A registered name without percent-encoding and sub-delimiters: libcurl decodes the former, and
// nothing sensible has the latter. Bytes of UTF-8 are let through for IDN.
bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host)
    if (!is_unreserved(c) && static_cast<unsigned char>(c) < 0x80) return false;
  return true;
}

bool is_bracketed_v6(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  // Zone identifiers (RFC 6874) are left out: they name an interface of this machine.
  return host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") ==
         std::string_view::npos;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 65535)
    return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

// Takes "http://" or "https://" off the front.
std::string_view take_scheme(std::string_view& rest) {
  for (const std::string_view scheme : {"http", "https"}) {
    if (rest.size() < scheme.size() + 3 || rest.substr(scheme.size(), 3) != "://") continue;
    bool same = true;
    for (std::size_t i = 0; i < scheme.size(); ++i)
      same = same && ascii_lower(rest[i]) == scheme[i];
    if (!same) continue;
    rest.remove_prefix(scheme.size() + 3);
    return scheme;
  }
  return {};
}

Result<Origin> parse_authority(std::string_view text, std::string_view scheme,
                               std::string_view authority) {
  if (authority.find('@') != std::string_view::npos)
    return fail(url_invalid(text, "user information does not belong into it; use a credential"));
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    has_port = true;
  }
  if (host.empty()) return fail(url_invalid(text, "it has no host"));
  if (!is_host(host) && !is_bracketed_v6(host))
    return fail(url_invalid(text, "its host has characters that a host name cannot have"));
  Origin origin{std::string(scheme), std::string(host), 0};
  for (char& c : origin.host) c = ascii_lower(c);
  origin.port = scheme == "https" ? 443 : 80;
  if (has_port && !port.empty()) {  // an empty port means the default, RFC 3986 §6.2.3
    const auto number = parse_port(port);
    if (!number) return fail(url_invalid(text, "its port is not a number from 1 to 65535"));
    origin.port = *number;
  }
  return origin;
}

}  // namespace

std::string Origin::text() const {
  std::string out = scheme + "://" + host;
  if (port != (scheme == "https" ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::string Origin::host_and_port() const { return host + ":" + std::to_string(port); }

std::string Url::without_query() const { return origin.text() + path; }

Result<Url> parse_url(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return fail(
          url_invalid(text, "it contains a space or a control character; percent-encode it"));
  std::string_view rest = text;
  const std::string_view scheme = take_scheme(rest);
  if (scheme.empty()) return fail(url_invalid(text, "it does not begin with http:// or https://"));
  const auto end = rest.find_first_of("/?#\\");
  auto origin = parse_authority(text, scheme, rest.substr(0, end));
  if (!origin) return fail(std::move(origin.error()));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (!rest.empty() && rest.front() == '\\')
    return fail(url_invalid(text, "a backslash follows its host"));
  rest = rest.substr(0, rest.find('#'));
  const auto mark = rest.find('?');
  Url url{*std::move(origin), std::string(rest.substr(0, mark)), {}};
  if (url.path.empty()) url.path = "/";
  if (mark != std::string_view::npos) url.query = rest.substr(mark + 1);
  return url;
}

Result<std::string> resolve_reference(std::string_view base, std::string_view reference) {
  if (auto checked = parse_url(base); !checked) return fail(std::move(checked.error()));
  for (const char c : reference)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(url_invalid(reference, "it contains a control character"));
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), &curl_url_cleanup);
  if (!handle) return fail(url_invalid(reference, "memory is short"));
  if (curl_url_set(handle.get(), CURLUPART_URL, std::string(base).c_str(), 0) != CURLUE_OK)
    return fail(url_invalid(base, "it cannot be parsed"));
  // Non-ASCII bytes and spaces of a Location are encoded, as browsers do.
  const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, std::string(reference).c_str(),
                                      CURLU_URLENCODE | CURLU_DISALLOW_USER);
  if (code != CURLUE_OK) return fail(url_invalid(reference, curl_url_strerror(code)));
  char* joined = nullptr;
  if (curl_url_get(handle.get(), CURLUPART_URL, &joined, 0) != CURLUE_OK || joined == nullptr)
    return fail(url_invalid(reference, "it cannot be resolved"));
  std::string result(joined);
  curl_free(joined);
  if (auto checked = parse_url(result); !checked) return fail(std::move(checked.error()));
  return result;
}

}  // namespace stepwell::http
