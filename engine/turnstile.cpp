#include "engine/turnstile.h"

#include <algorithm>
#include <iterator>

namespace stepwell::engine {

namespace {

// Every so many turns are given to the one that waits longest, whatever its priority.
constexpr std::uint64_t kFairTurn = 8;

}  // namespace

bool Turnstile::enter(InstanceId id, std::uint64_t limit, std::size_t urgency) {
  const std::scoped_lock lock(mutex_);
  if (!places_.empty() || inside_.size() >= limit) {
    const std::size_t line = std::min(urgency, kUrgencies - 1);
    places_[id] = lines_.at(line).insert(lines_.at(line).end(), {id, limit, line, ++arrivals_});
    return false;
  }
  inside_.insert(id);
  return true;
}

void Turnstile::move(InstanceId id, std::size_t urgency) {
  const std::scoped_lock lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) return;
  Line& from = lines_.at(place->second->urgency);
  Line& to = lines_.at(std::min(urgency, kUrgencies - 1));
  place->second->urgency = std::min(urgency, kUrgencies - 1);
  to.splice(to.end(), from, place->second);
}

// With the lock held; null where nobody waits.
Turnstile::Line* Turnstile::next_line() {
  const bool fair = calls_ % kFairTurn == kFairTurn - 1;
  Line* next = nullptr;
  for (Line& line : lines_) {
    if (line.empty()) continue;
    if (next == nullptr || !fair || line.front().since < next->front().since) next = &line;
  }
  return next;
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
    lines_.at(place->second->urgency).erase(place->second);
    places_.erase(place);
  }
  for (Line* line = next_line(); line != nullptr; line = next_line()) {
    if (inside_.size() >= line->front().limit) break;
    ++calls_;
    next.push_back(line->front().id);
    inside_.insert(line->front().id);
    places_.erase(line->front().id);
    line->pop_front();
  }
  return next;
}

std::size_t Turnstile::waiting() const {
  const std::scoped_lock lock(mutex_);
  return places_.size();
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
