// Which events a strategy waits for, and how far it has come: for `listen` and for schedules. Pure
// functions of their arguments; an EventMatcher lives for one event, on one thread.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "config/definition.h"
#include "engine/state.h"

namespace stepwell::engine {

class EventMatcher {
 public:
  // What expressions see beside "."; the scope counts until the function is called again.
  using ScopeOf = std::function<config::Scope(const Value& input)>;
  // `own` is what `correlate.expect` sees as ".". It is referred to.
  EventMatcher(ScopeOf scope, const Value& own) : scope_(std::move(scope)), own_(own) {}

  // Is the strategy waiting for this event?
  bool awaits(const config::EventStrategy& strategy, const Consumption& progress,
              const Value& event) const {
    return filter_for(strategy, progress, event).has_value();
  }
  // Takes the event where the strategy is waiting for it.
  bool consume(const config::EventStrategy& strategy, Consumption& progress,
               const Value& event) const;

 private:
  std::optional<std::size_t> filter_for(const config::EventStrategy& strategy,
                                        const Consumption& progress, const Value& event) const;
  bool meets(const config::EventFilter& filter, const Consumption& progress,
             const Value& event) const;

  ScopeOf scope_;
  const Value& own_;
};

// By the events alone: one, any one, or all of them.
bool has_enough_events(const config::EventStrategy& strategy, const Consumption& progress);

// What an author sees of an event.
Value read_event(const Value& event, config::ListenBody::Read read);

}  // namespace stepwell::engine
