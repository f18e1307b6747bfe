// A clock that moves only when a test says so. Safe from any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace stepwell::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(std::chrono::milliseconds(1'763'733'600'000)))
      : wall_ms_(start.time_since_epoch().count()) {}
  WallTime now() const override { return WallTime(Milliseconds(wall_ms_.load())); }
  SteadyTime steady_now() const override { return SteadyTime(Milliseconds(steady_ms_.load())); }
  // Both clocks go on together.
  void advance(Milliseconds by) {
    wall_ms_ += by.count();
    steady_ms_ += by.count();
  }
  // The wall clock alone jumps, as when an administrator sets it.
  void set_wall(WallTime to) { wall_ms_ = to.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> wall_ms_;
  std::atomic<std::int64_t> steady_ms_{1'000'000};
};

}  // namespace stepwell::test
