#include "auth/origin_pattern.h"

#include <algorithm>

namespace stepwell::auth {

namespace {

constexpr std::string_view kWildcard = "://*.";

Result<OriginPattern> invalid(std::string_view text, std::string_view why) {
  // User information and a query may carry what nobody should read.
  std::string shown(text.substr(0, text.find_first_of("?#")));
  if (const auto at = shown.rfind('@'); at != std::string::npos)
    shown = "(hidden)" + shown.substr(at);
  return fail(make_problem(ErrorKind::validation, "origin-invalid",
                           "allowed origin \"" + shown + "\" " + std::string(why) +
                               "; write it as https://api.example.com, with :PORT where it is not "
                               "the scheme's own, or https://*.example.com for subdomains; a mail "
                               "server as smtp://mail.example.com:587"));
}

bool is_numeric_address(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Result<OriginPattern> OriginPattern::parse(std::string_view text) {
  std::string url(text);
  OriginPattern pattern;
  const std::size_t wildcard = text.find(kWildcard);
  if (wildcard != std::string_view::npos) {
    pattern.subdomains_ = true;
    url.erase(wildcard + 3, 2);
  }
  if (url.find_first_of("*?#") != std::string::npos)
    return invalid(text, "may have a * in front of its host only, and no query");
  const bool mail = url.starts_with("smtp");
  Result<http::Url> parsed = mail ? http::parse_mail_url(url) : http::parse_url(url);
  if (!parsed)
    return invalid(text, (mail ? "is no smtp or smtps origin (" : "is no http or https origin (") +
                             parsed.error().detail + ")");
  const std::size_t authority = url.find("://") + 3;
  const std::size_t slash = url.find('/', authority);
  if (slash != std::string::npos && slash + 1 != url.size())
    return invalid(text, "has a path: a credential is allowed for a whole origin");
  pattern.origin_ = std::move(parsed->origin);
  const std::string& host = pattern.origin_.host;
  if (pattern.subdomains_ &&
      (host.find('.') == std::string::npos || is_numeric_address(host) || host.starts_with('.')))
    return invalid(text, "is too wide: a wildcard needs a domain of two labels or more");
  return pattern;
}

bool OriginPattern::matches(const http::Origin& origin) const noexcept {
  if (origin.scheme != origin_.scheme || origin.port != origin_.port) return false;
  if (!subdomains_) return origin.host == origin_.host;
  // At least one character, then a dot, then the domain.
  const std::string& host = origin.host;
  return host.size() > origin_.host.size() + 1 && host.ends_with(origin_.host) &&
         host[host.size() - origin_.host.size() - 1] == '.' && !host.starts_with('.');
}

std::string OriginPattern::text() const {
  std::string text = origin_.text();
  if (subdomains_) text.insert(text.find("://") + 3, "*.");
  return text;
}

}  // namespace stepwell::auth
