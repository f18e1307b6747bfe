#include "store/journal_checkpointer.h"

#include <pthread.h>

#include <utility>

namespace stepwell::store {

JournalCheckpointer::JournalCheckpointer(Database database)
    : database_(std::move(database)), thread_([this] { copy(); }) {}

JournalCheckpointer::~JournalCheckpointer() {
  {
    const std::scoped_lock lock(mutex_);
    state_ = State::stopping;
  }
  changed_.notify_one();
  thread_.join();
}

bool JournalCheckpointer::proceed() {
  const std::scoped_lock lock(mutex_);
  if (state_ == State::done) {
    state_ = State::resting;
    return true;
  }
  if (state_ == State::resting) {
    state_ = State::copying;
    changed_.notify_one();
  }
  return false;
}

void JournalCheckpointer::copy() {
  pthread_setname_np(pthread_self(), "checkpoint");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::copying || state_ == State::stopping; });
    if (state_ == State::stopping) return;
    lock.unlock();
    // What it could not do is left to the writer, which says what is wrong.
    (void)database_.checkpoint();
    lock.lock();
    if (state_ == State::copying) state_ = State::done;
  }
}

}  // namespace stepwell::store
