// A credential of a third party as everybody may see it: name, kind, rules and state, no value.
// Plain values and pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/origin_pattern.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/value.h"

namespace stepwell::auth {

// Who acts, for states and the audit: a user's name and where the call came from ("127.0.0.1",
// "offline").
struct Actor {
  std::string user;
  std::string from;
  // Where the request must have its effect once: what tells it from others, and what it asks for
  // (both Authority::fingerprint()). The change that it makes is remembered by it for a day.
  std::string once = {};
  std::string asked = {};
};

enum class CredentialKind : std::uint8_t {
  basic,
  bearer,
  api_key,
  digest,
  oauth2,
  aws_sigv4,
  client_certificate,
  hmac  // checks signatures of webhooks, and is never sent
};
// "basic", "bearer", "apiKey", "digest", "oauth2", "awsSigV4", "clientCertificate", "hmac"
std::string_view to_string(CredentialKind kind) noexcept;
std::optional<CredentialKind> parse_credential_kind(std::string_view text) noexcept;

// active → expired by the clock, and back by a new expiry; disabled ⇄ active by an admin; rejected
// after three refusals in a row, active again by rotating or enabling; revoked and deleted are
// final.
enum class CredentialState : std::uint8_t { active, expired, disabled, rejected, revoked, deleted };
inline constexpr std::size_t kCredentialStates = 6;
std::string_view to_string(CredentialState state) noexcept;
std::optional<CredentialState> parse_credential_state(std::string_view text) noexcept;
inline bool is_final(CredentialState state) noexcept {
  return state == CredentialState::revoked || state == CredentialState::deleted;
}

// What becomes of requests that are fully sent when their credential is revoked.
enum class OnRevoke : std::uint8_t { finish, abort };
std::string_view to_string(OnRevoke choice) noexcept;  // "finish", "abort"
std::optional<OnRevoke> parse_on_revoke(std::string_view text) noexcept;

inline constexpr std::size_t kMaxDescription = 1000;  // bytes

struct Credential {
  std::string id;  // random, never used again; a re-added name gets another one
  std::string name;
  std::string description;
  CredentialKind kind = CredentialKind::bearer;
  std::string prefix;                   // apiKey: Authorization: PREFIX TOKEN …
  std::string header;                   // … or HEADER: TOKEN; one of both is set
  Value settings;                       // of oauth2 and awsSigV4; else null
  std::vector<OriginPattern> origins;   // empty for hmac alone
  std::vector<std::string> namespaces;  // empty: all
  std::optional<WallTime> expires_at;   // valid iff now < expires_at
  OnRevoke on_revoke = OnRevoke::finish;
  std::string linked_key;                           // id of our own API key that it holds, or empty
  std::uint32_t version = 1;                        // the current one
  CredentialState state = CredentialState::active;  // as set by people; never `expired` here
  std::string created_by;
  WallTime created_at;
  std::string changed_by;  // who brought about `state`, and when
  WallTime changed_at;
};

// The state at a moment: `expired` where it would be active but for the clock.
CredentialState state_at(const Credential& credential, WallTime now) noexcept;

// {name, kind, description, state, version, origins, namespaces, prefix|header, expiresAt,
// createdBy, createdAt, changedBy, changedAt}, as the API and `-o json` show it.
Value describe(const Credential& credential, WallTime now);

// What a credential holds, by kind:
//   bearer, apiKey      secret: the token
//   hmac                secret: the key of the signatures, 8 bytes at least
//   basic, digest       username, secret: the password
//   oauth2              username: the client's id, secret: the client's secret (may be empty);
//                       more: refreshToken | subjectToken [actorToken], by the grant
//   awsSigV4            username: the access key's id, secret: the secret access key;
//                       more: sessionToken (optional)
//   clientCertificate   secret: the private key (PEM); more: certificate (PEM, the chain),
//                       passphrase (optional)
struct CredentialValue {
  std::string username;  // not treated as a secret, but sealed beside it
  Secret secret;
  std::map<std::string, Secret, std::less<>> more;

  std::string_view reveal(std::string_view name) const;  // of `more`; empty where absent
};

struct NewCredential {
  std::string name;  // a DNS label: a-z, 0-9, "-" inside, at most 63
  std::string description;
  CredentialKind kind = CredentialKind::bearer;
  std::string prefix;
  std::string header;
  Value settings;
  OnRevoke on_revoke = OnRevoke::finish;
  std::vector<std::string> origins;  // OriginPattern's text
  std::vector<std::string> namespaces;
  std::optional<WallTime> expires_at;
  CredentialValue value;
};

// Everything about it that can be wrong, the first fault. Errors: validation/`credential-invalid`,
// `origin-invalid`.
Status check_new_credential(const NewCredential& credential);
// Origins and namespaces alone. Errors: as above.
Status check_rules(CredentialKind kind, const std::vector<std::string>& origins,
                   const std::vector<std::string>& namespaces);
// By kind: what goes into a header is not empty, at most 8 KiB and without control characters
// (RFC 9110 §5.5); user names have no colon (RFC 7617 §2); certificates and keys are PEM. Errors:
// validation/`credential-invalid`; the detail never quotes the value.
Status check_value(CredentialKind kind, const Value& settings, const CredentialValue& value);
inline constexpr std::string_view kCertificate = "certificate";    // in `more`, and no secret
inline constexpr std::string_view kRefreshToken = "refreshToken";  // in `more`, of oauth2
bool is_dns_label(std::string_view text) noexcept;

}  // namespace stepwell::auth
