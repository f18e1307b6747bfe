// What the API needs of the rest of the daemon. References outlive the server.
// Put together by daemon/wiring.
#pragma once

#include <functional>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/units.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/files.h"
#include "engine/schedules.h"
#include "http/reactor.h"

namespace stepwell::api {

// What administration needs, in a daemon and offline.
struct AdminServices {
  auth::Authority& authority;
  const engine::Catalog& catalog;
  auth::MasterKeySource master_key;
  const engine::Engine* engine = nullptr;  // null offline
  http::Reactor* reactor = nullptr;        // null offline
  const Clock* clock = nullptr;            // null offline
  // Runs a task on a thread that may block; false where too many wait. Empty offline.
  std::function<bool(std::function<void()>)> blocking = {};
};

struct Services {
  engine::Engine& engine;
  engine::Catalog& catalog;
  auth::Authority& authority;
  http::Reactor& reactor;
  auth::MasterKeySource master_key;
  const Clock& clock;
  Entropy& entropy;
  Metrics& metrics;
  Log& log;
  // Reads settings and definitions anew. Called on a thread that may block, one call at a time.
  std::function<Status()> reload;
  // Success, or why the daemon should get no work now. Called often, from I/O threads: must not
  // block.
  std::function<Status()> ready;
  engine::Schedules* schedules = nullptr;  // null: none
  engine::Files* files = nullptr;          // null: none are taken
  Bytes max_file = 100_MiB;                // of one of them
};

}  // namespace stepwell::api
