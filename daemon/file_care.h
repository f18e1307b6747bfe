// Removes files that nobody needs any more: those that no instance took in time, and those whose
// instance is gone, which is looked for at the start and now and then, since a crash may come
// between the removal of an instance and that of its files.
// Owned by daemon/wiring; look() runs on JournalCare's thread, stop() on any.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/log.h"
#include "store/file_store.h"
#include "store/sqlite_journal.h"

namespace stepwell::daemon {

class FileCare {
 public:
  // All references outlive it.
  FileCare(store::FileStore& files, store::SqliteJournal& journal, const Clock& clock, Log& log)
      : files_(files), journal_(journal), clock_(clock), log_(log) {}

  void look();
  // What look() is doing ends soon.
  void stop() { stopping_ = true; }

 private:
  Status look_for_orphans();

  store::FileStore& files_;
  store::SqliteJournal& journal_;
  const Clock& clock_;
  Log& log_;
  SteadyTime next_{};
  std::atomic<bool> stopping_{false};
};

}  // namespace stepwell::daemon
