#include "auth/authority.h"

#include <map>
#include <utility>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr std::chrono::seconds kMarkEvery{60};

// Whatever was revoked or deleted stays so, although the rows may come from an older copy of the
// database. The answer is what has to be written.
std::vector<Change> merge_tombstones(StoredState& stored) {
  std::map<std::pair<std::string, std::string>, const Tombstone*> latest;
  for (const auto* stones : {&stored.tombstones, &stored.tombstones_beside}) {
    for (const Tombstone& stone : *stones) {
      const Tombstone*& place = latest[{stone.kind, stone.id}];
      // Deleted comes after revoked.
      if (place == nullptr || stone.what == "deleted") place = &stone;
    }
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

Result<std::unique_ptr<Authority>> Authority::open(const MasterKeySource& source,
                                                   const Surroundings& surroundings,
                                                   const Credentials::Options& options) {
  Result<std::vector<Secret>> candidates = load_candidates(source);
  if (!candidates) return fail(std::move(candidates.error()));
  Result<std::unique_ptr<Authority>> authority = open(*candidates, surroundings, options);
  if (!authority || (*authority)->vault_->opened_with() == 0) return authority;
  // A rotation was cut off after its commit, or the operator has not put the new key in place yet.
  Status finished = finish_rotation(source);
  if (!finished) return fail(std::move(finished.error()));
  surroundings.log.warn(
      "master-key-rotated",
      {{"file", source.next()}, {"in_place", source.kind == MasterKeySource::Kind::file}});
  return authority;
}

Result<std::unique_ptr<Authority>> Authority::open(const Secret& master_key,
                                                   const Surroundings& surroundings,
                                                   const Credentials::Options& options) {
  return open(std::span(&master_key, 1), surroundings, options);
}

Result<std::unique_ptr<Authority>> Authority::open(std::span<const Secret> candidates,
                                                   const Surroundings& surroundings,
                                                   const Credentials::Options& options) {
  Result<StoredState> stored = surroundings.store.load();
  if (!stored) return fail(std::move(stored.error()));
  Result<std::unique_ptr<Vault>> vault =
      Vault::open(candidates, *stored, surroundings.store, surroundings.entropy);
  if (!vault) return fail(std::move(vault.error()));
  if (stored->wrapped_keys.empty()) stored = surroundings.store.load();
  if (!stored) return fail(std::move(stored.error()));
  Result<SealedState> sealed = SealedState::open((*vault)->state_key(), *stored);
  if (!sealed) return fail(std::move(sealed.error()));
  std::unique_ptr<Authority> authority(new Authority(std::move(*vault), std::move(*sealed),
                                                     stored->clock_mark, surroundings, options));
  Status loaded = authority->load(std::move(*stored));
  if (!loaded) return fail(std::move(loaded.error()));
  return authority;
}

Authority::Authority(std::unique_ptr<Vault> vault, SealedState sealed, WallTime clock_mark,
                     const Surroundings& surroundings, const Credentials::Options& options)
    : entropy_(surroundings.entropy),
      vault_(std::move(vault)),
      clock_(surroundings.clock),
      audit_(surroundings.store, *vault_, std::move(sealed), clock_),
      gate_(clock_, surroundings.clock, redactor_, surroundings.entropy, surroundings.metrics),
      credentials_({*vault_, audit_, gate_, clock_, surroundings.clock, surroundings.entropy,
                    surroundings.metrics, surroundings.log},
                   options),
      users_(audit_, clock_),
      keys_(*vault_, audit_, users_, clock_, surroundings.entropy, surroundings.metrics),
      switches_(audit_, clock_),
      log_(surroundings.log) {
  gate_.connect_keys({[this](std::string_view text) { return keys_.id_of(text); },
                      [this](const std::string& id) { return keys_.stands(id); }});
  keys_.when_ended([this](const std::string& id, const Problem& why) {
    return credentials_.end_linked(id, why);
  });
  clock_.raise_to(clock_mark);
  marked_ = clock_.now();
}

Authority::~Authority() = default;

Status Authority::load(StoredState stored) {
  std::vector<Change> changes = merge_tombstones(stored);
  if (!changes.empty() || stored.tombstones_beside.size() > stored.tombstones.size()) {
    log_.warn(
        "tombstones-merged",
        {{"rows", changes.size()},
         {"detail", "the database is older than revocations made since; they stay in force"}});
    Status done = audit_.commit({{"stepwell", ""}, "tombstones.merge", "", ""}, changes);
    if (!done) return done;
  }
  audit_.load_once_marks(stored.once_marks);
  switches_.load(stored);
  users_.load(stored);
  keys_.load(stored);
  return credentials_.load(stored);
}

std::string Authority::fingerprint(std::string_view text) const {
  std::string pieces;
  append_piece(pieces, "fingerprint");
  append_piece(pieces, text);
  return to_hex(keyed_hash(vault_->key_hash_key(), pieces));
}

void Authority::maintain() {
  credentials_.maintain();
  keys_.maintain();
  const WallTime now = clock_.now();
  if (now - marked_ < kMarkEvery) return;
  std::vector<Change> changes{ClockMark{now}};
  credentials_.append_last_uses(changes);
  keys_.append_last_uses(changes);
  Status done = audit_.commit_unaudited(changes);
  if (done)
    marked_ = now;
  else
    log_.error("clock-mark-not-saved", {{"problem", done.error().one_line()}});
}

Result<MasterKeyRotation> Authority::rotate_master_key(const Actor& actor,
                                                       const MasterKeySource& source) {
  const std::scoped_lock lock(rotation_);
  const Result<Secret> next = prepare_next_key(source, entropy_);
  if (!next) return fail(next.error());
  MasterKeyRotation rotation{source.next(), source.kind == MasterKeySource::Kind::file};
  rotation.rotated = !vault_->is_under(*next);
  if (rotation.rotated) {
    Status done =
        audit_.commit_derived({actor, "master-key.rotate", "", ""}, [&](const StoredState& stored) {
          rotation.values = stored.values.size();
          return vault_->rewrap(*next, stored);
        });
    if (!done) return fail(std::move(done.error()));
  }
  Status finished = finish_rotation(source);
  if (!finished) return fail(std::move(finished.error()));
  if (rotation.in_place) rotation.file = source.where;
  return rotation;
}

}  // namespace stepwell::auth
