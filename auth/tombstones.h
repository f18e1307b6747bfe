// Tombstones' numbers and keyed hashes: from 1 without gaps, in the database and in the file beside
// it, so that none can be changed, added, or taken out of the middle; and since the file is written
// first, whatever the database has must be in the file.
// Owned by AuditLog (within SealedState), which guards it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "auth/store_port.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

class TombstoneLedger {
 public:
  explicit TombstoneLedger(Secret key) : key_(std::move(key)) {}

  // Checks and takes over what was loaded. Errors: configuration/`store-damaged`.
  Status adopt(const StoredState& stored);
  // Gives the tombstones among the changes their number and hash, and adds those that the file has
  // and the database lacks: from an older copy of the database, or a commit that failed half-way.
  void stamp(std::vector<Change>& changes);
  bool has_pending() const noexcept { return !pending_.empty(); }

 private:
  using Place = std::tuple<std::string, std::string, std::string>;  // kind, id, end
  static Place place_of(const Tombstone& stone) { return {stone.kind, stone.id, stone.what}; }
  std::string mac_of(const Tombstone& stone) const;

  Secret key_;
  std::map<Place, Tombstone> known_;  // of the file
  std::vector<Tombstone> pending_;    // of the file, not in the database yet
  std::uint64_t last_ = 0;
};

}  // namespace stepwell::auth
