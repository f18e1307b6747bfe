// `stepwell backup`: a consistent copy of what a data directory keeps, also while a daemon works on
// it.
// Used by one thread; blocks.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "daemon/backup_folder.h"
#include "daemon/command_context.h"
#include "daemon/output.h"

namespace stepwell::daemon {

// Makes the folder (0700), which must not exist, and the files in it (0600). The journal is copied
// first, then the files that were handed in, then keys and credentials, then the revocations: so
// every file that an instance of the copy holds is in it unless it was removed meanwhile, every key
// that an instance of the copy runs under is in it, and every revocation of the copied database is
// in the copied file. What fails takes the folder away again. Errors: configuration/409
// `backup-exists`; runtime/`backup-failed`, `disk-full`; the databases'.
Result<Manifest> make_backup(const config::Settings& settings, const std::string& folder,
                             const Clock& clock);

void backup(CommandContext& context, const std::string& folder, OutputFormat format);

}  // namespace stepwell::daemon
