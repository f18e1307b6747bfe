// Envelope encryption of what is stored. A random data key seals each field
// (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03) bound to its table, row, field and version; the
// vault's keys are themselves wrapped under the master key, which never touches the database.
// A sealed blob: format (1 byte, 1) · key id (4, little-endian) · nonce (24) · ciphertext and tag.
// Owned by Authority; after open() all members may be called from any thread, those of a rotation
// by AuditLog alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/master_key.h"
#include "auth/store_port.h"
#include "base/entropy.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

// Where a sealed field lives; a blob found elsewhere does not open.
struct FieldPlace {
  std::string_view table;
  std::string_view row;
  std::string_view field;
  std::uint64_t version = 0;
};

class Vault {
 public:
  // Unwraps the stored keys with the one of the candidates that wraps them, or makes and commits
  // them, under the first, for a store that holds nothing yet. Errors:
  // configuration/`master-key-wrong` (nothing is written), `store-damaged`; the store's.
  static Result<std::unique_ptr<Vault>> open(std::span<const Secret> candidates,
                                             const StoredState& stored, SecretStore& store,
                                             Entropy& entropy);
  static Result<std::unique_ptr<Vault>> open(const Secret& master, const StoredState& stored,
                                             SecretStore& store, Entropy& entropy) {
    return open({&master, 1}, stored, store, entropy);
  }
  std::size_t opened_with() const noexcept { return opened_with_; }  // the candidate's index

  std::string seal(const FieldPlace& place, std::string_view plain) const;
  // Errors: configuration/`store-damaged` for a blob that was changed, cut, swapped or rolled back.
  Result<Secret> unseal(const FieldPlace& place, std::string_view blob) const;

  const Secret& key_hash_key() const noexcept { return key_hash_key_; }
  const Secret& audit_key() const noexcept { return audit_key_; }
  const Secret& state_key() const noexcept { return state_key_; }

  // ---- rotation ----
  bool is_under(const Secret& master) const;
  // What puts the stored keys under `next` and all stored values under a new data key. In force
  // after follow(). Errors: configuration/`store-damaged`.
  Result<std::vector<Change>> rewrap(const Secret& next, const StoredState& stored);
  // Takes over what the store holds: which master key wraps, which data key seals.
  void follow(const std::vector<WrappedKey>& rows);
  // A value that was sealed before a rotation overtook it is sealed anew; any other stays. Errors:
  // configuration/`store-damaged`.
  Status renew(SealedValue& value) const;

 private:
  struct HeldKey {
    std::string purpose;
    Secret key;
  };
  explicit Vault(Entropy& entropy) : entropy_(entropy) {}
  Status unwrap_all(const Secret& master, const StoredState& stored);
  Status create_all(const Secret& master, SecretStore& store);
  WrappedKey wrap(const Secret& master, std::uint32_t id, const HeldKey& held) const;
  void adopt(std::uint32_t id, std::string_view purpose, Secret key);
  std::string seal_under(std::uint32_t id, const FieldPlace& place, std::string_view plain) const;

  Entropy& entropy_;
  // Constant after open().
  std::size_t opened_with_ = 0;
  Secret key_hash_key_;
  Secret audit_key_;
  Secret state_key_;

  mutable std::shared_mutex mutex_;
  std::map<std::uint32_t, HeldKey> keys_;  // guarded by mutex_; past data keys until the end
  std::uint32_t current_ = 0;              // guarded by mutex_; the data key that seals
  std::string master_;                     // guarded by mutex_; the fingerprint of its wraps
};

}  // namespace stepwell::auth
