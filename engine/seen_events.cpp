#include "engine/seen_events.h"

#include <algorithm>
#include <utility>

namespace stepwell::engine {

namespace {

constexpr unsigned kSlotBits = 24;  // of a listener's id, below the counter

}  // namespace

bool SeenEvents::has(ListenerId listener, const Value& event) const {
  const auto found = std::find_if(all_.rbegin(), all_.rend(), [&event](const Seen& seen) {
    return seen.id == event.get("id") && seen.source == event.get("source");
  });
  if (found == all_.rend()) return false;
  return (listener.number >> kSlotBits) > found->counter ||
         std::find(found->listeners.begin(), found->listeners.end(), listener) !=
             found->listeners.end();
}

void SeenEvents::add(ListenerId listener, const Value& event, std::uint64_t counter) {
  const Value& source = event.get("source");
  const Value& id = event.get("id");
  if (source.is_null() || id.is_null()) return;
  for (Seen& seen : all_)
    if (seen.id == id && seen.source == source) return seen.listeners.push_back(listener);
  add({source, id, counter, {listener}});
}

void SeenEvents::add(Seen seen) {
  if (all_.size() >= kMost) all_.erase(all_.begin());
  all_.push_back(std::move(seen));
}

}  // namespace stepwell::engine
