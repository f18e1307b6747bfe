// A credential of a third party as everybody may see it: name, kind, rules and state, no value.
// Plain values and pure functions, callable from any thread.
#pragma once

#include <cstdint>
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
};

enum class CredentialKind : std::uint8_t { basic, bearer, api_key };
std::string_view to_string(CredentialKind kind) noexcept;  // "basic", "bearer", "apiKey"
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

struct Credential {
  std::string id;  // random, never used again; a re-added name gets another one
  std::string name;
  std::string description;
  CredentialKind kind = CredentialKind::bearer;
  std::string prefix;                               // apiKey: Authorization: PREFIX TOKEN …
  std::string header;                               // … or HEADER: TOKEN; one of both is set
  std::vector<OriginPattern> origins;               // never empty
  std::vector<std::string> namespaces;              // empty: all
  std::optional<WallTime> expires_at;               // valid iff now < expires_at
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

// What a credential holds. bearer and apiKey: `secret` alone; basic: both.
struct CredentialValue {
  std::string username;  // not treated as a secret, but sealed beside it
  Secret secret;
};

struct NewCredential {
  std::string name;  // a DNS label: a-z, 0-9, "-" inside, at most 63
  std::string description;
  CredentialKind kind = CredentialKind::bearer;
  std::string prefix;
  std::string header;
  std::vector<std::string> origins;  // OriginPattern's text
  std::vector<std::string> namespaces;
  std::optional<WallTime> expires_at;
  CredentialValue value;
};

// Everything about it that can be wrong, the first fault. Errors: validation/`credential-invalid`,
// `origin-invalid`.
Status check_new_credential(const NewCredential& credential);
// Not empty, at most 8 KiB, no control characters (RFC 9110 §5.5), no colon in a user name
// (RFC 7617 §2). Errors: validation/`credential-invalid`; the detail never quotes the value.
Status check_value(CredentialKind kind, const CredentialValue& value);
bool is_dns_label(std::string_view text) noexcept;

}  // namespace stepwell::auth
