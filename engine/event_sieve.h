// What an event and a listener that correlates have in common, as one number: so that of a million
// instances that wait for the payment of an order an event wakes those whose order it is.
// Immutable, shared by all instances of a definition and by the bus; callable from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/program.h"

namespace stepwell::engine {

class EventSieve {
 public:
  using Key = std::uint64_t;
  using Correlation = config::EventFilter::Correlation;

  // Null where the listening task's events do not all have to have such a number. `variables`: how
  // many its expressions are given.
  static std::shared_ptr<const EventSieve> make(std::shared_ptr<const Program> program,
                                                TaskNumber task, std::size_t variables);
  // A listener that has another key does not want the event; nothing: nobody does.
  std::optional<Key> key_of(const Value& event) const;
  // What a listener expects, in the order of correlations().
  static Key key_of(const std::vector<Value>& expected);
  const std::vector<const Correlation*>& correlations() const { return correlations_; }

 private:
  EventSieve(std::shared_ptr<const Program> program, std::vector<const Correlation*> correlations,
             std::size_t variables)
      : program_(std::move(program)),
        correlations_(std::move(correlations)),
        variables_(variables) {}

  const std::shared_ptr<const Program> program_;  // which the correlations are part of
  const std::vector<const Correlation*> correlations_;
  const std::vector<Value> variables_;  // which none looks at
};

}  // namespace stepwell::engine
