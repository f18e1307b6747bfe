// Credentials and the store: how values are read and sealed, and what is written down although
// nobody asked for it.
#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

#include "auth/credentials.h"

namespace stepwell::auth {

namespace {

constexpr std::string_view kTable = "credential_values";
constexpr std::string_view kUsername = "username";
constexpr std::string_view kSecret = "secret";

}  // namespace

Status Credentials::load(const StoredState& stored) {
  std::vector<const Credential*> order;
  for (const Credential& credential : stored.credentials) order.push_back(&credential);
  // A living credential takes the name from a deleted one, a later deleted one from an earlier.
  std::sort(order.begin(), order.end(), [](const Credential* a, const Credential* b) {
    const bool a_lives = a->state != CredentialState::deleted;
    const bool b_lives = b->state != CredentialState::deleted;
    return std::tie(a_lives, a->changed_at) < std::tie(b_lives, b->changed_at);
  });
  std::unordered_map<std::string_view, Sealed> rows;
  for (const SealedValue& row : stored.values) rows[row.credential_id].push_back(&row);
  for (const Credential* credential : order) {
    if (is_final(credential->state)) {
      gate_.install(*credential, nullptr);
      continue;
    }
    Result<CredentialValue> value = unseal(*credential, rows[credential->id]);
    if (!value) return fail(std::move(value.error()));
    gate_.install(*credential, &*value);
  }
  {
    const std::scoped_lock lock(mutex_);
    marked_ = stored.clock_mark;
  }
  for (const LastUse& use : stored.last_uses) {
    if (use.kind != "credential") continue;
    gate_.note_last_use(use.id, use.at);
    written_uses_.note(use.id, use.at);
  }
  refresh_gauges();
  return {};
}

void Credentials::seal(std::vector<Change>& changes, const Credential& credential,
                       const CredentialValue& value) const {
  const auto add = [&](std::string_view field, std::string_view plain) {
    const FieldPlace place{kTable, credential.id, field, credential.version};
    changes.emplace_back(SealedValue{credential.id, credential.version, std::string(field),
                                     vault_.seal(place, plain)});
  };
  if (!value.username.empty()) add(kUsername, value.username);
  add(kSecret, value.secret.reveal());
  for (const auto& [name, secret] : value.more) add(name, secret.reveal());
}

Result<CredentialValue> Credentials::unseal(const Credential& credential,
                                            const Sealed& rows) const {
  CredentialValue value;
  for (const SealedValue* row : rows) {
    if (row->version != credential.version) continue;
    Result<Secret> plain =
        vault_.unseal({kTable, credential.id, row->field, credential.version}, row->sealed);
    if (!plain) return fail(std::move(plain.error()));
    if (row->field == kSecret)
      value.secret = std::move(*plain);
    else if (row->field == kUsername)
      value.username = std::string(plain->reveal());
    else
      value.more.emplace(row->field, std::move(*plain));
  }
  if (check_value(credential.kind, credential.settings, value)) return value;
  return fail(make_problem(ErrorKind::configuration, "store-damaged",
                           "the value of credential " + credential.name + ", version " +
                               std::to_string(credential.version) +
                               ", is missing; restore the store from a backup"));
}

// An authorization server that replaces a refresh token takes the old one out of use.
void Credentials::write_refresh_tokens() {
  std::vector<KeptToken> kept;
  {
    const std::scoped_lock lock(kept_mutex_);
    kept.swap(kept_);
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    KeptToken& token = kept[i];
    const bool replaced = std::any_of(kept.begin() + static_cast<std::ptrdiff_t>(i) + 1, kept.end(),
                                      [&](const KeptToken& later) { return later.id == token.id; });
    const std::optional<Credential> now = gate_.find(token.credential);
    if (replaced || !now || now->id != token.id || now->version != token.version ||
        is_final(now->state))
      continue;
    const FieldPlace place{kTable, token.id, kRefreshToken, token.version};
    SealedValue row{token.id, token.version, std::string(kRefreshToken),
                    vault_.seal(place, token.refresh_token.reveal())};
    Status done = audit_.commit(
        {{"upstream", ""}, "credential.refresh-token", token.credential, ""}, {std::move(row)});
    if (done) continue;
    log_.error("refresh-token-not-saved",
               {{"credential", token.credential}, {"problem", done.error().one_line()}});
    const std::scoped_lock lock(kept_mutex_);
    kept_.insert(kept_.begin(), std::move(token));  // before those that came meanwhile
  }
}

void Credentials::append_last_uses(std::vector<Change>& changes) {
  for (const auto& [id, at] : gate_.last_uses())
    written_uses_.append("credential", id, at, changes);
}

void Credentials::maintain() {
  {
    const std::scoped_lock lock(mutex_);
    write_rejected();
    write_refresh_tokens();
    mark_expiries();
  }
  refresh_gauges();
}

void Credentials::write_rejected() {
  for (Credential& credential : gate_.take_rejected()) {
    log_.warn("credential-rejected",
              {{"credential", credential.name}, {"version", credential.version}});
    rejected_.push_back(std::move(credential));
  }
  std::erase_if(rejected_, [this](const Credential& credential) {
    const std::optional<Credential> now = gate_.find(credential.name);
    // Enabled, rotated or revoked since: that has been written already.
    if (!now || now->id != credential.id || now->state != CredentialState::rejected) return true;
    return audit_.commit({{"upstream", ""}, "credential.reject", credential.name, ""}, {*now})
        .has_value();
  });
}

// The clock's mark is written now and then; an expiry since must not be undone by a restart with a
// clock that was set back.
void Credentials::mark_expiries() {
  const WallTime now = expiry_clock_.now();
  const std::vector<Credential> all = gate_.all();
  const bool any = std::any_of(all.begin(), all.end(), [&](const Credential& credential) {
    return !is_final(credential.state) && credential.expires_at &&
           *credential.expires_at > marked_ && *credential.expires_at <= now;
  });
  if (any && !audit_.commit_unaudited({ClockMark{now}})) return;  // and again in a second
  marked_ = now;
}

void Credentials::refresh_gauges() const {
  std::array<double, kCredentialStates> counts{};
  double nearest = std::numeric_limits<double>::infinity();
  const WallTime now = expiry_clock_.now();
  gate_.visit([&](const Credential& credential) {
    const CredentialState state = state_at(credential, now);
    counts[static_cast<std::size_t>(state)] += 1;
    if (state == CredentialState::active && credential.expires_at)
      nearest =
          std::min(nearest, std::chrono::duration<double>(*credential.expires_at - now).count());
  });
  for (std::size_t i = 0; i < counts.size(); ++i) by_state_[i].set(counts[i]);
  nearest_expiry_.set(nearest);
}

}  // namespace stepwell::auth
