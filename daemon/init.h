// `stepwell init DIR`: the settings, folders, master key and first API key of a new site.
// Blocks; for one thread.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"

namespace stepwell::daemon {

// Writes DIR/stepwell.yaml, DIR/definitions/, DIR/secrets/master.key (0600), the data folder
// (DIR/data unless `data` names another, which may be there if it is empty), the user admin and its
// first key; answers {"key", "config"}. Touches nothing that exists. Errors: configuration/409
// `site-exists` naming what is in the way; `site-unwritable`; the store's.
Result<Value> init_site(const std::string& directory, const std::string& data = {});

}  // namespace stepwell::daemon
