// Where the master key comes from and how a new one takes its place. It never comes from argv or
// the environment: both can be read by others of the same user, and end up in logs.
// Functions of the file system, callable from any thread; they block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/result.h"
#include "base/secret.h"

namespace stepwell::auth {

// A key is 32 bytes: as they are, as 64 hexadecimal digits, or as 44 base64 characters (RFC 4648
// §4); the latter two may end with a newline.
struct MasterKeySource {
  enum class Kind : std::uint8_t {
    file,        // `where` is its path; nobody but the owner may have access
    credential,  // `where` is the name of a systemd credential: DIRECTORY/NAME (systemd.exec(5))
    command      // `where` is an absolute path and arguments, split at spaces, without a shell
  };
  Kind kind = Kind::file;
  std::string where;
  std::string credentials_directory;  // $CREDENTIALS_DIRECTORY
  std::string new_file;               // where a rotation leaves the new key; file: PATH.new
  Milliseconds command_limit{30'000};

  std::string next() const;  // `new_file`, or what stands for it; may be empty
};

// 32 random bytes into a new file with mode 0600. Errors: configuration/`master-key-exists`,
// `master-key-unwritable`.
Status create_master_key(const std::string& path, Entropy& entropy);
// Errors: configuration/`master-key-missing`, `master-key-unreadable`, `master-key-mode` (anyone
// but the owner has access), `master-key-invalid` (no key, no regular file).
Result<Secret> load_master_key(const std::string& path);
// The source's key; after it, where there is one, the key that an interrupted rotation left.
// Errors: as load_master_key; configuration/`master-key-command-failed`.
Result<std::vector<Secret>> load_candidates(const MasterKeySource& source);
// Can the key be had? Asked before a store is made or touched; a command is not run for it. Errors:
// as load_candidates.
Status check_master_key(const MasterKeySource& source);
// For a process without a data directory.
Secret random_master_key(Entropy& entropy);

// The new key of a rotation: from source.next() where an interrupted rotation left it, else random
// and put there, on disk when this returns. Errors: as load_master_key and create_master_key;
// configuration/`master-key-target-missing` where the source needs a new_file and has none.
Result<Secret> prepare_next_key(const MasterKeySource& source, Entropy& entropy);
// Puts the new key of a file source in the old one's place; for the others that is the operator's.
// Errors: configuration/`master-key-unwritable`.
Status finish_rotation(const MasterKeySource& source);

}  // namespace stepwell::auth
