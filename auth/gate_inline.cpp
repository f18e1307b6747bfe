// Authentications that stand in the definition itself.
#include <mutex>
#include <utility>

#include "auth/cipher.h"
#include "auth/denial.h"
#include "auth/encoding.h"
#include "auth/gate.h"
#include "auth/guard.h"
#include "auth/inline_policy.h"
#include "auth/token_source.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::auth {

namespace {

// So many different ones are remembered, with their tokens.
constexpr std::size_t kInlineKept = 1024;

}  // namespace

Result<Grant> Gate::authorize_inline(const InlineAuthentication& authentication) {
  // A stored one is named, and then ends when it is revoked.
  if (redactor_.knows_part_of(authentication.secret) ||
      redactor_.knows_part_of(authentication.username))
    return fail(count(denied_in_content("authentication")));
  const CredentialValue value{
      std::string(authentication.username), Secret(authentication.secret), {}};
  Status valid = check_value(authentication.kind, Value(), value);
  if (!valid) return fail(std::move(valid.error()));
  std::string pieces;
  pieces.reserve(32 + value.username.size() + value.secret.size());
  append_number(pieces, static_cast<std::uint64_t>(authentication.kind));
  append_piece(pieces, value.username);
  append_piece(pieces, value.secret.reveal());
  const std::string pool = "inline/" + to_hex(keyed_hash(inline_key_, pieces));
  wipe(pieces);
  if (auto known = known_inline(pool)) return std::move(*known);
  Credential shape;
  shape.kind = authentication.kind;
  // Whoever writes a definition chooses these values, so they are masked in what their own requests
  // bring back, and nowhere else.
  auto guard = std::make_shared<CredentialGuard>(CredentialGuard::Parts{
      present(shape, value), pool, expiry_clock_, counters_,
      std::make_shared<const ValueForms>(value.username, value.secret.reveal())});
  Grant grant;
  grant.guard = guard;
  grant.permits = std::move(guard);
  grant.pool = pool;
  return remember_inline(pool, grant);
}

Result<Grant> Gate::make_inline(const InlineTokenPolicy& policy, const std::string& pool) {
  auto read = read_inline_policy(policy.policy, policy.authority, policy.oidc);
  if (!read) return fail(std::move(read.error()));
  Credential shape;
  shape.kind = CredentialKind::oauth2;
  Grant grant;
  grant.pool = pool;
  grant.permits = std::make_shared<CredentialGuard>(
      CredentialGuard::Parts{present(shape, read->value), pool, expiry_clock_, counters_});
  TokenSource::Parts parts;
  parts.settings = std::move(read->settings);
  parts.value = std::move(read->value);
  parts.pool = pool;
  parts.permits = grant.permits;
  parts.submit = [this](std::unique_ptr<http::Exchange> exchange) { submit(std::move(exchange)); };
  parts.counters = token_counters_;
  parts.private_values = true;
  grant.tokens = TokenSource::make(std::move(parts), expiry_clock_, clock_);
  return grant;
}

Result<Grant> Gate::authorize_inline(const InlineTokenPolicy& policy, Wake wake) {
  std::string text = to_json(policy.policy);
  if (redactor_.knows_part_of(text) || redactor_.knows_part_of(policy.authority))
    return fail(count(denied_in_content("authentication")));
  std::string pieces;
  pieces.reserve(64 + text.size() + policy.authority.size());
  append_piece(pieces, policy.oidc ? "oidc" : "oauth2");
  append_piece(pieces, policy.authority);
  append_piece(pieces, text);
  const std::string pool = "inline/" + to_hex(keyed_hash(inline_key_, pieces));
  wipe(pieces);
  wipe(text);
  auto grant = known_inline(pool);
  if (!grant) {
    auto made = make_inline(policy, pool);
    if (!made) return made;
    grant = remember_inline(pool, *made);
  }
  grant->guard = grant->tokens->current();
  if (grant->guard == nullptr)
    grant->tokens->fetch(wake ? std::move(wake) : [](const Status& /*nobody asks*/) {});
  return std::move(*grant);
}

std::optional<Grant> Gate::known_inline(const std::string& pool) const {
  const std::shared_lock lock(mutex_);
  const auto known = inline_.find(pool);
  if (known == inline_.end()) return std::nullopt;
  return known->second;
}

// The answer is the one to be used: another thread may have been first.
Grant Gate::remember_inline(const std::string& pool, const Grant& grant) {
  const std::unique_lock lock(mutex_);
  const auto [place, added] = inline_.emplace(pool, grant);
  Grant kept = place->second;
  if (!added) return kept;
  inline_order_.push_back(pool);
  if (inline_order_.size() <= kInlineKept) return kept;
  inline_.erase(inline_order_.front());
  inline_order_.pop_front();
  return kept;
}

}  // namespace stepwell::auth
