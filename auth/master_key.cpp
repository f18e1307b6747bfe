#include "auth/master_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include "auth/cipher.h"
#include "auth/master_key_command.h"
#include "base/files.h"

namespace stepwell::auth {

namespace {

// The longest form with its newline, and one byte more to see what is longer.
constexpr std::size_t kMostBytes = 2 * kCipherKeyBytes + 3;

Problem master_key_problem(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
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

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// Writes the key to a file that must not be there. Says what failed by errno.
bool write_new_key(const std::string& path, const Secret& key) {
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return false;
  if (write_all(file.get(), key.reveal()) && ::fsync(file.get()) == 0) return true;
  const int error = errno;
  ::unlink(path.c_str());
  errno = error;
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::optional<Secret> from_hex(std::string_view text) {
  Secret key = Secret::of_size(kCipherKeyBytes);
  for (std::size_t i = 0; i < kCipherKeyBytes; ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key.writable()[i] = static_cast<char>(static_cast<unsigned char>(high * 16 + low));
  }
  return key;
}

// 43 digits and one "=": 32 bytes and two bits that are 0.
std::optional<Secret> from_base64(std::string_view text) {
  if (text.back() != '=') return std::nullopt;
  Secret key = Secret::of_size(kCipherKeyBytes);
  unsigned bits = 0;
  unsigned held = 0;
  std::size_t out = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xFFFFU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    key.writable()[out++] = static_cast<char>(static_cast<unsigned char>(bits >> held & 0xFFU));
  }
  if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;
  return key;
}

Result<Secret> key_of(std::string_view bytes, const std::string& where) {
  if (bytes.size() == kCipherKeyBytes) return Secret(bytes);
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  std::optional<Secret> key;
  if (bytes.size() == 2 * kCipherKeyBytes) key = from_hex(bytes);
  if (bytes.size() == 44) key = from_base64(bytes);
  if (key) return std::move(*key);
  return fail(
      master_key_problem("master-key-invalid",
                         "the master key " + where +
                             " does not hold exactly 32 bytes, nor these as 64 hexadecimal digits "
                             "or 44 base64 characters"));
}

Result<Secret> load_key(const std::string& path, mode_t forbidden) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT)
      return fail(
          master_key_problem("master-key-missing",
                             "there is no master key at " + path +
                                 "; put it back, or make a new installation with stepwell init"));
    return fail(master_key_problem("master-key-unreadable",
                                   "cannot read the master key " + path + ": " + system_error()));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return fail(master_key_problem("master-key-invalid", path + " is no regular file"));
  if ((status.st_mode & forbidden) != 0)
    return fail(
        master_key_problem("master-key-mode", "the master key " + path +
                                                  " can be read by others than its owner; mend it "
                                                  "with: chmod 600 " +
                                                  path));
  Secret bytes = Secret::of_size(kMostBytes);
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count = ::read(file.get(), bytes.writable() + got, bytes.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return fail(master_key_problem("master-key-unreadable",
                                     "cannot read the master key " + path + ": " + system_error()));
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return key_of(bytes.reveal().substr(0, got), path);
}

Result<Secret> load_credential(const MasterKeySource& source) {
  const std::string& name = source.where;
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    return fail(master_key_problem("master-key-invalid",
                                   "\"" + name + "\" is no name of a systemd credential"));
  if (source.credentials_directory.empty())
    return fail(master_key_problem("master-key-missing",
                                   "there is no $CREDENTIALS_DIRECTORY: the unit hands over no "
                                   "credentials; add LoadCredential=" +
                                       name + ":PATH, or LoadCredentialEncrypted="));
  // The manager makes these files, in a directory that only the unit's user enters; where it grants
  // access by an ACL, the group's bits show the ACL's mask (systemd.exec(5), acl(5)).
  return load_key(source.credentials_directory + "/" + name, 037);
}

Result<Secret> load_command(const MasterKeySource& source) {
  Result<Secret> output = run_key_command(source.where, kMostBytes, source.command_limit);
  if (!output) return output;
  return key_of(output->reveal(),
                "of the command " + source.where.substr(0, source.where.find(' ')));
}

Result<Secret> load_from(const MasterKeySource& source) {
  switch (source.kind) {
    case MasterKeySource::Kind::credential:
      return load_credential(source);
    case MasterKeySource::Kind::command:
      return load_command(source);
    case MasterKeySource::Kind::file:
      break;
  }
  return load_master_key(source.where);
}

Problem unwritable(const std::string& path) {
  return master_key_problem("master-key-unwritable",
                            "cannot write " + path + ": " + system_error());
}

}  // namespace

std::string MasterKeySource::next() const {
  return new_file.empty() && kind == Kind::file ? where + ".new" : new_file;
}

Status create_master_key(const std::string& path, Entropy& entropy) {
  const Secret key = random_master_key(entropy);
  if (write_new_key(path, key) && sync_directory_of(path)) return {};
  if (errno == EEXIST)
    return fail(
        master_key_problem("master-key-exists", path + " exists already and is left as it is"));
  return fail(unwritable(path));
}

Result<Secret> load_master_key(const std::string& path) { return load_key(path, 077); }

Result<std::vector<Secret>> load_candidates(const MasterKeySource& source) {
  Result<Secret> key = load_from(source);
  if (!key) return fail(std::move(key.error()));
  std::vector<Secret> candidates;
  candidates.push_back(std::move(*key));
  const std::string next = source.next();
  if (next.empty() || !exists(next)) return candidates;
  Result<Secret> left = load_master_key(next);
  if (!left) return fail(std::move(left.error()));
  candidates.push_back(std::move(*left));
  return candidates;
}

Status check_master_key(const MasterKeySource& source) {
  if (source.kind == MasterKeySource::Kind::command) return {};
  const Result<std::vector<Secret>> keys = load_candidates(source);
  return keys ? Status{} : fail(keys.error());
}

Secret random_master_key(Entropy& entropy) { return random_secret(kCipherKeyBytes, entropy); }

Result<Secret> prepare_next_key(const MasterKeySource& source, Entropy& entropy) {
  const std::string next = source.next();
  if (next.empty())
    return fail(
        master_key_problem("master-key-target-missing",
                           "this master key comes from no file that could be replaced; say where "
                           "the new one shall be written, by --new-file"));
  if (exists(next)) {
    Result<Secret> left = load_master_key(next);
    // What lies there may have been seen in its directory alone so far.
    if (left && !sync_directory_of(next)) return fail(unwritable(next));
    return left;
  }
  // Under another name first, so that `next` never holds half a key.
  const std::string part = next + ".part";
  Secret key = random_master_key(entropy);
  // Of an interrupted run. Where somebody else chose the name, nothing of his is taken away.
  if (source.new_file.empty() && ::unlink(part.c_str()) != 0 && errno != ENOENT)
    return fail(unwritable(part));
  if (!write_new_key(part, key)) return fail(unwritable(part));
  if (!move_new(part, next) || !sync_directory_of(next)) {
    Problem why = unwritable(next);
    ::unlink(part.c_str());
    return fail(std::move(why));
  }
  return key;
}

Status finish_rotation(const MasterKeySource& source) {
  if (source.kind != MasterKeySource::Kind::file) return {};
  const std::string next = source.next();
  if (std::rename(next.c_str(), source.where.c_str()) == 0 && sync_directory_of(source.where))
    return {};
  return fail(master_key_problem("master-key-unwritable",
                                 "the store is encrypted under the new master key " + next +
                                     ", but that could not be moved to " + source.where + ": " +
                                     system_error() + "; move it there, or start again"));
}

}  // namespace stepwell::auth
