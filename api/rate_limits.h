// How many requests each API key may make, and how often an address may fail with its key: token
// buckets on an injected clock. Not what a request costs.
// Owned by the Dispatcher; callable from any thread; blocks for moments.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/server.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace stepwell::api {

// How a bucket fills again, and how much it holds.
struct Pace {
  double rate = 0;   // tokens a millisecond
  double burst = 0;  // also at first
};
Pace pace_of(const RateLimit& limit);

struct Bucket {
  double tokens = 0;
  SteadyTime seen{};
  Pace pace{};
};

// What a client is told (draft-ietf-httpapi-ratelimit-headers).
struct Allowance {
  RateLimit limit;
  bool granted = true;
  std::uint64_t remaining = 0;  // whole requests that it may make at once
  Milliseconds wait{0};         // until the next one is granted, where this one is not
};

// The two header fields of that draft. They may become others with it.
std::vector<http::Header> rate_headers(const Allowance& allowance);
// runtime/429 `rate-limited`, with what Retry-After says.
Problem rate_limited(std::string why, Milliseconds wait);

class Buckets {
 public:
  // `per` for `requests`, at most `burst` at once.
  Buckets(std::uint64_t requests, Milliseconds per, std::uint64_t burst)
      : usual_(pace_of({requests, per, burst})) {}

  // Takes one token of this name, if there is one.
  Allowance take(const std::string& name, SteadyTime now);
  // The same for a name that has a limit of its own, which may be another one each time.
  Allowance take(const std::string& name, SteadyTime now, const RateLimit& limit);
  // The same, without taking it.
  Allowance look(const std::string& name, SteadyTime now);

 private:
  // Beyond it those that are full are forgotten, and then all: memory ends somewhere.
  static constexpr std::size_t kMost = 10'000;
  Allowance ask(const std::string& name, SteadyTime now, const Pace& pace, double cost);
  void make_room(SteadyTime now);

  const Pace usual_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
};

}  // namespace stepwell::api
