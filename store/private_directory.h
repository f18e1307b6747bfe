// A directory that only its owner can enter.
// Pure function of the file system, callable from any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace stepwell::store {

// Makes the directory (its parents exist) with mode 0700 where it is missing. Errors:
// configuration/`data-directory-unusable`.
Status ensure_private_directory(const std::string& path);

}  // namespace stepwell::store
