#include "auth/probe.h"

#include <utility>

namespace stepwell::auth {

void Probe::begin() {
  const std::scoped_lock lock(mutex_);
  holder_ = 0;
  on_.store(true, std::memory_order_release);
}

std::shared_ptr<Probe::Turn> Probe::take(Wake wake) {
  const std::scoped_lock lock(mutex_);
  if (!on_.load(std::memory_order_relaxed)) return std::make_shared<Turn>(nullptr, 0);
  if (holder_ != 0) {
    waiting_.push_back(std::move(wake));
    return nullptr;
  }
  holder_ = ++turns_;
  return std::make_shared<Turn>(shared_from_this(), holder_);
}

bool Probe::is_turn_of(const Turn* turn) const {
  const std::scoped_lock lock(mutex_);
  return turn != nullptr && turn->number_ != 0 && turn->number_ == holder_;
}

void Probe::end() {
  std::unique_lock lock(mutex_);
  holder_ = 0;
  on_.store(false, std::memory_order_release);
  wake_all(std::move(lock));
}

// A turn of an earlier round has nothing to give back: another one may have been taken since.
void Probe::give_back(std::uint64_t turn) {
  std::unique_lock lock(mutex_);
  if (holder_ != turn) return;
  holder_ = 0;
  wake_all(std::move(lock));
}

// All are woken, although one alone can have the turn: some may have been cancelled meanwhile.
void Probe::wake_all(std::unique_lock<std::mutex> lock) {
  std::vector<Wake> all;
  all.swap(waiting_);
  lock.unlock();
  for (const Wake& wake : all) {
    if (wake) wake({});
  }
}

Probe::Turn::~Turn() {
  if (probe_) probe_->give_back(number_);
}

}  // namespace stepwell::auth
