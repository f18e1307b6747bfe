#include "auth/credentials.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "auth/denial.h"
#include "base/json.h"

namespace stepwell::auth {

namespace {

constexpr std::string_view kTable = "credential_values";
constexpr std::string_view kUsername = "username";
constexpr std::string_view kSecret = "secret";

Problem problem(int status, std::string code, std::string detail) {
  Problem made = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  made.status = status;
  return made;
}

Problem unknown(std::string_view name) {
  return problem(404, "credential-unknown", "there is no credential " + std::string(name));
}

Problem incomplete(const std::string& name) {
  Problem made = make_problem(ErrorKind::runtime, "revocation-incomplete",
                              "credential " + name +
                                  " is denied, and that is saved, but a request that was being "
                                  "sent with it could not be shown to have stopped; repeat "
                                  "the call, or restart the daemon to be certain");
  made.status = 503;
  return made;
}

std::string action_of(CredentialState end) {
  return end == CredentialState::revoked ? "credential.revoke" : "credential.delete";
}

}  // namespace

Credentials::Credentials(const Parts& parts, Options options)
    : vault_(parts.vault),
      audit_(parts.audit),
      gate_(parts.gate),
      expiry_clock_(parts.expiry_clock),
      clock_(parts.clock),
      entropy_(parts.entropy),
      log_(parts.log),
      options_(options) {
  Metrics& metrics = parts.metrics;
  for (std::size_t i = 0; i < by_state_.size(); ++i)
    by_state_[i] =
        metrics.gauge("stepwell_credentials", "Credentials by state.",
                      {{"state", std::string(to_string(static_cast<CredentialState>(i)))}});
  nearest_expiry_ = metrics.gauge("stepwell_credentials_nearest_expiry_seconds",
                                  "Time until the next credential expires; +Inf where none does.");
  revocations_ = metrics.counter("stepwell_revocations_total",
                                 "Credentials and API keys that were revoked or deleted.",
                                 {{"kind", "credential"}});
  revocation_duration_ =
      metrics.histogram("stepwell_revocation_duration_seconds",
                        "From the call of a revocation to its return.", duration_buckets());
}

Status Credentials::load(const StoredState& stored) {
  std::vector<const Credential*> order;
  for (const Credential& credential : stored.credentials) order.push_back(&credential);
  // A living credential takes the name from a deleted one, a later deleted one from an earlier.
  std::sort(order.begin(), order.end(), [](const Credential* a, const Credential* b) {
    const bool a_lives = a->state != CredentialState::deleted;
    const bool b_lives = b->state != CredentialState::deleted;
    return std::tie(a_lives, a->changed_at) < std::tie(b_lives, b->changed_at);
  });
  for (const Credential* credential : order) {
    if (is_final(credential->state)) {
      gate_.install(*credential, nullptr);
      continue;
    }
    Result<CredentialValue> value = unseal(*credential, stored);
    if (!value) return fail(std::move(value.error()));
    gate_.install(*credential, &*value);
  }
  refresh_gauges();
  return {};
}

std::vector<Credential> Credentials::list() const {
  std::vector<Credential> all = gate_.all();
  std::erase_if(all, [](const Credential& c) { return c.state == CredentialState::deleted; });
  return all;
}

Result<Credential> Credentials::find(std::string_view name) const {
  std::optional<Credential> found = gate_.find(name);
  if (!found || found->state == CredentialState::deleted) return fail(unknown(name));
  return std::move(*found);
}

Result<Credential> Credentials::changeable(std::string_view name) const {
  Result<Credential> found = find(name);
  if (found && is_final(found->state))
    return fail(problem(409, "credential-final", denied_by_state(*found, found->state).detail));
  return found;
}

Result<Credential> Credentials::add(const Actor& actor, NewCredential wanted) {
  Status valid = check_new_credential(wanted);
  if (!valid) return fail(std::move(valid.error()));
  const std::scoped_lock lock(mutex_);
  const std::optional<Credential> known = gate_.find(wanted.name);
  if (known && (known->state != CredentialState::deleted || unsaved_.count(known->id) != 0))
    return fail(problem(
        409, "credential-exists",
        "there is a credential " + wanted.name + " already; rotate it, or delete it first"));
  Credential credential;
  credential.id = entropy_.hex(16);
  credential.name = std::move(wanted.name);
  credential.description = std::move(wanted.description);
  credential.kind = wanted.kind;
  credential.prefix = std::move(wanted.prefix);
  credential.header = std::move(wanted.header);
  for (const std::string& origin : wanted.origins) {
    Result<OriginPattern> parsed = OriginPattern::parse(origin);
    if (!parsed) return fail(std::move(parsed.error()));
    credential.origins.push_back(std::move(*parsed));
  }
  credential.namespaces = std::move(wanted.namespaces);
  credential.expires_at = wanted.expires_at;
  credential.created_by = credential.changed_by = actor.user;
  credential.created_at = credential.changed_at = expiry_clock_.now();
  std::vector<Change> changes{credential};
  seal(changes, credential, wanted.value);
  Status done = audit_.commit({actor, "credential.add", credential.name,
                               to_json(Value::object({{"kind", to_string(credential.kind)}}))},
                              std::move(changes));
  if (!done) return fail(std::move(done.error()));
  gate_.install(credential, &wanted.value);
  refresh_gauges();
  return credential;
}

Result<Credential> Credentials::rotate(const Actor& actor, std::string_view name,
                                       Rotation rotation) {
  const std::scoped_lock lock(mutex_);
  Result<Credential> found = changeable(name);
  if (!found) return found;
  Credential& credential = *found;
  Status valid = check_value(credential.kind, rotation.value);
  if (!valid) return fail(std::move(valid.error()));
  ++credential.version;
  if (rotation.change_expiry) credential.expires_at = rotation.expires_at;
  if (credential.state == CredentialState::rejected) {
    credential.state = CredentialState::active;
    credential.changed_by = actor.user;
    credential.changed_at = expiry_clock_.now();
  }
  // What is not used any more is not kept.
  std::vector<Change> changes{credential, EraseValues{credential.id}};
  seal(changes, credential, rotation.value);
  Status done = audit_.commit({actor, "credential.rotate", credential.name,
                               to_json(Value::object({{"version", credential.version}}))},
                              std::move(changes));
  if (!done) return fail(std::move(done.error()));
  gate_.install(credential, &rotation.value);
  refresh_gauges();
  return found;
}

Result<Credential> Credentials::enable(const Actor& actor, std::string_view name) {
  return set_state(actor, name, CredentialState::active, "credential.enable");
}

Result<Credential> Credentials::disable(const Actor& actor, std::string_view name) {
  return set_state(actor, name, CredentialState::disabled, "credential.disable");
}

Result<Credential> Credentials::set_state(const Actor& actor, std::string_view name,
                                          CredentialState to, std::string_view action) {
  const std::scoped_lock lock(mutex_);
  Result<Credential> found = changeable(name);
  if (!found || found->state == to) return found;
  found->state = to;
  found->changed_by = actor.user;
  found->changed_at = expiry_clock_.now();
  return save(actor, *found, action);
}

Result<Credential> Credentials::set_expiry(const Actor& actor, std::string_view name,
                                           std::optional<WallTime> expires_at) {
  const std::scoped_lock lock(mutex_);
  Result<Credential> found = changeable(name);
  if (!found) return found;
  found->expires_at = expires_at;
  return save(actor, *found, "credential.expiry");
}

Result<Credential> Credentials::save(const Actor& actor, const Credential& credential,
                                     std::string_view action) {
  std::string detail;
  if (credential.expires_at)
    detail = to_json(Value::object({{"expiresAt", format_time(*credential.expires_at)}}));
  Status done = audit_.commit({actor, std::string(action), credential.name, detail}, {credential});
  if (!done) return fail(std::move(done.error()));
  gate_.update(credential);
  refresh_gauges();
  return credential;
}

Result<Credential> Credentials::revoke(const Actor& actor, std::string_view name) {
  return end(actor, name, CredentialState::revoked);
}

Result<Credential> Credentials::remove(const Actor& actor, std::string_view name) {
  return end(actor, name, CredentialState::deleted);
}

Result<Credential> Credentials::end(const Actor& actor, std::string_view name, CredentialState to) {
  const SteadyTime began = clock_.steady_now();
  std::optional<Credential> ended = gate_.find(name);
  if (!ended) return fail(unknown(name));
  // Memory denies first, before this waits for anything.
  const bool further = ended->state != to && ended->state != CredentialState::deleted;
  if (further) {
    ended->state = to;
    ended->changed_by = actor.user;
    ended->changed_at = expiry_clock_.now();
  }
  const Gate::Guards guards = gate_.deny_for_good(*ended);
  Status saved;
  {
    const std::scoped_lock lock(mutex_);
    if (!further && unsaved_.count(ended->id) == 0) {
      if (ended->state == CredentialState::deleted) return fail(unknown(name));
    } else {
      saved = save_end(actor, *ended);
    }
  }
  const bool quiet = gate_.drain(guards, options_.drain_limit);
  refresh_gauges();
  if (!quiet) log_.error("revocation-incomplete", {{"credential", ended->name}});
  if (!saved) return fail(std::move(saved.error()));
  if (!quiet) return fail(incomplete(ended->name));
  revocation_duration_.observe(std::chrono::duration<double>(clock_.steady_now() - began).count());
  return std::move(*ended);
}

// `ended` was read before the lock was had: a rotation may have come between.
Status Credentials::save_end(const Actor& actor, const Credential& ended) {
  Credential row = gate_.find(ended.name).value_or(ended);
  if (row.id != ended.id) row = ended;
  std::vector<Change> changes{
      row, Tombstone{"credential", row.id, std::string(to_string(row.state)), row.changed_by,
                     row.changed_at}};
  if (row.state == CredentialState::deleted) changes.emplace_back(EraseValues{row.id});
  Status done = audit_.commit({actor, action_of(row.state), row.name, ""}, std::move(changes));
  if (done) {
    unsaved_.erase(row.id);
    revocations_.increment();
    return done;
  }
  unsaved_.insert(row.id);
  log_.error("revocation-not-saved",
             {{"credential", row.name}, {"problem", done.error().one_line()}});
  Problem why = std::move(done.error());
  why.detail = "credential " + row.name +
               " is denied by this process, but that could not be saved and may not last over a "
               "restart (" +
               why.detail + "); mend the cause and repeat the call";
  return fail(std::move(why));
}

void Credentials::seal(std::vector<Change>& changes, const Credential& credential,
                       const CredentialValue& value) const {
  const auto add = [&](std::string_view field, std::string_view plain) {
    const FieldPlace place{kTable, credential.id, field, credential.version};
    changes.emplace_back(SealedValue{credential.id, credential.version, std::string(field),
                                     vault_.seal(place, plain)});
  };
  if (credential.kind == CredentialKind::basic) add(kUsername, value.username);
  add(kSecret, value.secret.reveal());
}

Result<CredentialValue> Credentials::unseal(const Credential& credential,
                                            const StoredState& stored) const {
  CredentialValue value;
  for (const SealedValue& row : stored.values) {
    if (row.credential_id != credential.id || row.version != credential.version) continue;
    Result<Secret> plain =
        vault_.unseal({kTable, credential.id, row.field, credential.version}, row.sealed);
    if (!plain) return fail(std::move(plain.error()));
    if (row.field == kSecret) value.secret = std::move(*plain);
    if (row.field == kUsername) value.username = std::string(plain->reveal());
  }
  if (check_value(credential.kind, value)) return value;
  return fail(make_problem(ErrorKind::configuration, "store-damaged",
                           "the value of credential " + credential.name + ", version " +
                               std::to_string(credential.version) +
                               ", is missing; restore the store from a backup"));
}

void Credentials::maintain() {
  write_rejected();
  refresh_gauges();
}

void Credentials::write_rejected() {
  const std::scoped_lock lock(mutex_);
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

void Credentials::refresh_gauges() const {
  std::array<double, kCredentialStates> counts{};
  double nearest = std::numeric_limits<double>::infinity();
  const WallTime now = expiry_clock_.now();
  for (const Credential& credential : gate_.all()) {
    const CredentialState state = state_at(credential, now);
    counts[static_cast<std::size_t>(state)] += 1;
    if (state == CredentialState::active && credential.expires_at)
      nearest =
          std::min(nearest, std::chrono::duration<double>(*credential.expires_at - now).count());
  }
  for (std::size_t i = 0; i < counts.size(); ++i) by_state_[i].set(counts[i]);
  nearest_expiry_.set(nearest);
}

}  // namespace stepwell::auth
