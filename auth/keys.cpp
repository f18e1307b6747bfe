#include "auth/keys.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "auth/cipher.h"
#include "auth/denial.h"
#include "base/json.h"
#include "http/headers.h"

namespace stepwell::auth {

namespace {

constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxHeader = 4096;

Problem refused(std::string code, std::string detail) {
  return make_problem(ErrorKind::authentication, std::move(code), std::move(detail));
}

Problem unknown_key() {
  return refused("key-unknown",
                 "the API key is not known here; send a valid one as Authorization: Api-Key "
                 "ID.SECRET");
}

Problem problem(int status, std::string code, std::string detail) {
  Problem made = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  made.status = status;
  return made;
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

std::string expiry_detail(const std::optional<WallTime>& expires_at) {
  return to_json(
      Value::object({{"expiresAt", expires_at ? Value(format_time(*expires_at)) : Value()}}));
}

}  // namespace

Keys::Keys(const Vault& vault, AuditLog& audit, const Users& users, ExpiryClock& clock,
           Entropy& entropy, Metrics& metrics)
    : audit_(audit),
      users_(users),
      clock_(clock),
      entropy_(entropy),
      hash_key_(vault.key_hash_key().duplicate()) {
  for (std::size_t i = 0; i < by_state_.size(); ++i)
    by_state_[i] = metrics.gauge("stepwell_keys", "API keys by state.",
                                 {{"state", std::string(to_string(static_cast<KeyState>(i)))}});
  nearest_expiry_ = metrics.gauge("stepwell_keys_nearest_expiry_seconds",
                                  "Time until the next API key expires; +Inf where none does.");
  revocations_ =
      metrics.counter("stepwell_revocations_total",
                      "Credentials and API keys that were revoked or deleted.", {{"kind", "key"}});
}

void Keys::load(const StoredState& stored) {
  {
    const std::unique_lock lock(mutex_);
    for (const ApiKey& key : stored.keys) keys_[key.id] = key;
  }
  maintain();
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
  std::optional<ApiKey> key;
  if (id) {
    const std::shared_lock lock(mutex_);
    const auto found = keys_.find(std::string(*id));
    if (found != keys_.end()) key = found->second;
  }
  // An unknown id takes as long as a wrong secret.
  const std::string nothing(hash.size(), '\0');
  const bool equal = equal_in_constant_time(hash, key ? key->hash : nothing);
  if (!key || !equal || key->state == KeyState::deleted) return fail(unknown_key());
  return judge(*key);
}

Result<Principal> Keys::check(std::string_view key_id) const {
  std::optional<ApiKey> key;
  {
    const std::shared_lock lock(mutex_);
    const auto found = keys_.find(std::string(key_id));
    if (found != keys_.end()) key = found->second;
  }
  if (!key)
    return fail(
        refused("key-unknown", "there is no API key " + std::string(key_id)).with("key", key_id));
  return judge(*key);
}

Result<Principal> Keys::judge(const ApiKey& key) const {
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
                                             "; an admin can give it a new expiry, or issue "
                                             "another one with: stepwell keys create")
                      .with("key", key.id));
    case KeyState::active:
      break;
  }
  const std::optional<User> user = users_.find(key.user);
  if (!user || !user->active)
    return fail(refused("user-deactivated", subject + " belongs to the user " + key.user +
                                                ", who is deactivated; an admin can assign the "
                                                "key to another user")
                    .with("key", key.id));
  return Principal{key.id, key.user, user->role};
}

std::vector<ApiKey> Keys::list() const {
  std::vector<ApiKey> keys;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, key] : keys_) {
      if (key.state != KeyState::deleted) keys.push_back(key);
    }
  }
  std::sort(keys.begin(), keys.end(), [](const ApiKey& a, const ApiKey& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return keys;
}

Result<ApiKey> Keys::find(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const auto found = keys_.find(std::string(id));
  if (found == keys_.end() || found->second.state == KeyState::deleted)
    return fail(problem(404, "key-unknown", "there is no API key " + std::string(id)));
  return found->second;
}

Result<IssuedKey> Keys::create(const Actor& actor, const NewKey& wanted) {
  const std::scoped_lock changing(changes_);
  if (wanted.name.size() > kMaxName || !http::is_field_value(wanted.name))
    return fail(problem(400, "key-invalid",
                        "a key's name has at most 200 bytes and no control characters"));
  const std::optional<User> user = users_.find(wanted.user);
  if (!user || !user->active)
    return fail(problem(404, "user-unknown", "there is no active user " + wanted.user));
  Secret secret = generate_key(entropy_);
  ApiKey key;
  key.id = std::string(key_id_of(secret.reveal()).value_or(""));
  // An id is drawn once in 2^60; a broken source of randomness must not replace another's key.
  if (known(key.id))
    return fail(make_problem(ErrorKind::runtime, "entropy-broken",
                             "the source of randomness gave the same key id twice"));
  key.name = wanted.name;
  key.user = wanted.user;
  key.hash = hash_of(secret.reveal());
  key.expires_at = wanted.expires_at;
  key.created_by = key.changed_by = actor.user;
  key.created_at = key.changed_at = clock_.now();
  Result<ApiKey> stored = save(actor, key, "key.create",
                               to_json(Value::object({{"name", key.name}, {"user", key.user}})));
  if (!stored) return fail(std::move(stored.error()));
  return IssuedKey{std::move(*stored), std::move(secret)};
}

bool Keys::known(const std::string& id) const {
  const std::shared_lock lock(mutex_);
  return keys_.count(id) != 0;
}

Result<ApiKey> Keys::changeable(std::string_view id) const {
  Result<ApiKey> key = find(id);
  if (key && key->state == KeyState::revoked)
    return fail(problem(409, "key-final",
                        "API key " + key->id + " was revoked by " + key->changed_by + " on " +
                            spoken_time(key->changed_at) + ", which is final; create a new one"));
  return key;
}

Result<ApiKey> Keys::assign(const Actor& actor, std::string_view id, std::string_view user) {
  const std::scoped_lock changing(changes_);
  Result<ApiKey> key = changeable(id);
  if (!key) return key;
  const std::optional<User> found = users_.find(user);
  if (!found || !found->active)
    return fail(problem(404, "user-unknown", "there is no active user " + std::string(user)));
  std::string detail = to_json(Value::object({{"from", key->user}, {"to", user}}));
  key->user = user;
  return save(actor, *key, "key.assign", std::move(detail));
}

Result<ApiKey> Keys::set_expiry(const Actor& actor, std::string_view id,
                                std::optional<WallTime> expires_at) {
  const std::scoped_lock changing(changes_);
  Result<ApiKey> key = changeable(id);
  if (!key) return key;
  key->expires_at = expires_at;
  return save(actor, *key, "key.expiry", expiry_detail(expires_at));
}

Result<ApiKey> Keys::revoke(const Actor& actor, std::string_view id) {
  return end(actor, id, KeyState::revoked);
}

Result<ApiKey> Keys::remove(const Actor& actor, std::string_view id) {
  return end(actor, id, KeyState::deleted);
}

Result<ApiKey> Keys::end(const Actor& actor, std::string_view id, KeyState to) {
  deny(actor, id, to);
  const std::scoped_lock changing(changes_);
  ApiKey key;
  bool saved = false;
  {
    const std::shared_lock lock(mutex_);
    const auto found = keys_.find(std::string(id));
    if (found != keys_.end()) key = found->second;
    saved = unsaved_.count(key.id) == 0;
  }
  if (saved) return find(id);
  Result<ApiKey> stored =
      save(actor, key, key.state == KeyState::revoked ? "key.revoke" : "key.delete", "");
  if (!stored) {
    Problem why = std::move(stored.error());
    why.detail = "API key " + key.id +
                 " is denied by this process, but that could not be saved and would not last over "
                 "a restart (" +
                 why.detail + "); mend the cause and repeat the call";
    return fail(std::move(why));
  }
  revocations_.increment();
  const std::unique_lock lock(mutex_);
  unsaved_.erase(key.id);
  return stored;
}

// Memory denies at once, whatever change is on its way to the disk.
void Keys::deny(const Actor& actor, std::string_view id, KeyState to) {
  const std::unique_lock lock(mutex_);
  const auto found = keys_.find(std::string(id));
  if (found == keys_.end()) return;
  ApiKey& key = found->second;
  if (key.state == to || key.state == KeyState::deleted) return;
  key.state = to;
  key.changed_by = actor.user;
  key.changed_at = clock_.now();
  unsaved_.insert(key.id);
}

Result<ApiKey> Keys::save(const Actor& actor, const ApiKey& key, std::string_view action,
                          std::string detail) {
  std::vector<Change> changes{key};
  if (key.state != KeyState::active)
    changes.emplace_back(Tombstone{"key", key.id, std::string(to_string(key.state)), key.changed_by,
                                   key.changed_at});
  Status done =
      audit_.commit({actor, std::string(action), key.id, std::move(detail)}, std::move(changes));
  if (!done) return fail(std::move(done.error()));
  {
    const std::unique_lock lock(mutex_);
    ApiKey& place = keys_[key.id];
    // Revoked while this change was on its way to the disk: that stays.
    const bool ended = place.state == KeyState::revoked || place.state == KeyState::deleted;
    if (!ended) place = key;
  }
  maintain();
  return key;
}

void Keys::maintain() {
  std::array<double, kKeyStates> counts{};
  double nearest = std::numeric_limits<double>::infinity();
  const WallTime now = clock_.now();
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, key] : keys_) {
      const KeyState state = state_at(key, now);
      counts[static_cast<std::size_t>(state)] += 1;
      if (state == KeyState::active && key.expires_at)
        nearest = std::min(nearest, std::chrono::duration<double>(*key.expires_at - now).count());
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) by_state_[i].set(counts[i]);
  nearest_expiry_.set(nearest);
}

}  // namespace stepwell::auth
