// Which open instances have a deadline that has not been told of, by time.
// Owned by the engine; all members may be called from any thread.
#pragma once

#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

namespace stepwell::engine {

class DeadlineWatch {
 public:
  // Instead of the one before.
  void set(InstanceId id, WallTime deadline);
  void remove(InstanceId id);
  // Those whose deadline has come, which are not watched any more; at most so many.
  std::vector<InstanceId> take_due(WallTime now, std::size_t most);

 private:
  void erase(InstanceId id);

  mutable std::mutex mutex_;
  std::set<std::pair<WallTime, std::uint64_t>> by_time_;  // guarded by mutex_
  std::unordered_map<InstanceId, WallTime> deadlines_;    // guarded by mutex_
};

}  // namespace stepwell::engine
