// Envelope encryption of what is stored. A random data key seals each field
// (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03) bound to its table, row, field and version; the
// vault's keys are themselves wrapped under the master key, which never touches the database.
// A sealed blob: format (1 byte, 1) · key id (4, little-endian) · nonce (24) · ciphertext and tag.
// Owned by Authority; after open() all members may be called from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "auth/store_port.h"
#include "base/entropy.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

// 32 random bytes into a new file with mode 0600. Errors: configuration/`master-key-exists`,
// `master-key-unwritable`.
Status create_master_key(const std::string& path, Entropy& entropy);
// Errors: configuration/`master-key-missing`, `master-key-unreadable`, `master-key-mode` (anyone
// but the owner has access), `master-key-invalid` (not 32 bytes, no regular file).
Result<Secret> load_master_key(const std::string& path);
// For a process without a data directory.
Secret random_master_key(Entropy& entropy);

// Where a sealed field lives; a blob found elsewhere does not open.
struct FieldPlace {
  std::string_view table;
  std::string_view row;
  std::string_view field;
  std::uint64_t version = 0;
};

class Vault {
 public:
  // Unwraps the stored keys, or makes and commits them for a store that holds nothing yet.
  // Errors: configuration/`master-key-wrong` (nothing is written), `store-damaged`; the store's.
  static Result<std::unique_ptr<Vault>> open(const Secret& master, const StoredState& stored,
                                             SecretStore& store, Entropy& entropy);

  std::string seal(const FieldPlace& place, std::string_view plain) const;
  // Errors: configuration/`store-damaged` for a blob that was changed, cut, swapped or rolled back.
  Result<Secret> unseal(const FieldPlace& place, std::string_view blob) const;

  const Secret& key_hash_key() const noexcept { return key_hash_key_; }
  const Secret& audit_key() const noexcept { return audit_key_; }

 private:
  explicit Vault(Entropy& entropy) : entropy_(entropy) {}
  Status unwrap_all(const Secret& master, const StoredState& stored);
  Status create_all(const Secret& master, SecretStore& store);
  void adopt(std::uint32_t id, std::string_view purpose, Secret key);

  Entropy& entropy_;
  // Constant after open().
  std::map<std::uint32_t, Secret> data_keys_;
  std::uint32_t current_ = 0;  // the data key that seals; the others only open
  Secret key_hash_key_;
  Secret audit_key_;
};

}  // namespace stepwell::auth
