// The wall clock as expiries see it: it never goes back. Between two looks it advances at least as
// far as the steady clock did, so that a clock set back neither revives a key nor prolongs its
// life; the high-water mark is kept in the store over restarts.
// Owned by Authority; all members may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace stepwell::auth {

class ExpiryClock {
 public:
  explicit ExpiryClock(const Clock& clock) : clock_(clock) { now(); }

  // The latest of: the wall clock, and every earlier answer plus the time that has passed since.
  WallTime now() noexcept;
  // Takes over a mark from an earlier run.
  void raise_to(WallTime mark) noexcept;

 private:
  void raise_offset(std::int64_t offset) noexcept;
  std::int64_t steady_us() const noexcept;

  const Clock& clock_;
  std::atomic<std::int64_t> offset_us_{INT64_MIN};  // highest wall − steady ever seen
};

}  // namespace stepwell::auth
