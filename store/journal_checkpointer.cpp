#include "store/journal_checkpointer.h"

#include <pthread.h>

#include <utility>

namespace stepwell::store {

namespace {

constexpr int kTimes = 2;

}  // namespace

JournalCheckpointer::JournalCheckpointer(Database database)
    : database_(std::move(database)), thread_([this] { run(); }) {
  database_.keep_log();
}

JournalCheckpointer::~JournalCheckpointer() { (void)finish(); }

Status JournalCheckpointer::finish() {
  {
    const std::scoped_lock lock(mutex_);
    state_ = State::stopping;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  return copied_;
}

Result<bool> JournalCheckpointer::proceed() {
  const std::scoped_lock lock(mutex_);
  if (state_ == State::done) {
    state_ = State::resting;
    return copied_.map([] { return true; });
  }
  if (state_ == State::resting) {
    state_ = State::copying;
    changed_.notify_one();
  }
  return false;
}

void JournalCheckpointer::run() {
  pthread_setname_np(pthread_self(), "checkpoint");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::copying || state_ == State::stopping; });
    if (state_ == State::stopping) return;
    lock.unlock();
    Status copied = copy();
    lock.lock();
    copied_ = std::move(copied);
    if (state_ == State::copying) state_ = State::done;
  }
}

// The sync is what takes long, and the writer's own would stand between two commits. The second
// time takes what came during the first one. What cannot be copied is left to the writer, which
// says what is wrong.
Status JournalCheckpointer::copy() {
  for (int time = 0; time < kTimes; ++time) {
    Status done = database_.checkpoint();
    const bool copied = done.has_value();
    if (copied) done = database_.sync_file();
    if (!done && done.error().code == "store-in-doubt") return done;
    if (!copied) break;
  }
  return {};
}

}  // namespace stepwell::store
