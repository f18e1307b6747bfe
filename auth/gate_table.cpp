// The gate's table: what Credentials puts into force, changes and ends.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "auth/denial.h"
#include "auth/gate_entry.h"
#include "auth/oauth2.h"

namespace stepwell::auth {

namespace {

// For what was cut off to give its permits back.
constexpr Milliseconds kAfterAbort{1'000};
// How many versions of a credential are known to the redactor: answers to earlier ones may come
// late.
constexpr std::uint32_t kVersionsMasked = 8;

std::string pool_of(const Credential& credential) {
  return "cred/" + credential.name + "/" + std::to_string(credential.version) + "/" + credential.id;
}

std::string token_pool(const std::string& pool) { return pool + "/token"; }

}  // namespace

void instruct(CredentialGuard& guard, const Credential& credential) {
  guard.set_expiry(credential.expires_at, denied_by_state(credential, CredentialState::expired));
  if (credential.state == CredentialState::active)
    guard.allow();
  else
    guard.deny(denied_by_state(credential, credential.state), is_final(credential.state));
}

std::shared_ptr<CredentialGuard> Gate::make_guard(const Credential& credential,
                                                  const CredentialValue& value) const {
  redactor_.add(credential.name, credential.version, value.username, value.secret.reveal());
  if (credential.version > kVersionsMasked)
    redactor_.remove(credential.name, credential.version - kVersionsMasked);
  for (const auto& [name, secret] : value.more) {
    if (name == kRefreshToken)  // an upstream chose it
      redactor_.add_passing(credential.name, credential.version, secret.reveal());
    else if (name != kCertificate)
      redactor_.add(credential.name, credential.version, "", secret.reveal());
  }
  CredentialGuard::Parts parts{present(credential, value), pool_of(credential), expiry_clock_,
                               counters_};
  if (!credential.linked_key.empty()) {
    parts.linked_key = credential.linked_key;
    parts.linked = [this, credential]() -> Status {
      Status stands = keys_.check ? keys_.check(credential.linked_key) : Status{};
      return stands ? stands : fail(denied_by_linked_key(credential, std::move(stands.error())));
    };
  }
  auto guard = std::make_shared<CredentialGuard>(std::move(parts));
  instruct(*guard, credential);
  return guard;
}

std::shared_ptr<TokenSource> Gate::make_tokens(const Credential& credential, CredentialValue value,
                                               std::shared_ptr<CredentialGuard> guard) const {
  Result<OAuth2Settings> settings = OAuth2Settings::parse(credential.settings);
  if (!settings) return nullptr;  // checked when it was added
  TokenSource::Parts parts;
  parts.settings = std::move(*settings);
  parts.value = std::move(value);
  parts.credential = credential.name;
  parts.version = credential.version;
  parts.pool = guard->pool();
  parts.permits = std::move(guard);
  parts.submit = [this](std::unique_ptr<http::Exchange> exchange) { submit(std::move(exchange)); };
  parts.learn = [this, name = credential.name, version = credential.version](
                    std::string_view token) { redactor_.add_passing(name, version, token); };
  parts.keep = [this, name = credential.name, id = credential.id,
                version = credential.version](const Secret& token) {
    if (keep_) keep_({name, id, version, token.duplicate()});
  };
  parts.counters = token_counters_;
  return TokenSource::make(std::move(parts), expiry_clock_, clock_);
}

void Gate::submit(std::unique_ptr<http::Exchange> exchange) const {
  if (connections_.submit) return connections_.submit(std::move(exchange));
  exchange->complete({fail(make_problem(ErrorKind::runtime, "cancelled",
                                        "there is no transport to fetch a token by")),
                      http::Sent::no});
}

void Gate::install(const Credential& credential, CredentialValue* value, bool probe) {
  auto fresh = std::make_unique<Entry>();
  fresh->credential = credential;
  if (value != nullptr) {
    fresh->guard = make_guard(credential, *value);
    if (probe) fresh->guard->probe().begin();
    if (credential.kind == CredentialKind::oauth2)
      fresh->tokens = make_tokens(credential, std::move(*value), fresh->guard);
    if (credential.kind == CredentialKind::hmac)
      fresh->hmac_key = std::make_shared<const Secret>(std::move(value->secret));
    if (credential.kind == CredentialKind::aws_sigv4)
      if (auto settings = SigV4Settings::parse(credential.settings))
        fresh->signer =
            std::make_shared<const Signer>(Signer{std::move(*settings), std::move(*value)});
  }
  Ended replaced;
  std::shared_ptr<TokenSource> closed;
  {
    const std::unique_lock lock(mutex_);
    std::unique_ptr<Entry>& place = entries_[credential.name];
    if (place != nullptr && place->credential.id == credential.id) {
      Entry& before = *place;
      fresh->last_used.store(before.last_used.load());
      fresh->former = std::move(before.former);
      closed = std::move(before.tokens);
      if (before.guard != nullptr) {
        before.guard->deny(denied_as_rotated(before.credential), false);
        replaced.guards.push_back(before.guard);
        fresh->former.push_back(std::move(before.guard));
        fresh->prune();
      }
      // Revoked while the new version was on its way to the disk.
      if (is_final(before.credential.state)) {
        if (fresh->guard != nullptr)
          fresh->guard->deny(denied_by_state(before.credential, before.credential.state), true);
        fresh->credential = before.credential;
      }
    }
    place = std::move(fresh);
  }
  if (closed) closed->close();
  for (const auto& guard : replaced.guards) {
    guard->probe().end();
    if (!connections_.drop_pool) continue;
    connections_.drop_pool(guard->pool());
    if (closed) connections_.drop_pool(token_pool(guard->pool()));
  }
}

void Gate::update(const Credential& credential, bool probe) {
  std::shared_ptr<CredentialGuard> guard;
  {
    const std::unique_lock lock(mutex_);
    const auto found = entries_.find(credential.name);
    if (found == entries_.end() || found->second->credential.id != credential.id) return;
    Entry& entry = *found->second;
    if (is_final(entry.credential.state)) return;
    const bool rules = !(entry.credential.origins == credential.origins &&
                         entry.credential.namespaces == credential.namespaces);
    const Credential before = std::exchange(entry.credential, credential);
    // The upstream rejected it while this was on its way to the disk: that stays.
    if (!probe && before.state == CredentialState::rejected &&
        credential.state == CredentialState::active) {
      entry.credential.state = before.state;
      entry.credential.changed_by = before.changed_by;
      entry.credential.changed_at = before.changed_at;
    }
    guard = entry.guard;
    if (guard == nullptr) return;
    if (probe) guard->probe().begin();
    instruct(*guard, entry.credential);
    if (rules) guard->rules_changed();
  }
  // Whoever waits for a turn is told why there is none.
  if (credential.state != CredentialState::active) guard->probe().end();
}

Gate::Ended Gate::deny_for_good(const Credential& credential) {
  Ended ended;
  std::shared_ptr<TokenSource> closed;
  {
    const std::unique_lock lock(mutex_);
    const auto found = entries_.find(credential.name);
    if (found == entries_.end() || found->second->credential.id != credential.id) return {};
    Entry& entry = *found->second;
    // A revocation that comes late does not make less of a deletion.
    if (entry.credential.state != CredentialState::deleted) {
      entry.credential.state = credential.state;
      entry.credential.changed_by = credential.changed_by;
      entry.credential.changed_at = credential.changed_at;
    }
    ended.why = denied_by_state(entry.credential, entry.credential.state);
    ended.abort = entry.credential.on_revoke == OnRevoke::abort;
    ended.guards = entry.former;
    if (entry.guard != nullptr) ended.guards.push_back(entry.guard);
    for (const auto& guard : ended.guards) guard->deny(ended.why, true);
    closed = entry.tokens;
    ended.tokens = closed != nullptr;
  }
  for (const auto& guard : ended.guards) guard->probe().end();
  if (closed) closed->close();
  return ended;
}

std::vector<Gate::Ended> Gate::deny_linked(const std::string& key_id, const Problem& why) {
  std::vector<Ended> all;
  if (key_id.empty()) return all;
  const std::unique_lock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    Ended ended;
    // Requests of an earlier version may carry the key, too, whatever the current one holds.
    const auto take = [&](const std::shared_ptr<CredentialGuard>& guard) {
      if (guard != nullptr && guard->linked_key() == key_id) ended.guards.push_back(guard);
    };
    for (const auto& former : entry->former) take(former);
    take(entry->guard);
    if (ended.guards.empty()) continue;
    ended.why = denied_by_linked_key(entry->credential, why);
    ended.abort = entry->credential.on_revoke == OnRevoke::abort;
    for (const auto& guard : ended.guards) guard->deny(ended.why, true);
    all.push_back(std::move(ended));
  }
  return all;
}

bool Gate::drain(const Ended& ended, Milliseconds limit) {
  bool quiet = true;
  const auto end = std::chrono::steady_clock::now() + limit;
  for (const auto& guard : ended.guards) {
    const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
    bool idle = guard->wait_idle(std::max(left, Milliseconds(0)));
    std::vector<std::string> pools{guard->pool()};
    if (ended.tokens) pools.push_back(token_pool(guard->pool()));
    // Without a permit, too: one comes back when the kernel has the bytes, not when they are out.
    if (connections_.abort_sending) {
      for (const std::string& pool : pools) connections_.abort_sending(pool);
      if (!idle) idle = guard->wait_idle(kAfterAbort);
    }
    if (ended.abort && connections_.abort_pool) {
      for (const std::string& pool : pools) connections_.abort_pool(pool, ended.why);
    }
    if (connections_.drop_pool) {
      for (const std::string& pool : pools) connections_.drop_pool(pool);
    }
    quiet = quiet && idle;
  }
  return quiet;
}

}  // namespace stepwell::auth
