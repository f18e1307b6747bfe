#include "auth/guard.h"

#include <utility>

namespace stepwell::auth {

CredentialGuard::CredentialGuard(Parts parts) : parts_(std::move(parts)) {}

Status CredentialGuard::acquire() {
  // The permit is taken first and given back if it was denied: whoever denies and then counts
  // sees either this permit or makes this look fail.
  if ((permits_.fetch_add(1) & kDenied) != 0) return refuse(noted(why_));
  const std::int64_t expires = expires_ms_.load(std::memory_order_relaxed);
  if (expires != INT64_MAX && parts_.clock.now().time_since_epoch().count() >= expires)
    return refuse(noted(when_expired_));
  if (!parts_.linked) return {};
  Status stands = parts_.linked();
  return stands ? stands : refuse(std::move(stands.error()));
}

Problem CredentialGuard::noted(const Problem& problem) {
  const std::scoped_lock lock(mutex_);
  return problem;
}

Status CredentialGuard::refuse(Problem problem) {
  written();
  parts_.counters->count(problem.code);
  return fail(std::move(problem));
}

void CredentialGuard::written() noexcept {
  const std::uint64_t before = permits_.fetch_sub(1);
  if (before != (kDenied | 1U)) return;
  const std::scoped_lock lock(mutex_);
  idle_.notify_all();
}

void CredentialGuard::deny(Problem why, bool for_good) {
  const std::scoped_lock lock(mutex_);
  if (for_good_ && !for_good) return;
  for_good_ = for_good;
  why_ = std::move(why);
  permits_.fetch_or(kDenied);
}

void CredentialGuard::allow() {
  const std::scoped_lock lock(mutex_);
  if (for_good_) return;
  if ((permits_.load() & kDenied) != 0) refused_.store(0);
  permits_.fetch_and(~kDenied);
}

void CredentialGuard::set_expiry(std::optional<WallTime> expires_at, Problem when_expired) {
  const std::scoped_lock lock(mutex_);
  when_expired_ = std::move(when_expired);
  expires_ms_.store(expires_at ? expires_at->time_since_epoch().count() : INT64_MAX);
}

bool CredentialGuard::held() const noexcept { return (permits_.load() & ~kDenied) != 0; }

bool CredentialGuard::wait_idle(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, limit, [this] { return !held(); });
}

}  // namespace stepwell::auth
