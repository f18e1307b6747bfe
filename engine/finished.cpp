#include "engine/finished.h"

#include <utility>

namespace stepwell::engine {

void Finished::forget(std::uint64_t number, std::vector<InstanceId>& forgotten) {
  const auto entry = entries_.find(number);
  if (entry == entries_.end()) return;
  if (entry->second.group != nullptr) entry->second.group->numbers.erase(number);
  forgotten.push_back(entry->second.id);
  entries_.erase(entry);
}

std::vector<InstanceId> Finished::add(InstanceId id, const config::Definition& definition,
                                      WallTime ended) {
  std::vector<InstanceId> forgotten;
  const config::Retention& retention = definition.retention;
  const std::uint64_t number = ++last_;
  Group* group = nullptr;
  if (retention.age || retention.count) {
    group = &groups_[definition.namespace_ + "/" + definition.name];
    group->retention = retention;
    group->numbers.insert(number);
  }
  entries_.emplace_hint(entries_.end(), number, Entry{id, ended, group});
  while (group != nullptr && retention.count && group->numbers.size() > *retention.count)
    forget(*group->numbers.begin(), forgotten);
  while (entries_.size() > most_) forget(entries_.begin()->first, forgotten);
  return forgotten;
}

void Finished::remove(const std::unordered_set<InstanceId>& ids) {
  if (ids.empty()) return;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, entry] : entries_)
    if (ids.contains(entry.id)) numbers.push_back(number);
  std::vector<InstanceId> removed;
  for (const std::uint64_t number : numbers) forget(number, removed);
}

std::vector<InstanceId> Finished::expire(WallTime now) {
  std::vector<InstanceId> forgotten;
  for (auto& [name, group] : groups_) {
    if (!group.retention.age) continue;
    while (!group.numbers.empty()) {
      const std::uint64_t first = *group.numbers.begin();
      if (entries_.at(first).ended + *group.retention.age > now) break;
      forget(first, forgotten);
    }
  }
  return forgotten;
}

}  // namespace stepwell::engine
