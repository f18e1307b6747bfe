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
  // `database`: a connection of its own.
  explicit JournalCheckpointer(Database database);
  ~JournalCheckpointer();
  JournalCheckpointer(const JournalCheckpointer&) = delete;
  JournalCheckpointer& operator=(const JournalCheckpointer&) = delete;

  // Has it begin where it rests. True: it has come to its end since the last call that was answered
  // so, whether it copied anything or not. Does not block.
  bool proceed();

 private:
  enum class State : std::uint8_t { resting, copying, done, stopping };
  void copy();

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::resting;  // guarded by mutex_
  Database database_;             // the thread's
  std::thread thread_;
};

}  // namespace stepwell::store
