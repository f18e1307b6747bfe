// Drives one state machine by hand: the test plays the outside world, and owns the time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "config/loader.h"
#include "engine/machine.h"

namespace stepwell::engine::test {

// A definition from the text of its `do` (and what follows it); fails the test where it has faults.
std::shared_ptr<const config::Definition> definition(std::string_view body);

class MachineDriver {
 public:
  explicit MachineDriver(std::string_view body, std::string_view input = "{}");

  // The step that is awaited for the task of this name (its last reference part).
  const Execute* pending(std::string_view name) const;
  void complete(std::string_view name, std::string_view json);
  void fail_step(std::string_view name, Problem problem);
  // Lets time pass; timers fire in the order of their due times.
  void advance(Milliseconds by);
  void send(Event event);
  // An event comes to all that listen for its type; true where one of them awaited it.
  bool publish(std::string_view json);

  InstanceStatus status() const { return state_.status; }
  std::string output() const { return to_json(state_.output); }
  const Problem& problem() const { return *state_.problem; }
  // "started a", "completed a", … in order.
  const std::vector<std::string>& traces() const { return traces_; }
  // Names in the order in which their tasks were started.
  std::string order() const;
  std::size_t timers() const { return timers_.size(); }
  std::size_t cancelled_steps() const { return cancelled_; }
  std::size_t listeners() const { return listeners_.size(); }
  const std::vector<Value>& emitted() const { return emitted_; }
  const State& state() const { return state_; }
  const std::vector<std::string>& keys() const { return keys_; }  // idempotency keys, in order

 private:
  void apply(Event event);

  Program program_;
  State state_;
  WallTime now_{Milliseconds(1'763'733'600'000)};
  std::vector<Execute> steps_;
  std::vector<StartTimer> timers_;
  std::vector<Listen> listeners_;
  std::vector<Value> emitted_;
  std::vector<std::string> traces_;
  std::vector<std::string> keys_;
  std::size_t cancelled_ = 0;
};

}  // namespace stepwell::engine::test
