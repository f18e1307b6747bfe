// Our own API keys and the users they belong to, as the store keeps them and lists show them; and
// the text of a key:
//
//   sw_<id>.<secret><checksum>     e.g. sw_k3v9…(12).Zx81…(32)2LkQ0a
//
//   id        12 characters of a–z2–7 (60 random bits); public, appears in lists and logs
//   secret    32 characters of 0–9A–Za–z (190 random bits)
//   checksum  CRC-32 (IEEE 802.3) of everything before it, in base 62 (digits 0–9A–Za–z, the most
//             significant first, padded with "0" to 6), so that a scanner can tell a leaked key
//             from a chance match without asking us
//
// Plain values and pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/permission.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/secret.h"
#include "base/value.h"

namespace stepwell::auth {

enum class KeyState : std::uint8_t { active, expired, revoked, deleted };
inline constexpr std::size_t kKeyStates = 4;
std::string_view to_string(KeyState state) noexcept;
std::optional<KeyState> parse_key_state(std::string_view text) noexcept;

// How many requests may be made with a key, instead of what the settings say of all.
struct KeyRate {
  std::uint64_t requests = 0;  // within `per`, on average; 0: as many as it likes
  Milliseconds per{1'000};
  std::uint64_t burst = 0;  // at once after a pause; 0: as many as `requests`
};
// {requests, per (e.g. "1500ms", "10s", "1m"), burst}.
Value describe(const KeyRate& rate);

struct ApiKey {
  std::string id;  // with its prefix: "sw_k3v9…"
  std::string name;
  std::string user;
  std::string hash;                // keyed BLAKE2b-256 of the whole text
  std::vector<Permission> scopes;  // what its user's role is narrowed to; empty: not narrowed
  std::optional<WallTime> expires_at;
  KeyState state = KeyState::active;  // as set by people; never `expired` here
  std::string created_by;
  WallTime created_at;
  std::string changed_by;  // who brought about `state`, and when
  WallTime changed_at;
  std::optional<KeyRate> rate = {};
};

Value scope_names(const std::vector<Permission>& scopes);  // ["view-instances", …]

KeyState state_at(const ApiKey& key, WallTime now) noexcept;
// {id, name, user, scopes, rateLimit, state, expiresAt, createdBy, createdAt, changedBy,
// changedAt}; no hash.
Value describe(const ApiKey& key, WallTime now);

struct User {
  std::string name;
  Role role = Role::viewer;
  bool active = true;
  std::string created_by;
  WallTime created_at;
};

Value describe(const User& user);  // {name, role, active, createdBy, createdAt}

// Makes a key's text.
Secret generate_key(Entropy& entropy);
// The public id ("sw_…") of a well-formed text with a right checksum; else nothing.
std::optional<std::string_view> key_id_of(std::string_view text) noexcept;
// Whatever in a longer text is a well-formed key with a right checksum.
std::vector<std::string_view> key_texts_in(std::string_view text);

}  // namespace stepwell::auth
