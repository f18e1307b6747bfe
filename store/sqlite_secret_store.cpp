#include "store/sqlite_secret_store.h"

#include <set>

#include "store/private_directory.h"
#include "store/schema.h"
#include "store/sqlite_rows.h"

namespace stepwell::store {

using auth::AuditRecord;
using auth::Change;
using auth::StoredState;
using auth::Tombstone;

Result<std::unique_ptr<SqliteSecretStore>> SqliteSecretStore::open(const std::string& directory) {
  Status made = ensure_private_directory(directory);
  if (!made) return fail(std::move(made.error()));
  return with(Database::open(directory + "/stepwell.db"), directory + "/tombstones");
}

Result<std::unique_ptr<SqliteSecretStore>> SqliteSecretStore::open_in_memory() {
  return with(Database::open_in_memory(), "");
}

Result<std::unique_ptr<SqliteSecretStore>> SqliteSecretStore::with(Result<Database> database,
                                                                   std::string tombstones) {
  if (!database) return fail(std::move(database.error()));
  Status migrated = database->migrate(schema_migrations());
  if (!migrated) return fail(std::move(migrated.error()));
  return std::unique_ptr<SqliteSecretStore>(
      new SqliteSecretStore(std::move(*database), TombstoneFile(std::move(tombstones))));
}

Result<StoredState> SqliteSecretStore::load() {
  const std::scoped_lock lock(mutex_);
  Result<StoredState> state = read_state(database_);
  if (!state) return state;
  Result<std::vector<Tombstone>> beside = tombstones_.read();
  if (!beside) return fail(std::move(beside.error()));
  state->tombstones_beside = std::move(*beside);
  // Without a file there is nothing that could have been lost.
  if (!tombstones_.is_kept()) state->tombstones_beside = state->tombstones;
  return state;
}

Result<std::size_t> SqliteSecretStore::restore_tombstones() {
  const std::scoped_lock lock(mutex_);
  Result<StoredState> state = read_state(database_);
  if (!state) return fail(std::move(state.error()));
  Result<std::vector<Tombstone>> beside = tombstones_.read();
  if (!beside) return fail(std::move(beside.error()));
  std::set<std::uint64_t> there;
  for (const Tombstone& stone : *beside) there.insert(stone.number);
  std::vector<Tombstone> missing;
  for (const Tombstone& stone : state->tombstones) {
    if (there.count(stone.number) == 0) missing.push_back(stone);
  }
  Status done = tombstones_.append(missing);
  if (!done) return fail(std::move(done.error()));
  return missing.size();
}

Status SqliteSecretStore::commit(const std::vector<Change>& changes) {
  const std::scoped_lock lock(mutex_);
  std::vector<Tombstone> stones;
  for (const Change& change : changes) {
    if (const auto* stone = std::get_if<Tombstone>(&change)) stones.push_back(*stone);
  }
  // The file first: should the database fail then, a revocation holds after a restart although it
  // was reported as failed, never the other way round.
  Status beside = tombstones_.append(stones);
  if (!beside) return beside;
  Status written = write(changes);
  if (!written) database_.rollback();
  return written;
}

Status SqliteSecretStore::write(const std::vector<Change>& changes) {
  Status done = database_.begin();
  for (const Change& change : changes) {
    if (!done) return done;
    done = write_change(database_, change);
  }
  if (!done) return done;
  return database_.commit();
}

Result<std::optional<AuditRecord>> SqliteSecretStore::last_audit() {
  const std::scoped_lock lock(mutex_);
  return read_last_audit(database_);
}

Result<std::vector<AuditRecord>> SqliteSecretStore::audit(std::uint64_t first, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return read_audit(database_, first, limit);
}

}  // namespace stepwell::store
