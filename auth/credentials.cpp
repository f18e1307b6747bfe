#include "auth/credentials.h"

#include <chrono>
#include <utility>

#include "auth/denial.h"
#include "base/json.h"

namespace stepwell::auth {

namespace {

Problem unknown(std::string_view name) {
  return refused_request(404, "credential-unknown", "there is no credential " + std::string(name));
}

Value text_array(const std::vector<std::string>& texts) {
  Value array = Value::array();
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

// What a new one, or a new version, is: for the audit log.
Value facts_of(const Credential& credential) {
  std::vector<std::string> origins;
  for (const OriginPattern& origin : credential.origins) origins.push_back(origin.text());
  Value facts = Value::object({{"kind", to_string(credential.kind)},
                               {"version", credential.version},
                               {"origins", text_array(origins)},
                               {"namespaces", text_array(credential.namespaces)}});
  if (credential.settings.is_object()) facts.set("settings", credential.settings);
  facts.set("expiresAt",
            credential.expires_at ? Value(format_time(*credential.expires_at)) : Value());
  return facts;
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
  gate_.keep_refresh_tokens([this](KeptToken token) {
    const std::scoped_lock lock(kept_mutex_);
    kept_.push_back(std::move(token));
  });
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
    return fail(
        refused_request(409, "credential-final", denied_by_state(*found, found->state).detail));
  return found;
}

Result<Credential> Credentials::add(const Actor& actor, NewCredential wanted) {
  Status valid = check_new_credential(wanted);
  if (!valid) return fail(std::move(valid.error()));
  const std::scoped_lock lock(mutex_);
  const std::optional<Credential> known = gate_.find(wanted.name);
  // Its name is free when its end is on disk, and not before.
  if (known && (known->state != CredentialState::deleted || unsaved_.count(known->id) != 0 ||
                is_ending(known->id)))
    return fail(refused_request(
        409, "credential-exists",
        "there is a credential " + wanted.name + " already; rotate it, or delete it first"));
  Credential credential;
  credential.id = entropy_.hex(16);
  credential.name = std::move(wanted.name);
  credential.description = std::move(wanted.description);
  credential.kind = wanted.kind;
  credential.prefix = std::move(wanted.prefix);
  credential.header = std::move(wanted.header);
  credential.settings = std::move(wanted.settings);
  credential.on_revoke = wanted.on_revoke;
  Result<std::string> linked = linked_key(wanted.value);
  if (!linked) return fail(std::move(linked.error()));
  credential.linked_key = std::move(*linked);
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
  Status done =
      audit_.commit({actor, "credential.add", credential.name, to_json(facts_of(credential))},
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
  if (rotation.settings) {
    if (!rotation.settings->is_object())
      return fail(refused_request(400, "credential-invalid", "the settings must be an object"));
    if (!credential.settings.is_object()) credential.settings = Value::object();
    for (const Value::Member& member : rotation.settings->members())
      credential.settings.set(member.name(), member.value);
  }
  Status valid = check_value(credential.kind, credential.settings, rotation.value);
  if (!valid) return fail(std::move(valid.error()));
  ++credential.version;
  Result<std::string> linked = linked_key(rotation.value);
  if (!linked) return fail(std::move(linked.error()));
  credential.linked_key = std::move(*linked);
  if (rotation.change_expiry) credential.expires_at = rotation.expires_at;
  const bool was_rejected = credential.state == CredentialState::rejected;
  if (was_rejected) {
    credential.state = CredentialState::active;
    credential.changed_by = actor.user;
    credential.changed_at = expiry_clock_.now();
  }
  // What is not used any more is not kept.
  std::vector<Change> changes{credential, EraseValues{credential.id}};
  seal(changes, credential, rotation.value);
  Status done =
      audit_.commit({actor, "credential.rotate", credential.name, to_json(facts_of(credential))},
                    std::move(changes));
  if (!done) return fail(std::move(done.error()));
  gate_.install(credential, &rotation.value, was_rejected);
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
  const bool probe = found->state == CredentialState::rejected && to == CredentialState::active;
  found->state = to;
  found->changed_by = actor.user;
  found->changed_at = expiry_clock_.now();
  return save(actor, *found, action, "", probe);
}

Result<Credential> Credentials::set_expiry(const Actor& actor, std::string_view name,
                                           std::optional<WallTime> expires_at) {
  CredentialChange wanted;
  wanted.change_expiry = true;
  wanted.expires_at = expires_at;
  return change(actor, name, wanted);
}

Result<Credential> Credentials::change(const Actor& actor, std::string_view name,
                                       const CredentialChange& wanted) {
  const std::scoped_lock lock(mutex_);
  Result<Credential> found = changeable(name);
  if (!found) return found;
  Credential& credential = *found;
  std::vector<std::string> origins;
  for (const OriginPattern& origin : credential.origins) origins.push_back(origin.text());
  if (wanted.origins) origins = *wanted.origins;
  if (wanted.namespaces) credential.namespaces = *wanted.namespaces;
  Status valid = check_rules(credential.kind, origins, credential.namespaces);
  if (!valid) return fail(std::move(valid.error()));
  credential.origins.clear();
  for (const std::string& origin : origins)
    credential.origins.push_back(OriginPattern::parse(origin).value());
  Value detail = Value::object();
  if (wanted.description) {
    if (wanted.description->size() > kMaxDescription)
      return fail(
          refused_request(400, "credential-invalid", "the description is longer than 1000 bytes"));
    credential.description = *wanted.description;
    detail.set("description", credential.description);
  }
  if (wanted.origins) detail.set("origins", text_array(origins));
  if (wanted.namespaces) detail.set("namespaces", text_array(credential.namespaces));
  if (wanted.on_revoke) {
    credential.on_revoke = *wanted.on_revoke;
    detail.set("onRevoke", to_string(*wanted.on_revoke));
  }
  if (wanted.change_expiry) {
    credential.expires_at = wanted.expires_at;
    detail.set("expiresAt", wanted.expires_at ? Value(format_time(*wanted.expires_at)) : Value());
  }
  return save(actor, credential, "credential.change", to_json(detail));
}

Result<Credential> Credentials::save(const Actor& actor, const Credential& credential,
                                     std::string_view action, std::string detail, bool probe) {
  Status done =
      audit_.commit({actor, std::string(action), credential.name, std::move(detail)}, {credential});
  if (!done) return fail(std::move(done.error()));
  gate_.update(credential, probe);
  refresh_gauges();
  return credential;
}

bool Credentials::is_ending(const std::string& id) {
  const std::scoped_lock lock(ending_mutex_);
  return ending_.count(id) != 0;
}

// A value with an API key of ours in it, wherever, ties the credential to that key.
Result<std::string> Credentials::linked_key(const CredentialValue& value) const {
  std::string linked;
  std::vector<std::string_view> texts{value.username, value.secret.reveal()};
  for (const auto& [name, secret] : value.more) texts.push_back(secret.reveal());
  for (const std::string_view text : texts) {
    for (const std::string_view key : key_texts_in(text)) {
      const std::string id = gate_.keys().id_of ? gate_.keys().id_of(key) : std::string();
      if (id.empty() || id == linked) continue;
      if (!linked.empty())
        return fail(
            refused_request(400, "credential-invalid",
                            "the value holds two API keys; it can share the fate of one only"));
      linked = id;
    }
  }
  return linked;
}

std::function<bool()> Credentials::end_linked(const std::string& key_id, const Problem& why) {
  return [this, all = gate_.deny_linked(key_id, why)] {
    bool quiet = true;
    for (const Gate::Ended& ended : all) quiet = gate_.drain(ended, options_.drain_limit) && quiet;
    return quiet;
  };
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
  {
    const std::scoped_lock lock(ending_mutex_);
    ending_.insert(ended->id);
  }
  const Gate::Ended stopped = gate_.deny_for_good(*ended);
  Status saved;
  bool gone = false;  // before this call
  {
    const std::scoped_lock lock(mutex_);
    if (further || unsaved_.count(ended->id) != 0)
      saved = save_end(actor, *ended);
    else
      gone = ended->state == CredentialState::deleted;
    const std::scoped_lock ending(ending_mutex_);
    ending_.erase(ending_.find(ended->id));
  }
  const bool quiet = gate_.drain(stopped, options_.drain_limit);
  refresh_gauges();
  if (!quiet) log_.error("revocation-incomplete", {{"credential", ended->name}});
  if (!saved) return fail(std::move(saved.error()));
  if (!quiet) return fail(revocation_incomplete("credential " + ended->name));
  if (gone) return fail(unknown(name));
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

}  // namespace stepwell::auth
