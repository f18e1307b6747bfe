#include "api/rate_limits.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace stepwell::api {

namespace {

std::uint64_t seconds_up(Milliseconds time) {
  return static_cast<std::uint64_t>((time.count() + 999) / 1000);
}

double tokens_of(const Bucket& bucket, SteadyTime now) {
  const std::chrono::duration<double, std::milli> passed = now - bucket.seen;
  return std::min(bucket.pace.burst,
                  bucket.tokens + std::max(0.0, passed.count()) * bucket.pace.rate);
}

}  // namespace

Pace pace_of(const RateLimit& limit) {
  const std::uint64_t burst = limit.burst > 0 ? limit.burst : limit.requests;
  return {static_cast<double>(limit.requests) / static_cast<double>(limit.per.count()),
          static_cast<double>(burst)};
}

std::vector<http::Header> rate_headers(const Allowance& allowance) {
  const RateLimit& limit = allowance.limit;
  const std::uint64_t window = std::max<std::uint64_t>(seconds_up(limit.per), 1);
  const std::string remaining = std::to_string(allowance.remaining);
  const std::uint64_t until = allowance.granted ? window : seconds_up(allowance.wait);
  return {{"RateLimit-Policy",
           "\"key\";q=" + std::to_string(limit.requests) + ";w=" + std::to_string(window)},
          {"RateLimit", "\"key\";r=" + remaining + ";t=" + std::to_string(until)}};
}

Problem rate_limited(std::string why, Milliseconds wait) {
  Problem problem =
      make_problem(ErrorKind::runtime, "rate-limited", std::move(why) + "; wait a little");
  problem.status = 429;
  problem.retryable = true;
  problem.extensions.set("retryAfter", std::max<std::uint64_t>(seconds_up(wait), 1));
  return problem;
}

Allowance Buckets::take(const std::string& name, SteadyTime now) {
  return ask(name, now, usual_, 1);
}
Allowance Buckets::take(const std::string& name, SteadyTime now, const RateLimit& limit) {
  return ask(name, now, pace_of(limit), 1);
}
Allowance Buckets::look(const std::string& name, SteadyTime now) {
  return ask(name, now, usual_, 0);
}

// What was saved up under another pace stays, as far as this one holds it.
Allowance Buckets::ask(const std::string& name, SteadyTime now, const Pace& pace, double cost) {
  const std::scoped_lock lock(mutex_);
  const auto found = buckets_.find(name);
  double tokens =
      found == buckets_.end() ? pace.burst : std::min(pace.burst, tokens_of(found->second, now));
  Allowance allowance;
  allowance.granted = tokens >= 1;
  if (!allowance.granted)
    allowance.wait = Milliseconds(static_cast<std::int64_t>(std::ceil((1 - tokens) / pace.rate)));
  else
    tokens -= cost;
  allowance.remaining = static_cast<std::uint64_t>(tokens);
  if (cost == 0) return allowance;
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMost) make_room(now);
    buckets_.emplace(name, Bucket{tokens, now, pace});
  } else {
    found->second = {tokens, now, pace};
  }
  return allowance;
}

// Whoever is forgotten has a full bucket again.
void Buckets::make_room(SteadyTime now) {
  std::erase_if(buckets_, [&](const auto& each) {
    return tokens_of(each.second, now) >= each.second.pace.burst;
  });
  if (buckets_.size() >= kMost) buckets_.clear();
}

}  // namespace stepwell::api
