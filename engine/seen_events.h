// The events that an instance took last: one that comes again is not taken again (CloudEvents 1.0
// "id": source and id tell an event from others).
// Owned by its instance, or by the replay of one; used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/value.h"
#include "engine/state.h"

namespace stepwell::engine {

class SeenEvents {
 public:
  static constexpr std::size_t kMost = 100;

  struct Seen {
    Value source;
    Value id;
    std::uint64_t counter = 0;          // State::counter when it was taken first …
    std::vector<ListenerId> listeners;  // … and who has it
    bool operator==(const Seen&) const = default;
  };

  // Did this listener take it, or another one before this one was there?
  bool has(ListenerId listener, const Value& event) const;
  void add(ListenerId listener, const Value& event, std::uint64_t counter);
  void add(Seen seen);  // the newest
  const std::vector<Seen>& all() const { return all_; }

 private:
  std::vector<Seen> all_;  // the newest at the end
};

}  // namespace stepwell::engine
