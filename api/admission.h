// Who may send a request, and how often: what a route with a permission asks of an API key, and a
// webhook of whoever calls it.
// Owned by the Dispatcher; its limits are counted for as long as it lives. All members may be
// called from any thread and do not block.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/message.h"
#include "api/rate_limits.h"
#include "api/services.h"
#include "auth/permission.h"
#include "base/metrics.h"

namespace stepwell::api {

struct RateLimits {
  RateLimit keys = {};
  RateLimit webhooks = {};  // of each that is called without a key
};

// authorization/403 `permission-denied`.
Problem permission_denied(const auth::Principal& principal, auth::Permission permission);

class Admission {
 public:
  // What the services refer to outlives it.
  Admission(const Services& services, const RateLimits& limits);

  // Whose key the request has. Errors: those of Keys::verify(); runtime/429 `rate-limited` where
  // its address has had none too often.
  Result<auth::Principal> identify(const Request& request);
  // May a request of this key be made now? `allowance`: what its answer says of that.
  Status check_rate(const auth::Principal& principal, std::optional<Allowance>& allowance);
  // May this webhook be called now by somebody without a key?
  Status check_webhook_rate(const std::string& path);
  // What is answered to a request that could not show who it is from: `why`, or runtime/429.
  Problem failed(const Request& request, Problem why);
  // Why the daemon should get no work now (503).
  Status check_ready() const;

 private:
  // Constant, but for what guards itself.
  const Services services_;
  const RateLimits limits_;
  Buckets keys_;
  std::optional<Buckets> webhooks_;  // where there is a limit
  Buckets failures_;                 // of addresses
  Counter limited_;
  Counter limited_webhooks_;
  Counter failing_;
};

}  // namespace stepwell::api
