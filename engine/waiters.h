// Who is told how one instance ends. Whoever waits no longer goes without a word: what is dead is
// dropped whenever the list has doubled, so that an instance that lives for weeks gathers none.
// Owned by an Instance, or by the Sleeper that is left of it, and guarded by their locks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace stepwell::engine {

class Waiters {
 public:
  struct Waiter {
    std::function<void(const InstanceView&)> callback;
    std::weak_ptr<void> alive;
    bool guarded = false;  // it waits for as long as `alive` does; else to the end
  };

  bool empty() const { return waiters_.empty(); }
  // `alive`: as Engine::when_ended() has it. Gives those that are dead, which are to go without a
  // lock, as nobody knows what they hold.
  [[nodiscard]] std::vector<Waiter> add(std::function<void(const InstanceView&)> callback,
                                        std::weak_ptr<void> alive) {
    std::vector<Waiter> dead;
    if (waiters_.size() >= purge_at_) {
      const auto first_dead = std::partition(waiters_.begin(), waiters_.end(), is_alive);
      dead.assign(std::make_move_iterator(first_dead), std::make_move_iterator(waiters_.end()));
      waiters_.erase(first_dead, waiters_.end());
      purge_at_ = std::max(kFirstPurge, 2 * waiters_.size());
    }
    const std::weak_ptr<void> nobody;
    const bool guarded = alive.owner_before(nobody) || nobody.owner_before(alive);
    waiters_.push_back({std::move(callback), std::move(alive), guarded});
    return dead;
  }
  // Without a lock.
  void tell(const InstanceView& view) const {
    for (const Waiter& waiter : waiters_) {
      const std::shared_ptr<void> held = waiter.alive.lock();
      if (held || !waiter.guarded) waiter.callback(view);
    }
  }

 private:
  static constexpr std::size_t kFirstPurge = 16;
  static bool is_alive(const Waiter& waiter) { return !waiter.guarded || !waiter.alive.expired(); }

  std::vector<Waiter> waiters_;
  std::size_t purge_at_ = kFirstPurge;
};

}  // namespace stepwell::engine
