// The audit log: each administrative change and its record are one transaction, and each record's
// hash covers the one before it (keyed BLAKE2b-256, so that it cannot be forged without the master
// key). An action that cannot be audited does not happen. Every change to the store passes here, so
// that each transaction also renews the seal over the state (auth/state_seal.h).
// Owned by Authority; all members may be called from any thread; those that write block for an
// fsync.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/expiry_clock.h"
#include "auth/once_marks.h"
#include "auth/state_seal.h"
#include "auth/store_port.h"
#include "auth/vault.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

struct AuditEvent {
  Actor actor;
  std::string action;  // "credential.revoke"
  std::string target;
  std::string detail;
  std::string made = {};  // what OnceMark::target is to say; empty: `target`
};

// Which records to list; what is empty holds for all.
struct AuditFilter {
  std::uint64_t first = 1;  // number; of newest_first: that of the newest, 0 for the last there is
  std::size_t limit = 100;
  std::string actor;
  std::string action;  // its beginning: "credential."
  std::string target;
  std::string result;
  std::optional<WallTime> since;  // then or later
  std::optional<WallTime> until;  // before
  bool newest_first = false;
};

// The hash of `record` (its own `hash` is ignored) after one whose hash is `previous`.
std::string audit_hash(const Secret& key, const AuditRecord& record, std::string_view previous);

class AuditLog {
 public:
  AuditLog(SecretStore& store, Vault& vault, SealedState state, ExpiryClock& clock);

  // Commits the changes, the record of `event` and the clock's mark together, and that the actor's
  // request has had its effect, where it must have it once. Errors: the store's;
  // configuration/`store-damaged` where the store turns out to hold what nobody committed.
  Status commit(const AuditEvent& event, std::vector<Change> changes);
  // The same with what `make` derives from the rows that are in the store at that moment.
  using Make = std::function<Result<std::vector<Change>>(const StoredState& stored)>;
  Status commit_derived(const AuditEvent& event, const Make& make);
  // Commits changes that no person asked for (the clock's mark, last uses), without a record.
  Status commit_unaudited(std::vector<Change> changes);
  // Records what was refused or failed; `result` is the problem's code.
  Status note(const AuditEvent& event, std::string_view result);

  // The same of a request whose effect has been committed, and did not come about after all: what
  // has its Actor::once has done nothing.
  Status retract(const AuditEvent& event, std::string_view result);

  // What a request with that Actor::once did within the last day.
  std::optional<OnceMark> done_before(const std::string& once);
  void load_once_marks(const std::vector<OnceMark>& marks);  // before use
  std::size_t once_marks();                                  // how many are remembered

  Result<std::vector<AuditRecord>> list(const AuditFilter& filter);
  Result<std::vector<AuditRecord>> list(std::uint64_t first, std::size_t limit);
  // Every record follows from the one before it, from number 1 to the last one that was committed,
  // and the seal covers that. Errors: runtime/`audit-broken` naming the first record that does not;
  // configuration/`store-damaged` for the seal.
  Status verify();

 private:
  // All of these with mutex_ held.
  Status recall();
  Status commit_record(const AuditEvent& event, std::string_view result,
                       std::vector<Change> changes);
  Status write(std::vector<Change> changes);
  void follow_rotation(const std::vector<Change>& changes);
  void append_once_mark(const AuditEvent& event, std::vector<Change>& changes) const;
  void follow_once_mark(const std::vector<Change>& changes);
  Result<std::vector<AuditRecord>> list_newest(const AuditFilter& filter);

  SecretStore& store_;
  Vault& vault_;
  ExpiryClock& clock_;
  std::mutex mutex_;
  SealedState state_;     // guarded by mutex_
  bool known_ = true;     // guarded by mutex_; false after a failed commit
  std::string before_;    // guarded by mutex_; the seal before the failed commit
  OnceMarks once_marks_;  // guarded by mutex_
};

}  // namespace stepwell::auth
