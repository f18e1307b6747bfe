#include "api/errand.h"

#include <chrono>
#include <utility>

#include "api/message.h"

namespace stepwell::api {

engine::StepAnswer::Prepare Errand::prepare() {
  return [self = shared_from_this()](engine::StepAnswer::Preparation what,
                                     std::function<void(Status)> done) {
    self->hand({std::move(what), std::move(done)});
  };
}

std::function<void(Status)> Errand::done() {
  return [self = shared_from_this()](Status status) {
    const std::scoped_lock lock(self->mutex_);
    self->answer_ = std::move(status);
    self->changed_.notify_all();
  };
}

// Whoever hands something in hears of it in every case.
void Errand::hand(Preparation preparation) {
  {
    const std::scoped_lock lock(mutex_);
    if (!over_) {
      preparations_.push_back(std::move(preparation));
      changed_.notify_all();
      return;
    }
  }
  preparation.done(fail(overloaded()));
}

std::optional<Status> Errand::wait(Milliseconds limit, const How& how) {
  const auto end = std::chrono::steady_clock::now() + limit;
  bool prepared = false;
  std::unique_lock lock(mutex_);
  while (changed_.wait_until(lock, end, [this] { return answer_ || !preparations_.empty(); }) &&
         !answer_) {
    const Preparation next = std::move(preparations_.front());
    preparations_.pop_front();
    lock.unlock();
    Status done = how(next.what);
    prepared = done.has_value();
    next.done(std::move(done));
    lock.lock();
  }
  over_ = true;
  const std::deque<Preparation> late = std::exchange(preparations_, {});
  std::optional<Status> answer = std::move(answer_);
  lock.unlock();
  for (const Preparation& each : late) each.done(fail(overloaded()));
  if (!answer && (!prepared || !late.empty())) return Status(fail(overloaded()));
  return answer;
}

}  // namespace stepwell::api
