// What `stepwell doctor` knows of a site before it judges: modes, clock, database, keys, limits.
// Plain values: filled by doctor_look, judged by doctor_findings, made up by tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/problem.h"
#include "base/value.h"

namespace stepwell::daemon {

struct PathFact {
  enum class Role : std::uint8_t {
    settings,
    definitions,  // the folder
    definition,
    data,  // the directory
    data_entry,
    master_key,
    master_key_folder
  };
  enum class Kind : std::uint8_t { missing, file, folder, other };
  Role role = Role::settings;
  std::string path;
  Kind kind = Kind::file;
  unsigned mode = 0;  // the lower twelve bits
  unsigned owner = 0;
};

// Who works on the data directory at this moment.
struct Holder {
  enum class Kind : std::uint8_t { nobody, daemon, other_process };
  Kind kind = Kind::nobody;
  std::int64_t pid = 0;
  std::string address;  // of a daemon
};

struct DatabaseFacts {
  Holder holder;
  std::string left_out;         // why nothing was looked at; empty where it was
  std::vector<Problem> faults;  // what opening it or asking the daemon came back with
  bool audit_intact = false;
  // Of the tombstones: what the file beside lacks and can be given back, and what the file knows
  // and the database does not.
  std::size_t stones_to_restore = 0;
  std::size_t stones_ahead = 0;
  std::optional<WallTime> clock_mark;
  // The `items` of the API's lists; null where they are not known.
  Value keys, credentials, users;
};

struct JournalFacts {
  bool there = false;    // no daemon has served here before it is
  std::string left_out;  // why it was not looked at; empty where it was
  std::optional<Problem> fault;
  std::int64_t version = 0;                 // of its format
  std::uint64_t bytes = 0;                  // with its write-ahead log
  std::optional<std::uint64_t> free_bytes;  // on the disk of the data directory, for us
};

struct FileFacts {
  bool there = false;    // no daemon has served here before it is
  std::string left_out;  // why it was not looked at; empty where it was
  std::optional<Problem> fault;
  std::size_t files = 0;
  std::uint64_t bytes = 0;                   // of all of them
  std::vector<std::string> without_content;  // ids, of which the content is lost or cut
};

struct MasterKeyFacts {
  std::optional<Problem> fault;
  bool out_of_sight = false;  // a systemd credential, seen by the unit alone
  bool inside_data = false;   // of the file that the settings name
  std::string file;           // empty where it comes from elsewhere
  std::string left_by_rotation;
};

// A place in a definition that names a stored credential.
struct CredentialReference {
  std::string credential;
  std::string workflow_namespace;
  std::string place;  // FILE:LINE:COLUMN
};

struct DefinitionFacts {
  std::string folder;
  std::size_t files = 0;
  std::vector<std::string> faults;  // the first of each file that has an error
  std::vector<CredentialReference> references;
};

struct ListenFacts {
  std::string address;
  bool valid = true;
  bool loopback = true;
  std::string refused;  // why it could not be bound; empty where it was, or a daemon runs
};

struct LimitFacts {
  // Nothing: without a limit, or not known.
  std::optional<std::uint64_t> locked_memory;  // bytes
  std::optional<std::uint64_t> open_files;
};

struct Facts {
  std::optional<Problem> settings_fault;  // then nothing else was looked at
  std::string settings_file;
  unsigned user = 0;
  WallTime now;
  std::optional<bool> synchronised;  // the machine's clock
  std::vector<PathFact> paths;
  MasterKeyFacts master_key;
  DatabaseFacts database;
  JournalFacts journal;
  FileFacts files;
  DefinitionFacts definitions;
  std::vector<std::string> egress_allow, egress_deny;
  ListenFacts listen;
  LimitFacts limits;
};

}  // namespace stepwell::daemon
