// Lists of instances: what the journal knows, and of those that are open what is so now.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// What can be told of an instance without making its view.
bool may_be_picked(const InstanceFilter& filter, const Instance& instance) {
  const InstanceStatus status = instance.status();
  if (filter.open && ended(status)) return false;
  return !filter.status || *filter.status == status;
}

}  // namespace

// Those in memory above filter.after, by id, up to `last`; at most so many that the filter picks.
void Engine::Impl::add_present(const InstanceFilter& filter, std::size_t most, std::uint64_t last,
                               Views& found) const {
  std::vector<std::uint64_t> ids;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [id, instance] : shard.instances)
      if (id.number > filter.after.number && id.number <= last && may_be_picked(filter, *instance))
        ids.push_back(id.number);
  }
  std::make_heap(ids.begin(), ids.end(), std::greater<>());
  for (std::size_t picked = 0; picked < most && !ids.empty(); ids.pop_back()) {
    std::pop_heap(ids.begin(), ids.end(), std::greater<>());
    std::optional<InstanceView> view = find(InstanceId{ids.back()});
    if (!view || !picks(filter, *view)) continue;
    ++picked;
    found.insert_or_assign(view->id, std::move(*view));
  }
}

// What is in memory is ahead of what the journal says of it, so that fewer may be left of those
// that the journal finds: then the next ones are looked for.
Result<std::vector<InstanceView>> Engine::Impl::list(const InstanceFilter& filter,
                                                     std::size_t most) const {
  Views found;
  InstanceFilter rest = filter;
  while (true) {
    const Result<std::vector<InstanceSummary>> kept = journal_.find(rest, most);
    if (!kept) return fail(kept.error());
    const bool all = kept->size() < most || kept->empty();
    const InstanceId last =
        all ? InstanceId{std::numeric_limits<std::uint64_t>::max()} : kept->back().head.instance;
    std::vector<InstanceId> open;
    for (const InstanceSummary& summary : *kept) {
      const InstanceId id = summary.head.instance;
      if (lookup(id) || is_open(id)) {
        open.push_back(id);
        continue;
      }
      // One that is lost shows another status than the journal knows.
      InstanceView view = view_of_kept(summary);
      if (summary.end || picks(filter, view)) found.insert_or_assign(id, std::move(view));
    }
    add_sleepers(rest, most, *kept, found);
    add_present(rest, most, last.number, found);
    // One that left memory, came back or ended meanwhile may have been in neither.
    for (const InstanceId id : open) {
      if (found.contains(id)) continue;
      if (auto view = find(id); view && picks(rest, *view))
        found.insert_or_assign(id, std::move(*view));
    }
    found.erase(found.upper_bound(last), found.end());  // there may be others before them
    if (all || found.size() >= most) break;
    rest.after = last;
  }
  std::vector<InstanceView> views;
  views.reserve(std::min(most, found.size()));
  for (auto& [id, view] : found) {
    if (views.size() == most) break;
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace stepwell::engine
