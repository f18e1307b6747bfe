// Copies the journal's write-ahead log into its database beside the writer, which then has to copy
// the rest alone: what was committed meanwhile.
// Owned by JournalWriter, and called on its thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/database.h"

namespace stepwell::store {

class JournalCheckpointer {
 public:
  // `database`: a connection of its own, which keeps the log when it is closed: that is the
  // writer's then.
  explicit JournalCheckpointer(Database database);
  ~JournalCheckpointer();
  JournalCheckpointer(const JournalCheckpointer&) = delete;
  JournalCheckpointer& operator=(const JournalCheckpointer&) = delete;

  // Has it begin where it rests. True: it has come to its end since the last call that was answered
  // so, whether it copied anything or not. Does not block. Errors: runtime/`store-in-doubt`: what
  // it copied may not be on the disk, and the log must not begin anew.
  Result<bool> proceed();
  // Ends the thread. The same errors.
  Status finish();

 private:
  enum class State : std::uint8_t { resting, copying, done, stopping };
  void run();
  Status copy();

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::resting;  // guarded by mutex_
  Status copied_;                 // guarded by mutex_
  Database database_;             // the thread's
  std::thread thread_;
};

}  // namespace stepwell::store
