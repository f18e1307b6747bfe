// When and how long to wait before the next attempt. Pure functions.
// Source: Open Workflow Specification DSL 1.0, "Retry"; the cap of one hour and the rule for
// Retry-After are Stepwell's own (docs/definitions.md).
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/problem.h"
#include "config/definition.h"

namespace stepwell::engine {

// The evaluated figures of a retry policy.
struct RetryDelay {
  config::RetryPolicy::Backoff backoff = config::RetryPolicy::Backoff::constant;
  Milliseconds delay{0};
  Milliseconds max_delay{3'600'000};
  Milliseconds jitter_from{0};
  Milliseconds jitter_to{0};
};

// The n-th wait (n from 1): constant delay, linear delay·n, exponential delay·2^(n-1) capped by
// max_delay; plus uniform jitter drawn from `random`. Never negative, never overflows.
Milliseconds retry_wait(const RetryDelay& policy, std::uint32_t n, std::uint64_t random);

// How long the upstream asked to be left alone: the problem's extension `retryAfter` in seconds
// (RFC 9110 §10.2.3); zero where it did not.
Milliseconds asked_wait(const Problem& problem);

}  // namespace stepwell::engine
