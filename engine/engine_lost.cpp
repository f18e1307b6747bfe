// What becomes of instances that could not be brought back.
#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// Nothing happens to one that is lost, and its view says why.
void show_lost(InstanceView& view, Problem why) {
  view.status = InstanceStatus::suspended;
  view.problem = std::move(why);
}

}  // namespace

void LostInstances::add(InstanceId id, Lost lost) {
  show_lost(lost.view, lost.why);
  const std::scoped_lock lock(mutex_);
  lost_.insert_or_assign(id, std::move(lost));
}

void LostInstances::remove(InstanceId id) {
  const std::scoped_lock lock(mutex_);
  lost_.erase(id);
}

std::optional<LostInstances::Lost> LostInstances::find(InstanceId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lost_.find(id);
  if (found == lost_.end()) return std::nullopt;
  return found->second;
}

std::vector<InstanceView> LostInstances::all() const {
  std::vector<InstanceView> views;
  const std::scoped_lock lock(mutex_);
  views.reserve(lost_.size());
  for (const auto& [id, lost] : lost_) views.push_back(lost.view);
  return views;
}

InstanceView Engine::Impl::view_of_kept(const InstanceSummary& summary) const {
  InstanceView view = view_of(summary);
  if (summary.end) return view;
  if (auto lost = lost_->find(view.id)) show_lost(view, std::move(lost->why));
  return view;
}

bool Engine::Impl::stop_lost(InstanceId id, const std::function<void(Status)>& done) {
  const auto lost = lost_->find(id);
  if (!lost) return false;
  if (leaving()) {
    if (done) done(fail(shutting_down()));
    return true;
  }
  Record record{};
  record.kind = Record::Kind::ended;
  record.instance = id;
  record.time = clock_.now();
  record.number = lost->number + 1;
  record.payload = Value::object({{"status", to_string(InstanceStatus::stopped)}});
  const auto durable = [all = lost_, id, done](Status status) {
    if (status) all->remove(id);
    if (done) done(std::move(status));
  };
  if (journal_.append(std::move(record), durable) == Journal::Durability::now) durable({});
  return true;
}

}  // namespace stepwell::engine
