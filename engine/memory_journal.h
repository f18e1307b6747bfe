// A journal that need not survive its process: for `stepwell run`, tests, and a daemon without
// durable instances. It acknowledges at once and keeps no more than which instances are open.
// Thread-safe.
#pragma once

#include <mutex>
#include <unordered_set>

#include "engine/ports.h"

namespace stepwell::engine {

class MemoryJournal final : public Journal {
 public:
  Durability append(Record record, std::function<void(Status)> durable) override;
  std::size_t open_instances() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<InstanceId> open_;  // guarded by mutex_
};

}  // namespace stepwell::engine
