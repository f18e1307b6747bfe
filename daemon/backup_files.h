// The part of a backup that has the files which clients handed in: the contents that the copied
// database lists.
// Used by one thread; blocks.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "daemon/backup_folder.h"

namespace stepwell::daemon {

// `folder` has a copy of the database already. A file that was removed since is taken out of that.
// Errors: runtime/`backup-failed`, `disk-full`; configuration/`store-damaged` for a content that is
// not what it was; `note`'s.
Status copy_contents(const std::string& data, const std::string& folder,
                     const std::function<Status(Result<Manifest::File>)>& note);

}  // namespace stepwell::daemon
