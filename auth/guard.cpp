#include "auth/guard.h"

#include "base/encoding.h"

namespace stepwell::auth {

namespace {

std::vector<Secret> one(Secret line) {
  std::vector<Secret> lines;
  lines.push_back(std::move(line));
  return lines;
}

}  // namespace

Secret header_line(const Credential& credential, const CredentialValue& value) {
  std::string line;
  // Room for all of it: a string that grows leaves copies behind.
  line.reserve(64 + credential.header.size() + credential.prefix.size() +
               2 * (value.username.size() + value.secret.size()));
  switch (credential.kind) {
    case CredentialKind::basic: {  // RFC 7617 §2
      std::string pair;
      pair.reserve(value.username.size() + value.secret.size() + 1);
      pair.append(value.username).append(":").append(value.secret.reveal());
      std::string encoded = to_base64(pair);
      line.append("Authorization: Basic ").append(encoded);
      wipe(pair);
      wipe(encoded);
      break;
    }
    case CredentialKind::bearer:  // RFC 6750 §2.1
      line.append("Authorization: Bearer ").append(value.secret.reveal());
      break;
    case CredentialKind::api_key:
      if (credential.header.empty())
        line.append("Authorization: ").append(credential.prefix).append(" ");
      else
        line.append(credential.header).append(": ");
      line.append(value.secret.reveal());
      break;
  }
  line += '\0';
  return Secret::take(std::move(line));
}

CredentialGuard::CredentialGuard(Secret line, std::string pool, ExpiryClock& clock,
                                 std::shared_ptr<const DenialCounters> counters,
                                 std::shared_ptr<const ValueForms> forms)
    : lines_(one(std::move(line))),
      pool_(std::move(pool)),
      clock_(clock),
      counters_(std::move(counters)),
      forms_(std::move(forms)) {}

Status CredentialGuard::acquire() {
  // The permit is taken first and given back if it was denied: whoever denies and then counts
  // sees either this permit or makes this look fail.
  if ((permits_.fetch_add(1) & kDenied) != 0) return refuse(false);
  const std::int64_t expires = expires_ms_.load(std::memory_order_relaxed);
  if (expires != INT64_MAX && clock_.now().time_since_epoch().count() >= expires)
    return refuse(true);
  return {};
}

Status CredentialGuard::refuse(bool expired) {
  written();
  Problem problem;
  {
    const std::scoped_lock lock(mutex_);
    problem = expired ? when_expired_ : why_;
  }
  counters_->count(problem.code);
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
  refused_.store(0);
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
