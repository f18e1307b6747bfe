// An append-only file of tombstones: one line each, "CRC-32 JSON", on disk before append()
// returns. A last line that a crash cut short is passed over; damage anywhere else is an error.
// Owned by SqliteSecretStore; not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "auth/store_port.h"
#include "base/result.h"

namespace stepwell::store {

class TombstoneFile {
 public:
  // An empty path keeps nothing. The file comes into being with the first append().
  explicit TombstoneFile(std::string path) : path_(std::move(path)) {}

  bool is_kept() const noexcept { return !path_.empty(); }
  // Errors: configuration/`store-damaged`, naming the line; configuration/`store-unusable` for a
  // file that is there and cannot be read.
  Result<std::vector<auth::Tombstone>> read() const;
  // Passes over those that the file holds already, word for word. Errors: runtime/`store-failed`.
  Status append(const std::vector<auth::Tombstone>& tombstones);

 private:
  std::string path_;
};

}  // namespace stepwell::store
