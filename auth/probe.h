// After a credential that the upstream rejected has been enabled or rotated, nobody knows whether
// it works: one request at a time tries it, and the others wait for what comes of that. The first
// success lets everybody pass, the first refusal rejects it again.
// Owned by a CredentialGuard; all members may be called from any thread and do not block. Waiters
// are woken on the thread that brought the result, outside of any lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stepwell::auth {

// Called once: success, ask again; a Problem, it will not be.
using Wake = std::function<void(Status)>;

class Probe : public std::enable_shared_from_this<Probe> {
 public:
  // Held by the request whose turn it is. When the last copy goes without a verdict, the next one
  // may try.
  class Turn;

  bool under_way() const noexcept { return on_.load(std::memory_order_acquire); }
  // From now on one at a time.
  void begin();
  // The turn, or none where another request has it: then `wake` is called later.
  std::shared_ptr<Turn> take(Wake wake);
  // Is it this one's turn? Not where it is of an earlier round, or null.
  bool is_turn_of(const Turn* turn) const;
  // A verdict is there: no more turns, and all who wait ask again.
  void end();

 private:
  void give_back(std::uint64_t turn);
  void wake_all(std::unique_lock<std::mutex> lock);

  std::atomic<bool> on_{false};
  mutable std::mutex mutex_;
  std::uint64_t turns_ = 0;    // guarded by mutex_; how many there were
  std::uint64_t holder_ = 0;   // guarded by mutex_; the number of the turn that is taken, or 0
  std::vector<Wake> waiting_;  // guarded by mutex_
};

class Probe::Turn {
 public:
  Turn(std::shared_ptr<Probe> of, std::uint64_t number) : probe_(std::move(of)), number_(number) {}
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  friend class Probe;
  const std::shared_ptr<Probe> probe_;  // null: there was nothing to try any more
  const std::uint64_t number_;
};

}  // namespace stepwell::auth
