#include "auth/keys.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "auth/denial.h"
#include "base/json.h"
#include "http/headers.h"

namespace stepwell::auth {

namespace {

constexpr std::size_t kMaxName = 200;

Value time_value(const std::optional<WallTime>& time) {
  return time ? Value(format_time(*time)) : Value();
}

Value rate_value(const std::optional<KeyRate>& rate) { return rate ? describe(*rate) : Value(); }

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
    for (const ApiKey& key : stored.keys) keys_[key.id].key = key;
    for (const LastUse& use : stored.last_uses) {
      const auto found = keys_.find(use.id);
      if (use.kind != "key" || found == keys_.end()) continue;
      found->second.last_used.store(use.at.time_since_epoch().count());
      written_uses_.note(use.id, use.at);
    }
  }
  marked_ = stored.clock_mark;
  refresh_gauges();
}

const Keys::Entry* Keys::entry(std::string_view id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

std::optional<WallTime> Keys::last_used(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const Entry* known = entry(id);
  const std::int64_t at = known == nullptr ? 0 : known->last_used.load(std::memory_order_relaxed);
  if (at == 0) return std::nullopt;
  return WallTime(Milliseconds(at));
}

void Keys::append_last_uses(std::vector<Change>& changes) {
  const std::shared_lock lock(mutex_);
  for (const auto& [id, entry] : keys_) {
    if (const std::int64_t at = entry.last_used.load(std::memory_order_relaxed); at != 0)
      written_uses_.append("key", id, WallTime(Milliseconds(at)), changes);
  }
}

std::vector<ApiKey> Keys::list() const {
  std::vector<ApiKey> keys;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : keys_) {
      if (entry.key.state != KeyState::deleted) keys.push_back(entry.key);
    }
  }
  std::sort(keys.begin(), keys.end(), [](const ApiKey& a, const ApiKey& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return keys;
}

Result<ApiKey> Keys::find(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const Entry* known = entry(id);
  if (known == nullptr || known->key.state == KeyState::deleted)
    return fail(refused_request(404, "key-unknown", "there is no API key " + std::string(id)));
  return known->key;
}

Result<IssuedKey> Keys::create(const Actor& actor, const NewKey& wanted) {
  const std::scoped_lock changing(changes_);
  if (wanted.name.size() > kMaxName || !http::is_field_value(wanted.name))
    return fail(refused_request(400, "key-invalid",
                                "a key's name has at most 200 bytes and no control characters"));
  const std::optional<User> user = users_.find(wanted.user);
  if (!user || !user->active)
    return fail(refused_request(404, "user-unknown", "there is no active user " + wanted.user));
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
  key.scopes = wanted.scopes;
  key.expires_at = wanted.expires_at;
  key.rate = wanted.rate;
  key.created_by = key.changed_by = actor.user;
  key.created_at = key.changed_at = clock_.now();
  Result<ApiKey> stored = save(actor, key, "key.create",
                               to_json(Value::object({{"name", key.name},
                                                      {"user", key.user},
                                                      {"scopes", scope_names(key.scopes)},
                                                      {"rateLimit", rate_value(key.rate)},
                                                      {"expiresAt", time_value(key.expires_at)}})));
  if (!stored) return fail(std::move(stored.error()));
  return IssuedKey{std::move(*stored), std::move(secret)};
}

bool Keys::known(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  return entry(id) != nullptr;
}

Result<ApiKey> Keys::changeable(std::string_view id) const {
  Result<ApiKey> key = find(id);
  if (key && key->state == KeyState::revoked)
    return fail(refused_request(409, "key-final",
                                "API key " + key->id + " was revoked by " + key->changed_by +
                                    " on " + spoken_time(key->changed_at) +
                                    ", which is final; create a new one"));
  return key;
}

Result<ApiKey> Keys::change(const Actor& actor, std::string_view id, const KeyChange& change) {
  const std::scoped_lock changing(changes_);
  Result<ApiKey> key = changeable(id);
  if (!key) return key;
  Value detail = Value::object();
  if (change.user) {
    if (!users_.role_of_active(*change.user))
      return fail(refused_request(404, "user-unknown", "there is no active user " + *change.user));
    detail.set("from", key->user);
    detail.set("to", *change.user);
    key->user = *change.user;
  }
  if (change.scopes) {
    detail.set("scopes", scope_names(*change.scopes));
    key->scopes = *change.scopes;
  }
  if (change.change_expiry) {
    detail.set("expiresAt", time_value(change.expires_at));
    key->expires_at = change.expires_at;
  }
  if (change.change_rate) {
    detail.set("rateLimit", rate_value(change.rate));
    key->rate = change.rate;
  }
  return save(actor, *key, change.user ? "key.assign" : "key.change", to_json(detail));
}

Result<ApiKey> Keys::assign(const Actor& actor, std::string_view id, std::string_view user) {
  KeyChange wanted;
  wanted.user = std::string(user);
  return change(actor, id, wanted);
}

Result<ApiKey> Keys::set_expiry(const Actor& actor, std::string_view id,
                                std::optional<WallTime> expires_at) {
  KeyChange wanted;
  wanted.change_expiry = true;
  wanted.expires_at = expires_at;
  return change(actor, id, wanted);
}

Result<ApiKey> Keys::revoke(const Actor& actor, std::string_view id) {
  return end(actor, id, KeyState::revoked);
}

Result<ApiKey> Keys::remove(const Actor& actor, std::string_view id) {
  return end(actor, id, KeyState::deleted);
}

Result<ApiKey> Keys::end(const Actor& actor, std::string_view id, KeyState to) {
  if (!known(id)) return find(id);
  deny(actor, id, to);
  // Before this waits for anything: credentials that hold the key end with it.
  const Result<Principal> refusal = check(id);
  std::function<bool()> drain;
  if (!refusal && ended_) drain = ended_(std::string(id), refusal.error());
  bool saved = false;
  Result<ApiKey> stored = write_end(actor, id, saved);
  const bool quiet = !drain || drain();
  if (!quiet && (stored || saved)) return fail(revocation_incomplete("API key " + std::string(id)));
  return stored;
}

// `saved`: it was on disk before.
Result<ApiKey> Keys::write_end(const Actor& actor, std::string_view id, bool& saved) {
  const std::scoped_lock changing(changes_);
  ApiKey key;
  {
    const std::shared_lock lock(mutex_);
    if (const Entry* known = entry(id)) key = known->key;
    saved = unsaved_.count(key.id) == 0;
  }
  return saved ? find(id) : save_end(actor, key);
}

Result<ApiKey> Keys::save_end(const Actor& actor, const ApiKey& key) {
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
  const auto found = keys_.find(id);
  if (found == keys_.end()) return;
  ApiKey& key = found->second.key;
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
    ApiKey& place = keys_[key.id].key;
    // Revoked while this change was on its way to the disk: that stays.
    const bool ended = place.state == KeyState::revoked || place.state == KeyState::deleted;
    if (!ended) place = key;
  }
  refresh_gauges();
  return key;
}

void Keys::maintain() {
  mark_expiries();
  refresh_gauges();
}

// As Credentials::mark_expiries().
void Keys::mark_expiries() {
  const WallTime now = clock_.now();
  bool any = false;
  {
    const std::shared_lock lock(mutex_);
    any = std::any_of(keys_.begin(), keys_.end(), [&](const auto& place) {
      const ApiKey& key = place.second.key;
      return key.state == KeyState::active && key.expires_at && *key.expires_at > marked_ &&
             *key.expires_at <= now;
    });
  }
  if (any && !audit_.commit_unaudited({ClockMark{now}})) return;
  marked_ = now;
}

void Keys::refresh_gauges() {
  std::array<double, kKeyStates> counts{};
  double nearest = std::numeric_limits<double>::infinity();
  const WallTime now = clock_.now();
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : keys_) {
      const ApiKey& key = entry.key;
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
