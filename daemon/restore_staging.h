// The last part of a restore: what was made ready beside the data takes its place. Each step can be
// repeated, so that a restore that was cut off is ended by whoever opens the data directory next.
// For one thread that holds the directory's lock; blocks.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace stepwell::daemon {

// Where a restore puts its files until they are whole.
std::string staging_of(const std::string& data);
// From here on finish_restore() ends it. What is in force now goes to `aside`, a folder within the
// data directory, whose name is given without it. No database may be open there, or have a log that
// was not copied into it. Errors: runtime/`restore-failed`.
Status make_ready(const std::string& data, const std::string& aside);
// Ends a restore that was made ready; nothing where none was. Errors: runtime/`restore-failed`.
Status finish_restore(const std::string& data);
// Errors: configuration/`restore-unfinished`; runtime/`restore-failed`.
Status no_restore_is_pending(const std::string& data);

}  // namespace stepwell::daemon
