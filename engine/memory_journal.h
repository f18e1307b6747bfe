// A journal that need not survive its process: for `stepwell run`, tests, and a daemon without
// durable instances. It acknowledges at once and keeps no more than which instances are open.
// Thread-safe.
#pragma once

#include <mutex>
#include <unordered_set>

#include "engine/ports.h"

namespace stepwell::engine {

class MemoryJournal : public Journal {
 public:
  Durability append(Record record, std::function<void(Status)> durable) override;
  // There is nothing to be read.
  Status read_open(const Reader& each) override;
  Result<std::vector<Record>> read(InstanceId instance) override;
  Result<std::optional<InstanceSummary>> summary(InstanceId instance) override;
  Result<FoundInstances> find(const InstanceQuery& query) override;
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) override;
  Result<Value> definition(const std::string& digest) override;
  Result<std::vector<Record>> undelivered() override;
  Result<std::vector<Record>> schedules() override;
  Result<std::uint64_t> last_instance(std::uint64_t limit) override;
  std::size_t open_instances() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<InstanceId> open_;  // guarded by mutex_
};

}  // namespace stepwell::engine
