// A journal in memory: for `stepwell run`, tests, and a daemon that need not survive its process.
// Keeps the records of open instances, so that they can be replayed; forgets an instance when it
// has ended. Thread-safe.
#pragma once

#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/ports.h"

namespace stepwell::engine {

class MemoryJournal final : public Journal {
 public:
  Durability append(Record record, std::function<void(Status)> durable) override;
  std::vector<Record> records(InstanceId instance) const;
  std::size_t open_instances() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<InstanceId, std::vector<Record>> records_;  // guarded by mutex_
};

}  // namespace stepwell::engine
