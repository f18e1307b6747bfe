// What a URL says, read once and strictly: the origin that decides about credentials and
// connections, and the target. Pure functions and plain values, callable from any thread.
// The reading is stricter than libcurl's on purpose, so that both can never disagree about the
// host (no user info, no percent-encoding or backslash in the authority).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stepwell::http {

// Scheme, host and port (RFC 6454 §4).
struct Origin {
  std::string scheme;      // "http" or "https"; of a mail server "smtp" or "smtps"
  std::string host;        // lower case; an IPv6 address in brackets
  std::uint16_t port = 0;  // the effective one: the scheme's own where the URL names none

  bool operator==(const Origin&) const = default;
  // "https://example.com", with ":8443" where the port is not the scheme's own.
  std::string text() const;
  // "example.com:443", as problems name it.
  std::string host_and_port() const;
};

struct Url {
  Origin origin;
  std::string path;   // begins with "/"
  std::string query;  // without "?"; may be empty
  // The URL without user info, query and fragment: fit for logs and problems.
  std::string without_query() const;
};

// An absolute http or https URL (RFC 3986 §4.3, RFC 9110 §4.2; a fragment is allowed and dropped).
// Errors: configuration/400/`url-invalid` for another scheme, user info, a space or control
// character anywhere, an empty host, a port outside of 1–65535. IDN hosts are left alone.
Result<Url> parse_url(std::string_view text);

// An smtp or smtps URL, which names a server and has neither path nor query. Errors: as above.
Result<Url> parse_mail_url(std::string_view text);

// The target of `reference` seen from the absolute `base` (RFC 3986 §5), as an absolute URL.
// Errors: `url-invalid`, as parse_url() of the result.
Result<std::string> resolve_reference(std::string_view base, std::string_view reference);

}  // namespace stepwell::http
