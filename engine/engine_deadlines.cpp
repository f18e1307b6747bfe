// Deadlines of instances, and what changes in the engine when people change what they say of one.
#include <utility>

#include "engine/engine_impl.h"

namespace stepwell::engine {

void DeadlineWatch::erase(InstanceId id) {
  const auto known = deadlines_.find(id);
  if (known == deadlines_.end()) return;
  by_time_.erase({known->second, id.number});
  deadlines_.erase(known);
}

void DeadlineWatch::set(InstanceId id, WallTime deadline) {
  const std::scoped_lock lock(mutex_);
  erase(id);
  deadlines_.emplace(id, deadline);
  by_time_.emplace(deadline, id.number);
}

void DeadlineWatch::remove(InstanceId id) {
  const std::scoped_lock lock(mutex_);
  erase(id);
}

std::vector<InstanceId> DeadlineWatch::take_due(WallTime now, std::size_t most) {
  std::vector<InstanceId> due;
  const std::scoped_lock lock(mutex_);
  while (!by_time_.empty() && by_time_.begin()->first <= now && due.size() < most) {
    const InstanceId id{by_time_.begin()->second};
    due.push_back(id);
    erase(id);
  }
  return due;
}

void Engine::Impl::watch_deadline(const Instance& instance) {
  const Label label = instance.label();
  if (label.deadline && !label.overdue) deadlines_.set(instance.id(), *label.deadline);
}

void Engine::Impl::label_changed(const Instance& instance, const Label& before, const Label& now) {
  if (now.deadline != before.deadline) {
    if (now.deadline && !now.overdue)
      deadlines_.set(instance.id(), *now.deadline);
    else
      deadlines_.remove(instance.id());
  }
  if (now.priority == before.priority) return;
  if (Turnstile* turnstile = turnstile_of(instance))
    turnstile->move(instance.id(), static_cast<std::size_t>(now.priority));
}

// Those that are at rest are woken for it.
void Engine::Impl::look_at_deadlines() {
  constexpr std::size_t kAtOnce = 1'000;
  if (refusing() || abandoning()) return;
  for (const InstanceId id : deadlines_.take_due(clock_.now(), kAtOnce))
    (void)reach(id, [](Instance& instance) { return instance.look_at_deadline(); });
}

}  // namespace stepwell::engine
