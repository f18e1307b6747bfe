// The store as `stepwell doctor` looks at it: with the directory's lock, before it is put to use.
// Used by one thread; everything blocks.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "store/sqlite_secret_store.h"

namespace stepwell::daemon {

struct StoreFacts {
  WallTime clock_mark;
  std::size_t stones_to_restore = 0;  // only those that the store's own keys vouch for
  std::size_t stones_ahead = 0;
};

// Locks the data directory for as long as it takes. Errors: as LockFile::acquire(),
// SqliteSecretStore::open() and load().
Result<StoreFacts> look_into_store(const config::Settings& settings);

// The clock's mark beside a daemon that runs; nothing where it cannot be read.
std::optional<WallTime> clock_mark_of(const config::Settings& settings);

// Writes what the database knows back to the tombstone file. Errors: as look_into_store();
// runtime/`mend-failed` where that would not make the store whole.
Status restore_tombstones(const config::Settings& settings);

}  // namespace stepwell::daemon
