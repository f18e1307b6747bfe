#include "auth/vault.h"

#include <algorithm>
#include <mutex>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "auth/state_seal.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHeadBytes = 5;  // format and key id
constexpr std::string_view kData = "data";
constexpr std::string_view kKeyHash = "key-hash";
constexpr std::string_view kAudit = "audit";
constexpr std::string_view kState = "state";
constexpr std::string_view kValues = "credential_values";

Problem key_problem(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
}

Problem damaged(std::string detail) {
  return key_problem("store-damaged", std::move(detail) + "; restore it from a backup");
}

// Names a master key without giving it away.
std::string fingerprint(const Secret& master) {
  return to_hex(std::string_view(keyed_hash(master, "stepwell master key 1")).substr(0, 16));
}

std::string wrap_place(std::uint32_t id, std::string_view purpose) {
  std::string place = "stepwell wrapped key 2";
  append_number(place, id);
  append_piece(place, purpose);
  return place;
}

std::string associated(const FieldPlace& place, std::string_view head) {
  std::string data = "stepwell field 1";
  append_piece(data, head);
  append_piece(data, place.table);
  append_piece(data, place.row);
  append_piece(data, place.field);
  append_number(data, place.version);
  return data;
}

std::string blob_head(std::uint32_t key_id) {
  std::string head(1, kFormat);
  for (unsigned shift = 0; shift < 32; shift += 8)
    head += static_cast<char>(static_cast<unsigned char>((key_id >> shift) & 0xFFU));
  return head;
}

std::uint32_t key_id_of_head(std::string_view head) {
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i)
    id |= static_cast<std::uint32_t>(static_cast<unsigned char>(head[1 + i])) << (8 * i);
  return id;
}

bool is_empty(const StoredState& stored) {
  return stored.credentials.empty() && stored.values.empty() && stored.keys.empty() &&
         stored.users.empty() && stored.tombstones.empty() && !stored.last_audit && !stored.seal;
}

}  // namespace

Result<std::unique_ptr<Vault>> Vault::open(std::span<const Secret> candidates,
                                           const StoredState& stored, SecretStore& store,
                                           Entropy& entropy) {
  const auto fits = [](const Secret& master) { return master.size() == kCipherKeyBytes; };
  if (candidates.empty() || !std::all_of(candidates.begin(), candidates.end(), fits))
    return fail(key_problem("master-key-invalid", "a master key has exactly 32 bytes"));
  std::unique_ptr<Vault> vault(new Vault(entropy));
  const bool fresh = stored.wrapped_keys.empty();
  if (fresh && !is_empty(stored)) return fail(damaged("the store's own keys are gone"));
  if (fresh && !stored.tombstones_beside.empty())
    return fail(damaged("the database is gone, but its tombstone file is there"));
  if (fresh) {
    Status made = vault->create_all(candidates.front(), store);
    if (!made) return fail(std::move(made.error()));
    return vault;
  }
  const auto match =
      std::find_if(candidates.begin(), candidates.end(), [&](const Secret& candidate) {
        const std::string print = fingerprint(candidate);
        return std::any_of(stored.wrapped_keys.begin(), stored.wrapped_keys.end(),
                           [&](const WrappedKey& row) { return row.master == print; });
      });
  if (match == candidates.end())
    return fail(key_problem("master-key-wrong",
                            "this store was encrypted under another master key; point masterKey "
                            "at the one that belongs to it"));
  vault->opened_with_ = static_cast<std::size_t>(match - candidates.begin());
  Status done = vault->unwrap_all(*match, stored);
  if (!done) return fail(std::move(done.error()));
  return vault;
}

Status Vault::unwrap_all(const Secret& master, const StoredState& stored) {
  const std::string print = fingerprint(master);
  for (const WrappedKey& row : stored.wrapped_keys) {
    std::optional<Secret> key;
    if (row.master == print) key = decrypt(master, wrap_place(row.id, row.purpose), row.wrapped);
    if (!key || key->size() != kCipherKeyBytes)
      return fail(damaged("the store's key " + std::to_string(row.id) + " was changed"));
    adopt(row.id, row.purpose, std::move(*key));
  }
  follow(stored.wrapped_keys);
  if (current_ == 0 || key_hash_key_.empty() || audit_key_.empty() || state_key_.empty())
    return fail(damaged("one of the store's own keys is missing"));
  return {};
}

Status Vault::create_all(const Secret& master, SecretStore& store) {
  std::vector<Change> changes;
  std::vector<WrappedKey> rows;
  std::uint32_t id = 0;
  for (const std::string_view purpose : {kData, kKeyHash, kAudit, kState}) {
    adopt(++id, purpose, random_secret(kCipherKeyBytes, entropy_));
    rows.push_back(wrap(master, id, keys_.at(id)));
    changes.emplace_back(rows.back());
  }
  follow(rows);
  StateDigest digest(state_key_.duplicate());
  digest.apply(changes);
  changes.emplace_back(StateSeal{digest.seal()});
  return store.commit(changes);
}

WrappedKey Vault::wrap(const Secret& master, std::uint32_t id, const HeldKey& held) const {
  return {id, held.purpose, fingerprint(master),
          encrypt(master, wrap_place(id, held.purpose), held.key.reveal(), entropy_)};
}

void Vault::adopt(std::uint32_t id, std::string_view purpose, Secret key) {
  if (purpose == kKeyHash) key_hash_key_ = key.duplicate();
  if (purpose == kAudit) audit_key_ = key.duplicate();
  if (purpose == kState) state_key_ = key.duplicate();
  keys_[id] = {std::string(purpose), std::move(key)};
}

bool Vault::is_under(const Secret& master) const {
  const std::shared_lock lock(mutex_);
  return master_ == fingerprint(master);
}

Result<std::vector<Change>> Vault::rewrap(const Secret& next, const StoredState& stored) {
  std::vector<Change> changes;
  std::uint32_t id = 0;
  {
    const std::unique_lock lock(mutex_);
    id = keys_.rbegin()->first + 1;
    keys_[id] = {std::string(kData), random_secret(kCipherKeyBytes, entropy_)};
    changes.emplace_back(wrap(next, id, keys_[id]));
    for (const WrappedKey& row : stored.wrapped_keys) {
      if (row.purpose == kData)
        changes.emplace_back(EraseWrappedKey{row.id});
      else
        changes.emplace_back(wrap(next, row.id, keys_.at(row.id)));
    }
  }
  for (const SealedValue& value : stored.values)
    changes.emplace_back(EraseValues{value.credential_id});
  for (const SealedValue& value : stored.values) {
    const FieldPlace place{kValues, value.credential_id, value.field, value.version};
    Result<Secret> plain = unseal(place, value.sealed);
    if (!plain) return fail(std::move(plain.error()));
    changes.emplace_back(SealedValue{value.credential_id, value.version, value.field,
                                     seal_under(id, place, plain->reveal())});
  }
  return changes;
}

void Vault::follow(const std::vector<WrappedKey>& rows) {
  const std::unique_lock lock(mutex_);
  current_ = 0;
  for (const WrappedKey& row : rows) {
    master_ = row.master;
    if (row.purpose == kData) current_ = std::max(current_, row.id);
  }
}

Status Vault::renew(SealedValue& value) const {
  {
    const std::shared_lock lock(mutex_);
    // A later key is that of a rotation which is being committed.
    if (value.sealed.size() >= kHeadBytes && key_id_of_head(value.sealed) >= current_) return {};
  }
  const FieldPlace place{kValues, value.credential_id, value.field, value.version};
  Result<Secret> plain = unseal(place, value.sealed);
  if (!plain) return fail(std::move(plain.error()));
  value.sealed = seal(place, plain->reveal());
  return {};
}

std::string Vault::seal(const FieldPlace& place, std::string_view plain) const {
  std::uint32_t id = 0;
  {
    const std::shared_lock lock(mutex_);
    id = current_;
  }
  return seal_under(id, place, plain);
}

std::string Vault::seal_under(std::uint32_t id, const FieldPlace& place,
                              std::string_view plain) const {
  std::string blob = blob_head(id);
  const std::shared_lock lock(mutex_);
  blob += encrypt(keys_.at(id).key, associated(place, blob), plain, entropy_);
  return blob;
}

Result<Secret> Vault::unseal(const FieldPlace& place, std::string_view blob) const {
  const std::string where = std::string(place.table) + "/" + std::string(place.row) + "/" +
                            std::string(place.field) + ", version " +
                            std::to_string(place.version) + ",";
  if (blob.size() < kHeadBytes || blob[0] != kFormat)
    return fail(damaged("the sealed value of " + where + " is cut or of an unknown format"));
  const std::string_view head = blob.substr(0, kHeadBytes);
  const std::shared_lock lock(mutex_);
  const auto held = keys_.find(key_id_of_head(head));
  if (held == keys_.end() || held->second.purpose != kData)
    return fail(damaged("the sealed value of " + where + " names a key that does not exist"));
  std::optional<Secret> plain =
      decrypt(held->second.key, associated(place, head), blob.substr(kHeadBytes));
  if (!plain) return fail(damaged("the sealed value of " + where + " was changed or moved"));
  return std::move(*plain);
}

}  // namespace stepwell::auth
