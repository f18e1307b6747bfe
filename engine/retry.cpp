#include "engine/retry.h"

#include <algorithm>
#include <cmath>

namespace stepwell::engine {

namespace {

// A hundred years: beyond any real wait, and a clock's nanoseconds still hold it.
constexpr Milliseconds kLongest = std::chrono::hours(24 * 36'525);

Milliseconds scaled(Milliseconds delay, std::uint64_t factor) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 0));
  const auto longest = static_cast<std::uint64_t>(kLongest.count());
  if (count == 0) return Milliseconds(0);
  if (factor > longest / count) return kLongest;
  return Milliseconds(static_cast<std::int64_t>(count * factor));
}

}  // namespace

Milliseconds retry_wait(const RetryDelay& policy, std::uint32_t n, std::uint64_t random) {
  using Backoff = config::RetryPolicy::Backoff;
  Milliseconds wait = policy.delay;
  if (policy.backoff == Backoff::linear) wait = scaled(policy.delay, n);
  if (policy.backoff == Backoff::exponential)
    wait = n > 53 ? kLongest : scaled(policy.delay, UINT64_C(1) << (n - 1));
  if (policy.backoff == Backoff::exponential) wait = std::min(wait, policy.max_delay);
  const Milliseconds spread = policy.jitter_to - policy.jitter_from;
  if (spread.count() >= 0) {
    const auto width = static_cast<std::uint64_t>(spread.count()) + 1;
    wait += policy.jitter_from + Milliseconds(static_cast<std::int64_t>(random % width));
  }
  return std::clamp(wait, Milliseconds(0), kLongest);
}

Milliseconds asked_wait(const Problem& problem) {
  const Value& seconds = problem.extensions.get("retryAfter");
  if (!seconds.is_number()) return Milliseconds(0);
  const double asked = std::clamp(seconds.as_double(), 0.0, 1e9);
  return Milliseconds(static_cast<std::int64_t>(std::ceil(asked * 1000)));
}

}  // namespace stepwell::engine
