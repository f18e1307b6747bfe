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

template <class Function>
void EventBus::for_each_group(std::string_view type, Function function) const {
  if (const auto found = groups_by_type_.find(type); found != groups_by_type_.end())
    for (const Group group : found->second) function(groups_[group]);
  if (!type.starts_with(kLifecyclePrefix))
    for (const Group group : groups_of_every_type_) function(groups_[group]);
}

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

EventBus::Group EventBus::listen(const std::vector<std::string>& types, const Address& listener) {
  const std::scoped_lock lock(mutex_);
  const auto [known, fresh] = known_groups_.try_emplace(types, static_cast<Group>(groups_.size()));
  const Group group = known->second;
  if (fresh) {
    groups_.push_back({concerns_lifecycle(types), {}, {}});
    for (const std::string& type : types) groups_by_type_[type].push_back(group);
    if (types.empty()) groups_of_every_type_.push_back(group);
  }
  Listeners& listeners = groups_[group];
  if (listeners.addresses.insert(listener).second && listeners.of_lifecycle)
    of_lifecycle_.fetch_add(1, std::memory_order_relaxed);
  return group;
}

void EventBus::unlisten(Group group, const Address& listener) {
  const std::scoped_lock lock(mutex_);
  Listeners& listeners = groups_.at(group);
  if (listeners.addresses.erase(listener) > 0 && listeners.of_lifecycle)
    of_lifecycle_.fetch_sub(1, std::memory_order_relaxed);
}

void EventBus::sift(Group group, const Address& listener,
                    const std::shared_ptr<const EventSieve>& sieve, EventSieve::Key key) {
  const std::scoped_lock lock(mutex_);
  Listeners& listeners = groups_.at(group);
  if (listeners.addresses.erase(listener) == 0) return;
  auto sifted = std::find_if(listeners.sifted.begin(), listeners.sifted.end(),
                             [&sieve](const Sifted& known) { return known.sieve == sieve; });
  if (sifted == listeners.sifted.end())
    sifted = listeners.sifted.insert(listeners.sifted.end(), Sifted{sieve, {}});
  sifted->addresses.emplace(key, listener.instance.number, listener.listener.number);
}

void EventBus::unsift(Group group, const Address& listener, const EventSieve& sieve,
                      EventSieve::Key key) {
  const std::scoped_lock lock(mutex_);
  Listeners& listeners = groups_.at(group);
  const auto sifted =
      std::find_if(listeners.sifted.begin(), listeners.sifted.end(),
                   [&sieve](const Sifted& known) { return known.sieve.get() == &sieve; });
  if (sifted == listeners.sifted.end()) return;
  if (sifted->addresses.erase({key, listener.instance.number, listener.listener.number}) == 0)
    return;
  if (sifted->addresses.empty()) listeners.sifted.erase(sifted);
  listeners.addresses.insert(listener);
}

// Evaluated without the lock; by far the most have none.
EventBus::Keys EventBus::keys_of(const Value& event, std::string_view type) const {
  std::vector<std::shared_ptr<const EventSieve>> sieves;
  {
    const std::scoped_lock lock(mutex_);
    for_each_group(type, [&sieves](const Listeners& group) {
      for (const Sifted& sifted : group.sifted) sieves.push_back(sifted.sieve);
    });
  }
  Keys keys;
  for (const auto& sieve : sieves) keys.emplace(sieve, sieve->key_of(event));
  return keys;
}

// All of those behind a sieve that came since the keys were made.
void EventBus::add_sifted(const Sifted& sifted, const Keys& keys, std::vector<Address>& listeners) {
  const auto known = keys.find(sifted.sieve);
  if (known != keys.end() && !known->second) return;
  auto at = known == keys.end() ? sifted.addresses.begin()
                                : sifted.addresses.lower_bound({*known->second, 0, 0});
  for (; at != sifted.addresses.end(); ++at) {
    if (known != keys.end() && std::get<0>(*at) != *known->second) return;
    listeners.push_back({InstanceId{std::get<1>(*at)}, ListenerId{std::get<2>(*at)}});
  }
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
  std::vector<Address> listeners;
  const std::string_view type = event.get("type").is_string() ? event.get("type").as_string() : "";
  const Keys keys = keys_of(event, type);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = by_type_.find(type); found != by_type_.end())
      for (const auto& [id, receiver] : found->second) receivers.push_back(receiver);
    if (!type.starts_with(kLifecyclePrefix))
      for (const auto& [id, receiver] : of_every_type_) receivers.push_back(receiver);
    for_each_group(type, [&](const Listeners& group) {
      listeners.insert(listeners.end(), group.addresses.begin(), group.addresses.end());
      for (const Sifted& sifted : group.sifted) add_sifted(sifted, keys, listeners);
    });
    if (from == From::inside)
      for (const Watcher& watcher : watchers_)
        if (watcher.wants(type)) viewers.push_back(watcher.viewer);
  }
  for (const auto& receiver : receivers) (*receiver)(event, delivery);
  for (const Address& listener : listeners) post_(listener, event, delivery);
  for (const auto& viewer : viewers) (*viewer)(event);
}

bool EventBus::listened_for_locked(std::string_view type) const {
  if (by_type_.find(type) != by_type_.end()) return true;
  if (!of_every_type_.empty() && !type.starts_with(kLifecyclePrefix)) return true;
  bool any = false;
  for_each_group(type, [&any](const Listeners& group) {
    any = any || !group.addresses.empty() || !group.sifted.empty();
  });
  return any;
}

bool EventBus::listened_for(std::string_view type) const {
  const std::scoped_lock lock(mutex_);
  return listened_for_locked(type);
}

bool EventBus::wanted(std::string_view type) const {
  const std::scoped_lock lock(mutex_);
  return listened_for_locked(type) ||
         std::any_of(watchers_.begin(), watchers_.end(),
                     [type](const Watcher& watcher) { return watcher.wants(type); });
}

}  // namespace stepwell::engine
