// Whether a key that is presented, or that an instance runs under, is good.
#include <algorithm>

#include "auth/cipher.h"
#include "auth/denial.h"
#include "auth/keys.h"
#include "http/headers.h"

namespace stepwell::auth {

namespace {

constexpr std::size_t kMaxHeader = 4096;

Problem refused(std::string code, std::string detail) {
  return make_problem(ErrorKind::authentication, std::move(code), std::move(detail));
}

Problem unknown_key() {
  return refused("key-unknown",
                 "the API key is not known here; send a valid one as Authorization: Api-Key "
                 "ID.SECRET");
}

// What follows the scheme (RFC 9110 §11.4; schemes compare without case); empty for others.
std::string_view presented(std::string_view authorization) {
  for (const std::string_view scheme : {"Api-Key", "Bearer"}) {
    if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ' ||
        !http::equal_names(authorization.substr(0, scheme.size()), scheme))
      continue;
    authorization.remove_prefix(scheme.size());
    authorization.remove_prefix(
        std::min(authorization.find_first_not_of(' '), authorization.size()));
    return authorization.substr(0, authorization.find_last_not_of(' ') + 1);
  }
  return {};
}

Problem no_such_key(std::string_view id) {
  return refused("key-unknown", "there is no API key " + std::string(id)).with("key", id);
}

}  // namespace

bool Principal::may(Permission permission) const noexcept {
  return allows(role, permission) &&
         (scopes.empty() || std::find(scopes.begin(), scopes.end(), permission) != scopes.end());
}

std::string Keys::hash_of(std::string_view text) const { return keyed_hash(hash_key_, text); }

Result<Principal> Keys::verify(std::string_view authorization) const {
  if (authorization.empty())
    return fail(refused("key-missing",
                        "this needs an API key; send it as Authorization: Api-Key ID.SECRET"));
  if (authorization.size() > kMaxHeader) return fail(unknown_key());
  const std::string_view text = presented(authorization);
  const std::optional<std::string_view> id = key_id_of(text);
  const std::string hash = hash_of(text);
  const std::shared_lock lock(mutex_);
  const Entry* known = id ? entry(*id) : nullptr;
  // An unknown id takes as long as a wrong secret.
  const std::string nothing(hash.size(), '\0');
  const bool equal = equal_in_constant_time(hash, known != nullptr ? known->key.hash : nothing);
  if (known == nullptr || !equal || known->key.state == KeyState::deleted)
    return fail(unknown_key());
  return principal_of(*known);
}

Result<Principal> Keys::check(std::string_view key_id) const {
  const std::shared_lock lock(mutex_);
  const Entry* known = entry(key_id);
  if (known == nullptr) return fail(no_such_key(key_id));
  return principal_of(*known);
}

Status Keys::stands(std::string_view key_id) const {
  const std::shared_lock lock(mutex_);
  const Entry* known = entry(key_id);
  if (known == nullptr) return fail(no_such_key(key_id));
  const Result<Role> role = judge(known->key);
  return role ? Status{} : fail(role.error());
}

std::string Keys::id_of(std::string_view text) const {
  const std::optional<std::string_view> id = key_id_of(text);
  if (!id) return {};
  const std::string hash = hash_of(text);
  const std::shared_lock lock(mutex_);
  const Entry* known = entry(*id);
  return known != nullptr && equal_in_constant_time(hash, known->key.hash) ? known->key.id
                                                                           : std::string();
}

Result<Principal> Keys::principal_of(const Entry& entry) const {
  const Result<Role> role = judge(entry.key);
  if (!role) return fail(role.error());
  entry.last_used.store(clock_.now().time_since_epoch().count(), std::memory_order_relaxed);
  return Principal{entry.key.id, entry.key.user, *role, entry.key.scopes, entry.key.rate};
}

Result<Role> Keys::judge(const ApiKey& key) const {
  const std::string subject = "API key " + key.id;
  switch (state_at(key, clock_.now())) {
    case KeyState::revoked:
    case KeyState::deleted:
      return fail(refused("key-revoked", subject + " was " + std::string(to_string(key.state)) +
                                             " by " + key.changed_by + " on " +
                                             spoken_time(key.changed_at) +
                                             ", which is final; an admin can issue another one "
                                             "with: stepwell keys create")
                      .with("key", key.id));
    case KeyState::expired:
      return fail(refused("key-expired", subject + " expired on " + spoken_time(*key.expires_at) +
                                             "; an admin can give it a new expiry with: stepwell "
                                             "keys set-expiry " +
                                             key.id + " --expires TIME")
                      .with("key", key.id));
    case KeyState::active:
      break;
  }
  const std::optional<Role> role = users_.role_of_active(key.user);
  if (!role)
    return fail(refused("user-deactivated", subject + " belongs to the user " + key.user +
                                                ", who is deactivated; an admin can give it to "
                                                "another with: stepwell keys assign " +
                                                key.id + " --user NAME")
                    .with("key", key.id));
  return *role;
}

}  // namespace stepwell::auth
