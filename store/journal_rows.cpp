#include "store/journal_rows.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace stepwell::store {

using engine::Record;

namespace {

// In the order of JournalRows::Sql.
constexpr std::array<std::string_view, 23> kStatements{
    "INSERT INTO instances (id, workflow, kind, started_at, random, head) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "DELETE FROM records WHERE instance = ?",
    "DELETE FROM removed WHERE id = ?",
    "UPDATE instances SET status = ?3, ended_at = ?4, last = ?2, turns = ?5, cuts = ?6, tail = ?7 "
    "WHERE id = ?1 AND status IS NULL AND reopened < ?2",
    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "INSERT INTO records SELECT id, last, ?3, ended_at, 0, 0, turns, cuts, tail FROM instances "
    "WHERE id = ?1 AND status IS NOT NULL AND last < ?2 ON CONFLICT DO NOTHING",
    "UPDATE instances SET status = NULL, ended_at = NULL, last = NULL, turns = NULL, cuts = NULL, "
    "tail = NULL, "
    "reopened = ?2 WHERE id = ?1 AND status IS NOT NULL AND last < ?2",
    "SELECT 1 FROM instances WHERE id = ?",
    "DELETE FROM records WHERE instance = ? AND number < ?",
    "INSERT INTO definitions VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    "INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "DELETE FROM events WHERE id = ?",
    "INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?, ?)",
    "SELECT id FROM workflows WHERE name = ? AND version = ? AND digest = ?",
    "INSERT INTO workflows (name, version, digest) VALUES (?, ?, ?) RETURNING id",
    "DELETE FROM instances WHERE id = ? AND status IS NOT NULL",
    "UPDATE highest SET id = max(id, ?)",
    "DELETE FROM records WHERE instance = ?1 AND number IN "
    "(SELECT number FROM records WHERE instance = ?1 ORDER BY number LIMIT ?2)",
    "INSERT INTO removed VALUES (?) ON CONFLICT DO NOTHING",
    "SELECT id FROM removed LIMIT 1",
    "SELECT digest FROM workflows WHERE id = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM instances WHERE workflow = ?1)",
    "DELETE FROM workflows WHERE id = ?",
    "DELETE FROM definitions WHERE digest = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM workflows WHERE digest = ?1)",
};

std::string_view text_of(const Value& value) {
  return value.is_string() ? value.as_string() : std::string_view();
}

std::optional<LastingText> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return LastingText{text};
}

// Runs a statement that yields one number at most.
Result<std::optional<std::int64_t>> number_of(Statement& statement) {
  std::optional<std::int64_t> number;
  for (;;) {
    Result<bool> row = statement.step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) break;
    number = statement.number(0);
  }
  statement.reset();
  return number;
}

}  // namespace

Result<JournalRows> JournalRows::prepare(Database database) {
  static_assert(kStatements.size() == kSqlCount);
  std::vector<Statement> ready;
  for (const std::string_view sql : kStatements) {
    Result<Statement> statement = database.prepare(sql);
    if (!statement) return fail(std::move(statement.error()));
    ready.push_back(std::move(*statement));
  }
  return JournalRows(std::move(database), std::move(ready));
}

Status JournalRows::commit() {
  Status done = database_.commit();
  if (done) fresh_.clear();
  return done;
}

void JournalRows::rollback() {
  database_.rollback();
  for (const std::string& key : fresh_) known_.erase(key);
  fresh_.clear();
}

Result<bool> JournalRows::insert(const JournalRow& row) {
  Status done;
  switch (row.record.kind) {
    case Record::Kind::ended:
      done = end(row);
      break;
    case Record::Kind::retried:
      return retry(row);
    case Record::Kind::snapshot:
      done = insert_record(row);
      if (done)
        done = sql(kReplace)
                   .bind(as_column(row.record.instance.number))
                   .bind(std::int64_t{row.record.number})
                   .run();
      break;
    case Record::Kind::definition:
    case Record::Kind::published:
    case Record::Kind::delivered:
    case Record::Kind::schedule:
      done = share(row);
      break;
    default:
      done = is_admission(row.record) ? admit(row) : insert_record(row);
      break;
  }
  if (!done) return fail(std::move(done.error()));
  return true;
}

Status JournalRows::insert_record(const JournalRow& row) {
  const Record& record = row.record;
  return sql(kInsert)
      .bind(as_column(record.instance.number))
      .bind(std::int64_t{record.number})
      .bind(kind_number(record.kind))
      .bind(as_column(record.time))
      .bind(as_column(record.id))
      .bind(as_column(record.random))
      .bind(std::int64_t{record.turns})
      .bind(unless_empty(row.cuts))
      .bind(LastingText{row.payload})
      .run();
}

Status JournalRows::admit(const JournalRow& row) {
  const Record& record = row.record;
  Result<std::int64_t> workflow = workflow_of(record.payload);
  if (!workflow) return fail(std::move(workflow.error()));
  const std::int64_t id = as_column(record.instance.number);
  Status done = sql(kAdmit)
                    .bind(id)
                    .bind(*workflow)
                    .bind(kind_number(record.kind))
                    .bind(as_column(record.time))
                    .bind(as_column(record.random))
                    .bind(LastingText{row.payload})
                    .run();
  if (!done || record.instance.number < kDerivedInstances || database_.changes() == 0) return done;
  // Nothing of an earlier instance of the same id, which is gone, may be taken for its.
  done = sql(kForgetRecords).bind(id).run();
  if (done) done = sql(kForgetRemoved).bind(id).run();
  return done;
}

Status JournalRows::end(const JournalRow& row) {
  const Record& record = row.record;
  return sql(kEnd)
      .bind(as_column(record.instance.number))
      .bind(std::int64_t{record.number})
      .bind(static_cast<std::int64_t>(row.status))
      .bind(as_column(record.time))
      .bind(std::int64_t{record.turns})
      .bind(unless_empty(row.cuts))
      .bind(LastingText{row.payload})
      .run();
}

// The end becomes one record among the others, so that the history stays whole.
Result<bool> JournalRows::retry(const JournalRow& row) {
  const std::int64_t id = as_column(row.record.instance.number);
  const std::int64_t number{row.record.number};
  Status done = sql(kKeepEnd).bind(id).bind(number).bind(kind_number(Record::Kind::ended)).run();
  if (done) done = sql(kReopen).bind(id).bind(number).run();
  if (!done) return fail(std::move(done.error()));
  if (database_.changes() == 0) {
    Result<std::optional<std::int64_t>> exists = number_of(sql(kExists).bind(id));
    if (!exists) return fail(std::move(exists.error()));
    if (!*exists) return false;
  }
  done = insert_record(row);
  if (!done) return fail(std::move(done.error()));
  return true;
}

Status JournalRows::share(const JournalRow& row) {
  const Record& record = row.record;
  const std::int64_t time = as_column(record.time);
  switch (record.kind) {
    case Record::Kind::definition: {
      const std::string_view digest = text_of(record.payload.get("digest"));
      relied_on_.emplace(digest);
      return sql(kDefine).bind(digest).bind(time).bind(LastingText{row.payload}).run();
    }
    case Record::Kind::published:
      return sql(kPublish)
          .bind(as_column(record.id))
          .bind(time)
          .bind(as_column(record.random))
          .bind(LastingText{row.payload})
          .run();
    case Record::Kind::delivered:
      return sql(kDeliver).bind(as_column(record.id)).run();
    default:
      return sql(kSchedule)
          .bind(text_of(record.payload.get("workflow")))
          .bind(time)
          .bind(as_column(record.id))
          .bind(as_column(record.random))
          .bind(LastingText{row.payload})
          .run();
  }
}

Result<std::int64_t> JournalRows::workflow_of(const Value& head) {
  const std::string_view whole = text_of(head.get("workflow"));
  const std::string_view digest = text_of(head.get("digest"));
  key_.assign(whole).append(1, '\n').append(digest);
  const auto found = known_.find(key_);
  if (found != known_.end()) return found->second;

  relied_on_.emplace(digest);
  const std::size_t colon = whole.find(':');
  const std::string_view name = whole.substr(0, colon);
  const std::string_view version =
      colon == std::string_view::npos ? std::string_view() : whole.substr(colon + 1);
  Result<std::optional<std::int64_t>> id =
      number_of(sql(kFindWorkflow).bind(name).bind(version).bind(digest));
  if (id && !*id) id = number_of(sql(kAddWorkflow).bind(name).bind(version).bind(digest));
  if (!id) return fail(std::move(id.error()));
  known_.emplace(key_, id->value_or(0));
  fresh_.push_back(key_);
  return id->value_or(0);
}

Result<std::int64_t> JournalRows::remove_records(std::int64_t instance, std::int64_t rows) {
  Status done = sql(kRemoveRecords).bind(instance).bind(rows).run();
  if (!done) return fail(std::move(done.error()));
  return database_.changes();
}

Result<JournalRows::Removed> JournalRows::remove(const std::vector<std::int64_t>& instances,
                                                 std::int64_t rows) {
  Removed removed;
  for (const std::int64_t id : instances) {
    if (rows <= 0) break;
    ++removed.seen;
    Status done = sql(kRemoveInstance).bind(id).run();
    if (!done) return fail(std::move(done.error()));
    if (database_.changes() == 0) continue;  // it was retried
    ++removed.instances;
    --rows;
    const std::int64_t most = std::max<std::int64_t>(rows, 1);
    const Result<std::int64_t> gone = remove_records(id, most);
    if (!gone) return fail(gone.error());
    rows -= *gone;
    if (*gone == most) {
      removed.left_over = true;
      done = sql(kLeaveOver).bind(id).run();
    }
    if (done && as_number(id) < kDerivedInstances) done = sql(kRaiseHighest).bind(id).run();
    if (!done) return fail(std::move(done.error()));
  }
  return removed;
}

Result<bool> JournalRows::remove_leftovers(std::int64_t rows) {
  const Result<std::optional<std::int64_t>> id = number_of(sql(kLeftover));
  if (!id) return fail(id.error());
  if (!*id) return false;
  const Result<std::int64_t> gone = remove_records(**id, rows);
  if (!gone) return fail(gone.error());
  if (*gone == rows) return true;
  Status done = sql(kForgetRemoved).bind(**id).run();
  if (!done) return fail(std::move(done.error()));
  return true;
}

Status JournalRows::remove_workflows(const std::vector<std::int64_t>& workflows) {
  for (const std::int64_t id : workflows) {
    Statement& unused = sql(kUnused).bind(id);
    Result<bool> row = unused.step();
    if (!row) return fail(std::move(row.error()));
    const std::string digest = *row ? unused.text(0) : std::string();
    unused.reset();
    if (!*row || relied_on_.contains(digest)) continue;
    Status done = sql(kRemoveWorkflow).bind(id).run();
    if (done) done = sql(kRemoveDefinition).bind(digest).run();
    if (!done) return done;
  }
  return {};
}

Result<bool> JournalRows::give_back(std::int64_t pages) {
  const auto pragma = [this](std::string_view text) -> Result<std::int64_t> {
    Result<Statement> statement = database_.prepare(text);
    if (!statement) return fail(std::move(statement.error()));
    const Result<std::optional<std::int64_t>> number = number_of(*statement);
    if (!number) return fail(number.error());
    return number->value_or(0);
  };
  const Result<std::int64_t> all = pragma("PRAGMA page_count");
  if (!all) return all.map([](std::int64_t) { return false; });
  const Result<std::int64_t> free = pragma("PRAGMA freelist_count");
  if (!free) return free.map([](std::int64_t) { return false; });
  const std::int64_t much = *free - *all / 10;
  if (much <= 0) return false;
  const std::int64_t now = std::min(much, pages);
  Status done = database_.execute("PRAGMA incremental_vacuum(" + std::to_string(now) + ")");
  if (!done) return fail(std::move(done.error()));
  return much > now;
}

}  // namespace stepwell::store
