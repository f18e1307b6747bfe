#include "http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::http {
namespace {

Problem url_invalid(std::string_view text, std::string_view why) {
  // The query may carry what nobody should read; user info as well.
  std::string shown(text.substr(0, text.find_first_of("?#")));
  if (const auto at = shown.rfind('@'); at != std::string::npos)
    shown = "(hidden)" + shown.substr(at);
  for (char& c : shown)
    if (is_ascii_control(c)) c = '?';
  if (shown.size() > 200) shown = std::string(utf8_prefix(shown, 200)) + "...";
  return make_problem(ErrorKind::configuration, "url-invalid",
                      "the URL \"" + shown + "\" cannot be used: " + std::string(why));
}

// Every URL is read twice for each request, so the two sets that its bytes are held against are
// tables.
using ByteSet = std::array<bool, 256>;

// A registered name without percent-encoding and sub-delimiters: libcurl decodes the former, and
// nothing sensible has the latter. Bytes of UTF-8 are let through for IDN.
constexpr ByteSet kOfHost = [] {
  ByteSet set{};
  for (std::size_t byte = 0; byte < set.size(); ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_alpha = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    set[byte] = is_alpha || is_ascii_digit(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
                byte >= 0x80;
  }
  return set;
}();

constexpr ByteSet kSpaceOrControl = [] {
  ByteSet set{};
  for (std::size_t byte = 0; byte <= 0x20; ++byte) set[byte] = true;
  set[0x7f] = true;
  return set;
}();

bool has(const ByteSet& set, char c) { return set[static_cast<unsigned char>(c)]; }

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return has(kOfHost, c); });
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

struct Scheme {
  std::string_view name;
  std::uint16_t port;  // where the URL names none
};
using Schemes = std::array<Scheme, 2>;  // the second is encrypted from the first byte
constexpr Schemes kWeb{{{"http", 80}, {"https", 443}}};
constexpr Schemes kMail{{{"smtp", 25}, {"smtps", 465}}};  // as libcurl has it

std::uint16_t default_port(std::string_view scheme) {
  for (const Schemes& schemes : {kWeb, kMail})
    for (const Scheme& one : schemes)
      if (one.name == scheme) return one.port;
  return 0;
}

// Takes "http://" and the like off the front.
std::string_view take_scheme(std::string_view& rest, const Schemes& schemes) {
  for (const auto& [scheme, port] : schemes) {
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

// What a URL consists of, where it lies in the text.
struct Parts {
  std::string_view scheme;
  std::string_view host;
  std::uint16_t port = 0;
  std::string_view path;
  std::string_view query;
};

// Why the text is no URL; nullptr: it is one.
const char* split_authority(std::string_view authority, Parts& parts) {
  if (authority.find('@') != std::string_view::npos)
    return "user information does not belong into it; use a credential";
  parts.host = authority;
  std::string_view port;
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    parts.host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (parts.host.empty()) return "it has no host";
  if (!is_host(parts.host) && !is_bracketed_v6(parts.host))
    return "its host has characters that a host name cannot have";
  parts.port = default_port(parts.scheme);
  if (port.empty()) return nullptr;  // also behind a colon, RFC 3986 §6.2.3
  const auto number = parse_port(port);
  if (!number) return "its port is not a number from 1 to 65535";
  parts.port = *number;
  return nullptr;
}

const char* split(std::string_view text, const Schemes& schemes, Parts& parts) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return has(kSpaceOrControl, c); }))
    return "it contains a space or a control character; percent-encode it";
  std::string_view rest = text;
  parts.scheme = take_scheme(rest, schemes);
  if (parts.scheme.empty())
    return &schemes == &kWeb ? "it does not begin with http:// or https://"
                             : "it does not begin with smtp:// or smtps://";
  const auto* const end = std::find_if(rest.begin(), rest.end(), [](char c) {
    return c == '/' || c == '?' || c == '#' || c == '\\';
  });
  const auto authority = static_cast<std::size_t>(end - rest.begin());
  if (const char* why = split_authority(rest.substr(0, authority), parts); why != nullptr)
    return why;
  rest.remove_prefix(authority);
  if (rest.starts_with('\\')) return "a backslash follows its host";
  rest = rest.substr(0, rest.find('#'));
  const auto mark = rest.find('?');
  parts.path = rest.substr(0, mark);
  if (mark != std::string_view::npos) parts.query = rest.substr(mark + 1);
  return nullptr;
}

}  // namespace

std::string Origin::text() const {
  std::string out;
  out.reserve(scheme.size() + host.size() + sizeof "://:65535");
  out.append(scheme).append("://").append(host);
  if (port != default_port(scheme)) out.append(":").append(std::to_string(port));
  return out;
}

std::string Origin::host_and_port() const { return host + ":" + std::to_string(port); }

std::string Url::without_query() const { return origin.text() + path; }

namespace {

Result<Url> parse(std::string_view text, const Schemes& schemes) {
  Parts parts;
  Result<Url> url(tl::in_place);
  if (const char* why = split(text, schemes, parts); why != nullptr) {
    url = fail(url_invalid(text, why));
    return url;
  }
  url->origin.scheme = parts.scheme;
  url->origin.host = parts.host;
  for (char& c : url->origin.host) c = ascii_lower(c);
  url->origin.port = parts.port;
  url->path = parts.path.empty() ? std::string_view("/") : parts.path;
  url->query = parts.query;
  return url;
}

}  // namespace

Result<Url> parse_url(std::string_view text) { return parse(text, kWeb); }

Result<Url> parse_mail_url(std::string_view text) {
  auto url = parse(text, kMail);
  if (url && (url->path != "/" || !url->query.empty()))
    return fail(url_invalid(text, "it names a mail server, which has neither path nor query"));
  return url;
}

Result<std::string> resolve_reference(std::string_view base, std::string_view reference) {
  if (auto checked = parse_url(base); !checked) return fail(std::move(checked.error()));
  for (const char c : reference)
    if (is_ascii_control(c)) return fail(url_invalid(reference, "it contains a control character"));
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
