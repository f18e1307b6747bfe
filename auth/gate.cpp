#include "auth/gate.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "auth/cipher.h"
#include "auth/denial.h"
#include "auth/encoding.h"
#include "auth/gate_entry.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr int kRefusalsToReject = 3;

bool permits(const Credential& credential, std::string_view space) {
  const auto& spaces = credential.namespaces;
  return spaces.empty() || std::find(spaces.begin(), spaces.end(), space) != spaces.end();
}

bool permits(const Credential& credential, const http::Origin& target) {
  return std::any_of(credential.origins.begin(), credential.origins.end(),
                     [&](const OriginPattern& origin) { return origin.matches(target); });
}

// The header lines of one request, under the permits of the credential's version.
class SignedGuard final : public http::SendGuard {
 public:
  SignedGuard(std::vector<Secret> lines, std::shared_ptr<CredentialGuard> permits)
      : lines_(std::move(lines)), permits_(std::move(permits)) {}
  const std::vector<Secret>& secret_headers() const override { return lines_; }
  Status acquire() override { return permits_->acquire(); }
  void written() noexcept override { permits_->written(); }

 private:
  const std::vector<Secret> lines_;
  const std::shared_ptr<CredentialGuard> permits_;
};

}  // namespace

Gate::Gate(ExpiryClock& expiry_clock, const Clock& clock, Redactor& redactor, Entropy& entropy,
           Metrics& metrics)
    : expiry_clock_(expiry_clock),
      clock_(clock),
      redactor_(redactor),
      counters_(std::make_shared<const DenialCounters>(metrics)),
      token_counters_(std::make_shared<const TokenCounters>(metrics)),
      inline_key_(random_secret(kCipherKeyBytes, entropy)) {}

Gate::~Gate() = default;

void Gate::connect(Connections connections) { connections_ = std::move(connections); }
void Gate::connect_keys(KeyRegister keys) { keys_ = std::move(keys); }
void Gate::keep_refresh_tokens(std::function<void(KeptToken)> keep) { keep_ = std::move(keep); }

Problem Gate::count(Problem problem) const {
  counters_->count(problem.code);
  return problem;
}

Status Gate::judge(const Entry& entry, const Use& use) const {
  const Credential& credential = entry.credential;
  if (credential.state == CredentialState::deleted)
    return fail(denied_by_state(credential, credential.state));
  if (!permits(credential, use.workflow_namespace))
    return fail(denied_by_namespace(credential, use.workflow_namespace));
  if (!permits(credential, use.target)) return fail(denied_by_origin(credential, use.target));
  const CredentialState state = state_at(credential, expiry_clock_.now());
  if (state != CredentialState::active || entry.guard == nullptr)
    return fail(denied_by_state(credential, state));
  return entry.guard->linked();
}

Result<Grant> Gate::authorize(const Use& use, Wake wake) {
  Grant made;
  std::shared_ptr<const Signer> signer;
  {
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(use.credential);
    if (found == entries_.end()) return fail(count(denied_as_unknown(use.credential)));
    const Entry& entry = *found->second;
    Status allowed = judge(entry, use);
    if (!allowed) return fail(count(std::move(allowed.error())));
    made.pool = entry.guard->pool();
    made.credential = entry.credential.name;
    made.version = entry.credential.version;
    made.permits = entry.guard;
    made.tokens = entry.tokens;
    made.rules = entry.guard->rules();
    signer = entry.signer;
    entry.last_used.store(expiry_clock_.now().time_since_epoch().count(),
                          std::memory_order_relaxed);
  }
  // From here on without the lock: who waits may be woken at once, and ask again.
  if (made.permits->probe().under_way()) {
    made.turn = made.permits->probe().take(wake);
    if (made.turn == nullptr) return made;
  }
  if (made.tokens != nullptr) {
    made.guard = made.tokens->current();
    if (made.guard == nullptr)
      made.tokens->fetch(wake ? std::move(wake) : [](const Status& /*nobody asks*/) {});
    return made;
  }
  if (signer == nullptr) {
    made.guard = made.permits;
    return made;
  }
  if (use.request == nullptr)
    return fail(make_problem(ErrorKind::runtime, "request-invalid",
                             "a signature needs the request that it is for"));
  Result<std::vector<Secret>> lines =
      sign(signer->settings, signer->value, *use.request, clock_.now());
  if (!lines) return fail(std::move(lines.error()));
  made.guard = std::make_shared<SignedGuard>(std::move(*lines), made.permits);
  return made;
}

Status Gate::still_holds(const Grant& grant) const {
  if (grant.permits == nullptr || grant.permits->rules() == grant.rules) return {};
  return fail(count(denied_by_changed_rules(grant.credential, grant.version)));
}

void Gate::renew(const Grant& grant) {
  if (grant.tokens != nullptr && grant.guard != nullptr) grant.tokens->refused(*grant.guard);
}

Status Gate::check_content(const http::Request& request) const {
  const char* where = nullptr;
  if (redactor_.knows_part_of(request.url)) where = "URL";
  if (request.body && redactor_.knows_part_of(*request.body)) where = "body";
  // Files were looked through when they came.
  if (request.source && redactor_.knows_part_of(request.source->text())) where = "body";
  for (const http::Header& header : request.headers) {
    if (redactor_.knows_part_of(header.value)) where = "headers";
  }
  return where == nullptr ? Status{} : fail(count(denied_in_content(where)));
}

Result<std::string> Gate::check_use(const Use& use) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(use.credential);
  if (found == entries_.end()) return fail(count(denied_as_unknown(use.credential)));
  if (Status allowed = judge(*found->second, use); !allowed)
    return fail(count(std::move(allowed.error())));
  return found->second->guard->pool();
}

Result<bool> Gate::verify_hmac(const HmacCheck& check) const {
  std::shared_ptr<const Secret> key;
  {
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(check.credential);
    if (found == entries_.end()) return fail(count(denied_as_unknown(check.credential)));
    const Entry& entry = *found->second;
    const Credential& credential = entry.credential;
    if (credential.kind != CredentialKind::hmac)
      return fail(count(make_problem(
          ErrorKind::authorization, "credential-not-permitted",
          "credential " + credential.name + " is not of the kind hmac, which signatures need")));
    if (!permits(credential, check.workflow_namespace))
      return fail(count(denied_by_namespace(credential, check.workflow_namespace)));
    const CredentialState state = state_at(credential, expiry_clock_.now());
    if (state != CredentialState::active || entry.hmac_key == nullptr)
      return fail(count(denied_by_state(credential, state)));
    key = entry.hmac_key;
  }
  // Without the lock: it takes as long as the message is.
  Mac mac;
  hmac_sha256(key->reveal(), check.message, mac);
  if (!equal_in_constant_time(mac.view(), check.mac)) return false;
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(check.credential);
  if (found != entries_.end())
    found->second->last_used.store(expiry_clock_.now().time_since_epoch().count(),
                                   std::memory_order_relaxed);
  return true;
}

std::string Gate::unguessable(std::string_view text) const {
  std::string pieces;
  append_piece(pieces, "unguessable");
  append_piece(pieces, text);
  return to_hex(keyed_hash(inline_key_, pieces)).substr(0, 32);
}

Status Gate::check_loaded(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(denied_as_unknown(name));
  const Credential& credential = found->second->credential;
  const CredentialState state = state_at(credential, expiry_clock_.now());
  if (state != CredentialState::active) return fail(denied_by_state(credential, state));
  return found->second->guard == nullptr ? Status{} : found->second->guard->linked();
}

void Gate::note_upstream_result(const Grant& grant, int status) {
  if (grant.version == 0 || grant.permits == nullptr) return;
  CredentialGuard& guard = *grant.permits;
  if (status >= 200 && status < 400) {
    guard.note_accepted();
    if (guard.probe().under_way()) guard.probe().end();
    return;
  }
  if (status != 401 && status != 407) return;
  // While it is tried out, only who tries it counts: others were sent before it was rejected.
  if (guard.probe().under_way() ? guard.probe().is_turn_of(grant.turn.get())
                                : guard.note_refused() >= kRefusalsToReject)
    reject(grant);
}

void Gate::reject(const Grant& grant) {
  {
    const std::unique_lock lock(mutex_);
    const auto found = entries_.find(grant.credential);
    if (found == entries_.end()) return;
    Entry& entry = *found->second;
    // A late answer to an earlier version says nothing about this one.
    if (entry.guard != grant.permits || entry.credential.state != CredentialState::active) return;
    entry.credential.state = CredentialState::rejected;
    entry.credential.changed_by = "upstream";
    entry.credential.changed_at = expiry_clock_.now();
    instruct(*entry.guard, entry.credential);
    rejected_.push_back(entry.credential.name);
  }
  grant.permits->probe().end();
}

std::string Gate::mask(const Grant& grant, std::string text) const {
  if (grant.version != 0)
    return redactor_.mask_for(grant.credential, grant.version, std::move(text));
  if (grant.tokens != nullptr) return grant.tokens->mask_answer(std::move(text));
  const ValueForms* forms = grant.permits == nullptr ? nullptr : grant.permits->forms();
  return forms == nullptr ? text : forms->mask(std::move(text));
}

std::optional<Credential> Gate::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return found->second->credential;
}

void Gate::visit(const std::function<void(const Credential&)>& look) const {
  const std::shared_lock lock(mutex_);
  for (const auto& [name, entry] : entries_) look(entry->credential);
}

std::vector<Credential> Gate::all() const {
  std::vector<Credential> all;
  visit([&](const Credential& credential) { all.push_back(credential); });
  return all;
}

std::vector<std::pair<std::string, WallTime>> Gate::last_uses() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<std::string, WallTime>> uses;
  for (const auto& [name, entry] : entries_) {
    if (const std::int64_t at = entry->last_used.load(std::memory_order_relaxed); at != 0)
      uses.emplace_back(entry->credential.id, WallTime(Milliseconds(at)));
  }
  return uses;
}

std::optional<WallTime> Gate::last_used(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  const std::int64_t at = found->second->last_used.load(std::memory_order_relaxed);
  if (at == 0) return std::nullopt;
  return WallTime(Milliseconds(at));
}

void Gate::note_last_use(std::string_view id, WallTime at) {
  const std::shared_lock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry->credential.id == id)
      entry->last_used.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  }
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
