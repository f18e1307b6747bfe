#include "api/admission.h"

#include <utility>

namespace stepwell::api {

namespace {

// So often may an address come with a key, or a signature, that is none.
constexpr std::uint64_t kFailures = 60;
constexpr Milliseconds kFailuresPer{60'000};

Counter limited_for(Metrics& metrics, const char* reason) {
  return metrics.counter("stepwell_api_rate_limited_total",
                         "Requests that were refused for their number.", {{"reason", reason}});
}

void open_buckets(std::optional<Buckets>& buckets, const RateLimit& limit) {
  if (limit.requests > 0)
    buckets.emplace(limit.requests, limit.per, limit.burst > 0 ? limit.burst : limit.requests);
}

}  // namespace

Problem permission_denied(const auth::Principal& principal, auth::Permission permission) {
  const std::string lacking(to_string(permission));
  if (allows(principal.role, permission))
    return make_problem(
        ErrorKind::authorization, "permission-denied",
        "API key " + principal.key_id + " is narrowed to scopes without " + lacking);
  return make_problem(ErrorKind::authorization, "permission-denied",
                      "user " + principal.user + " has the role " +
                          std::string(to_string(principal.role)) + ", which lacks the permission " +
                          lacking);
}

Admission::Admission(const Services& services, const RateLimits& limits)
    : services_(services),
      limits_(limits),
      keys_(limits.keys.requests, limits.keys.per, limits.keys.burst),
      failures_(kFailures, kFailuresPer, kFailures),
      limited_(limited_for(services.metrics, "key")),
      limited_webhooks_(limited_for(services.metrics, "webhook")),
      failing_(limited_for(services.metrics, "failing-address")) {
  open_buckets(webhooks_, limits.webhooks);
}

// A key that is none costs its sender patience. One that is good passes wherever it comes from: it
// may share its address with others, and to guess one takes longer than the world has been.
Result<auth::Principal> Admission::identify(const Request& request) {
  Result<auth::Principal> principal = services_.authority.keys().verify(request.authorization);
  if (principal) return principal;
  return fail(failed(request, std::move(principal).error()));
}

Problem Admission::failed(const Request& request, Problem why) {
  const Allowance allowance = failures_.take(request.remote, services_.clock.steady_now());
  if (allowance.granted) return why;
  failing_.increment();
  return rate_limited("too many requests from this address had no valid API key or signature",
                      allowance.wait);
}

Status Admission::check_rate(const auth::Principal& principal,
                             std::optional<Allowance>& allowance) {
  RateLimit limit = limits_.keys;
  if (const std::optional<auth::KeyRate>& own = principal.rate)
    limit = {own->requests, own->per, own->burst};
  if (limit.requests == 0) return {};
  allowance = keys_.take(principal.key_id, services_.clock.steady_now(), limit);
  allowance->limit = limit;
  if (allowance->granted) return {};
  limited_.increment();
  return fail(
      rate_limited("API key " + principal.key_id + " makes too many requests", allowance->wait));
}

Status Admission::check_webhook_rate(const std::string& path) {
  if (!webhooks_) return {};
  const Allowance allowance = webhooks_->take(path, services_.clock.steady_now());
  if (allowance.granted) return {};
  limited_webhooks_.increment();
  return fail(rate_limited("the webhook " + path + " is called too often", allowance.wait));
}

Status Admission::check_ready() const {
  Status status = services_.ready ? services_.ready() : Status();
  if (!status) status.error().status = 503;
  return status;
}

}  // namespace stepwell::api
