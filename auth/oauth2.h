// OAuth 2.0 as a client of a token endpoint sees it: the settings, the request for a token and the
// reading of its answer (RFC 6749; token exchange: RFC 8693; resource: RFC 8707). Nothing here
// sends or remembers anything: that is TokenSource's.
// Pure functions and plain values, callable from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credential.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/value.h"
#include "http/message.h"

namespace stepwell::auth {

// `password` stands in definitions alone (RFC 9700 §2.4 advises against it).
enum class OAuth2Grant : std::uint8_t {
  client_credentials,
  refresh_token,
  token_exchange,
  password
};
std::string_view to_string(OAuth2Grant grant) noexcept;  // "client_credentials" …

// How the client says who it is: in an Authorization header (RFC 6749 §2.3.1), in the body, by its
// id alone; and in definitions alone, by a JWT that its secret signs or that it is given (RFC
// 7523).
enum class ClientAuthentication : std::uint8_t { basic, post, none, secret_jwt, assertion };
std::string_view to_string(ClientAuthentication way) noexcept;  // "basic", "post", "none" …

// Members of CredentialValue::more, of policies in definitions.
inline constexpr std::string_view kOwnerName = "ownerName";  // of the grant password
inline constexpr std::string_view kOwnerPassword = "ownerPassword";
inline constexpr std::string_view kClientAssertion = "clientAssertion";

inline constexpr std::string_view kAccessTokenType =
    "urn:ietf:params:oauth:token-type:access_token";  // RFC 8693 §3

// A credential's `settings` where its kind is oauth2. Nothing in it is secret.
struct OAuth2Settings {
  OAuth2Grant grant = OAuth2Grant::client_credentials;
  std::string token_url;  // https, or http to this machine
  ClientAuthentication client_authentication = ClientAuthentication::basic;
  std::vector<std::string> scopes;
  std::string audience;  // this and all that follow: empty where not given
  std::string resource;
  std::string subject_token_type = std::string(kAccessTokenType);
  std::string actor_token_type;
  std::string requested_token_type;

  // Of policies in definitions alone; parse() does not know them.
  std::vector<std::string> audiences;
  std::vector<std::string> issuers;  // whose tokens are taken; empty: anybody's
  std::string discovery_url;         // OpenID Connect Discovery §4, where token_url is empty
  bool json = false;                 // the request's encoding; else a form

  // {grant, tokenUrl, clientAuthentication, scopes, audience, resource, subjectTokenType,
  // actorTokenType, requestedTokenType}; all but tokenUrl may be left out.
  // Errors: validation/`credential-invalid`, which names the member.
  static Result<OAuth2Settings> parse(const Value& settings);
  // What parse() reads back as the same; members that have their default are left out, but for
  // grant and clientAuthentication.
  Value to_value() const;
};

// Does the value have what the grant needs, and nothing that it does not know? Errors:
// validation/`credential-invalid`; the detail never quotes a value.
Status check(const OAuth2Settings& settings, const CredentialValue& value);

// The POST for a token, without guard, pool and timeouts. Its body may hold secrets: the caller
// wipes it. `assertion`: the JWT by which the client proves itself, where it does. Precondition:
// check().
http::Request token_request(const OAuth2Settings& settings, const CredentialValue& value,
                            std::string_view assertion = {});
// "Authorization: Basic …" with the NUL that ends a C string; empty where the client does not
// authenticate itself that way.
Secret client_line(const OAuth2Settings& settings, const CredentialValue& value);

struct IssuedToken {
  Secret access_token;
  Secret refresh_token;                          // empty where the answer has none
  std::optional<std::chrono::seconds> lifetime;  // not negative; nothing where it is not said
};

// What the problems about a token say, so that a person finds the credential.
struct TokenContext {
  std::string credential;  // its name; empty for a policy in a definition
  std::uint32_t version = 0;
  std::string endpoint;  // without query
};

// Takes secrets out of a text that the token endpoint wrote, in case that it echoes them.
using Mask = std::function<std::string(std::string)>;

// Reads the answer and wipes its body. Errors, with extensions `credential` and
// `credentialVersion`: authentication/401/`token-refused`, not retryable, where the endpoint says
// no; communication/503/`token-unavailable` where it says something else, retryable unless the
// answer is a token that cannot be used. Of the body, only `error` and `error_description` are
// ever shown, masked, in printable ASCII and cut short.
Result<IssuedToken> parse_token_answer(http::Response& answer, const TokenContext& context,
                                       const Mask& mask = {});
// The token endpoint of an OpenID Connect provider's answer at `discovery_url` (OpenID Connect
// Discovery §4.2, §4.3). Errors: as above, `token-unavailable`.
Result<std::string> parse_discovery(http::Response& answer, const OAuth2Settings& settings,
                                    const TokenContext& context);
// Is the token from one of settings.issuers? Errors: `token-refused`, also where that cannot be
// told.
Status check_issuer(const IssuedToken& issued, const OAuth2Settings& settings,
                    const TokenContext& context);
// communication/503/`token-unavailable`, retryable, because of `cause`.
Problem token_unavailable(const TokenContext& context, Problem cause);
// authentication/401/`token-expired`, retryable.
Problem token_expired(const TokenContext& context);

}  // namespace stepwell::auth
