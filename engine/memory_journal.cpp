#include "engine/memory_journal.h"

namespace stepwell::engine {

Journal::Durability MemoryJournal::append(Record record, std::function<void(Status)> /*durable*/) {
  using Kind = Record::Kind;
  if (record.kind == Kind::admitted || record.kind == Kind::started || record.kind == Kind::ended) {
    const std::scoped_lock lock(mutex_);
    if (record.kind == Kind::ended)
      open_.erase(record.instance);
    else
      open_.insert(record.instance);
  }
  return Durability::now;
}

std::size_t MemoryJournal::open_instances() const {
  const std::scoped_lock lock(mutex_);
  return open_.size();
}

}  // namespace stepwell::engine
