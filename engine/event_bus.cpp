#include "engine/event_bus.h"

#include <algorithm>
#include <utility>

namespace stepwell::engine {

namespace {

// Lifecycle events reach only those who name their types: whoever listens for anything would else
// hear himself listening.
bool concerns_lifecycle(const std::vector<std::string>& types) {
  return std::any_of(types.begin(), types.end(), [](const std::string& type) {
    return type.starts_with(EventBus::kLifecyclePrefix);
  });
}

}  // namespace

std::uint64_t EventBus::subscribe(const std::vector<std::string>& types, Receiver receiver) {
  auto shared = std::make_shared<const Receiver>(std::move(receiver));
  const std::scoped_lock lock(mutex_);
  const std::uint64_t id = ++last_;
  for (const std::string& type : types) by_type_[type].emplace(id, shared);
  if (types.empty()) of_every_type_.emplace(id, shared);
  if (concerns_lifecycle(types)) of_lifecycle_.fetch_add(1, std::memory_order_relaxed);
  subscriptions_.emplace(id, Subscription{types, std::move(shared)});
  return id;
}

std::uint64_t EventBus::subscribe(const std::vector<std::string>& types, Viewer viewer) {
  return subscribe(
      types, Receiver([viewer = std::move(viewer)](
                          const Value& event, const Delivery& /*delivery*/) { viewer(event); }));
}

void EventBus::unsubscribe(std::uint64_t subscription) {
  const std::scoped_lock lock(mutex_);
  const auto found = subscriptions_.find(subscription);
  if (found == subscriptions_.end()) return;
  for (const std::string& type : found->second.types) {
    const auto receivers = by_type_.find(type);
    if (receivers == by_type_.end()) continue;
    receivers->second.erase(subscription);
    if (receivers->second.empty()) by_type_.erase(receivers);
  }
  of_every_type_.erase(subscription);
  if (concerns_lifecycle(found->second.types))
    of_lifecycle_.fetch_sub(1, std::memory_order_relaxed);
  subscriptions_.erase(found);
}

bool EventBus::Watcher::wants(std::string_view type) const {
  return std::any_of(patterns.begin(), patterns.end(), [type](std::string_view pattern) {
    if (!pattern.ends_with('*')) return type == pattern;
    pattern.remove_suffix(1);
    return type.starts_with(pattern);
  });
}

void EventBus::watch(std::vector<std::string> patterns, Viewer viewer) {
  const bool lifecycle =
      std::any_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
        const std::string_view known = std::string_view(pattern).substr(0, pattern.find('*'));
        return known.starts_with(kLifecyclePrefix) ||
               (pattern.ends_with('*') && kLifecyclePrefix.starts_with(known));
      });
  const std::scoped_lock lock(mutex_);
  watchers_.push_back({std::move(patterns), std::make_shared<const Viewer>(std::move(viewer))});
  if (lifecycle) of_lifecycle_.fetch_add(1, std::memory_order_relaxed);
}

void EventBus::publish(const Value& event, From from, const Delivery& delivery) const {
  std::vector<std::shared_ptr<const Receiver>> receivers;
  std::vector<std::shared_ptr<const Viewer>> viewers;
  {
    const std::scoped_lock lock(mutex_);
    const std::string_view type =
        event.get("type").is_string() ? event.get("type").as_string() : "";
    if (const auto found = by_type_.find(type); found != by_type_.end())
      for (const auto& [id, receiver] : found->second) receivers.push_back(receiver);
    if (!type.starts_with(kLifecyclePrefix))
      for (const auto& [id, receiver] : of_every_type_) receivers.push_back(receiver);
    if (from == From::inside)
      for (const Watcher& watcher : watchers_)
        if (watcher.wants(type)) viewers.push_back(watcher.viewer);
  }
  for (const auto& receiver : receivers) (*receiver)(event, delivery);
  for (const auto& viewer : viewers) (*viewer)(event);
}

bool EventBus::listened_for(std::string_view type) const {
  const std::scoped_lock lock(mutex_);
  return by_type_.find(type) != by_type_.end() ||
         (!of_every_type_.empty() && !type.starts_with(kLifecyclePrefix));
}

bool EventBus::wanted(std::string_view type) const {
  const std::scoped_lock lock(mutex_);
  if (by_type_.find(type) != by_type_.end()) return true;
  if (std::any_of(watchers_.begin(), watchers_.end(),
                  [type](const Watcher& watcher) { return watcher.wants(type); }))
    return true;
  return !of_every_type_.empty() && !type.starts_with(kLifecyclePrefix);
}

}  // namespace stepwell::engine
