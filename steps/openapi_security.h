// Which credential an operation's security requirements stand for, where the task names none: the
// one that is named like the security scheme. Pure but for what the lookup does; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/credential.h"
#include "base/result.h"
#include "config/definition.h"
#include "steps/openapi_document.h"

namespace stepwell::steps {

struct SecurityLookup {
  const config::NamedPolicies* named;  // use.authentications; null: none
  std::function<std::optional<auth::Credential>(std::string_view name)> stored;
};

// Nobody where both are empty.
struct ChosenSecurity {
  std::string named;   // an entry of use.authentications
  std::string stored;  // a stored credential
  std::string advice;  // where nobody is, and somebody should be: which scheme, and what to do
};

// "api_key" as "api-key", "bearerAuth" as "bearer-auth": names of credentials are DNS labels.
std::string label_of_scheme(std::string_view scheme);

// The first alternative for whose scheme there is an entry of use.authentications or a stored
// credential of that name (or its label); else nobody, since documents ask for more than their
// servers do, and the upstream is who decides. A credential goes where its own rules say, so that a
// document cannot place it elsewhere: one that would go to another place than the scheme asks for
// is an error, and so is an entry that is written out in the definition, which has no such rules:
// the document says which server it would go to. Errors: configuration/400 `security-unmet`.
Result<ChosenSecurity> choose_security(const OpenApiOperation& operation,
                                       const OpenApiDocument& document,
                                       const SecurityLookup& lookup);

}  // namespace stepwell::steps
