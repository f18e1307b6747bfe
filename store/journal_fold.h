// Moves records from the journal's log into its tables: an instance whose whole life is there
// becomes one row. Owned by JournalRows, and used on the writer's thread alone, within a
// transaction.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/journal_history.h"
#include "store/journal_overlay.h"

namespace stepwell::store {

class JournalFold {
 public:
  static constexpr std::size_t kMany = 16;

  static Result<JournalFold> prepare(Database& database);

  // Writes what the slice has into the tables, and takes its groups out of the log.
  Status fold(Database& database, const JournalOverlay& overlay,
              const JournalOverlay::Slice& slice);
  // What was done since the one before is in the file now, or is not.
  void committed() { fresh_.clear(); }
  void rolled_back();
  // `workflows` lost some of its rows.
  void forget_workflows();

 private:
  enum Sql : std::size_t {
    kAdd,
    kForgetRecords,
    kForgetRemoved,
    kLook,
    kLife,
    kPieces,
    kPiece,
    kUpdate,
    kClearLife,
    kDefine,
    kPublish,
    kDeliver,
    kSchedule,
    kFindWorkflow,
    kAddWorkflow,
    kForgetLog,
    kForgetTags,
    kLabel,
    kTag,
    kUse,
    kLabelled,
    kSqlCount
  };
  JournalFold(std::vector<Statement> statements, Statement add_many)
      : statements_(std::move(statements)), add_many_(std::move(add_many)) {}
  Statement& sql(Sql which) { return statements_[which]; }
  Status fold(Database& database, const JournalOverlay::Life& life);
  Status share(const JournalRow& row);
  Status add_many(Database& database);
  Result<std::size_t> bind_row(Statement& statement, const JournalRow& head, std::string& room);
  // False: the tables have it already.
  Result<bool> add(Database& database, const JournalRow& head);
  Status update(const JournalOverlay::Life& life, const JournalHistory::Stored& stored);
  void apply(const JournalOverlay::Life& life);
  Result<std::optional<JournalHistory::Stored>> look(InstanceId id);
  Status add_lines_of(InstanceId id);
  Status label(const JournalOverlay::Life& life, bool fresh);
  Result<bool> write_lines(InstanceId id, bool all);
  Result<std::int64_t> workflow_of(const JournalRow& head);

  std::vector<Statement> statements_;  // by Sql
  Statement add_many_;
  std::unordered_map<std::string, std::int64_t> known_;  // workflows' ids by name and digest
  std::vector<std::string> fresh_;                       // of these, added in this transaction
  Value last_workflow_;                                  // the last one that was asked for
  Value last_digest_;
  std::int64_t last_id_ = 0;
  std::string key_;                                // room for a key of `known_`
  JournalHistory history_;                         // of the instance at hand
  std::deque<std::string> texts_;                  // of its lines that were read
  std::string packed_;                             // room for several lines
  std::vector<const JournalOverlay::Life*> many_;  // instances that are added together …
  std::vector<std::string> rooms_;                 // … and room for the lines of each
};

}  // namespace stepwell::store
