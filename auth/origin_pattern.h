// An allowed origin of a credential: scheme://host[:port], or scheme://*.domain[:port], which
// matches the domain's subdomains of any depth but not the domain itself.
// An immutable value, readable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/url.h"

namespace stepwell::auth {

class OriginPattern {
 public:
  // Errors: validation/`origin-invalid` for anything but an http or https origin, or a mail server
  // as one of smtp or smtps (a single "/"
  // after it is allowed), a wildcard elsewhere than in front, or one above fewer than two labels.
  static Result<OriginPattern> parse(std::string_view text);

  bool matches(const http::Origin& origin) const noexcept;
  std::string text() const;  // parses back to the same pattern

  bool operator==(const OriginPattern&) const = default;

 private:
  http::Origin origin_;  // of a wildcard: host without "*."
  bool subdomains_ = false;
};

}  // namespace stepwell::auth
