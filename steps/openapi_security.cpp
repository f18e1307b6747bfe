#include "steps/openapi_security.h"

#include <utility>

#include "base/ascii.h"
#include "config/faults.h"

namespace stepwell::steps {

namespace {

using auth::CredentialKind;
using Scheme = SecurityScheme;

Problem security_unmet(std::string detail) {
  return make_problem(ErrorKind::configuration, "security-unmet", std::move(detail));
}

bool same_name(std::string_view a, std::string_view b) { return ascii_lower(a) == ascii_lower(b); }

// Does the stored credential go where the scheme wants it?
bool fits_scheme(const auth::Credential& credential, const Scheme& scheme) {
  const CredentialKind kind = credential.kind;
  const bool authorization =
      kind == CredentialKind::bearer || kind == CredentialKind::oauth2 ||
      (kind == CredentialKind::api_key &&
       (!credential.prefix.empty() || same_name(credential.header, "Authorization")));
  switch (scheme.kind) {
    case Scheme::Kind::basic:
      return kind == CredentialKind::basic;
    case Scheme::Kind::digest:
      return kind == CredentialKind::digest;
    case Scheme::Kind::bearer:
    case Scheme::Kind::oauth2:
      return authorization;
    case Scheme::Kind::mutual_tls:
      return kind == CredentialKind::client_certificate;
    case Scheme::Kind::api_key: {
      if (scheme.in == ParameterPlace::query) return false;
      const std::string_view header =
          scheme.in == ParameterPlace::cookie ? std::string_view("Cookie") : scheme.parameter;
      if (same_name(header, "Authorization") && authorization) return true;
      return kind == CredentialKind::api_key && same_name(credential.header, header);
    }
    case Scheme::Kind::other:
      break;
  }
  return kind == CredentialKind::aws_sigv4 || kind == CredentialKind::api_key;
}

// The same of an entry of use.authentications that names a stored credential.
bool fits_scheme(const config::Authentication& policy, const Scheme& scheme) {
  using Policy = config::Authentication::Kind;
  const bool token =
      policy.kind == Policy::bearer || policy.kind == Policy::oauth2 || policy.kind == Policy::oidc;
  switch (scheme.kind) {
    case Scheme::Kind::basic:
      return policy.kind == Policy::basic;
    case Scheme::Kind::digest:
      return policy.kind == Policy::digest;
    case Scheme::Kind::bearer:
    case Scheme::Kind::oauth2:
      return token;
    case Scheme::Kind::api_key:
      return scheme.in == ParameterPlace::header &&
             (!token || same_name(scheme.parameter, "Authorization"));
    default:
      return true;
  }
}

std::string what_to_do(const std::string& name, const Scheme* scheme) {
  const std::string label = config::quoted(label_of_scheme(name));
  if (scheme != nullptr && scheme->kind == Scheme::Kind::api_key &&
      scheme->in == ParameterPlace::query)
    return "it would go into the URL, where it would show in logs, and so is not supported; ask "
           "for "
           "another way to authenticate";
  if (scheme != nullptr && scheme->kind == Scheme::Kind::api_key &&
      scheme->in == ParameterPlace::cookie)
    return "store a credential of kind apiKey with the header `Cookie` and the value " +
           config::quoted(scheme->parameter + "=KEY") + " under the name " + label +
           ", or write `authentication` in the task";
  return "store a credential under the name " + label + ", or write `authentication` in the task";
}

const config::Authentication* named_policy(const SecurityLookup& lookup, std::string_view name) {
  if (lookup.named == nullptr) return nullptr;
  const auto found = lookup.named->find(name);
  return found == lookup.named->end() ? nullptr : &found->second;
}

// What one scheme can be met by: success with both empty where nothing has its name.
Result<ChosenSecurity> meet(const std::string& name, const Scheme* scheme,
                            const SecurityLookup& lookup) {
  const auto unfit = [&](const std::string& what) {
    return fail(security_unmet(
        what + " is named like the security scheme " + config::quoted(name) +
        (scheme == nullptr ? "" : " (" + scheme->text + ")") +
        " of the OpenAPI document, but does not go with it: " + what_to_do(name, scheme)));
  };
  const std::string label = label_of_scheme(name);
  for (const std::string& each : {name, label}) {
    const config::Authentication* const named = named_policy(lookup, each);
    if (named != nullptr) {
      // The document says which server it would go to.
      if (named->credential.empty())
        return unfit("the authentication " + config::quoted(each) +
                     ", which stands in the definition and has no origins of its own,");
      if (scheme != nullptr && !fits_scheme(*named, *scheme))
        return unfit("the authentication " + config::quoted(each));
      return ChosenSecurity{each, {}, {}};
    }
    const auto stored = lookup.stored(each);
    if (!stored) continue;
    if (scheme != nullptr && !fits_scheme(*stored, *scheme))
      return unfit("the credential " + config::quoted(each));
    return ChosenSecurity{{}, each, {}};
  }
  return ChosenSecurity{};
}

}  // namespace

std::string label_of_scheme(std::string_view scheme) {
  std::string label;
  bool lower = false;  // the last one was a lower-case letter or a digit
  for (const char c : scheme) {
    const char small = ascii_lower(c);
    const bool letter = small >= 'a' && small <= 'z';
    if (!letter && !is_ascii_digit(c)) {
      if (!label.empty() && label.back() != '-') label += '-';
      lower = false;
      continue;
    }
    if (letter && small != c && lower) label += '-';
    label += small;
    lower = small == c;
  }
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label;
}

Result<ChosenSecurity> choose_security(const OpenApiOperation& operation,
                                       const OpenApiDocument& document,
                                       const SecurityLookup& lookup) {
  if (operation.security.empty()) return ChosenSecurity{};
  bool anonymous = false;
  std::optional<Problem> unfit;
  std::string wanted;
  for (const std::vector<std::string>& alternative : operation.security) {
    anonymous = anonymous || alternative.empty();
    if (alternative.empty()) continue;
    const SecurityScheme* scheme = document.scheme(alternative.front());
    if (alternative.size() == 1) {
      auto met = meet(alternative.front(), scheme, lookup);
      if (!met)
        unfit = std::move(met.error());
      else if (!met->named.empty() || !met->stored.empty())
        return met;
    }
    std::string names;
    for (const std::string& name : alternative)
      names += (names.empty() ? "" : " together with ") + config::quoted(name);
    wanted += (wanted.empty() ? "" : ", or ") + names;
    if (alternative.size() > 1)
      wanted += " (several at once are only supported by `authentication` in the task)";
    else
      wanted += (scheme == nullptr ? "" : " (" + scheme->text + ")") + std::string(": ") +
                what_to_do(alternative.front(), scheme);
  }
  if (unfit) return fail(std::move(*unfit));
  if (anonymous) return ChosenSecurity{};
  ChosenSecurity nobody;
  nobody.advice = "the operation " + config::quoted(operation.id) +
                  " asks for authentication by the security scheme " + wanted;
  return nobody;
}

}  // namespace stepwell::steps
