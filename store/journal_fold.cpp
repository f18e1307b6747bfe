#include "store/journal_fold.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"

namespace stepwell::store {

namespace {

using Line = JournalHistory::Line;

// In the order of JournalFold::Sql.
constexpr std::array<std::string_view, 21> kFolding{
    "INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "DELETE FROM records WHERE instance = ?",
    "DELETE FROM removed WHERE id = ?",
    "SELECT last, reopened, replaced, status, ended_at, tail, started_at, changed "
    "FROM instances LEFT JOIN labels USING (id) WHERE id = ?",
    "SELECT life FROM instances WHERE id = ?",
    "SELECT records FROM records WHERE instance = ? ORDER BY first",
    "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
    "UPDATE instances SET status = ?2, ended_at = ?3, last = ?4, reopened = ?5, replaced = ?6, "
    "tail = ?7, started_at = ?8 WHERE id = ?1",
    "UPDATE instances SET life = '' WHERE id = ?",
    "INSERT INTO definitions VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record "
    "WHERE json_type(definitions.record, '$[7].credentials') IS NULL "
    "AND json_type(excluded.record, '$[7].credentials') IS NOT NULL",
    "INSERT INTO events VALUES (?, ?) ON CONFLICT DO NOTHING",
    "DELETE FROM events WHERE id = ?",
    "INSERT OR REPLACE INTO schedules VALUES (?, ?)",
    "SELECT id FROM workflows WHERE name = ? AND version = ? AND digest = ?",
    "INSERT INTO workflows (name, version, digest) VALUES (?, ?, ?) RETURNING id",
    "DELETE FROM log WHERE place <= ?",
    "DELETE FROM tags WHERE instance = ?1 AND tag IN "
    "(SELECT value FROM labels, json_each(labels.tags) WHERE labels.id = ?1)",
    "INSERT INTO labels VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET "
    "name = ?2, tags = ?3, priority = ?4, deadline = ?5, changed = ?7",
    "INSERT OR IGNORE INTO tags VALUES (?, ?)",
    "INSERT OR IGNORE INTO credential_uses VALUES (?, ?)",
    "SELECT 1 FROM labels WHERE id = ?",
};

// The first of them for many rows at once, which costs a third less. OR IGNORE: SQLite need not be
// able to undo a part of the statement, and copies no page for that.
std::string add_many_sql() {
  std::string text = "INSERT OR IGNORE INTO instances VALUES ";
  for (std::size_t i = 0; i < JournalFold::kMany; ++i)
    text.append(i == 0 ? "" : ", ").append("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return text;
}

// Lines of one row, about: so much is read and written where one of them is meant.
constexpr std::size_t kPieceBytes = 16 << 10;

std::string_view words_of(const Value& value) {
  return value.is_string() ? value.as_string() : std::string_view();
}

std::optional<std::int64_t> status_column(const std::optional<Line>& tail) {
  if (!tail) return std::nullopt;
  return static_cast<std::int64_t>(tail->status);
}
std::optional<std::int64_t> ended_column(const std::optional<Line>& tail) {
  if (!tail) return std::nullopt;
  return as_column(tail->at);
}
std::optional<LastingText> tail_column(const std::optional<Line>& tail) {
  if (!tail) return std::nullopt;
  return LastingText{tail->text};
}

// True where a line takes the text beyond what one row holds.
bool is_full(const std::string& packed, const Line& line) {
  return !packed.empty() && packed.size() + line.text.size() > kPieceBytes;
}

void pack(std::string& packed, const Line& line) {
  if (!packed.empty()) packed.push_back('\n');
  packed.append(line.text);
}

// One that begins in the log, needs one row alone, and whose id is never given again.
bool is_plain(const JournalOverlay::Life& life) {
  if (life.id.number >= kDerivedInstances || !life.rows[life.folded]->is_admission()) return false;
  std::size_t bytes = 0;  // with the line feeds of pack()
  for (std::size_t i = life.folded; i < life.rows.size(); ++i)
    bytes += life.rows[i]->text.size() + 1;
  return bytes <= kPieceBytes;
}

// Whether what the tables know of it does not suffice to tell which of the records are new.
bool needs_lines(const JournalOverlay::Life& life, const JournalHistory::Stored& stored) {
  return std::any_of(life.rows.begin() + static_cast<std::ptrdiff_t>(life.folded), life.rows.end(),
                     [&](const SharedRow& row) {
                       return row->number <= stored.last ||
                              row->kind == engine::Record::Kind::snapshot;
                     });
}

}  // namespace

Result<JournalFold> JournalFold::prepare(Database& database) {
  static_assert(kFolding.size() == kSqlCount);
  std::vector<Statement> ready;
  for (const std::string_view text : kFolding) {
    Result<Statement> statement = database.prepare(text);
    if (!statement) return fail(std::move(statement.error()));
    ready.push_back(std::move(*statement));
  }
  Result<Statement> many = database.prepare(add_many_sql());
  if (!many) return fail(std::move(many.error()));
  return JournalFold(std::move(ready), std::move(*many));
}

void JournalFold::rolled_back() {
  for (const std::string& key : fresh_) known_.erase(key);
  fresh_.clear();
  last_digest_ = {};
}

void JournalFold::forget_workflows() {
  known_.clear();
  last_digest_ = {};
}

Status JournalFold::fold(Database& database, const JournalOverlay& overlay,
                         const JournalOverlay::Slice& slice) {
  Status done;
  for (std::size_t i = 0; done && i < slice.shared; ++i) done = share(*overlay.shared_rows()[i]);
  many_.clear();
  for (std::size_t i = 0; done && i < slice.lives.size(); ++i) {
    if (!is_plain(*slice.lives[i])) {
      done = fold(database, *slice.lives[i]);
      continue;
    }
    many_.push_back(slice.lives[i]);
    if (many_.size() < kMany) continue;
    done = add_many(database);
    many_.clear();
  }
  for (std::size_t i = 0; done && i < many_.size(); ++i) done = fold(database, *many_[i]);
  if (done) done = sql(kForgetLog).bind(slice.last).run();
  return done;
}

Status JournalFold::fold(Database& database, const JournalOverlay::Life& life) {
  texts_.clear();
  const auto begin = life.rows.begin() + static_cast<std::ptrdiff_t>(life.folded);
  const auto head = std::find_if(begin, life.rows.end(),
                                 [](const SharedRow& row) { return row->is_admission(); });
  if (head == begin) {
    history_.clear();
    apply(life);
    const Result<bool> added = add(database, **head);
    if (!added) return fail(added.error());
    if (*added) return label(life, true);
  }
  const Result<std::optional<JournalHistory::Stored>> stored = look(life.id);
  if (!stored) return fail(stored.error());
  history_.clear();
  if (*stored) {
    Status done = update(life, **stored);
    return done ? label(life, false) : done;
  }
  // What stands before its first record, or has none, belongs to nothing.
  if (head == life.rows.end()) return {};
  apply(life);
  const Result<bool> added = add(database, **head);
  if (!added) return fail(added.error());
  return label(life, true);
}

void JournalFold::apply(const JournalOverlay::Life& life) {
  for (std::size_t i = life.folded; i < life.rows.size(); ++i)
    history_.apply(JournalHistory::line_of(*life.rows[i]));
}

// Binds a row of `instances` for what history_ holds, with `room` for its lines; how many of these
// it takes.
Result<std::size_t> JournalFold::bind_row(Statement& statement, const JournalRow& head,
                                          std::string& room) {
  const Result<std::int64_t> workflow = workflow_of(head);
  if (!workflow) return fail(workflow.error());
  room.clear();
  const std::vector<Line>& lines = history_.lines();
  std::size_t in_row = 0;
  for (; in_row < lines.size() && !is_full(room, lines[in_row]); ++in_row)
    pack(room, lines[in_row]);
  const std::optional<Line>& tail = history_.tail();
  statement.bind(as_column(head.instance.number))
      .bind(*workflow)
      .bind(as_column(history_.started()))
      .bind(status_column(tail))
      .bind(ended_column(tail))
      .bind(std::int64_t{history_.last()})
      .bind(std::int64_t{history_.reopened()})
      .bind(std::int64_t{history_.replaced()})
      .bind(LastingText{head.text})
      .bind(tail_column(tail))
      .bind(LastingText{room});
  return in_row;
}

// Those of many_. Where the tables have one of them, or one does not fit into its row after all,
// each is looked at by itself.
Status JournalFold::add_many(Database& database) {
  rooms_.resize(kMany);
  bool fit = true;
  for (std::size_t i = 0; fit && i < kMany; ++i) {
    history_.clear();
    apply(*many_[i]);
    const JournalRow& head = *many_[i]->rows[many_[i]->folded];
    const Result<std::size_t> bound = bind_row(add_many_, head, rooms_[i]);
    fit = bound && *bound == history_.lines().size();
    if (!fit) add_many_.reset();
    if (!bound) return fail(bound.error());
  }
  Status done = fit ? add_many_.run() : Status();
  if (!done) return done;
  if (fit && database.changes() == std::int64_t{kMany}) {
    for (std::size_t i = 0; done && i < kMany; ++i) done = label(*many_[i], true);
    return done;
  }
  // Those that were new are there now, but for what people say of them.
  for (std::size_t i = 0; done && i < kMany; ++i) {
    done = fold(database, *many_[i]);
    if (!done) break;
    const Result<std::optional<std::int64_t>> labelled =
        sql(kLabelled).bind(as_column(many_[i]->id.number)).one_number();
    if (!labelled) return fail(labelled.error());
    if (!*labelled) done = label(*many_[i], true);
  }
  return done;
}

Result<bool> JournalFold::add(Database& database, const JournalRow& head) {
  const std::int64_t id = as_column(head.instance.number);
  const std::vector<Line>& lines = history_.lines();
  const Result<std::size_t> bound = bind_row(sql(kAdd), head, packed_);
  if (!bound) return fail(bound.error());
  const std::size_t in_row = *bound;
  Status done = sql(kAdd).run();
  if (!done) return fail(std::move(done.error()));
  if (database.changes() == 0) return false;
  // Nothing of an earlier instance of the same id, which is gone, may be taken for its.
  if (head.instance.number >= kDerivedInstances) {
    done = sql(kForgetRecords).bind(id).run();
    if (done) done = sql(kForgetRemoved).bind(id).run();
  }
  if (!done) return fail(std::move(done.error()));
  if (in_row == lines.size()) return true;
  history_.mark_stored(in_row);
  return write_lines(head.instance, false);
}

Status JournalFold::update(const JournalOverlay::Life& life, const JournalHistory::Stored& stored) {
  history_.begin(stored);
  if (needs_lines(life, stored)) {
    Status done = add_lines_of(life.id);
    if (!done) return done;
  }
  apply(life);
  const std::int64_t id = as_column(life.id.number);
  const bool anew = history_.replaced() != stored.replaced;
  Status done;
  if (anew) done = sql(kForgetRecords).bind(id).run();
  if (done && anew) done = sql(kClearLife).bind(id).run();
  if (!done) return done;
  const Result<bool> written = write_lines(life.id, anew);
  if (!written) return fail(written.error());
  const std::optional<Line>& tail = history_.tail();
  const bool same_tail = tail ? tail->stored : !stored.tail;
  if (!*written && !anew && same_tail) return {};
  return sql(kUpdate)
      .bind(id)
      .bind(status_column(tail))
      .bind(ended_column(tail))
      .bind(std::int64_t{history_.last()})
      .bind(std::int64_t{history_.reopened()})
      .bind(std::int64_t{history_.replaced()})
      .bind(tail_column(tail))
      .bind(as_column(history_.started()))
      .run();
}

// What people say of it, where the log has something new. One of which they never said anything has
// no row.
Status JournalFold::label(const JournalOverlay::Life& life, bool fresh) {
  const JournalRow* said = nullptr;
  std::uint64_t parent = 0;
  for (std::size_t i = life.folded; i < life.rows.size(); ++i) {
    const JournalRow& row = *life.rows[i];
    if (row.kind == engine::Record::Kind::changed) {
      if (said == nullptr || said->number < row.number) said = &row;
    } else if (fresh && row.is_admission() && said == nullptr) {
      parent = row.parent;
      if (row.label) said = &row;
    }
  }
  if (!fresh && said != nullptr && history_.changed() && said->number < history_.changed()->number)
    return {};
  if (said == nullptr && parent == 0) return {};
  const std::int64_t id = as_column(life.id.number);
  const bool changed = said != nullptr && said->kind == engine::Record::Kind::changed;
  Status done;
  if (!fresh) done = sql(kForgetTags).bind(id).run();
  if (!done) return done;
  static const engine::Label kNothing{};
  const engine::Label& now = said != nullptr && said->label ? *said->label : kNothing;
  const std::string tags = now.tags.is_null() ? std::string() : to_json(now.tags);
  const auto text = [](const std::string& words) {
    return words.empty() ? std::nullopt : std::optional(LastingText{words});
  };
  std::optional<std::int64_t> deadline;
  if (now.deadline) deadline = as_column(*now.deadline);
  std::optional<std::int64_t> above;
  if (parent != 0) above = as_column(parent);
  std::optional<LastingText> line;
  if (changed) line = LastingText{said->text};
  done = sql(kLabel)
             .bind(id)
             .bind(text(now.name))
             .bind(text(tags))
             .bind(static_cast<std::int64_t>(now.priority))
             .bind(deadline)
             .bind(above)
             .bind(line)
             .run();
  for (const Value& tag : now.tags.elements())
    if (done && tag.is_string()) done = sql(kTag).bind(tag.as_string()).bind(id).run();
  return done;
}

// Those that the tables do not have yet, or all. True: there was one.
Result<bool> JournalFold::write_lines(InstanceId id, bool all) {
  packed_.clear();
  std::uint32_t first = 0;
  bool any = false;
  const auto write = [&] {
    return sql(kPiece)
        .bind(as_column(id.number))
        .bind(std::int64_t{first})
        .bind(LastingText{packed_})
        .run();
  };
  for (const Line& line : history_.lines()) {
    if (line.stored && !all) continue;
    any = true;
    if (is_full(packed_, line)) {
      Status done = write();
      if (!done) return fail(std::move(done.error()));
      packed_.clear();
    }
    if (packed_.empty()) first = line.number;
    pack(packed_, line);
  }
  if (!any) return false;
  Status done = write();
  if (!done) return fail(std::move(done.error()));
  return true;
}

Result<std::optional<JournalHistory::Stored>> JournalFold::look(InstanceId id) {
  Statement& row = sql(kLook).bind(as_column(id.number));
  const Result<bool> there = row.step();
  if (!there) return fail(there.error());
  std::optional<JournalHistory::Stored> stored;
  if (*there) {
    Result<JournalHistory::Stored> read = stored_of(row, 0, id, texts_);
    if (!read) return fail(std::move(read.error()));
    stored = *read;
  }
  row.reset();
  return stored;
}

Status JournalFold::add_lines_of(InstanceId id) {
  for (const Sql which : {kLife, kPieces}) {
    Statement& statement = sql(which).bind(as_column(id.number));
    for (;;) {
      const Result<bool> row = statement.step();
      if (!row) return fail(row.error());
      if (!*row) break;
      Status done = history_.add_stored(texts_.emplace_back(statement.view(0)), id);
      if (!done) return done;
    }
    statement.reset();
  }
  return {};
}

Status JournalFold::share(const JournalRow& row) {
  switch (row.kind) {
    case engine::Record::Kind::definition: {
      Status done = sql(kDefine).bind(words_of(row.digest)).bind(LastingText{row.text}).run();
      for (const Value& name : row.credentials.elements())
        if (done) done = sql(kUse).bind(words_of(name)).bind(words_of(row.digest)).run();
      return done;
    }
    case engine::Record::Kind::published:
      return sql(kPublish).bind(as_column(row.id)).bind(LastingText{row.text}).run();
    case engine::Record::Kind::delivered:
      return sql(kDeliver).bind(as_column(row.id)).run();
    default:
      return sql(kSchedule).bind(words_of(row.workflow)).bind(LastingText{row.text}).run();
  }
}

Result<std::int64_t> JournalFold::workflow_of(const JournalRow& head) {
  if (head.digest.same(last_digest_) && head.workflow.same(last_workflow_) &&
      !last_digest_.is_null())
    return last_id_;
  const std::string_view whole = words_of(head.workflow);
  const std::string_view digest = words_of(head.digest);
  key_.assign(whole).append(1, '\n').append(digest);
  auto found = known_.find(key_);
  if (found == known_.end()) {
    const std::size_t colon = whole.find(':');
    const std::string_view name = whole.substr(0, colon);
    const std::string_view version =
        colon == std::string_view::npos ? std::string_view() : whole.substr(colon + 1);
    Result<std::optional<std::int64_t>> id =
        sql(kFindWorkflow).bind(name).bind(version).bind(digest).one_number();
    if (id && !*id) id = sql(kAddWorkflow).bind(name).bind(version).bind(digest).one_number();
    if (!id) return fail(std::move(id.error()));
    found = known_.emplace(key_, id->value_or(0)).first;
    fresh_.push_back(key_);
  }
  last_workflow_ = head.workflow;
  last_digest_ = head.digest;
  last_id_ = found->second;
  return last_id_;
}

}  // namespace stepwell::store
