// What is counted of instances and their steps: steps by kind and outcome, open instances by state.
// Owned by the engine; all members may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/metrics.h"
#include "config/definition.h"
#include "engine/state.h"

namespace stepwell::engine {

// The kinds of steps, as a place in a table.
using StepKind = std::uint8_t;
StepKind step_kind(const config::TaskBody& body);
StepKind step_kind(config::PersonStepBody::Kind kind);

class StepMetrics {
 public:
  explicit StepMetrics(Metrics& metrics);
  void ended(StepKind kind, bool completed) const {
    (completed ? completed_ : faulted_).at(kind).increment();
  }
  // From its start to its result; of steps for people nobody asks.
  void took(StepKind kind, std::chrono::duration<double> time) const {
    seconds_.at(kind).observe(time.count());
  }

 private:
  static constexpr std::size_t kKinds = 10;
  std::array<Counter, kKinds> completed_;
  std::array<Counter, kKinds> faulted_;
  std::array<Histogram, kKinds> seconds_;
};

class InstanceStates {
 public:
  explicit InstanceStates(Metrics& metrics);
  void enter(InstanceStatus state) const { add(state, 1); }
  void leave(InstanceStatus state) const { add(state, -1); }

 private:
  // Those that have ended are not counted.
  void add(InstanceStatus state, double by) const;
  static constexpr std::size_t kOpen = 4;
  std::array<Gauge, kOpen> gauges_;
};

}  // namespace stepwell::engine
