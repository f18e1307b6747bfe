// Looks after the durable journal: deletes finished instances that are not kept any longer, gives
// their space back to the disk, and tells a metric how large it is.
// Owned by daemon/wiring, between the journal and those who use it. Has one thread; maintain() is
// for main's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "engine/catalog.h"
#include "store/sqlite_journal.h"

namespace stepwell::daemon {

struct RetentionOptions {
  std::uint64_t count = 100'000;                   // finished instances, of all workflows …
  Milliseconds age = std::chrono::hours(24 * 30);  // … and since their end
  Milliseconds every{10'000};                      // between two looks
};

class JournalCare {
 public:
  // All references outlive it. `path` is the journal's file.
  JournalCare(store::SqliteJournal& journal, std::string path, const engine::Catalog& catalog,
              const RetentionOptions& options, const Clock& clock, Metrics& metrics, Log& log);
  ~JournalCare();
  JournalCare(const JournalCare&) = delete;
  JournalCare& operator=(const JournalCare&) = delete;

  // What the thread does besides, at its beginning and behind each look. Before start().
  void also(std::function<void()> task) { also_ = std::move(task); }
  // From now on the thread looks now and then.
  void start();
  // One look: what the settings and the newest definition of each workflow do not keep goes.
  // Blocks. The answer is how many instances went.
  std::size_t prune();
  // Once a second: renews the gauge.
  void maintain();
  // Success, or why nothing can be acknowledged now: runtime/503 `journal-failing`. Does not block.
  Status ready() const;
  // Nobody knows what is on the disk: the process has to end, and start again.
  bool in_doubt() const;

 private:
  void run();
  std::size_t prune(const store::Retention& what);
  void tidy();
  bool stopping() const;

  store::SqliteJournal& journal_;
  const std::string path_;
  const engine::Catalog& catalog_;
  const RetentionOptions options_;
  const Clock& clock_;
  Log& log_;
  const Counter pruned_;
  const Gauge size_;
  std::function<void()> also_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace stepwell::daemon
