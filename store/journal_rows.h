// The journal's database as it is written: a group of records becomes a row of the log, the oldest
// of the log become rows of the tables, and what is not needed any more goes.
// Owned by JournalWriter, and used on its thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/journal_fold.h"
#include "store/journal_overlay.h"
#include "store/journal_row.h"

namespace stepwell::store {

class JournalRows {
 public:
  // Reads the log. Errors of all: as Database's.
  static Result<JournalRows> prepare(Database database);

  // What readers need besides the tables; lives as long as this.
  const JournalOverlay& overlay() const { return *overlay_; }

  // A transaction.
  Status begin() { return database_.begin(); }
  Status commit();
  void rollback();
  Database& database() { return database_; }

  // Writes without changing anything. A row that stays as it is would not be written.
  Status touch() { return database_.execute("PRAGMA user_version=0"); }
  // One of the group that is to be logged. False: it is about an instance that is not there any
  // more (told for `retried` alone), and is left out.
  Result<bool> take(SharedRow row);
  // Writes those that were taken.
  Status log();
  // Moves the oldest groups of the log into the tables, as many as have so many records or bytes,
  // but none that came after the group `last`. Once in a transaction, before log().
  Status fold(std::size_t records, std::size_t bytes, std::int64_t last = INT64_MAX);
  // Whether this transaction has done so, or tried to.
  bool folding() const { return slice_.groups > 0; }

  // Takes those of the instances away which have ended, until so many rows are gone. What is left
  // of the last one's goes with remove_leftovers().
  struct Removed {
    std::size_t seen = 0;                 // so many of the instances were looked at …
    std::vector<std::int64_t> instances;  // … and these are gone
    bool left_over = false;               // not all rows of them
  };
  Result<Removed> remove(const std::vector<std::int64_t>& instances, std::int64_t rows);
  // True: some are left.
  Result<bool> remove_leftovers(std::int64_t rows);
  // Takes those of the workflows away which no instance uses, with their definitions; not those
  // that came since the journal was opened, which the engine relies on.
  Status remove_workflows(const std::vector<std::int64_t>& workflows);
  // Outside of a transaction: gives at most so many free pages back to the disk, as long as more
  // than a tenth of the file is free. True: there are more.
  Result<bool> give_back(std::int64_t pages);

 private:
  enum Sql : std::size_t {
    kLog,
    kExists,
    kRemoveInstance,
    kRaiseHighest,
    kRemoveRecords,
    kLeaveOver,
    kForgetRemoved,
    kLeftover,
    kUnused,
    kRemoveWorkflow,
    kRemoveDefinition,
    kRemoveUses,
    kRemoveTags,
    kRemoveLabel,
    kHasRecords,
    kSqlCount
  };

  JournalRows(Database database, std::vector<Statement> statements, JournalFold fold)
      : database_(std::move(database)),
        statements_(std::move(statements)),
        fold_(std::move(fold)),
        overlay_(std::make_unique<JournalOverlay>()) {}
  Statement& sql(Sql which) { return statements_[which]; }
  Status read_log();
  Result<bool> exists(InstanceId id);
  void rely_on(const JournalRow& row);
  Status remove_label(std::int64_t instance);
  Result<std::int64_t> remove_records(std::int64_t instance, std::int64_t rows);

  Database database_;
  std::vector<Statement> statements_;  // by Sql
  JournalFold fold_;
  std::unique_ptr<JournalOverlay> overlay_;
  std::unordered_set<std::string> relied_on_;  // digests that came since it was opened
  Value last_relied_on_;
  std::int64_t next_place_ = 1;  // in the log

  // Of this transaction:
  JournalOverlay::Rows group_;
  std::string text_;
  JournalOverlay::Slice slice_;
};

}  // namespace stepwell::store
