// Settles which instance files go with, where a crash came between their claim and the instance's
// admission, and removes files that nobody needs any more: those that no instance took in time, and
// those whose instance is gone, which is looked for at the start and now and then, since a crash
// may come between the removal of an instance and that of its files. Owned by daemon/wiring;
// recover() on its thread, look() on JournalCare's, stop() on any.
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

  // Before anything is started. Blocks. Errors: those of the journal and of the files.
  Status recover();
  void look();
  // What look() is doing ends soon.
  void stop() { stopping_ = true; }

 private:
  Result<bool> exists(InstanceId id);
  Status look_for_orphans();

  store::FileStore& files_;
  store::SqliteJournal& journal_;
  const Clock& clock_;
  Log& log_;
  SteadyTime next_{};
  std::atomic<bool> stopping_{false};
};

}  // namespace stepwell::daemon
