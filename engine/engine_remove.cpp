// Instances that have ended and are taken away.
#include <unordered_set>
#include <utility>

#include "engine/engine_impl.h"

namespace stepwell::engine {

// One that is retried meanwhile either has its record in the journal first, and stays, or is
// refused there.
Result<std::vector<InstanceId>> Engine::Impl::remove(const std::vector<InstanceId>& ids) {
  std::vector<InstanceId> closed;
  closed.reserve(ids.size());
  for (const InstanceId id : ids)
    if (!is_open(id) && !lost_->find(id)) closed.push_back(id);
  Result<std::vector<InstanceId>> gone = journal_.remove(closed);
  if (!gone) return gone;
  std::unordered_set<InstanceId> removed(gone->begin(), gone->end());
  // What the journal never had, or does not keep.
  for (const InstanceId id : closed) {
    if (removed.contains(id)) continue;
    const auto instance = lookup(id);
    if (!instance || !ended(instance->status())) continue;
    const Result<std::optional<InstanceSummary>> summary = journal_.summary(id);
    if (!summary || *summary) continue;
    removed.insert(id);
    gone->push_back(id);
  }
  std::vector<InstanceId> present;
  for (const InstanceId id : removed)
    if (const auto instance = lookup(id); instance && ended(instance->status()))
      present.push_back(id);
  forget(present);  // first: whoever comes to its end meanwhile sees that it is gone
  const std::scoped_lock lock(finished_mutex_);
  finished_.remove(removed);
  return gone;
}

}  // namespace stepwell::engine
