// Holds requests back so that at most so many begin in any stretch of time
// (metadata.stepwell.rateLimit): first come, first served, without a thread that waits.
// Owned by daemon/wiring, shared with the calls; all members may be called from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "config/definition.h"

namespace stepwell::steps {

class RateLimits final : public std::enable_shared_from_this<RateLimits> {
 public:
  using Ticket = std::uint64_t;
  // Runs a task at a moment: http::Reactor::run_at(), or a test's.
  using Timer = std::function<void(SteadyTime when, std::function<void()> task)>;

  static std::shared_ptr<RateLimits> make(const Clock& clock, Timer timer);

  // Calls `go` once, when its turn has come: on this thread before it returns (the answer is then
  // empty), or later on the timer's. Whoever names the same key shares the limit.
  std::optional<Ticket> take(const std::string& key, config::RateLimit limit,
                             std::function<void()> go);
  // True: `go` will not be called. False: it has been, or is about to be.
  bool cancel(Ticket ticket);

  // Forgets all who wait, uncalled: they hold on to what may hold on to this.
  void close();

  std::size_t waiting() const;

 private:
  struct Waiter {
    Ticket ticket = 0;
    std::function<void()> go;
  };
  struct Bucket {
    config::RateLimit limit;
    std::deque<SteadyTime> begun;  // the latest, at most limit.requests
    std::deque<Waiter> waiting;
    bool timed = false;  // a timer is under way
  };

  RateLimits(const Clock& clock, Timer timer) : clock_(clock), timer_(std::move(timer)) {}
  static bool has_room(Bucket& bucket, SteadyTime now);
  void turn(const std::string& key);
  void forget_idle(SteadyTime now);

  const Clock& clock_;
  const Timer timer_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
  std::size_t sweep_at_ = 64;                        // guarded by mutex_; so many buckets
  Ticket next_ = 1;                                  // guarded by mutex_
};

}  // namespace stepwell::steps
