// The durable journal: records of all instances, committed in groups by one writer thread, in a
// SQLite database of its own (docs/journal-format.md).
// Owned by daemon/wiring, which holds the directory's LockFile. All members may be called from any
// thread; append() does not block, all others may. Callbacks come on the writer's thread, in the
// order of append(), and must not block; a refusal comes on the thread that appends, at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "engine/ports.h"
#include "store/journal_reader.h"
#include "store/journal_writer.h"

namespace stepwell::store {

class SqliteJournal final : public engine::Journal {
 public:
  // Makes `path` (0600) where it is missing, and makes sure that what an earlier run wrote is on
  // the disk. Looks at the header and the format alone: a page that is damaged is found where it is
  // read, or by Database::open(). Errors: configuration/`store-unusable`, `store-damaged`,
  // `store-newer`; runtime/`store-failed`, `disk-full`.
  static Result<std::unique_ptr<SqliteJournal>> open(const std::string& path,
                                                     JournalOptions options, Metrics& metrics,
                                                     Log& log);
  // Commits what waits, as far as the disk lets it.
  ~SqliteJournal() override = default;
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;

  // The first record of an instance, and a `published` that somebody waits for, is refused with
  // runtime/503 `overloaded` where too much waits, and with runtime/503 `journal-failing` where
  // nothing can be written; one that waits as that begins is refused as well, and so is what else
  // was appended of the instance. All other records wait.
  Durability append(engine::Record record, std::function<void(Status)> durable) override;

  // In doubt: end the process. What was acknowledged is there at the next start.
  JournalState state() const { return writer_.state(); }
  std::optional<Problem> problem() const { return writer_.problem(); }

  // `each` may append and read, but neither read_open() nor prune().
  Status read_open(const Reader& each) override { return scans_.read_open(each); }
  Result<std::vector<engine::Record>> read(InstanceId instance) override;
  Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance) override;
  // Where no index helps, no longer than JournalOptions::look_for, about.
  Result<engine::FoundInstances> find(const engine::InstanceQuery& query) override;
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) override;
  Result<Value> definition(const std::string& digest) override;
  Result<std::vector<std::string>> incomplete_definitions() override;
  Result<std::vector<engine::Record>> undelivered() override;
  Result<std::vector<engine::Record>> schedules() override;
  Result<std::uint64_t> last_instance(std::uint64_t limit) override;

  // Told of those that are gone for good, by remove() and by prune(), on the thread that calls
  // these. Set before use; may block.
  using Removed = std::function<void(const std::vector<InstanceId>&)>;
  void on_removed(Removed removed) { removed_ = std::move(removed); }
  // The same, told before of those that are about to go, as far as there are such; where it fails,
  // they stay.
  using Removing = std::function<Status(const std::vector<InstanceId>&)>;
  void on_removing(Removing removing) { removing_ = std::move(removing); }

  // Moves all that is durable by now from the log into the tables. The writer does so by itself,
  // behind what is more urgent. Errors: as prune()'s.
  Status fold();
  // For a thread that looks after the journal now and then. Removes finished instances that are not
  // kept, those that ended first at first, at most so many (10,000 at a time), in transactions that
  // are too small to hold up the writer; the answer is how many went: 0 where no more are to go.
  // Looking for them costs more than removing a few: ask for many. Errors: runtime/`store-failed`,
  // `disk-full`, `journal-failing`.
  Result<std::size_t> prune(const Retention& retention, std::size_t most);
  // Behind a prune() that removed something: definitions that no instance uses go, and disk space
  // is given back step by step. True: there is more to do.
  Result<bool> tidy();

 private:
  SqliteJournal(JournalRows rows, std::optional<Database> beside, Database reader, Database finder,
                Database scans, JournalOptions options, Metrics& metrics, Log& log)
      : look_for_(options.look_for),
        look_through_(options.look_through),
        overlay_(rows.overlay()),
        writer_(std::move(rows), std::move(beside), options, metrics, log),
        reader_(std::move(reader), overlay_),
        finder_(std::move(finder), overlay_),
        scans_(std::move(scans), overlay_) {}

  Status remove_leftovers();
  Result<std::vector<InstanceId>> take_away(const std::vector<std::int64_t>& ids,
                                            std::int64_t rows_at_once);

  const Milliseconds look_for_;
  const std::int64_t look_through_;
  Removed removed_;
  Removing removing_;
  const JournalOverlay& overlay_;  // the writer's
  JournalWriter writer_;           // closed last: it can copy the write-ahead log
  // Each has a connection of its own: who asks for one instance waits neither for who looks through
  // many, nor for what goes through all.
  JournalReader reader_;
  JournalReader finder_;
  JournalReader scans_;
};

}  // namespace stepwell::store
