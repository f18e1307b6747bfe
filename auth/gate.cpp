#include "auth/gate.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "auth/cipher.h"
#include "auth/denial.h"
#include "auth/encoding.h"
#include "auth/guard.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr int kRefusalsToReject = 3;
constexpr std::size_t kInlineKept = 1024;
// For what was cut off to give its permits back.
constexpr Milliseconds kAfterAbort{1'000};

bool permits(const Credential& credential, std::string_view space) {
  const auto& spaces = credential.namespaces;
  return spaces.empty() || std::find(spaces.begin(), spaces.end(), space) != spaces.end();
}

bool permits(const Credential& credential, const http::Origin& target) {
  return std::any_of(credential.origins.begin(), credential.origins.end(),
                     [&](const OriginPattern& origin) { return origin.matches(target); });
}

std::string pool_of(const Credential& credential) {
  return "cred/" + credential.name + "/" + std::to_string(credential.version) + "/" + credential.id;
}

// What the credential's state says to its guard.
void instruct(CredentialGuard& guard, const Credential& credential) {
  guard.set_expiry(credential.expires_at, denied_by_state(credential, CredentialState::expired));
  if (credential.state == CredentialState::active)
    guard.allow();
  else
    guard.deny(denied_by_state(credential, credential.state), is_final(credential.state));
}

}  // namespace

struct Gate::Entry {
  Credential credential;
  std::shared_ptr<CredentialGuard> guard;                // none for a credential without a value
  std::vector<std::shared_ptr<CredentialGuard>> former;  // of earlier versions still in some hand

  // Forgets guards that no request refers to any more.
  void prune() {
    std::erase_if(former, [](const auto& old) { return old.use_count() == 1; });
  }
};

Gate::Gate(ExpiryClock& clock, Redactor& redactor, Entropy& entropy, Metrics& metrics)
    : clock_(clock),
      redactor_(redactor),
      counters_(std::make_shared<const DenialCounters>(metrics)),
      inline_key_(random_secret(kCipherKeyBytes, entropy)) {}

Gate::~Gate() = default;

void Gate::connect(Connections connections) { connections_ = std::move(connections); }

Problem Gate::count(Problem problem) const {
  counters_->count(problem.code);
  return problem;
}

Result<Grant> Gate::authorize(const Use& use) {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(use.credential);
  if (found == entries_.end()) return fail(count(denied_as_unknown(use.credential)));
  const Entry& entry = *found->second;
  const Credential& credential = entry.credential;
  if (credential.state == CredentialState::deleted)
    return fail(count(denied_by_state(credential, credential.state)));
  if (!permits(credential, use.workflow_namespace))
    return fail(count(denied_by_namespace(credential, use.workflow_namespace)));
  if (!permits(credential, use.target))
    return fail(count(denied_by_origin(credential, use.target)));
  const CredentialState state = state_at(credential, clock_.now());
  if (state != CredentialState::active || entry.guard == nullptr)
    return fail(count(denied_by_state(credential, state)));
  return Grant{entry.guard, entry.guard->pool(), credential.name, credential.version};
}

Result<Grant> Gate::authorize_inline(const InlineAuthentication& authentication) {
  const CredentialValue value{std::string(authentication.username), Secret(authentication.secret)};
  Status valid = check_value(authentication.kind, value);
  if (!valid) return fail(std::move(valid.error()));
  std::string pieces;
  pieces.reserve(32 + value.username.size() + value.secret.size());
  append_number(pieces, static_cast<std::uint64_t>(authentication.kind));
  append_piece(pieces, value.username);
  append_piece(pieces, value.secret.reveal());
  const std::string pool = "inline/" + to_hex(keyed_hash(inline_key_, pieces));
  wipe(pieces);
  {
    const std::shared_lock lock(mutex_);
    const auto known = inline_.find(pool);
    if (known != inline_.end()) return known->second;
  }
  Credential shape;
  shape.kind = authentication.kind;
  // Whoever writes a definition chooses these values, so they are masked in what their own requests
  // bring back, and nowhere else.
  Grant grant{std::make_shared<CredentialGuard>(
                  header_line(shape, value), pool, clock_, counters_,
                  std::make_shared<const ValueForms>(value.username, value.secret.reveal())),
              pool, "", 0};
  remember_inline(pool, grant);
  return grant;
}

void Gate::remember_inline(const std::string& pool, const Grant& grant) {
  const std::unique_lock lock(mutex_);
  if (!inline_.emplace(pool, grant).second) return;
  inline_order_.push_back(pool);
  if (inline_order_.size() <= kInlineKept) return;
  inline_.erase(inline_order_.front());
  inline_order_.pop_front();
}

Status Gate::check_loaded(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(denied_as_unknown(name));
  const Credential& credential = found->second->credential;
  const CredentialState state = state_at(credential, clock_.now());
  if (state != CredentialState::active) return fail(denied_by_state(credential, state));
  return {};
}

void Gate::note_upstream_result(const Grant& grant, int status) {
  if (grant.version == 0) return;
  auto& guard = static_cast<CredentialGuard&>(*grant.guard);
  if (status >= 200 && status < 400) return guard.note_accepted();
  if (status != 401 && status != 407) return;
  if (guard.note_refused() >= kRefusalsToReject) reject(grant);
}

void Gate::reject(const Grant& grant) {
  const std::unique_lock lock(mutex_);
  const auto found = entries_.find(grant.credential);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  // A late answer to an earlier version says nothing about this one.
  if (entry.guard != grant.guard || entry.credential.state != CredentialState::active) return;
  entry.credential.state = CredentialState::rejected;
  entry.credential.changed_by = "upstream";
  entry.credential.changed_at = clock_.now();
  instruct(*entry.guard, entry.credential);
  rejected_.push_back(entry.credential.name);
}

std::string Gate::mask(const Grant& grant, std::string text) const {
  if (grant.version != 0)
    return redactor_.mask_for(grant.credential, grant.version, std::move(text));
  const auto* guard = static_cast<const CredentialGuard*>(grant.guard.get());
  return guard == nullptr || guard->forms() == nullptr ? text
                                                       : guard->forms()->mask(std::move(text));
}

std::optional<Credential> Gate::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return found->second->credential;
}

std::vector<Credential> Gate::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<Credential> all;
  all.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) all.push_back(entry->credential);
  return all;
}

std::shared_ptr<CredentialGuard> Gate::make_guard(const Credential& credential,
                                                  const CredentialValue& value) const {
  redactor_.add(credential.name, credential.version, value.username, value.secret.reveal());
  auto guard = std::make_shared<CredentialGuard>(header_line(credential, value),
                                                 pool_of(credential), clock_, counters_);
  instruct(*guard, credential);
  return guard;
}

void Gate::install(const Credential& credential, const CredentialValue* value) {
  std::shared_ptr<CredentialGuard> guard =
      value == nullptr ? nullptr : make_guard(credential, *value);
  std::string dropped;
  {
    const std::unique_lock lock(mutex_);
    std::unique_ptr<Entry>& place = entries_[credential.name];
    if (place == nullptr || place->credential.id != credential.id)
      place = std::make_unique<Entry>();
    Entry& entry = *place;
    const bool ended = is_final(entry.credential.state);
    if (entry.guard != nullptr) {
      entry.guard->deny(denied_as_rotated(entry.credential), false);
      dropped = entry.guard->pool();
      entry.former.push_back(std::move(entry.guard));
      entry.prune();
    }
    // Revoked while the new version was on its way to the disk.
    if (ended && guard != nullptr)
      guard->deny(denied_by_state(entry.credential, entry.credential.state), true);
    if (!ended) entry.credential = credential;
    entry.guard = std::move(guard);
  }
  if (!dropped.empty() && connections_.drop_pool) connections_.drop_pool(dropped);
}

void Gate::update(const Credential& credential) {
  const std::unique_lock lock(mutex_);
  const auto found = entries_.find(credential.name);
  if (found == entries_.end() || found->second->credential.id != credential.id) return;
  Entry& entry = *found->second;
  if (is_final(entry.credential.state)) return;
  entry.credential = credential;
  if (entry.guard != nullptr) instruct(*entry.guard, credential);
}

Gate::Guards Gate::deny_for_good(const Credential& credential) {
  const std::unique_lock lock(mutex_);
  const auto found = entries_.find(credential.name);
  if (found == entries_.end() || found->second->credential.id != credential.id) return {};
  Entry& entry = *found->second;
  entry.credential.state = credential.state;
  entry.credential.changed_by = credential.changed_by;
  entry.credential.changed_at = credential.changed_at;
  const Problem why = denied_by_state(entry.credential, credential.state);
  Guards guards = entry.former;
  if (entry.guard != nullptr) guards.push_back(entry.guard);
  for (const auto& guard : guards) guard->deny(why, true);
  return guards;
}

bool Gate::drain(const Guards& guards, Milliseconds limit) {
  bool quiet = true;
  const auto end = std::chrono::steady_clock::now() + limit;
  for (const auto& guard : guards) {
    const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
    bool idle = guard->wait_idle(std::max(left, Milliseconds(0)));
    // Without a permit, too: one comes back when the kernel has the bytes, not when they are out.
    if (connections_.abort_sending) {
      connections_.abort_sending(guard->pool());
      if (!idle) idle = guard->wait_idle(kAfterAbort);
    }
    if (connections_.drop_pool) connections_.drop_pool(guard->pool());
    quiet = quiet && idle;
  }
  return quiet;
}

std::vector<Credential> Gate::take_rejected() {
  const std::unique_lock lock(mutex_);
  std::vector<Credential> rejected;
  for (const std::string& name : rejected_) {
    const auto found = entries_.find(name);
    if (found != entries_.end() && found->second->credential.state == CredentialState::rejected)
      rejected.push_back(found->second->credential);
  }
  rejected_.clear();
  return rejected;
}

}  // namespace stepwell::auth
