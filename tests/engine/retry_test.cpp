#include "engine/retry.h"

#include <gtest/gtest.h>

namespace stepwell::engine {
namespace {

using Backoff = config::RetryPolicy::Backoff;

RetryDelay policy(Backoff backoff, int delay_ms) {
  RetryDelay delay;
  delay.backoff = backoff;
  delay.delay = Milliseconds(delay_ms);
  return delay;
}

TEST(RetryWait, GrowsAsTheBackoffSays) {
  EXPECT_EQ(retry_wait(policy(Backoff::constant, 100), 7, 0).count(), 100);
  EXPECT_EQ(retry_wait(policy(Backoff::linear, 100), 7, 0).count(), 700);
  EXPECT_EQ(retry_wait(policy(Backoff::exponential, 100), 1, 0).count(), 100);
  EXPECT_EQ(retry_wait(policy(Backoff::exponential, 100), 4, 0).count(), 800);
}

TEST(RetryWait, OnlyTheExponentialBackoffIsCapped) {
  EXPECT_EQ(retry_wait(policy(Backoff::exponential, 1000), 60, 0).count(), 3'600'000);
  EXPECT_EQ(retry_wait(policy(Backoff::linear, 1'000'000), 10, 0).count(), 10'000'000);
}

TEST(RetryWait, NeverOverflows) {
  RetryDelay huge = policy(Backoff::exponential, 0);
  huge.delay = Milliseconds(INT64_MAX);
  huge.max_delay = Milliseconds(INT64_MAX);
  for (std::uint32_t n : {1U, 53U, 54U, 1000U, 4'000'000'000U})
    EXPECT_GE(retry_wait(huge, n, UINT64_MAX).count(), 0);
}

TEST(RetryWait, JitterStaysBetweenItsBounds) {
  RetryDelay jittered = policy(Backoff::constant, 100);
  jittered.jitter_from = Milliseconds(10);
  jittered.jitter_to = Milliseconds(20);
  for (std::uint64_t random = 0; random < 100; ++random) {
    const auto wait = retry_wait(jittered, 1, random).count();
    EXPECT_GE(wait, 110);
    EXPECT_LE(wait, 120);
  }
  EXPECT_NE(retry_wait(jittered, 1, 0), retry_wait(jittered, 1, 5));
}

}  // namespace
}  // namespace stepwell::engine
