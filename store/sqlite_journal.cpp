#include "store/sqlite_journal.h"

#include <algorithm>
#include <utility>

#include "store/journal_schema.h"
#include "store/journal_search.h"

namespace stepwell::store {

using engine::Record;

namespace {

// The writer copies the write-ahead log into the database itself, when nobody waits for it. A log
// that grew longer is cut once it was copied.
constexpr const char* kJournalSettings =
    "PRAGMA secure_delete=OFF;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA journal_size_limit=134217728;"
    "PRAGMA cache_size=-32768;";

// Room for all inner pages of a tree of some two million instances: any of them is then one read
// away.
constexpr const char* kReaderSettings = "PRAGMA cache_size=-8192;";

// Of what is copied beside commits: their own syncs wait for no more than this.
constexpr Bytes kSyncedAtOnce{256_KiB};

constexpr std::size_t kMostAtOnce = 10'000;
constexpr std::int64_t kRowsAtOnce = 100;
// Somebody waits for it.
constexpr std::int64_t kRowsAtOnceWhereAskedFor = 500;
constexpr std::size_t kWorkflowsAtOnce = 100;
constexpr std::int64_t kPagesAtOnce = 256;

using Ids = std::vector<std::int64_t>;

std::vector<InstanceId> instances_of(Ids::const_iterator begin, Ids::const_iterator end) {
  std::vector<InstanceId> instances;
  instances.reserve(static_cast<std::size_t>(end - begin));
  for (auto id = begin; id != end; ++id) instances.push_back(InstanceId{as_number(*id)});
  return instances;
}

}  // namespace

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(const std::string& path,
                                                           JournalOptions options, Metrics& metrics,
                                                           Log& log) {
  Result<Database> database = Database::open(path, kJournalFirst, Database::Check::header);
  if (!database) return fail(std::move(database.error()));
  Status ready = database->execute(kJournalSettings);
  if (ready) ready = database->migrate(journal_migrations());
  // What an earlier run wrote and could not sync may be in the system's cache alone: this writes
  // all of it anew, and syncs that.
  if (ready) ready = database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!ready) return fail(std::move(ready.error()));
  std::optional<Database> beside;
  if (options.checkpoint_beside) {
    Result<Database> second = Database::open(path, kJournalFirst, Database::Check::header);
    if (!second) return fail(std::move(second.error()));
    ready = second->execute(kJournalSettings);
    if (ready) ready = second->sync_every(kSyncedAtOnce);
    if (!ready) return fail(std::move(ready.error()));
    beside = std::move(*second);
  }
  Result<Database> reader = Database::open_to_read(path);
  if (!reader) return fail(std::move(reader.error()));
  ready = reader->execute(kReaderSettings);
  if (!ready) return fail(std::move(ready.error()));
  Result<Database> finder = Database::open_to_read(path);
  if (!finder) return fail(std::move(finder.error()));
  Result<Database> scans = Database::open_to_read(path);
  if (!scans) return fail(std::move(scans.error()));
  Result<JournalRows> rows = JournalRows::prepare(std::move(*database));
  if (!rows) return fail(std::move(rows.error()));
  return std::unique_ptr<SqliteJournal>(
      new SqliteJournal(std::move(*rows), std::move(beside), std::move(*reader), std::move(*finder),
                        std::move(*scans), options, metrics, log));
}

engine::Journal::Durability SqliteJournal::append(Record record,
                                                  std::function<void(Status)> durable) {
  writer_.append(record, std::move(durable));
  return Durability::later;
}

Result<std::vector<Record>> SqliteJournal::read(InstanceId instance) {
  return reader_.read(instance);
}

Result<std::optional<engine::InstanceSummary>> SqliteJournal::summary(InstanceId instance) {
  return reader_.summary(instance);
}

Result<engine::FoundInstances> SqliteJournal::find(const engine::InstanceQuery& query) {
  return finder_.find(query, SearchLimits{look_for_, look_through_});
}

// The engine asks for it within read_open().
Result<Value> SqliteJournal::definition(const std::string& digest) {
  return reader_.definition(digest);
}

Result<std::vector<std::string>> SqliteJournal::incomplete_definitions() {
  return finder_.incomplete_definitions();
}

Result<std::vector<Record>> SqliteJournal::undelivered() { return reader_.undelivered(); }

Result<std::vector<Record>> SqliteJournal::schedules() { return reader_.schedules(); }

Result<std::uint64_t> SqliteJournal::last_instance(std::uint64_t limit) {
  return reader_.last_instance(limit);
}

Status SqliteJournal::fold() {
  constexpr std::size_t kRecords = 300;
  constexpr std::size_t kBytes = 256 << 10;
  std::optional<std::int64_t> last;
  for (bool more = true; more;) {
    Status done = writer_.run([&](JournalRows& rows) -> Status {
      if (!last) last = rows.overlay().last();
      more = rows.overlay().first() <= *last;
      return more ? rows.fold(kRecords, kBytes, *last) : Status();
    });
    if (!done) return done;
  }
  return {};
}

// What is looked for, and counted, stands in the tables.
Result<std::size_t> SqliteJournal::prune(const Retention& retention, std::size_t most) {
  Status folded = fold();
  if (!folded) return fail(std::move(folded.error()));
  const Result<std::vector<std::int64_t>> old =
      scans_.beyond(retention, std::min(most, kMostAtOnce));
  if (!old) return fail(old.error());
  return take_away(*old, kRowsAtOnce).map([](const std::vector<InstanceId>& gone) {
    return gone.size();
  });
}

// What the log has something of stays.
Result<std::vector<InstanceId>> SqliteJournal::remove(const std::vector<InstanceId>& instances) {
  if (instances.empty()) return std::vector<InstanceId>{};
  Status folded = fold();
  if (!folded) return fail(std::move(folded.error()));
  std::vector<std::int64_t> ids;
  ids.reserve(instances.size());
  for (const InstanceId id : instances) ids.push_back(as_column(id.number));
  // Neighbours in the tables go together.
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return take_away(ids, kRowsAtOnceWhereAskedFor);
}

Result<std::vector<InstanceId>> SqliteJournal::take_away(const std::vector<std::int64_t>& ids,
                                                         std::int64_t rows_at_once) {
  std::vector<InstanceId> all;
  for (auto next = ids.begin(); next != ids.end();) {
    const auto end = next + std::min<std::ptrdiff_t>(ids.end() - next, rows_at_once);
    if (removing_)
      if (Status ready = removing_(instances_of(next, end)); !ready)
        return fail(std::move(ready.error()));
    JournalRows::Removed some;
    Status done = writer_.run([&](JournalRows& rows) -> Status {
      Result<JournalRows::Removed> gone = rows.remove({next, end}, rows_at_once);
      if (!gone) return fail(gone.error());
      some = std::move(*gone);
      return {};
    });
    if (done && some.left_over) done = remove_leftovers();
    if (!done) return fail(std::move(done.error()));
    const std::vector<InstanceId> gone = instances_of(some.instances.begin(), some.instances.end());
    if (removed_ && !gone.empty()) removed_(gone);
    all.insert(all.end(), gone.begin(), gone.end());
    next += static_cast<std::ptrdiff_t>(some.seen);
  }
  return all;
}

Status SqliteJournal::remove_leftovers() {
  for (bool more = true; more;) {
    Status done = writer_.run([&](JournalRows& rows) -> Status {
      const Result<bool> left = rows.remove_leftovers(kRowsAtOnce);
      if (!left) return fail(left.error());
      more = *left;
      return {};
    });
    if (!done) return done;
  }
  return {};
}

Result<bool> SqliteJournal::tidy() {
  Status done = remove_leftovers();
  if (!done) return fail(std::move(done.error()));
  const Result<std::vector<std::int64_t>> unused = scans_.unused_workflows();
  if (!unused) return fail(unused.error());
  bool more = false;
  for (std::size_t at = 0; at < unused->size(); at += kWorkflowsAtOnce) {
    const std::size_t end = std::min(unused->size(), at + kWorkflowsAtOnce);
    done = writer_.run([&](JournalRows& rows) {
      return rows.remove_workflows({unused->begin() + static_cast<std::ptrdiff_t>(at),
                                    unused->begin() + static_cast<std::ptrdiff_t>(end)});
    });
    if (!done) return fail(std::move(done.error()));
  }
  done = writer_.run(
      [&](JournalRows& rows) -> Status {
        const Result<bool> left = rows.give_back(kPagesAtOnce);
        if (!left) return fail(left.error());
        more = *left;
        return {};
      },
      true);
  if (!done) return fail(std::move(done.error()));
  return more;
}

}  // namespace stepwell::store
