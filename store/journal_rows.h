// The journal's database as it is written: records become rows, and what is not needed any more
// goes. Owned by JournalWriter, and used on its thread alone.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/journal_row.h"

namespace stepwell::store {

class JournalRows {
 public:
  static Result<JournalRows> prepare(Database database);

  // A transaction. Errors of all: as Database's.
  Status begin() { return database_.begin(); }
  Status commit();
  void rollback();
  Database& database() { return database_; }

  // Writes without changing anything. A row that stays as it is would not be written.
  Status touch() { return database_.execute("PRAGMA user_version=0"); }
  // The same record a second time changes nothing. False: it is about an instance that is not
  // there any more (told for `retried` alone).
  Result<bool> insert(const JournalRow& row);
  // Takes those of the instances away which have ended, until so many rows are gone. What is left
  // of the last one's goes with remove_leftovers().
  struct Removed {
    std::size_t seen = 0;       // so many of the instances were looked at
    std::size_t instances = 0;  // and so many are gone
    bool left_over = false;     // not all rows of them
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
    kAdmit,
    kForgetRecords,
    kForgetRemoved,
    kEnd,
    kInsert,
    kKeepEnd,
    kReopen,
    kExists,
    kReplace,
    kDefine,
    kPublish,
    kDeliver,
    kSchedule,
    kFindWorkflow,
    kAddWorkflow,
    kRemoveInstance,
    kRaiseHighest,
    kRemoveRecords,
    kLeaveOver,
    kLeftover,
    kUnused,
    kRemoveWorkflow,
    kRemoveDefinition,
    kSqlCount
  };

  JournalRows(Database database, std::vector<Statement> statements)
      : database_(std::move(database)), statements_(std::move(statements)) {}
  Statement& sql(Sql which) { return statements_[which]; }
  Status admit(const JournalRow& row);
  Status end(const JournalRow& row);
  Result<bool> retry(const JournalRow& row);
  Status insert_record(const JournalRow& row);
  Status share(const JournalRow& row);
  Result<std::int64_t> workflow_of(const Value& head);
  Result<std::int64_t> remove_records(std::int64_t instance, std::int64_t rows);

  Database database_;
  std::vector<Statement> statements_;                    // by Sql
  std::unordered_map<std::string, std::int64_t> known_;  // workflows' ids by name and digest
  std::vector<std::string> fresh_;                       // of these, added in this transaction
  std::unordered_set<std::string> relied_on_;            // digests that came since it was opened
  std::string key_;                                      // room for a key of `known_`
};

}  // namespace stepwell::store
