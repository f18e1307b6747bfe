#include "store/journal_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "store/journal_row.h"
#include "store/journal_search.h"

namespace stepwell::store {

using engine::InstanceSummary;
using engine::Record;
using Kind = Record::Kind;

namespace {

Result<std::vector<Record>> records_of(const JournalHistory& history, InstanceId instance) {
  std::vector<Record> records;
  if (!history.head()) return records;
  records.reserve(history.lines().size() + 2);
  const auto add = [&](std::string_view text) -> Status {
    Result<Record> record = record_of(text, instance);
    if (!record) return fail(std::move(record.error()));
    records.push_back(std::move(*record));
    return {};
  };
  Status done = add(history.head()->text);
  for (auto line = history.lines().begin(); done && line != history.lines().end(); ++line)
    done = add(line->text);
  if (done && history.tail()) done = add(history.tail()->text);
  if (!done) return fail(std::move(done.error()));
  return records;
}

}  // namespace

// What was removed from the tables behind the look into the overlay would seem to be there in part.
template <class Take>
Status JournalReader::begin(const Take& take) {
  for (;;) {
    const std::uint64_t removals = overlay_.removals();
    take();
    Status done = database_.begin_read();
    // The first statement that reads decides what all of them see.
    if (done) done = keep(look_, "SELECT 1 FROM highest");
    if (done) done = look_->run();
    if (!done) {
      database_.rollback();
      return done;
    }
    if (overlay_.removals() == removals) return {};
    database_.rollback();
  }
}

// Prepares it the first time.
Status JournalReader::keep(std::optional<Statement>& statement, std::string_view sql) {
  if (statement) return {};
  Result<Statement> prepared = database_.prepare(sql);
  if (!prepared) return fail(std::move(prepared.error()));
  statement.emplace(std::move(*prepared));
  return {};
}

// What the tables know of it. False: nothing.
Result<bool> JournalReader::load_row(InstanceId instance, Known& known, bool lines) {
  static const std::string sql =
      std::string("SELECT ") + kStoredColumns + ", head, life" + kStoredIn + " WHERE id = ?";
  if (Status kept = keep(row_, sql); !kept) return fail(std::move(kept.error()));
  row_->reset();
  Result<bool> there = row_->bind(as_column(instance.number)).step();
  if (!there || !*there) return there;
  Result<JournalHistory::Stored> stored = stored_of(*row_, 0, instance, known.texts);
  if (!stored) return fail(std::move(stored.error()));
  const std::string& head = known.texts.emplace_back(row_->view(kStoredCount));
  const std::optional<Outline> outline = outline_of(head);
  if (!outline)
    return fail(unreadable("record 1 of instance " + std::to_string(instance.number),
                           "it does not begin as a record does"));
  stored->head.text = head;
  stored->head.at = outline->at;
  stored->head.kind = outline->kind;
  known.history.begin(*stored);
  if (!lines) return true;
  Status done =
      known.history.add_stored(known.texts.emplace_back(row_->view(kStoredCount + 1)), instance);
  if (!done) return fail(std::move(done.error()));
  return true;
}

Status JournalReader::load_pieces(InstanceId instance, Known& known) {
  Status done = keep(pieces_, "SELECT records FROM records WHERE instance = ? ORDER BY first");
  if (!done) return done;
  pieces_->bind(as_column(instance.number));
  for (;;) {
    const Result<bool> row = pieces_->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    done = known.history.add_stored(known.texts.emplace_back(pieces_->view(0)), instance);
    if (!done) return done;
  }
}

// All that is known of it, with the rows of the log that `known` has.
Status JournalReader::load(InstanceId instance, Known& known, bool lines) {
  const Result<bool> there = load_row(instance, known, lines);
  if (row_) row_->reset();
  if (!there) return fail(there.error());
  if (*there && lines) {
    Status done = load_pieces(instance, known);
    if (pieces_) pieces_->reset();
    if (!done) return done;
  }
  for (const SharedRow& row : known.rows) known.history.apply(JournalHistory::line_of(*row));
  return {};
}

Result<std::vector<Record>> JournalReader::read(InstanceId instance) {
  Known known;
  {
    const std::scoped_lock lock(mutex_);
    Status done = begin([&] { known.rows = overlay_.of(instance); });
    if (done) done = load(instance, known, true);
    database_.rollback();
    if (!done) return fail(std::move(done.error()));
  }
  return records_of(known.history, instance);
}

Result<std::optional<InstanceSummary>> JournalReader::summary(InstanceId instance) {
  Known known;
  {
    const std::scoped_lock lock(mutex_);
    Status done = begin([&] { known.rows = overlay_.of(instance); });
    if (done) done = load(instance, known, false);
    database_.rollback();
    if (!done) return fail(std::move(done.error()));
  }
  if (!known.history.head()) return std::optional<InstanceSummary>();
  Result<InstanceSummary> summary = summary_of(known.history, instance);
  if (!summary) return fail(std::move(summary.error()));
  return std::optional(std::move(*summary));
}

Status JournalReader::read_open(const engine::Journal::Reader& each) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<InstanceId, Rows>> logged;
  Status done = begin([&] { logged = overlay_.all({}); });
  if (!done) return done;
  done = read_open_locked(each, std::move(logged));
  database_.rollback();
  return done;
}

// Both statements and the log yield instances by id: they are merged.
Status JournalReader::read_open_locked(const engine::Journal::Reader& each,
                                       std::vector<std::pair<InstanceId, Rows>> logged) {
  Result<Statement> open = database_.prepare(
      std::string("SELECT ") + kStoredColumns +
      ", head, life, instances.id FROM instances INDEXED BY instances_open "
      "LEFT JOIN labels ON labels.id = instances.id WHERE status IS NULL ORDER BY instances.id");
  if (!open) return fail(std::move(open.error()));
  Result<Statement> pieces = database_.prepare(
      "SELECT i.id, r.records FROM instances AS i INDEXED BY instances_open "
      "CROSS JOIN records AS r ON r.instance = i.id WHERE i.status IS NULL ORDER BY i.id, r.first");
  if (!pieces) return fail(std::move(pieces.error()));
  Result<bool> more = pieces->step();
  if (!more) return fail(std::move(more.error()));
  const auto tell = [&](const Known& known, InstanceId id) -> Status {
    if (!known.history.head() || known.history.tail()) return {};
    Result<std::vector<Record>> records = records_of(known.history, id);
    if (!records) return fail(std::move(records.error()));
    each(std::move(*records));
    return {};
  };
  auto next = logged.begin();
  for (;;) {
    const Result<bool> row = open->step();
    if (!row) return fail(row.error());
    const InstanceId id{*row ? as_number(open->number(kStoredCount + 2))
                             : std::numeric_limits<std::uint64_t>::max()};
    for (; next != logged.end() && next->first.number < id.number; ++next) {
      Known known{std::move(next->second)};
      Status done = load(next->first, known, true);
      if (done) done = tell(known, next->first);
      if (!done) return done;
    }
    if (!*row) return {};
    Known known;
    if (next != logged.end() && next->first == id) known.rows = std::move((next++)->second);
    Result<JournalHistory::Stored> stored = stored_of(*open, 0, id, known.texts);
    if (!stored) return fail(std::move(stored.error()));
    stored->head.text = known.texts.emplace_back(open->view(kStoredCount));
    known.history.begin(*stored);
    Status done =
        known.history.add_stored(known.texts.emplace_back(open->view(kStoredCount + 1)), id);
    while (done && *more && pieces->number(0) == as_column(id.number)) {
      done = known.history.add_stored(known.texts.emplace_back(pieces->view(1)), id);
      if (!done) return done;
      more = pieces->step();
      if (!more) return fail(std::move(more.error()));
    }
    for (const SharedRow& each_row : known.rows)
      known.history.apply(JournalHistory::line_of(*each_row));
    if (done) done = tell(known, id);
    if (!done) return done;
  }
}

Result<engine::FoundInstances> JournalReader::find(const engine::InstanceQuery& query,
                                                   const SearchLimits& limits) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<InstanceId, Rows>> logged;
  Rows shared;
  Status done = begin([&] {
    logged = overlay_.all({});
    if (!query.filter.credential.empty()) shared = overlay_.shared();
  });
  if (!done) return fail(std::move(done.error()));
  JournalSearch search(database_, query, limits);
  done = search.prepare(shared);
  if (done) done = find_logged(search, logged);
  if (done) done = search.run();
  Result<engine::FoundInstances> found;
  if (done) found = show(search, query.ids_only);
  database_.rollback();
  if (!done) return fail(std::move(done.error()));
  return found;
}

template <class Text, class Row>
Status JournalReader::shared(std::string_view sql, const Text& text, const Row& row) {
  const std::scoped_lock lock(mutex_);
  const Rows logged = overlay_.shared();
  Result<Statement> statement = database_.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  for (;;) {
    const Result<bool> more = statement->step();
    if (!more) return fail(more.error());
    if (!*more) break;
    Status done = text(statement->view(0));
    if (!done) return done;
  }
  for (const SharedRow& each : logged) {
    Status done = row(*each);
    if (!done) return done;
  }
  return {};
}

Result<Value> JournalReader::definition(const std::string& digest) {
  const std::scoped_lock lock(mutex_);
  const Rows logged = overlay_.shared();
  Result<Statement> statement =
      database_.prepare("SELECT record FROM definitions WHERE digest = ?");
  if (!statement) return fail(std::move(statement.error()));
  const Result<bool> there = statement->bind(digest).step();
  if (!there) return fail(there.error());
  std::string_view text = *there ? statement->view(0) : std::string_view();
  for (auto row = logged.begin(); text.empty() && row != logged.end(); ++row)
    if ((*row)->kind == Kind::definition && (*row)->digest == Value(digest)) text = (*row)->text;
  if (text.empty()) return Value();
  Result<Record> record = record_of(text, {});
  if (!record) return fail(std::move(record.error()));
  return std::move(record->payload);
}

Result<std::vector<std::string>> JournalReader::incomplete_definitions() {
  std::set<std::string, std::less<>> digests;
  const auto text = [&](std::string_view digest) -> Status {
    digests.emplace(digest);
    return {};
  };
  std::set<std::string, std::less<>> complete;
  Status done =
      shared("SELECT digest FROM definitions WHERE json_type(record, '$[7].credentials') IS NULL",
             text, [&](const JournalRow& row) -> Status {
               if (row.kind == Kind::definition && row.digest.is_string())
                 (row.credentials.is_array() ? complete : digests).emplace(row.digest.as_string());
               return {};
             });
  if (!done) return fail(std::move(done.error()));
  std::vector<std::string> left;
  std::set_difference(digests.begin(), digests.end(), complete.begin(), complete.end(),
                      std::back_inserter(left));
  return left;
}

Result<std::vector<Record>> JournalReader::undelivered() {
  std::map<std::uint64_t, Record> events;
  const auto add = [&](std::string_view text) -> Status {
    Result<Record> record = record_of(text, {});
    if (!record) return fail(std::move(record.error()));
    const std::uint64_t id = record->id;
    events.try_emplace(id, std::move(*record));
    return {};
  };
  Status done = shared("SELECT record FROM events", add, [&](const JournalRow& row) -> Status {
    if (row.kind == Kind::published) return add(row.text);
    if (row.kind == Kind::delivered) events.erase(row.id);
    return {};
  });
  if (!done) return fail(std::move(done.error()));
  std::vector<Record> records;
  records.reserve(events.size());
  for (auto& [id, record] : events) records.push_back(std::move(record));
  return records;
}

Result<std::vector<Record>> JournalReader::schedules() {
  std::map<std::string, Record, std::less<>> last;
  const auto add = [&](std::string_view text) -> Status {
    Result<Record> record = record_of(text, {});
    if (!record) return fail(std::move(record.error()));
    const Value workflow = record->payload.get("workflow");
    last.insert_or_assign(workflow.is_string() ? std::string(workflow.as_string()) : std::string(),
                          std::move(*record));
    return {};
  };
  Status done = shared("SELECT record FROM schedules", add, [&](const JournalRow& row) -> Status {
    return row.kind == Kind::schedule ? add(row.text) : Status();
  });
  if (!done) return fail(std::move(done.error()));
  std::vector<Record> records;
  records.reserve(last.size());
  for (auto& [workflow, record] : last) records.push_back(std::move(record));
  return records;
}

Result<std::vector<std::int64_t>> JournalReader::numbers(Statement statement) {
  std::vector<std::int64_t> read;
  for (;;) {
    Result<bool> row = statement.step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return read;
    read.push_back(statement.number(0));
  }
}

Result<std::uint64_t> JournalReader::last_instance(std::uint64_t limit) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t logged = overlay_.last_below(limit);
  Result<Statement> statement = database_.prepare(
      "SELECT coalesce(max(id), 0) FROM (SELECT max(id) AS id FROM instances WHERE id < ?1 "
      "UNION ALL SELECT id FROM highest WHERE id < ?1)");
  if (!statement) return fail(std::move(statement.error()));
  const Result<std::optional<std::int64_t>> last =
      statement->bind(as_column(std::min<std::uint64_t>(limit, INT64_MAX))).one_number();
  if (!last) return fail(last.error());
  return std::max(logged, as_number(last->value_or(0)));
}

std::string ended_instances(const std::vector<std::int64_t>& workflows,
                            std::string_view condition) {
  constexpr std::size_t kMostMerged = 100;  // SQLite takes 500 parts; more versions are sorted
  const auto of = [&](const std::string& which) {
    return "SELECT id, ended_at FROM instances INDEXED BY instances_of WHERE workflow " + which +
           " AND ended_at IS NOT NULL" + std::string(condition);
  };
  const bool merged = workflows.size() <= kMostMerged;
  std::string text;
  for (const std::int64_t id : workflows)
    text.append(text.empty() ? ""
                : merged     ? " UNION ALL "
                             : ", ")
        .append(merged ? of("= " + std::to_string(id)) : std::to_string(id));
  return merged ? text : of("IN (" + text + ")");
}

Result<std::vector<std::int64_t>> JournalReader::beyond(const Retention& retention,
                                                        std::size_t most) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::int64_t> found;
  std::vector<std::int64_t> workflows;
  const bool all = retention.workflow.empty();
  if (!all) {
    Result<Statement> named = database_.prepare("SELECT id FROM workflows WHERE name = ?");
    if (!named) return fail(std::move(named.error()));
    named->bind(retention.workflow);
    Result<std::vector<std::int64_t>> ids = numbers(std::move(*named));
    if (!ids || ids->empty()) return ids;
    workflows = std::move(*ids);
  }
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, INT32_MAX));
  const auto search = [&](std::string_view condition, std::string_view order, std::int64_t skip,
                          std::optional<std::int64_t> before) -> Status {
    std::string text = all ? "SELECT id, ended_at FROM instances INDEXED BY instances_ended "
                             "WHERE status IS NOT NULL" +
                                 std::string(condition)
                           : ended_instances(workflows, condition);
    text.append(order).append(" LIMIT ?1 OFFSET ?2");
    Result<Statement> statement = database_.prepare(text);
    if (!statement) return fail(std::move(statement.error()));
    statement->bind(limit).bind(skip);
    if (before) statement->bind(*before);
    Result<std::vector<std::int64_t>> ids = numbers(std::move(*statement));
    if (!ids) return fail(std::move(ids.error()));
    found = std::move(*ids);
    return {};
  };
  Status done;
  if (retention.ended_before)
    done =
        search(" AND ended_at < ?3", " ORDER BY ended_at", 0, as_column(*retention.ended_before));
  if (done && found.empty() && retention.keep) {
    done = search("", " ORDER BY ended_at DESC", as_column(*retention.keep), std::nullopt);
    std::reverse(found.begin(), found.end());
  }
  if (!done) return fail(std::move(done.error()));
  return found;
}

Result<std::vector<std::int64_t>> JournalReader::unused_workflows() {
  const std::scoped_lock lock(mutex_);
  Result<Statement> statement = database_.prepare(
      "SELECT id FROM workflows AS w WHERE NOT EXISTS "
      "(SELECT 1 FROM instances WHERE workflow = w.id)");
  if (!statement) return fail(std::move(statement.error()));
  return numbers(std::move(*statement));
}

}  // namespace stepwell::store
