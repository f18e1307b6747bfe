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

Status MemoryJournal::read_open(const Reader& /*each*/) { return {}; }

Result<std::vector<Record>> MemoryJournal::read(InstanceId /*instance*/) {
  return std::vector<Record>{};
}

Result<std::optional<InstanceSummary>> MemoryJournal::summary(InstanceId /*instance*/) {
  return std::optional<InstanceSummary>{};
}

Result<FoundInstances> MemoryJournal::find(const InstanceQuery& /*query*/) {
  return FoundInstances{};
}

Result<std::vector<InstanceId>> MemoryJournal::remove(
    const std::vector<InstanceId>& /*instances*/) {
  return std::vector<InstanceId>{};
}

Result<Value> MemoryJournal::definition(const std::string& /*digest*/) { return Value(); }

Result<std::vector<Record>> MemoryJournal::undelivered() { return std::vector<Record>{}; }

Result<std::vector<Record>> MemoryJournal::schedules() { return std::vector<Record>{}; }

Result<std::uint64_t> MemoryJournal::last_instance(std::uint64_t /*limit*/) {
  return std::uint64_t{0};
}

std::size_t MemoryJournal::open_instances() const {
  const std::scoped_lock lock(mutex_);
  return open_.size();
}

}  // namespace stepwell::engine
