// The audit log: each administrative change and its record are one transaction, and each record's
// hash covers the one before it (keyed BLAKE2b-256, so that it cannot be forged without the master
// key). An action that cannot be audited does not happen.
// Owned by Authority; all members may be called from any thread; commit() blocks for an fsync.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/expiry_clock.h"
#include "auth/store_port.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

struct AuditEvent {
  Actor actor;
  std::string action;  // "credential.revoke"
  std::string target;
  std::string detail;
};

// The hash of `record` (its own `hash` is ignored) after one whose hash is `previous`.
std::string audit_hash(const Secret& key, const AuditRecord& record, std::string_view previous);

class AuditLog {
 public:
  AuditLog(SecretStore& store, Secret key, std::optional<AuditRecord> last, ExpiryClock& clock);

  // Commits the changes, the record of `event` and the clock's mark together. Errors: the store's.
  Status commit(const AuditEvent& event, std::vector<Change> changes);
  // Commits changes that no person asked for (the clock's mark), without a record.
  Status commit_unaudited(const std::vector<Change>& changes);

  Result<std::vector<AuditRecord>> list(std::uint64_t first, std::size_t limit);
  // Every record follows from the one before it. Errors: runtime/`audit-broken` naming the first
  // record that does not.
  Status verify();

 private:
  SecretStore& store_;
  const Secret key_;
  ExpiryClock& clock_;
  std::mutex mutex_;
  bool last_known_ = true;           // guarded by mutex_; false after a failed commit
  std::optional<AuditRecord> last_;  // guarded by mutex_
};

}  // namespace stepwell::auth
