#include "engine/memory_journal.h"

namespace stepwell::engine {

Journal::Durability MemoryJournal::append(Record record, std::function<void(Status)> /*durable*/) {
  const std::scoped_lock lock(mutex_);
  if (record.kind == Record::Kind::ended) {
    records_.erase(record.instance);
  } else {
    const InstanceId instance = record.instance;
    records_[instance].push_back(std::move(record));
  }
  return Durability::now;
}

std::vector<Record> MemoryJournal::records(InstanceId instance) const {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(instance);
  return found == records_.end() ? std::vector<Record>{} : found->second;
}

std::size_t MemoryJournal::open_instances() const {
  const std::scoped_lock lock(mutex_);
  return records_.size();
}

}  // namespace stepwell::engine
