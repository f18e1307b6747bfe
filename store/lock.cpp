#include "store/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "store/private_directory.h"

namespace stepwell::store {

namespace {

std::string lock_path(const std::string& directory) { return directory + "/lock"; }

Problem unusable(const std::string& path, int error) {
  return make_problem(
      ErrorKind::configuration, "data-directory-unusable",
      "cannot use the lock file " + path + ": " + std::generic_category().message(error));
}

LockOwner read_from(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
  LockOwner owner;
  if (size <= 0) return owner;
  Result<Value> object = parse_json({text.data(), static_cast<std::size_t>(size)});
  if (!object) return owner;
  owner.pid = object->get("pid").as_integer().value_or(0);
  const Value& address = object->get("address");
  if (address.is_string()) owner.address = std::string(address.as_string());
  return owner;
}

Status write_to(int descriptor, const std::string& address) {
  Value object = Value::object({{"pid", static_cast<std::int64_t>(::getpid())}});
  if (!address.empty()) object.set("address", address);
  const std::string text = to_json(object) + "\n";
  const bool written =
      ::ftruncate(descriptor, 0) == 0 &&
      ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  if (written) return {};
  return fail(unusable("of the data directory", errno));
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::string& directory) {
  Status made = ensure_private_directory(directory);
  if (!made) return fail(std::move(made.error()));
  const std::string path = lock_path(directory);
  LockFile lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.descriptor_ < 0) return fail(unusable(path, errno));
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(unusable(path, errno));
    const LockOwner owner = read_from(lock.descriptor_);
    Problem problem = make_problem(
        ErrorKind::configuration, "data-directory-locked",
        "the data directory " + directory + " is in use by process " + std::to_string(owner.pid) +
            (owner.address.empty() ? "" : ", which serves at " + owner.address));
    problem.status = 409;
    return fail(std::move(problem));
  }
  Status written = write_to(lock.descriptor_, "");
  if (!written) return fail(std::move(written.error()));
  return lock;
}

Result<std::optional<LockOwner>> LockFile::read_owner(const std::string& directory) {
  const std::string path = lock_path(directory);
  const LockFile probe(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (probe.descriptor_ < 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(unusable(path, errno));
  }
  // Had only for a moment, and shared, so that two who look do not see each other.
  if (::flock(probe.descriptor_, LOCK_SH | LOCK_NB) == 0) return std::nullopt;
  if (errno != EWOULDBLOCK) return fail(unusable(path, errno));
  return read_from(probe.descriptor_);
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

LockFile::~LockFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status LockFile::publish(const std::string& address) { return write_to(descriptor_, address); }

}  // namespace stepwell::store
