// The little of JSON Web Tokens (RFC 7515, RFC 7519) that an OAuth 2.0 client needs: to sign who it
// is with its secret, and to look who a token is from. Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secret.h"

namespace stepwell::auth {

// What a client proves itself by at a token endpoint (RFC 7523 §2.2, §3): a JWT under HS256, good
// for a minute. `id`: what makes it unlike any other (`jti`).
Secret sign_client_assertion(std::string_view client, std::string_view secret,
                             std::string_view audience, WallTime now, std::string_view id);

// The claim `iss` of a signed token, which is not verified; nothing where the text is no such token
// or has no such claim.
std::optional<std::string> issuer_of(std::string_view token);

}  // namespace stepwell::auth
