#include "steps/rate_limits.h"

#include <algorithm>
#include <utility>

namespace stepwell::steps {

std::shared_ptr<RateLimits> RateLimits::make(const Clock& clock, Timer timer) {
  return std::shared_ptr<RateLimits>(new RateLimits(clock, std::move(timer)));
}

// May one more begin now? A bucket of tokens would let twice as many begin around a moment when it
// is full; this way no stretch of time has more than the limit.
bool RateLimits::has_room(Bucket& bucket, SteadyTime now) {
  while (!bucket.begun.empty() && bucket.begun.front() + bucket.limit.per <= now)
    bucket.begun.pop_front();
  return bucket.begun.size() < bucket.limit.requests;
}

std::optional<RateLimits::Ticket> RateLimits::take(const std::string& key, config::RateLimit limit,
                                                   std::function<void()> go) {
  SteadyTime when;
  Ticket ticket = 0;
  {
    std::unique_lock lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    forget_idle(now);
    Bucket& bucket = buckets_[key];
    bucket.limit = limit;
    if (bucket.waiting.empty() && has_room(bucket, now)) {
      bucket.begun.push_back(now);
      lock.unlock();
      go();
      return std::nullopt;
    }
    ticket = next_++;
    bucket.waiting.push_back({ticket, std::move(go)});
    if (std::exchange(bucket.timed, true)) return ticket;
    when = bucket.begun.empty() ? now : bucket.begun.front() + limit.per;
  }
  timer_(when, [self = weak_from_this(), key] {
    if (const auto limits = self.lock()) limits->turn(key);
  });
  return ticket;
}

// On the timer's thread.
void RateLimits::turn(const std::string& key) {
  std::vector<std::function<void()>> started;
  std::optional<SteadyTime> next;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = buckets_.find(key);
    if (found == buckets_.end()) return;
    Bucket& bucket = found->second;
    const SteadyTime now = clock_.steady_now();
    while (!bucket.waiting.empty() && has_room(bucket, now)) {
      bucket.begun.push_back(now);
      started.push_back(std::move(bucket.waiting.front().go));
      bucket.waiting.pop_front();
    }
    bucket.timed = !bucket.waiting.empty();
    if (bucket.timed) next = bucket.begun.front() + bucket.limit.per;
  }
  if (next)
    timer_(*next, [self = weak_from_this(), key] {
      if (const auto limits = self.lock()) limits->turn(key);
    });
  for (const auto& go : started) go();
}

bool RateLimits::cancel(Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  for (auto& [key, bucket] : buckets_) {
    const auto found = std::lower_bound(
        bucket.waiting.begin(), bucket.waiting.end(), ticket,
        [](const Waiter& waiter, Ticket wanted) { return waiter.ticket < wanted; });
    if (found == bucket.waiting.end() || found->ticket != ticket) continue;
    bucket.waiting.erase(found);
    return true;
  }
  return false;
}

void RateLimits::close() {
  std::unordered_map<std::string, Bucket> dropped;
  const std::scoped_lock lock(mutex_);
  dropped.swap(buckets_);
}

std::size_t RateLimits::waiting() const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, bucket] : buckets_) count += bucket.waiting.size();
  return count;
}

// mutex_ is held. Whoever calls may name as many keys as there are origins.
void RateLimits::forget_idle(SteadyTime now) {
  if (buckets_.size() < sweep_at_) return;
  std::erase_if(buckets_, [now](const auto& entry) {
    const Bucket& bucket = entry.second;
    return bucket.waiting.empty() && !bucket.timed &&
           (bucket.begun.empty() || bucket.begun.back() + bucket.limit.per <= now);
  });
  sweep_at_ = std::max<std::size_t>(64, 2 * buckets_.size());
}

}  // namespace stepwell::steps
