// The set of definitions that a daemon serves: read from a folder, checked, and put into the
// catalog as a whole or not at all. Used on threads that may block, one call at a time.
#pragma once

#include <string>

#include "auth/gate.h"
#include "base/log.h"
#include "base/result.h"
#include "engine/catalog.h"
#include "engine/engine.h"

namespace stepwell::daemon {

// Loads all definitions of `folder`. Faults go to the log; with any error, or two definitions of
// the same name and version, the catalog stays as it is. A credential that does not exist is a
// warning, since it may be added later. Errors: configuration/`definitions-invalid`.
Status load_definitions(const std::string& folder, engine::Engine& engine, engine::Catalog& catalog,
                        const auth::Gate& gate, Log& log);

}  // namespace stepwell::daemon
