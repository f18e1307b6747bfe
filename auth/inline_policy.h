// OAuth 2.0 and OpenID Connect as a definition writes them out: from the standard's members to what
// a TokenSource works with. Pure functions, callable from any thread.
// Source: Open Workflow Specification DSL 1.0, "OAUTH2 Authentication", "OpenIdConnect
// Authentication".
#pragma once

#include <string_view>

#include "auth/credential.h"
#include "auth/oauth2.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::auth {

struct InlinePolicy {
  OAuth2Settings settings;
  CredentialValue value;
};

// `policy`: {grant, client, request, endpoints, scopes, audiences, issuers, username, password,
// subject, actor}, evaluated; its `authority` is not looked at. The grant refresh_token takes its
// token from `subject`, since the standard has no other place for it.
// Errors: validation/400 `credential-invalid`, which names the member and never quotes a value.
Result<InlinePolicy> read_inline_policy(const Value& policy, std::string_view authority, bool oidc);

}  // namespace stepwell::auth
