// What becomes of all instances, for those who follow them: each other status, each other label.
// Owned by the engine; callable from any thread. Where nobody follows, a change costs one look at a
// number.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/engine.h"

namespace stepwell::engine {

enum class InstanceChange : std::uint8_t {
  status,  // also the first one
  label    // its name, tags, priority or deadline
};

class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  // It is durable. Those of one instance come in their order. Called on workers, with a lock held:
  // must not block.
  virtual void on_change(const InstanceView& view, InstanceChange what) = 0;
};

class ChangeListeners {
 public:
  void add(std::shared_ptr<ChangeListener> listener);
  void remove(const ChangeListener* listener);
  bool any() const { return any_.load(std::memory_order_relaxed); }
  void tell(const InstanceView& view, InstanceChange what);

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::vector<std::shared_ptr<ChangeListener>> listeners_;  // guarded by mutex_
};

}  // namespace stepwell::engine
