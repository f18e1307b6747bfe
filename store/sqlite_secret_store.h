// auth's store in SQLite: DIR/stepwell.db, and DIR/tombstones beside it, an append-only file of
// revocations that outlives a restored copy of the database.
// Owned by daemon/wiring, which holds the directory's LockFile; all members may be called from any
// thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "auth/store_port.h"
#include "base/result.h"
#include "store/database.h"
#include "store/tombstone_file.h"

namespace stepwell::store {

class SqliteSecretStore final : public auth::SecretStore {
 public:
  // Makes the directory (0700) and files (0600) where they are missing. Errors: as Database::open
  // and migrate; configuration/`store-damaged` for a tombstone file that cannot be read.
  static Result<std::unique_ptr<SqliteSecretStore>> open(const std::string& directory);
  // Nothing is kept: for `stepwell run` and for tests.
  static Result<std::unique_ptr<SqliteSecretStore>> open_in_memory();

  // Writes those tombstones to the file that the database has and the file lacks; the answer is
  // their number. For a file that was lost, when somebody has looked into why. Errors: as open();
  // runtime/`store-failed`.
  Result<std::size_t> restore_tombstones();

  Result<auth::StoredState> load() override;
  Status commit(const std::vector<auth::Change>& changes) override;
  Result<std::optional<auth::AuditRecord>> last_audit() override;
  Result<std::vector<auth::AuditRecord>> audit(std::uint64_t first, std::size_t limit) override;

 private:
  SqliteSecretStore(Database database, TombstoneFile tombstones)
      : database_(std::move(database)), tombstones_(std::move(tombstones)) {}
  static Result<std::unique_ptr<SqliteSecretStore>> with(Result<Database> database,
                                                         std::string tombstones);
  Status write(const std::vector<auth::Change>& changes);

  std::mutex mutex_;
  Database database_;         // guarded by mutex_
  TombstoneFile tombstones_;  // guarded by mutex_
};

}  // namespace stepwell::store
