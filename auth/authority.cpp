#include "auth/authority.h"

#include <map>
#include <utility>

namespace stepwell::auth {

namespace {

constexpr std::chrono::seconds kMarkEvery{60};

// Whatever was revoked or deleted stays so, although the rows may come from an older copy of the
// database. The answer is what has to be written.
std::vector<Change> merge_tombstones(StoredState& stored) {
  std::map<std::pair<std::string, std::string>, const Tombstone*> latest;
  for (const Tombstone& stone : stored.tombstones) {
    const Tombstone*& place = latest[{stone.kind, stone.id}];
    // Deleted comes after revoked.
    if (place == nullptr || stone.what == "deleted") place = &stone;
  }
  const auto stone_of = [&](const char* kind, const std::string& id) -> const Tombstone* {
    const auto found = latest.find({kind, id});
    return found == latest.end() ? nullptr : found->second;
  };
  std::vector<Change> changes;
  for (Credential& credential : stored.credentials) {
    const Tombstone* stone = stone_of("credential", credential.id);
    if (stone == nullptr) continue;
    const auto state =
        stone->what == "deleted" ? CredentialState::deleted : CredentialState::revoked;
    if (credential.state == state || credential.state == CredentialState::deleted) continue;
    credential.state = state;
    credential.changed_by = stone->by;
    credential.changed_at = stone->at;
    changes.emplace_back(credential);
    if (state == CredentialState::deleted) changes.emplace_back(EraseValues{credential.id});
  }
  for (ApiKey& key : stored.keys) {
    const Tombstone* stone = stone_of("key", key.id);
    if (stone == nullptr) continue;
    const KeyState state = stone->what == "deleted" ? KeyState::deleted : KeyState::revoked;
    if (key.state == state || key.state == KeyState::deleted) continue;
    key.state = state;
    key.changed_by = stone->by;
    key.changed_at = stone->at;
    changes.emplace_back(key);
  }
  return changes;
}

}  // namespace

Result<std::unique_ptr<Authority>> Authority::open(const Secret& master_key,
                                                   const Surroundings& surroundings,
                                                   const Credentials::Options& options) {
  Result<StoredState> stored = surroundings.store.load();
  if (!stored) return fail(std::move(stored.error()));
  Result<std::unique_ptr<Vault>> vault =
      Vault::open(master_key, *stored, surroundings.store, surroundings.entropy);
  if (!vault) return fail(std::move(vault.error()));
  std::unique_ptr<Authority> authority(
      new Authority(std::move(*vault), *stored, surroundings, options));
  Status loaded = authority->load(std::move(*stored));
  if (!loaded) return fail(std::move(loaded.error()));
  return authority;
}

Authority::Authority(std::unique_ptr<Vault> vault, const StoredState& stored,
                     const Surroundings& surroundings, const Credentials::Options& options)
    : vault_(std::move(vault)),
      clock_(surroundings.clock),
      audit_(surroundings.store, vault_->audit_key().duplicate(), stored.last_audit, clock_),
      gate_(clock_, redactor_, surroundings.entropy, surroundings.metrics),
      credentials_({*vault_, audit_, gate_, clock_, surroundings.clock, surroundings.entropy,
                    surroundings.metrics, surroundings.log},
                   options),
      users_(audit_, clock_),
      keys_(*vault_, audit_, users_, clock_, surroundings.entropy, surroundings.metrics),
      log_(surroundings.log) {
  clock_.raise_to(stored.clock_mark);
  marked_ = clock_.now();
}

Authority::~Authority() = default;

Status Authority::load(StoredState stored) {
  std::vector<Change> changes = merge_tombstones(stored);
  if (!changes.empty()) {
    log_.warn(
        "tombstones-merged",
        {{"rows", changes.size()},
         {"detail", "the database is older than revocations made since; they stay in force"}});
    Status done = audit_.commit({{"stepwell", ""}, "tombstones.merge", "", ""}, changes);
    if (!done) return done;
  }
  users_.load(stored);
  keys_.load(stored);
  return credentials_.load(stored);
}

void Authority::maintain() {
  credentials_.maintain();
  keys_.maintain();
  const WallTime now = clock_.now();
  if (now - marked_ < kMarkEvery) return;
  Status done = audit_.commit_unaudited({ClockMark{now}});
  if (done)
    marked_ = now;
  else
    log_.error("clock-mark-not-saved", {{"problem", done.error().one_line()}});
}

}  // namespace stepwell::auth
