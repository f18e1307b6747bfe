// All of auth put together over one store: what daemon/wiring and the offline commands make, and
// what api/ and steps/ are given parts of.
// Owned by daemon/wiring; open() blocks; the parts say which thread may call what.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "auth/audit.h"
#include "auth/credentials.h"
#include "auth/gate.h"
#include "auth/keys.h"
#include "auth/master_key.h"
#include "auth/redactor.h"
#include "auth/switches.h"
#include "auth/users.h"
#include "auth/vault.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"

namespace stepwell::auth {

// What Authority is built from; all of it outlives the Authority.
struct Surroundings {
  SecretStore& store;
  const Clock& clock;
  Entropy& entropy;
  Metrics& metrics;
  Log& log;
};

struct MasterKeyRotation {
  std::string file;        // where the new key lies
  bool in_place = false;   // the source gives it from now on; else the operator has to see to that
  bool rotated = true;     // false: the store was under that key already, and nothing was done
  std::size_t values = 0;  // sealed anew
};

class Authority {
 public:
  // Opens the vault, checks the seal over all that was loaded before any of it is used, and merges
  // tombstones. With a wrong master key nothing is written. Errors:
  // configuration/`master-key-wrong`, `store-damaged`; the store's.
  static Result<std::unique_ptr<Authority>> open(const Secret& master_key,
                                                 const Surroundings& surroundings,
                                                 const Credentials::Options& options = {});
  // The same with the key of a source (errors: as load_candidates); goes on with a rotation that
  // was cut off.
  static Result<std::unique_ptr<Authority>> open(const MasterKeySource& source,
                                                 const Surroundings& surroundings,
                                                 const Credentials::Options& options = {});
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  Gate& gate() noexcept { return gate_; }
  Credentials& credentials() noexcept { return credentials_; }
  Keys& keys() noexcept { return keys_; }
  Users& users() noexcept { return users_; }
  Switches& switches() noexcept { return switches_; }
  AuditLog& audit() noexcept { return audit_; }
  Redactor& redactor() noexcept { return redactor_; }
  ExpiryClock& expiry_clock() noexcept { return clock_; }

  // A keyed hash of the text, of which nobody can guess the text; the same as long as the store
  // lasts.
  std::string fingerprint(std::string_view text) const;

  // Writes down the clock's mark and upstream rejections, renews gauges. Blocks for an fsync now
  // and then; call it about once a second, from one thread that may block.
  void maintain();

  // Puts the store under a new master key and all values under a new data key, in one transaction.
  // Cut off anywhere, the next open() or rotation with the same source goes on. Errors: as
  // prepare_next_key and finish_rotation; the store's. Blocks for some fsyncs.
  Result<MasterKeyRotation> rotate_master_key(const Actor& actor, const MasterKeySource& source);

 private:
  static Result<std::unique_ptr<Authority>> open(std::span<const Secret> candidates,
                                                 const Surroundings& surroundings,
                                                 const Credentials::Options& options);
  Authority(std::unique_ptr<Vault> vault, SealedState sealed, WallTime clock_mark,
            const Surroundings& surroundings, const Credentials::Options& options);
  Status load(StoredState stored);

  Entropy& entropy_;
  std::mutex rotation_;  // one at a time
  std::unique_ptr<Vault> vault_;
  ExpiryClock clock_;
  Redactor redactor_;
  AuditLog audit_;
  Gate gate_;
  Credentials credentials_;
  Users users_;
  Keys keys_;
  Switches switches_;
  Log& log_;
  WallTime marked_;  // when maintain() last wrote the clock's mark; its own thread's
};

}  // namespace stepwell::auth
