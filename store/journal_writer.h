// The one thread that writes the journal: takes what waits, commits it as a group, and calls back.
// Owned by SqliteJournal; all members may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "engine/ports.h"
#include "store/journal_checkpointer.h"
#include "store/journal_rows.h"

namespace stepwell::store {

struct JournalOptions {
  std::size_t most_waiting = 100'000;       // records that are not durable yet …
  Bytes most_waiting_bytes{256ULL << 20U};  // … and their payloads; beyond it nothing is admitted
  std::size_t most_in_commit = 1'000;       // records …
  Bytes most_bytes_in_commit{1_MiB};        // … and their payloads, beyond the first one
  Milliseconds gather_for{2};             // where many instances go on: a commit waits for more …
  Milliseconds gather_step{1};            // … as long as they come: some in each of these
  Milliseconds retry_after{500};          // before a commit that failed is tried again
  std::int64_t checkpoint_pages = 8'000;  // of the write-ahead log, before they are copied …
  bool checkpoint_beside = true;          // … on a thread of its own, but for the last of them
  std::size_t log_records = 4'000;        // beyond it the log's oldest go into the tables …
  Bytes log_bytes{16_MiB};                // … also beyond this
  std::size_t fold_records = 100;         // at a time …
  Bytes fold_bytes{256_KiB};              // … or so many
  Milliseconds fold_after{100};           // with nothing to do: all of it …
  bool fold_at_end = true;                // … also when it is closed
  Milliseconds fold_retry_after{10'000};  // where that failed; the log grows meanwhile
  Milliseconds look_for{150};             // a page of a list, where no index leads to it …
  std::int64_t look_through = 3'000;      // … or to so many: fewer are sorted as a whole
};

enum class JournalState : std::uint8_t {
  working,
  held_up,   // the disk is full or fails: nothing is acknowledged, it is tried again and again
  in_doubt,  // nobody knows what is on the disk: nothing is acknowledged any more; start again
};

class JournalWriter {
 public:
  // `beside`: a second connection, for checkpoints on a thread of their own; none: without.
  JournalWriter(JournalRows rows, std::optional<Database> beside, JournalOptions options,
                Metrics& metrics, Log& log);
  // Commits what waits, as far as the disk lets it.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  void append(const engine::Record& record, std::function<void(Status)> durable);
  JournalState state() const;
  std::optional<Problem> problem() const;

  // Has `work` run between two groups, as a transaction of its own or (`bare`) without one.
  // Errors: those of `work` and of the commit; runtime/`journal-failing` where nothing can be
  // written at the moment.
  using Work = std::function<Status(JournalRows&)>;
  std::future<Status> submit(Work work, bool bare = false);
  // The same, and blocks until it is done.
  Status run(Work work, bool bare = false) { return submit(std::move(work), bare).get(); }

 private:
  struct Waiting {
    SharedRow row;
    std::function<void(Status)> durable;
    bool may_be_kept = false;  // a commit of it failed in a way that leaves this open
    bool refused = false;      // it cannot be recorded, whatever the disk does
  };
  struct Job {
    Work work;
    bool bare = false;
    std::promise<Status> done;
  };

  std::optional<Problem> refusal() const;
  Problem failing() const;
  void write();
  bool collect();
  void wait(std::unique_lock<std::mutex>& lock);
  void gather(std::unique_lock<std::mutex>& lock);
  std::size_t group_size() const;
  Status commit();
  Status attempt(bool folding);
  Status probe();
  Status take(Waiting& waiting);
  bool is_behind(std::size_t times) const;
  bool may_fold() const;
  Status fold();
  bool undo(const Problem& problem);
  void finish_group();
  bool run_jobs();
  Status run_job(const Job& job);
  void succeeded();
  void failed(const Problem& problem);
  void refuse_admissions();
  void checkpoint();

  const JournalOptions options_;
  Log& log_;
  const Counter commits_;
  const Counter records_;
  const Counter failures_;
  const Gauge waiting_gauge_;
  const Gauge failing_gauge_;
  const Histogram commit_seconds_;
  const Histogram commit_records_;
  const Histogram checkpoint_seconds_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Waiting> incoming_;               // guarded by mutex_
  std::deque<Job> jobs_;                        // guarded by mutex_
  std::size_t waiting_ = 0;                     // guarded by mutex_: all that are not durable
  std::uint64_t waiting_bytes_ = 0;             // guarded by mutex_
  bool asleep_ = false;                         // guarded by mutex_: the writer
  std::size_t enough_ = 0;                      // guarded by mutex_: it waits for so many; or 0
  bool stopping_ = false;                       // guarded by mutex_
  JournalState state_ = JournalState::working;  // guarded by mutex_
  std::optional<Problem> problem_;              // guarded by mutex_

  // The writer's thread alone:
  JournalRows rows_;
  const std::unique_ptr<JournalCheckpointer> checkpointer_;  // null: there is none
  std::vector<Waiting> taken_;                               // from `next_` on not durable yet
  std::size_t next_ = 0;
  std::size_t group_ = 0;          // of these, the size of the group
  std::size_t not_gathering_ = 0;  // so many commits do not wait for more
  bool idle_ = false;  // nothing came for a while: what is in the log goes into the tables
  bool checkpoint_failed_ = false;
  bool fold_failed_ = false;                                // the last one …
  std::chrono::steady_clock::time_point no_fold_before_{};  // … and is not tried again before
  std::unordered_set<InstanceId> refused_;  // whose admission was; their other records are too
  std::thread thread_;
};

}  // namespace stepwell::store
