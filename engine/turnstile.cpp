#include "engine/turnstile.h"

#include <iterator>

namespace stepwell::engine {

bool Turnstile::enter(InstanceId id, std::uint64_t limit) {
  const std::scoped_lock lock(mutex_);
  if (!waiting_.empty() || inside_.size() >= limit) {
    places_[id] = waiting_.insert(waiting_.end(), {id, limit});
    return false;
  }
  inside_.insert(id);
  return true;
}

void Turnstile::count_in(InstanceId id) {
  const std::scoped_lock lock(mutex_);
  inside_.insert(id);
}

std::vector<InstanceId> Turnstile::leave(InstanceId id) {
  std::vector<InstanceId> next;
  const std::scoped_lock lock(mutex_);
  inside_.erase(id);
  if (const auto place = places_.find(id); place != places_.end()) {
    waiting_.erase(place->second);
    places_.erase(place);
  }
  while (!waiting_.empty() && inside_.size() < waiting_.front().limit) {
    next.push_back(waiting_.front().id);
    inside_.insert(waiting_.front().id);
    places_.erase(waiting_.front().id);
    waiting_.pop_front();
  }
  return next;
}

std::size_t Turnstile::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

std::shared_ptr<Turnstile> Turnstiles::of(const config::Definition& definition) {
  if (definition.concurrency == 0) return nullptr;
  const std::scoped_lock lock(mutex_);
  std::weak_ptr<Turnstile>& known = turnstiles_[definition.namespace_ + "/" + definition.name];
  auto turnstile = known.lock();
  if (!turnstile) known = turnstile = std::make_shared<Turnstile>();
  return turnstile;
}

std::size_t Turnstiles::waiting() {
  std::size_t count = 0;
  const std::scoped_lock lock(mutex_);
  for (auto at = turnstiles_.begin(); at != turnstiles_.end();) {
    const auto turnstile = at->second.lock();
    if (turnstile) count += turnstile->waiting();
    at = turnstile ? std::next(at) : turnstiles_.erase(at);
  }
  return count;
}

}  // namespace stepwell::engine
