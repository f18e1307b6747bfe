// Time as an injected dependency. Deadlines and waits are on the steady clock; expiries, schedules
// and everything that a person reads are on the wall clock.
// A Clock is owned by daemon/wiring (tests: tests/support/manual_clock.h) and outlives its users;
// now() may be called from any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stepwell {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  SteadyTime steady_now() const override;
};

// A point on the steady clock by which something must be done; may be "never".
class Deadline {
 public:
  Deadline() = default;  // never
  explicit Deadline(SteadyTime at) : at_(at) {}
  static Deadline after(const Clock& clock, Milliseconds delay) {
    return Deadline(clock.steady_now() + delay);
  }
  bool never() const { return !at_.has_value(); }
  SteadyTime at() const { return at_.value_or(SteadyTime::max()); }
  bool passed(SteadyTime now) const { return at_ && now >= *at_; }
  Deadline earlier(const Deadline& other) const { return at() <= other.at() ? *this : other; }

 private:
  std::optional<SteadyTime> at_;
};

// "2026-11-21T14:02:03.250Z" (RFC 3339, UTC; the fraction is left out where it is zero).
std::string format_time(WallTime time);
// RFC 3339 with any offset, or a bare date (midnight UTC). Errors: validation/`time-invalid`.
Result<WallTime> parse_time(std::string_view text);

}  // namespace stepwell
