#include "auth/expiry_clock.h"

#include <algorithm>
#include <chrono>

namespace stepwell::auth {

using std::chrono::duration_cast;
using std::chrono::microseconds;

// Kept as the highest difference between wall clock and steady clock ever seen, rounded down, so
// that one atomic holds it all.
WallTime ExpiryClock::now() noexcept {
  const std::int64_t steady = steady_us();
  const std::int64_t wall = duration_cast<microseconds>(clock_.now().time_since_epoch()).count();
  raise_offset(wall - steady);
  const std::int64_t latest = steady + offset_us_.load(std::memory_order_relaxed);
  return WallTime(std::chrono::floor<Milliseconds>(microseconds(latest)));
}

void ExpiryClock::raise_to(WallTime mark) noexcept {
  raise_offset(duration_cast<microseconds>(mark.time_since_epoch()).count() - steady_us());
}

void ExpiryClock::raise_offset(std::int64_t offset) noexcept {
  std::int64_t seen = offset_us_.load(std::memory_order_relaxed);
  while (offset > seen &&
         !offset_us_.compare_exchange_weak(seen, offset, std::memory_order_relaxed)) {
  }
}

std::int64_t ExpiryClock::steady_us() const noexcept {
  return duration_cast<microseconds>(clock_.steady_now().time_since_epoch()).count();
}

}  // namespace stepwell::auth
