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

// One bucket: `most` tokens at first, one more each `every`.
struct Bucket {
  double tokens = 0;
  SteadyTime seen{};
};

// What a client is told (draft-ietf-httpapi-ratelimit-headers).
struct Allowance {
  bool granted = true;
  std::uint64_t remaining = 0;  // whole requests that it may make at once
  Milliseconds wait{0};         // until the next one is granted, where this one is not
};

// The two header fields of that draft. They may become others with it.
std::vector<http::Header> rate_headers(const RateLimit& limit, const Allowance& allowance);
// runtime/429 `rate-limited`, with what Retry-After says.
Problem rate_limited(std::string why, Milliseconds wait);

class Buckets {
 public:
  // `per` for `requests`, at most `burst` at once.
  Buckets(std::uint64_t requests, Milliseconds per, std::uint64_t burst)
      : rate_(static_cast<double>(requests) / static_cast<double>(per.count())),
        burst_(static_cast<double>(burst)) {}

  // Takes one token of this name, if there is one.
  Allowance take(const std::string& name, SteadyTime now);
  // The same, without taking it.
  Allowance look(const std::string& name, SteadyTime now);

 private:
  // Beyond it those that are full are forgotten, and then all: memory ends somewhere.
  static constexpr std::size_t kMost = 10'000;
  Allowance ask(const std::string& name, SteadyTime now, double cost);
  void make_room(SteadyTime now);
  double tokens_of(const Bucket& bucket, SteadyTime now) const;

  const double rate_;  // tokens a millisecond
  const double burst_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
};

}  // namespace stepwell::api
