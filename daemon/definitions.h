// The set of definitions that a daemon serves: read from a folder, checked, and put into the
// catalog as a whole or not at all. Used on threads that may block, one call at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "auth/gate.h"
#include "base/log.h"
#include "base/result.h"
#include "config/loader.h"
#include "daemon/resources.h"
#include "engine/catalog.h"
#include "engine/engine.h"

namespace stepwell::daemon {

// One file, read and checked, without anything that lies elsewhere where `resources` is null; a
// value that `holds_secret` knows is a fault like any other: stored credentials are named, never
// written out.
config::Loaded load_file(const std::string& path,
                         const std::function<bool(std::string_view)>& holds_secret,
                         DefinitionResources* resources = nullptr);

// Loads all definitions of `folder`. Faults go to the log; with any error, or two definitions of
// the same name and version, the catalog stays as it is. A credential that does not exist is a
// warning, since it may be added later. Errors: configuration/`definitions-invalid`.
Status load_definitions(const std::string& folder, engine::Engine& engine, engine::Catalog& catalog,
                        const auth::Gate& gate, DefinitionResources& resources, Log& log);

// What of `folder` has no fault, to be looked at and not to be run: for `usage` offline.
void read_definitions(const std::string& folder, engine::Catalog& catalog);

}  // namespace stepwell::daemon
