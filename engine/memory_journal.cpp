#include "engine/memory_journal.h"

namespace stepwell::engine {

Journal::Durability MemoryJournal::append(Record record, std::function<void(Status)> /*durable*/) {
  if (record.kind == Record::Kind::started || record.kind == Record::Kind::ended) {
    const std::scoped_lock lock(mutex_);
    if (record.kind == Record::Kind::started)
      open_.insert(record.instance);
    else
      open_.erase(record.instance);
  }
  return Durability::now;
}

std::size_t MemoryJournal::open_instances() const {
  const std::scoped_lock lock(mutex_);
  return open_.size();
}

}  // namespace stepwell::engine
