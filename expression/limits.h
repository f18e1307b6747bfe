// Holds one evaluation to its budget. Work is paid for in steps; every few thousand of them the
// thread's CPU clock and the memory are looked at.
// Owned by one Machine; used by one thread.
#pragma once

#include <cstdint>

#include "base/value.h"
#include "expression/program.h"

namespace stepwell::expression::detail {

class Limits {
 public:
  enum class Exceeded : std::uint8_t { nothing, cpu, memory, outputs, depth };

  explicit Limits(const Budget& budget);

  // Pays for `steps`; false once a limit is met.
  bool spend(std::int64_t steps) {
    fuel_ -= steps;
    return fuel_ >= 0 || refuel();
  }
  // False where `bytes` more would be too much.
  bool room_for(std::int64_t bytes);
  // Memory beside the values: the machine's stacks and a built-in's buffers.
  void hold(std::int64_t bytes);
  void release(std::int64_t bytes) { held_ -= bytes; }
  bool allows_depth(const Value& value) {
    return value.depth() <= budget_.depth || is_less_deep(value) || exceed(Exceeded::depth);
  }
  bool exceed(Exceeded what);

  bool exceeded() const { return exceeded_ != Exceeded::nothing; }
  Exceeded what() const { return exceeded_; }
  const Budget& budget() const { return budget_; }
  // Milliseconds of CPU time that are left.
  std::int64_t milliseconds_left();

 private:
  static constexpr std::int64_t kFuel = 2048;
  bool refuel();
  bool is_less_deep(const Value& value);
  void start_clock();
  static std::int64_t cpu_nanoseconds();

  const Budget budget_;
  const std::int64_t values_before_;
  std::int64_t cpu_end_ = 0;  // set when the clock is first read: most evaluations end before
  std::int64_t held_ = 0;
  std::int64_t fuel_ = kFuel;
  Exceeded exceeded_ = Exceeded::nothing;
};

// Pays for reading `value` whole, as comparing or printing it does. Storage is shared, so a value
// can be far larger to read than it is to hold. False once a limit is met.
bool pay_for_reading(Limits& limits, const Value& value);
// The same for printing it as JSON; about how long the text will be, and never much less. Shared
// parts print each time that they occur.
std::int64_t pay_for_printing(Limits& limits, const Value& value);

}  // namespace stepwell::expression::detail
