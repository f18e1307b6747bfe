#include "engine/history.h"

#include <algorithm>
#include <utility>

#include "engine/replay.h"

namespace stepwell::engine {

HistoryEntry HistoryEntry::of(const Trace& trace, WallTime time) {
  HistoryEntry entry;
  entry.number = trace.number;
  entry.time = time;
  entry.task = trace.task;
  entry.kind = trace.kind;
  entry.attempt = trace.attempt;
  entry.problem = trace.problem;
  return entry;
}

HistoryEntry HistoryEntry::of(InstanceStatus status, std::uint64_t number, WallTime time) {
  HistoryEntry entry;
  entry.number = number;
  entry.time = time;
  entry.status = status;
  return entry;
}

// A replay passes over what a retry took back. It happened all the same: so what came before each
// retry is replayed as well.
Result<HistoryText> history_of(const Program& program, InstanceId id,
                               const std::vector<Record>& records,
                               const std::function<bool()>& late) {
  HistoryText all;
  std::uint64_t last = 0;
  for (std::size_t end = 1; end <= records.size() && !all.cut; ++end) {
    if (end < records.size() && records[end].kind != Record::Kind::retried) continue;
    Telling some{{}, late, false};
    Result<Replayed> replayed = replay(
        program, id, {records.begin(), records.begin() + static_cast<std::ptrdiff_t>(end)}, &some);
    if (!replayed) return fail(std::move(replayed.error()));
    all.cut = some.cut;
    for (HistoryEntry& entry : some.entries) {
      if (entry.number <= last) continue;
      last = entry.number;
      all.entries.push_back(std::move(entry));
    }
  }
  return all;
}

void Watchers::add(InstanceId id, std::shared_ptr<HistoryListener> listener) {
  const std::scoped_lock lock(mutex_);
  listeners_[id].push_back(std::move(listener));
  counts_[id.number % kCounts].fetch_add(1);
}

void Watchers::remove(InstanceId id, const HistoryListener* listener) {
  std::shared_ptr<HistoryListener> gone;  // outside of the lock
  const std::scoped_lock lock(mutex_);
  const auto found = listeners_.find(id);
  if (found == listeners_.end()) return;
  Listeners& listeners = found->second;
  const auto at = std::find_if(listeners.begin(), listeners.end(),
                               [&](const auto& each) { return each.get() == listener; });
  if (at == listeners.end()) return;
  gone = std::move(*at);
  listeners.erase(at);
  if (listeners.empty()) listeners_.erase(found);
  counts_[id.number % kCounts].fetch_sub(1);
}

Watchers::Listeners Watchers::listeners_of(InstanceId id) {
  const std::scoped_lock lock(mutex_);
  const auto found = listeners_.find(id);
  return found == listeners_.end() ? Listeners() : found->second;
}

void Watchers::tell(InstanceId id, const HistoryEntry& entry) {
  for (const auto& listener : listeners_of(id)) listener->on_entry(entry);
}

void Watchers::tell_over(InstanceId id) {
  for (const auto& listener : listeners_of(id)) listener->on_over();
}

}  // namespace stepwell::engine
