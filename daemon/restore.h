// `stepwell restore`: puts a backup in the place of what a data directory keeps. What was revoked
// or deleted since stays so, the clock's mark does not go back, and what was there is kept aside.
// Used by one thread, while no daemon works on the directory; blocks.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "daemon/command_context.h"
#include "daemon/output.h"

namespace stepwell::daemon {

struct RestoreOptions {
  std::string folder;
  // Instances that had not ended go on at the next start; otherwise they are suspended, since what
  // they did after the backup would be done again.
  bool resume_instances = false;
};

struct Restored {
  WallTime time;                // of the backup
  std::string aside;            // where what was there lies now
  std::uint64_t kept = 0;       // revocations and deletions that the backup does not know
  bool remembered = false;      // false: what was there could not tell of any
  std::uint64_t open = 0;       // instances that had not ended …
  std::uint64_t suspended = 0;  // … and of these, those that were suspended
};

// Checks everything before it touches anything. Errors: configuration/`backup-damaged`,
// `data-directory-locked`; `master-key-wrong` and what else opening a store gives;
// runtime/`restore-failed`, `backup-failed`, `disk-full`.
Result<Restored> restore_backup(const config::Settings& settings, const RestoreOptions& options,
                                const Clock& clock);

void restore(CommandContext& context, const RestoreOptions& options, OutputFormat format);

}  // namespace stepwell::daemon
