// The seal over the state: a keyed BLAKE2b-256 over every row that decides anything (credentials,
// sealed values, users, API keys, workflows' switches, tombstones, wrapped keys, the clock's mark,
// the last audit record). Each commit renews it, so that a single row that was changed, put back,
// added or taken away beside us is seen when the store is opened. A whole older copy of the
// database opens. Owned by AuditLog, which guards it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store_port.h"
#include "auth/tombstones.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

// One digest a row, one over each bucket of rows, and one over them all.
class StateDigest {
 public:
  explicit StateDigest(Secret key) : key_(std::move(key)) {}
  StateDigest(Secret key, const StoredState& stored);

  // Does to the digests what the store does to its rows.
  void apply(const std::vector<Change>& changes);
  std::string seal();

 private:
  void take(const Credential& row);
  void take(const SealedValue& row);
  void take(const EraseValues& row);
  void take(const ApiKey& row);
  void take(const User& row);
  void take(const WrappedKey& row);
  void take(const EraseWrappedKey& row);
  void take(const Tombstone& row);
  void take(const AuditRecord& row);
  void take(const ClockMark& row);
  void take(const LastUse&) {}
  void take(const StateSeal&) {}
  void take(const WorkflowSwitch& row);
  void take(const OnceMark&) {}
  void take(const EraseOnceMarks&) {}

  // Rows by the hash of table and id, so that a commit hashes again what it touched and no more.
  struct Bucket {
    std::map<std::string, std::string> rows;  // the row's digest, by its place
    std::string digest;                       // over rows; empty where it has to be made anew
  };
  using Rows = std::map<std::string, std::string>;
  Rows& rows_of(std::string_view table, std::string_view id);

  Secret key_;
  std::array<Bucket, 256> buckets_;
  std::string last_audit_;
  WallTime clock_mark_;
};

// What AuditLog carries from one commit to the next.
struct SealedState {
  StateDigest digest;
  TombstoneLedger stones;
  std::string seal;
  std::optional<AuditRecord> last;

  // Checks what was loaded against its seal and its tombstones against their file. Errors:
  // configuration/`store-damaged`.
  static Result<SealedState> open(const Secret& key, const StoredState& stored);
};

}  // namespace stepwell::auth
