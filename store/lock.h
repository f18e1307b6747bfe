// The lock on a data directory: one daemon or one offline command at a time. A flock on DIR/lock,
// which goes with the process however it ends; the file tells who holds it.
// Owned by daemon/wiring for as long as the directory is in use; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace stepwell::store {

struct LockOwner {
  std::int64_t pid = 0;
  std::string address;  // HOST:PORT of a daemon that is serving; empty otherwise
};

class LockFile {
 public:
  // Makes the directory (0700) and the file (0600) where they are missing, and never waits.
  // Errors: configuration/409 `data-directory-locked`, whose detail names the owner;
  // configuration/`data-directory-unusable`.
  static Result<LockFile> acquire(const std::string& directory);
  // Who holds the lock now; nothing where nobody does.
  static Result<std::optional<LockOwner>> read_owner(const std::string& directory);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

  // Tells the others where this daemon serves.
  Status publish(const std::string& address);

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace stepwell::store
