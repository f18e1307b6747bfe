// Fetches a text by GET, as `call: http` would: through the gate, the egress rules and our own
// redirects, bounded in size and time. For documents and scripts that lie elsewhere.
// start_fetch() may be called from any thread and does not block.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/ports.h"
#include "http/message.h"
#include "steps/http_step.h"

namespace stepwell::steps {

struct FetchWish {
  std::string url;
  // Of the definition, or null; the values that the engine evaluated of it (null: none).
  const config::Authentication* authentication = nullptr;
  Value authentication_values;
  config::CallOptions options;  // its maxResponseBytes bounds the text
  Value headers;                // null or an object
  bool keyed = true;            // only while the instance's API key stands
};

struct Fetched {
  int status = 0;   // 200, or 304 where the wish's headers have If-None-Match
  std::string url;  // that answered, after redirects
  std::vector<http::Header> headers;
  std::string text;
};

// Gives what was fetched. Called once, not on the reactor's thread: it does the work that costs
// time. Errors: as those of `call: http`; any other status is communication `http-status`: a text
// that was not there, or is not whole, must not pass for one.
using FetchResult = std::function<Result<Fetched>()>;

// `done` is called once, on any thread, at the earliest before this returns. `call` says for which
// step: its definition's namespace, its API key and its trace.
std::shared_ptr<engine::RunningStep> start_fetch(const HttpStepSurroundings& surroundings,
                                                 const HttpStepOptions& options,
                                                 engine::StepCall call, const FetchWish& wish,
                                                 std::function<void(FetchResult)> done);

}  // namespace stepwell::steps
