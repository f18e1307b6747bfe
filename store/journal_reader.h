// The journal as it is read: what is in the log comes from the overlay, all else from the tables,
// over a connection of its own, so that nobody who reads holds up the writer. Owned by
// SqliteJournal; any thread that may block, one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/ports.h"
#include "store/database.h"
#include "store/journal_history.h"
#include "store/journal_overlay.h"

namespace stepwell::store {

// SQL for id and ended_at of those of the workflows that have ended: with an ORDER BY ended_at
// behind it SQLite reads no more of their index than it gives. `condition` begins with AND.
std::string ended_instances(const std::vector<std::int64_t>& workflows, std::string_view condition);

class JournalSearch;
struct SearchLimits;

// Which finished instances are not kept: those beyond any limit that is given.
struct Retention {
  std::string workflow{};                  // NAMESPACE/NAME; empty: of all workflows
  std::optional<WallTime> ended_before{};  // older ones go
  std::optional<std::uint64_t> keep{};     // only so many stay, those that ended last
};

class JournalReader {
 public:
  JournalReader(Database database, const JournalOverlay& overlay)
      : database_(std::move(database)), overlay_(overlay) {}

  // As engine::Journal's. `each` is called with a lock held: it must not read.
  Status read_open(const engine::Journal::Reader& each);
  Result<std::vector<engine::Record>> read(InstanceId instance);
  Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance);
  // Looks no longer than that, about.
  Result<engine::FoundInstances> find(const engine::InstanceQuery& query,
                                      const SearchLimits& limits);
  Result<Value> definition(const std::string& digest);
  Result<std::vector<std::string>> incomplete_definitions();
  // Both for the time before anything is appended: log and tables are not read as one state.
  Result<std::vector<engine::Record>> undelivered();
  Result<std::vector<engine::Record>> schedules();
  Result<std::uint64_t> last_instance(std::uint64_t limit);

  // Both look at the tables alone. Ids of instances that are not kept, at most so many; those that
  // ended first come first.
  Result<std::vector<std::int64_t>> beyond(const Retention& retention, std::size_t most);
  // Rows of `workflows` that no instance uses.
  Result<std::vector<std::int64_t>> unused_workflows();

 private:
  using Rows = JournalOverlay::Rows;
  // An instance as log and tables have it.
  struct Known {
    Rows rows{};                      // of the log
    std::deque<std::string> texts{};  // of the tables
    JournalHistory history{};
  };

  // Begins to read the tables as they stand now, behind `take`, which looks into the overlay.
  template <class Take>
  Status begin(const Take& take);
  Status keep(std::optional<Statement>& statement, std::string_view sql);
  Status load(InstanceId instance, Known& known, bool lines);
  Status load_pieces(InstanceId instance, Known& known);
  Result<bool> load_row(InstanceId instance, Known& known, bool lines);
  Status read_open_locked(const engine::Journal::Reader& each,
                          std::vector<std::pair<InstanceId, Rows>> logged);
  // journal_find.cpp
  Status find_logged(JournalSearch& search, std::vector<std::pair<InstanceId, Rows>>& logged);
  Result<engine::FoundInstances> show(const JournalSearch& search, bool ids_only);
  // Each text of a column of texts, which `sql` yields; and then each row of the log.
  template <class Text, class Row>
  Status shared(std::string_view sql, const Text& text, const Row& row);
  Result<std::vector<std::int64_t>> numbers(Statement statement);

  std::mutex mutex_;
  Database database_;  // guarded by mutex_, as its statements
  std::optional<Statement> look_;
  std::optional<Statement> row_;     // of one instance …
  std::optional<Statement> pieces_;  // … and its further records
  const JournalOverlay& overlay_;
};

}  // namespace stepwell::store
