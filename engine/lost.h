// Open instances that could not be brought back, such as those whose definition this version does
// not read: they stay in the journal as they are, until they are stopped or another version goes on
// with them.
// Owned by the engine; all members may be called from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/problem.h"
#include "base/units.h"
#include "engine/engine.h"
#include "engine/replay.h"

namespace stepwell::engine {

class LostInstances {
 public:
  struct Lost {
    std::uint32_t number = 0;  // of its last record
    Problem why;
    InstanceView view;
  };
  void add(InstanceId id, Lost lost);
  void remove(InstanceId id);
  std::optional<Lost> find(InstanceId id) const;
  std::vector<InstanceView> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<InstanceId, Lost, ById> lost_;  // guarded by mutex_
};

}  // namespace stepwell::engine
