#include "store/journal_rows.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace stepwell::store {

using engine::Record;

namespace {

// In the order of JournalRows::Sql.
constexpr std::array<std::string_view, 15> kStatements{
    "INSERT INTO log VALUES (?, ?)",
    "SELECT 1 FROM instances WHERE id = ?",
    "DELETE FROM instances WHERE id = ? AND status IS NOT NULL",
    "UPDATE highest SET id = max(id, ?)",
    "DELETE FROM records WHERE instance = ?1 AND first IN "
    "(SELECT first FROM records WHERE instance = ?1 ORDER BY first LIMIT ?2)",
    "INSERT INTO removed VALUES (?) ON CONFLICT DO NOTHING",
    "DELETE FROM removed WHERE id = ?",
    "SELECT id FROM removed LIMIT 1",
    "SELECT digest FROM workflows WHERE id = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM instances WHERE workflow = ?1)",
    "DELETE FROM workflows WHERE id = ?",
    "DELETE FROM definitions WHERE digest = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM workflows WHERE digest = ?1)",
    "DELETE FROM credential_uses WHERE digest = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM definitions WHERE digest = ?1)",
    "DELETE FROM tags WHERE instance = ? AND tag IN (SELECT value FROM json_each(?))",
    "DELETE FROM labels WHERE id = ? RETURNING tags",
    "SELECT 1 FROM records WHERE instance = ? LIMIT 1",
};

}  // namespace

Result<JournalRows> JournalRows::prepare(Database database) {
  static_assert(kStatements.size() == kSqlCount);
  std::vector<Statement> ready;
  for (const std::string_view sql : kStatements) {
    Result<Statement> statement = database.prepare(sql);
    if (!statement) return fail(std::move(statement.error()));
    ready.push_back(std::move(*statement));
  }
  Result<JournalFold> fold = JournalFold::prepare(database);
  if (!fold) return fail(std::move(fold.error()));
  JournalRows rows(std::move(database), std::move(ready), std::move(*fold));
  Status read = rows.read_log();
  if (!read) return fail(std::move(read.error()));
  return rows;
}

Status JournalRows::read_log() {
  Result<Statement> statement = database_.prepare("SELECT place, records FROM log ORDER BY place");
  if (!statement) return fail(std::move(statement.error()));
  for (;;) {
    const Result<bool> row = statement->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    JournalOverlay::Rows group;
    std::string_view lines = statement->view(1);
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size());
      Result<JournalRow> read = row_of_log(lines.substr(0, end));
      if (!read) return fail(std::move(read.error()));
      group.push_back(std::make_shared<const JournalRow>(std::move(*read)));
      rely_on(*group.back());
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    overlay_->add(statement->number(0), group);
    next_place_ = statement->number(0) + 1;
  }
}

Status JournalRows::commit() {
  Status done = database_.commit();
  if (!done) return done;
  fold_.committed();
  if (slice_.groups > 0) overlay_->fold(slice_);
  slice_ = {};
  if (!group_.empty()) overlay_->add(next_place_++, group_);
  group_.clear();
  text_.clear();
  return done;
}

void JournalRows::rollback() {
  database_.rollback();
  fold_.rolled_back();
  slice_ = {};
  group_.clear();
  text_.clear();
}

Result<bool> JournalRows::take(SharedRow row) {
  if (row->kind == Record::Kind::retried) {
    Result<bool> there = exists(row->instance);
    if (!there || !*there) return there;
  }
  rely_on(*row);
  if (!text_.empty()) text_.push_back('\n');
  append_to_log(text_, *row);
  group_.push_back(std::move(row));
  return true;
}

Status JournalRows::log() {
  if (group_.empty()) return touch();
  return sql(kLog).bind(next_place_).bind(LastingText{text_}).run();
}

Status JournalRows::fold(std::size_t records, std::size_t bytes, std::int64_t last) {
  slice_ = overlay_->next(records, bytes, last);
  if (slice_.groups == 0) return {};
  return fold_.fold(database_, *overlay_, slice_);
}

// In the log or in the tables.
Result<bool> JournalRows::exists(InstanceId id) {
  const auto admits = [id](const SharedRow& row) {
    return row != nullptr && row->instance == id && row->is_admission();
  };
  if (std::any_of(group_.begin(), group_.end(), admits)) return true;
  const JournalOverlay::Life* life = overlay_->find(id);
  if (life != nullptr && std::any_of(life->rows.begin(), life->rows.end(), admits)) return true;
  return sql(kExists).bind(as_column(id.number)).one_number().map([](const auto& found) {
    return found.has_value();
  });
}

void JournalRows::rely_on(const JournalRow& row) {
  if (!row.digest.is_string() || row.digest.same(last_relied_on_)) return;
  relied_on_.emplace(row.digest.as_string());
  last_relied_on_ = row.digest;
}

// Most instances have nothing of either.
Status JournalRows::remove_label(std::int64_t instance) {
  Statement& label = sql(kRemoveLabel).bind(instance);
  std::string tags;
  for (;;) {
    const Result<bool> row = label.step();
    if (!row) return fail(row.error());
    if (!*row) break;
    tags = label.text(0);
  }
  label.reset();
  if (tags.empty()) return {};
  return sql(kRemoveTags).bind(instance).bind(tags).run();
}

Result<std::int64_t> JournalRows::remove_records(std::int64_t instance, std::int64_t rows) {
  Status done = sql(kRemoveRecords).bind(instance).bind(rows).run();
  if (!done) return fail(std::move(done.error()));
  return database_.changes();
}

Result<JournalRows::Removed> JournalRows::remove(const std::vector<std::int64_t>& instances,
                                                 std::int64_t rows) {
  Removed removed;
  std::int64_t highest = 0;
  overlay_->removing();
  for (const std::int64_t id : instances) {
    if (rows <= 0) break;
    ++removed.seen;
    // The log would bring it back, or has more of it.
    if (overlay_->find(InstanceId{as_number(id)}) != nullptr) continue;
    Status done = sql(kRemoveInstance).bind(id).run();
    if (!done) return fail(std::move(done.error()));
    if (database_.changes() == 0) continue;  // it was retried, or is not there
    done = remove_label(id);
    if (!done) return fail(std::move(done.error()));
    removed.instances.push_back(id);
    if (as_number(id) < kDerivedInstances) highest = std::max(highest, id);
    --rows;
    const Result<std::optional<std::int64_t>> more = sql(kHasRecords).bind(id).one_number();
    if (!more) return fail(more.error());
    if (!*more) continue;
    const std::int64_t most = std::max<std::int64_t>(rows, 1);
    const Result<std::int64_t> gone = remove_records(id, most);
    if (!gone) return fail(gone.error());
    rows -= *gone;
    if (*gone < most) continue;
    removed.left_over = true;
    done = sql(kLeaveOver).bind(id).run();
    if (!done) return fail(std::move(done.error()));
  }
  if (Status done = highest > 0 ? sql(kRaiseHighest).bind(highest).run() : Status(); !done)
    return fail(std::move(done.error()));
  return removed;
}

Result<bool> JournalRows::remove_leftovers(std::int64_t rows) {
  const Result<std::optional<std::int64_t>> id = sql(kLeftover).one_number();
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
    fold_.forget_workflows();
    Status done = sql(kRemoveWorkflow).bind(id).run();
    if (done) done = sql(kRemoveDefinition).bind(digest).run();
    if (done) done = sql(kRemoveUses).bind(digest).run();
    if (!done) return done;
  }
  return {};
}

Result<bool> JournalRows::give_back(std::int64_t pages) {
  const auto pragma = [this](std::string_view text) -> Result<std::int64_t> {
    Result<Statement> statement = database_.prepare(text);
    if (!statement) return fail(std::move(statement.error()));
    const Result<std::optional<std::int64_t>> number = statement->one_number();
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
