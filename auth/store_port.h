// What auth needs of a store: load everything once, then commit changes, each list of changes as
// one durable transaction. Implemented by store::SqliteSecretStore (tests:
// tests/support/memory_secret_store.h). Values arrive sealed; the store sees no secret.
// Owned by daemon/wiring, outlives its users; may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/credential.h"
#include "auth/key.h"
#include "base/result.h"

namespace stepwell::auth {

// A key of the vault, wrapped under the master key.
struct WrappedKey {
  std::uint32_t id = 0;
  std::string purpose;  // "data", "key-hash", "audit", "state"
  std::string master;   // tells which master key wraps it, without giving it away
  std::string wrapped;
};

struct EraseWrappedKey {
  std::uint32_t id = 0;
};

struct SealedValue {
  std::string credential_id;
  std::uint32_t version = 0;
  std::string field;
  std::string sealed;
};

// Takes all sealed values of a credential away.
struct EraseValues {
  std::string credential_id;
};

// That a credential or key is finally out of use. Also kept outside the database, so that an old
// copy of the database does not revive it.
struct Tombstone {
  std::string kind;  // "credential", "key"
  std::string id;
  std::string what;  // "revoked", "deleted"
  std::string by;
  WallTime at;
  // Put in by AuditLog (auth/tombstones.h): from 1, without gaps, and a keyed hash over it all.
  std::uint64_t number = 0;
  std::string mac = {};
};

struct AuditRecord {
  std::uint64_t number = 0;  // from 1, without gaps
  WallTime at;
  std::string actor;
  std::string from;
  std::string action;  // "credential.revoke"
  std::string target;  // name or id
  std::string result;  // "done", or the problem's code
  std::string detail;  // further facts, as a JSON object; may be empty
  std::string hash;    // over the record and the hash before it
};

// The highest wall time that expiries were judged by.
struct ClockMark {
  WallTime at;
};

// When a key or credential was last used. Not covered by the state's seal: it changes often and
// decides nothing.
struct LastUse {
  std::string kind;  // "credential", "key"
  std::string id;
  WallTime at;
};

// What an operator has switched off of a workflow.
struct WorkflowSwitch {
  std::string workflow;   // NAMESPACE/NAME
  bool disabled = false;  // it starts no instances
  bool paused = false;    // its schedule starts none
  std::string by;
  WallTime at;
};

// That a request which must have its effect once has had it. Not covered by the state's seal.
struct OnceMark {
  std::string once;    // which request (Actor::once)
  std::string asked;   // what it asked for (Actor::asked)
  std::string action;  // "key.create"
  std::string target;  // what it made
  WallTime at;
};

// Takes away the marks that were made before.
struct EraseOnceMarks {
  WallTime before;
};

// A keyed hash over every row that decides anything (auth/state_seal.h), renewed by each commit.
struct StateSeal {
  std::string digest;
};

// Credential, SealedValue, ApiKey, User, WrappedKey, WorkflowSwitch, OnceMark, LastUse, StateSeal
// and ClockMark replace the row of the same id (name, place); a Tombstone of the same kind, id and
// end stays as the first one was. StateSeal and the tombstones' numbers are AuditLog's, through
// which all changes go.
using Change = std::variant<Credential, SealedValue, EraseValues, ApiKey, User, WrappedKey,
                            Tombstone, AuditRecord, ClockMark, LastUse, StateSeal, EraseWrappedKey,
                            WorkflowSwitch, OnceMark, EraseOnceMarks>;

struct StoredState {
  std::vector<Credential> credentials;
  std::vector<SealedValue> values;  // of the current versions
  std::vector<ApiKey> keys;
  std::vector<User> users;
  std::vector<WrappedKey> wrapped_keys;
  std::vector<Tombstone> tombstones;         // of the database
  std::vector<Tombstone> tombstones_beside;  // of the file beside it, which is written first
  std::vector<LastUse> last_uses;
  std::vector<WorkflowSwitch> switches;
  std::vector<OnceMark> once_marks;
  std::optional<StateSeal> seal;
  std::optional<AuditRecord> last_audit;
  WallTime clock_mark;
};

class SecretStore {
 public:
  virtual ~SecretStore() = default;
  // Changes nothing.
  virtual Result<StoredState> load() = 0;
  // Success: all of it is on disk. Failure: none of it is in the database; a tombstone may
  // nevertheless be in the file. Blocks for an fsync.
  virtual Status commit(const std::vector<Change>& changes) = 0;
  virtual Result<std::optional<AuditRecord>> last_audit() = 0;
  // Ascending from number `first`.
  virtual Result<std::vector<AuditRecord>> audit(std::uint64_t first, std::size_t limit) = 0;
};

}  // namespace stepwell::auth
