#include "engine/changes.h"

#include <algorithm>
#include <utility>

namespace stepwell::engine {

void ChangeListeners::add(std::shared_ptr<ChangeListener> listener) {
  const std::scoped_lock lock(mutex_);
  listeners_.push_back(std::move(listener));
  any_.store(true);
}

void ChangeListeners::remove(const ChangeListener* listener) {
  std::shared_ptr<ChangeListener> gone;  // outside of the lock
  const std::scoped_lock lock(mutex_);
  const auto at = std::find_if(listeners_.begin(), listeners_.end(),
                               [&](const auto& each) { return each.get() == listener; });
  if (at == listeners_.end()) return;
  gone = std::move(*at);
  listeners_.erase(at);
  any_.store(!listeners_.empty());
}

void ChangeListeners::tell(const InstanceView& view, InstanceChange what) {
  std::vector<std::shared_ptr<ChangeListener>> listeners;
  {
    const std::scoped_lock lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener->on_change(view, what);
}

}  // namespace stepwell::engine
