// Fetches texts over HTTP while definitions are loaded: through the gate, the egress rules and our
// redirects, as `call: http` would, at most 1 MiB each. Owned by the node; fetch() may be called
// from any thread that may block, and blocks.
#pragma once

#include <string>

#include "base/result.h"
#include "config/resources.h"
#include "steps/http_step.h"

namespace stepwell::daemon {

class TextFetcher {
 public:
  explicit TextFetcher(steps::HttpStepSurroundings surroundings)
      : surroundings_(std::move(surroundings)) {}

  static constexpr Milliseconds kLongest{15'000};

  // Errors: as those of `call: http`; timeout/`timeout` after `longest`, kLongest at most.
  Result<std::string> fetch(const config::ResourceRequest& request,
                            Milliseconds longest = kLongest) const;

 private:
  const steps::HttpStepSurroundings surroundings_;
};

}  // namespace stepwell::daemon
