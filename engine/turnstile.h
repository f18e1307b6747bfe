// Lets at most so many instances of a workflow run at the same time; the others wait, those of a
// higher priority before others, and of one priority in the order in which they came; now and then
// comes the one that waits longest, so that each gets its turn. One for all versions of a workflow
// that set a limit (document.metadata.stepwell.concurrency). Owned by the engine and its workflows;
// all members may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/units.h"
#include "config/definition.h"

namespace stepwell::engine {

class Turnstile {
 public:
  // True: it may run. False: it waits until a leave() names it. `limit` is its own version's.
  // `urgency`: 0, 1 or 2, the most urgent.
  bool enter(InstanceId id, std::uint64_t limit, std::size_t urgency = 0);
  // Where it waits, it does so with those now, as the last one of them.
  void move(InstanceId id, std::size_t urgency);
  // It runs already, however many others do.
  void count_in(InstanceId id);
  // It has ended, wherever it was. Gives those whose turn has come.
  std::vector<InstanceId> leave(InstanceId id);
  std::size_t waiting() const;

 private:
  struct Waiting {
    InstanceId id;
    std::uint64_t limit = 0;
    std::size_t urgency = 0;
    std::uint64_t since = 0;  // the number of its arrival
  };
  static constexpr std::size_t kUrgencies = 3;
  using Line = std::list<Waiting>;

  Line* next_line();

  mutable std::mutex mutex_;  // guards what follows
  std::array<Line, kUrgencies> lines_;
  std::unordered_map<InstanceId, Line::iterator> places_;  // of those that wait
  std::uint64_t arrivals_ = 0;
  std::uint64_t calls_ = 0;  // those whose turn came
  std::unordered_set<InstanceId> inside_;
};

// Those of all workflows that set a limit; each lives as long as a version of its workflow.
class Turnstiles {
 public:
  // Null where the definition sets no limit.
  std::shared_ptr<Turnstile> of(const config::Definition& definition);
  std::size_t waiting();

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Turnstile>> turnstiles_;  // guarded: by NAMESPACE/NAME
};

}  // namespace stepwell::engine
