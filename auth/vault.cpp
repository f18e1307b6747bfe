#include "auth/vault.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHeadBytes = 5;  // format and key id
constexpr std::string_view kData = "data";
constexpr std::string_view kKeyHash = "key-hash";
constexpr std::string_view kAudit = "audit";

Problem key_problem(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
}

Problem damaged(std::string detail) {
  return key_problem("store-damaged", std::move(detail) + "; restore it from a backup");
}

std::string system_error() { return std::generic_category().message(errno); }

// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Names a master key without giving it away.
std::string fingerprint(const Secret& master) {
  return to_hex(std::string_view(keyed_hash(master, "stepwell master key 1")).substr(0, 16));
}

std::string wrap_place(std::uint32_t id, std::string_view purpose) {
  std::string place = "stepwell wrapped key 1";
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

}  // namespace

Status create_master_key(const std::string& path, Entropy& entropy) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    if (errno == EEXIST)
      return fail(key_problem("master-key-exists", path + " exists already and is left as it is"));
    return fail(
        key_problem("master-key-unwritable", "cannot create " + path + ": " + system_error()));
  }
  const Secret key = random_secret(kCipherKeyBytes, entropy);
  if (!write_all(file.get(), key.reveal()) || ::fsync(file.get()) != 0) {
    std::string why = system_error();
    ::unlink(path.c_str());
    return fail(key_problem("master-key-unwritable", "cannot write " + path + ": " + why));
  }
  return {};
}

Result<Secret> load_master_key(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT)
      return fail(key_problem("master-key-missing",
                              "there is no master key at " + path +
                                  "; put it back, or make a new installation with stepwell init"));
    return fail(key_problem("master-key-unreadable",
                            "cannot read the master key " + path + ": " + system_error()));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return fail(key_problem("master-key-invalid", path + " is no regular file"));
  if ((status.st_mode & 077U) != 0)
    return fail(key_problem("master-key-mode", "the master key " + path +
                                                   " can be read by others than its owner; mend it "
                                                   "with: chmod 600 " +
                                                   path));
  // One byte more than there may be, to see a longer file.
  Secret bytes = Secret::of_size(kCipherKeyBytes + 1);
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count = ::read(file.get(), bytes.writable() + got, bytes.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return fail(key_problem("master-key-unreadable",
                              "cannot read the master key " + path + ": " + system_error()));
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  if (got != kCipherKeyBytes)
    return fail(key_problem("master-key-invalid",
                            "the master key " + path + " does not hold exactly 32 bytes"));
  return Secret(bytes.reveal().substr(0, kCipherKeyBytes));
}

Secret random_master_key(Entropy& entropy) { return random_secret(kCipherKeyBytes, entropy); }

Result<std::unique_ptr<Vault>> Vault::open(const Secret& master, const StoredState& stored,
                                           SecretStore& store, Entropy& entropy) {
  if (master.size() != kCipherKeyBytes)
    return fail(key_problem("master-key-invalid", "a master key has exactly 32 bytes"));
  std::unique_ptr<Vault> vault(new Vault(entropy));
  const bool fresh = stored.wrapped_keys.empty();
  if (fresh && !(stored.credentials.empty() && stored.keys.empty()))
    return fail(damaged("the store's own keys are gone"));
  Status done = fresh ? vault->create_all(master, store) : vault->unwrap_all(master, stored);
  if (!done) return fail(std::move(done.error()));
  return vault;
}

Status Vault::unwrap_all(const Secret& master, const StoredState& stored) {
  const std::string print = fingerprint(master);
  for (const WrappedKey& row : stored.wrapped_keys) {
    if (row.master != print)
      return fail(key_problem("master-key-wrong",
                              "this store was encrypted under another master key; point "
                              "masterKey.file at the one that belongs to it"));
    std::optional<Secret> key = decrypt(master, wrap_place(row.id, row.purpose), row.wrapped);
    if (!key || key->size() != kCipherKeyBytes)
      return fail(damaged("the store's key " + std::to_string(row.id) + " was changed"));
    adopt(row.id, row.purpose, std::move(*key));
  }
  if (data_keys_.empty() || key_hash_key_.empty() || audit_key_.empty())
    return fail(damaged("one of the store's own keys is missing"));
  return {};
}

Status Vault::create_all(const Secret& master, SecretStore& store) {
  std::vector<Change> changes;
  std::uint32_t id = 0;
  for (const std::string_view purpose : {kData, kKeyHash, kAudit}) {
    ++id;
    Secret key = random_secret(kCipherKeyBytes, entropy_);
    changes.emplace_back(
        WrappedKey{id, std::string(purpose), fingerprint(master),
                   encrypt(master, wrap_place(id, purpose), key.reveal(), entropy_)});
    adopt(id, purpose, std::move(key));
  }
  return store.commit(changes);
}

void Vault::adopt(std::uint32_t id, std::string_view purpose, Secret key) {
  if (purpose == kData) {
    data_keys_[id] = std::move(key);
    current_ = data_keys_.rbegin()->first;
  } else if (purpose == kKeyHash) {
    key_hash_key_ = std::move(key);
  } else if (purpose == kAudit) {
    audit_key_ = std::move(key);
  }
}

std::string Vault::seal(const FieldPlace& place, std::string_view plain) const {
  std::string blob = blob_head(current_);
  blob += encrypt(data_keys_.at(current_), associated(place, blob), plain, entropy_);
  return blob;
}

Result<Secret> Vault::unseal(const FieldPlace& place, std::string_view blob) const {
  const std::string where = std::string(place.table) + "/" + std::string(place.row) + "/" +
                            std::string(place.field) + ", version " +
                            std::to_string(place.version) + ",";
  if (blob.size() < kHeadBytes || blob[0] != kFormat)
    return fail(damaged("the sealed value of " + where + " is cut or of an unknown format"));
  const std::string_view head = blob.substr(0, kHeadBytes);
  const auto key = data_keys_.find(key_id_of_head(head));
  if (key == data_keys_.end())
    return fail(damaged("the sealed value of " + where + " names a key that does not exist"));
  std::optional<Secret> plain =
      decrypt(key->second, associated(place, head), blob.substr(kHeadBytes));
  if (!plain) return fail(damaged("the sealed value of " + where + " was changed or moved"));
  return std::move(*plain);
}

}  // namespace stepwell::auth
