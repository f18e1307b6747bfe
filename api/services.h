// What the API needs of the rest of the daemon. References outlive the server.
// Put together by daemon/wiring.
#pragma once

#include <functional>

#include "auth/authority.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "engine/catalog.h"
#include "engine/engine.h"

namespace stepwell::api {

struct Services {
  engine::Engine& engine;
  engine::Catalog& catalog;
  auth::Authority& authority;
  const Clock& clock;
  Entropy& entropy;
  Metrics& metrics;
  Log& log;
  // Reads settings and definitions anew. Called on a thread that may block, one call at a time.
  std::function<Status()> reload;
  // Success, or why the daemon should get no work now. Called often, from I/O threads: must not
  // block.
  std::function<Status()> ready;
};

}  // namespace stepwell::api
