// auth's rows as SQL: how each kind of change is written, and how each table is read back.
// Stateless; to be called by the thread that has the database.
#pragma once

#include <vector>

#include "auth/store_port.h"
#include "base/result.h"
#include "store/database.h"

namespace stepwell::store {

// Within a transaction of the caller's. Errors: the database's.
Status write_change(Database& database, const auth::Change& change);

// Everything but the tombstone file. Errors: the database's; configuration/`store-damaged` for a
// row that cannot be understood.
Result<auth::StoredState> read_state(Database& database);

Result<std::vector<auth::AuditRecord>> read_audit(Database& database, std::uint64_t first,
                                                  std::size_t limit);
Result<std::optional<auth::AuditRecord>> read_last_audit(Database& database);

}  // namespace stepwell::store
