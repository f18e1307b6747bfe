#include "store/journal_reader.h"

#include <algorithm>
#include <utility>

#include "store/journal_row.h"

namespace stepwell::store {

using engine::InstanceFilter;
using engine::InstanceSummary;
using engine::Record;

namespace {

constexpr const char* kSummaries =
    "SELECT id, kind, started_at, random, head, status, ended_at, last, turns, cuts, tail FROM "
    "instances "
    "WHERE id ";

std::string named(const char* what, std::int64_t instance) {
  return std::string(what) + " of instance " + std::to_string(instance);
}

// The first record from the columns id, kind, started_at, random, head.
Result<Record> head_of(const Statement& row) {
  const std::int64_t id = row.number(0);
  const std::optional<Record::Kind> kind = kind_of(row.number(1));
  if (!kind) return fail(unreadable(named("record 1", id), "its kind is not known"));
  Result<Value> payload = payload_of(row.view(4), named("record 1", id));
  if (!payload) return fail(std::move(payload.error()));
  Record record;
  record.kind = *kind;
  record.instance = InstanceId{as_number(id)};
  record.time = as_time(row.number(2));
  record.random = as_number(row.number(3));
  record.payload = std::move(*payload);
  record.number = 1;
  return record;
}

// From all of a summary's columns.
Result<InstanceSummary> summary_of(const Statement& row) {
  Result<Record> head = head_of(row);
  if (!head) return fail(std::move(head.error()));
  InstanceSummary summary{std::move(*head), std::nullopt};
  if (!row.optional_number(5)) return summary;
  Result<Value> payload = payload_of(row.view(10), named("the end", row.number(0)));
  if (!payload) return fail(std::move(payload.error()));
  Record end;
  end.kind = Record::Kind::ended;
  end.instance = summary.head.instance;
  end.time = as_time(row.number(6));
  end.payload = std::move(*payload);
  end.number = static_cast<std::uint32_t>(row.number(7));
  end.turns = static_cast<std::uint32_t>(row.number(8));
  end.cuts = cuts_of(row.view(9));
  summary.end = std::move(end);
  return summary;
}

// What stands before a snapshot is not part of the history any more.
void add(std::vector<Record>& records, Record record) {
  if (record.kind == Record::Kind::snapshot) records.resize(1);
  records.push_back(std::move(record));
}

// What the filter leaves of the table, as conditions behind a WHERE.
struct Conditions {
  std::string index;
  std::string text = "id > ?";
  std::vector<std::int64_t> numbers;
  std::string name;
  std::optional<std::string> version;
};

Conditions conditions_of(const InstanceFilter& filter) {
  Conditions made;
  made.numbers.push_back(as_column(filter.after.number));
  const auto where = [&made](const char* condition, std::int64_t number) {
    made.text += condition;
    made.numbers.push_back(number);
  };
  const bool open = filter.open || (filter.status && !engine::ended(*filter.status));
  if (open) made.text += " AND status IS NULL";
  if (filter.status == engine::InstanceStatus::faulted)
    made.text += " AND status = 2";
  else if (filter.status && engine::ended(*filter.status))
    where(" AND status = ?", static_cast<std::int64_t>(end_status(*filter.status)));
  if (filter.since) where(" AND started_at >= ?", as_column(*filter.since));
  if (filter.until) where(" AND started_at < ?", as_column(*filter.until));
  if (filter.ended_before)
    where(" AND status IS NOT NULL AND ended_at < ?", as_column(*filter.ended_before));
  if (open)
    made.index = " INDEXED BY instances_open";
  else if (filter.status == engine::InstanceStatus::faulted)
    made.index = " INDEXED BY instances_faulted";
  else if (!filter.workflow.empty())
    made.index = " INDEXED BY instances_of";
  if (filter.workflow.empty()) return made;
  const std::size_t colon = filter.workflow.find(':');
  made.name = filter.workflow.substr(0, colon);
  made.text += " AND workflow IN (SELECT id FROM workflows WHERE name = ?";
  if (colon != std::string::npos) {
    made.version = filter.workflow.substr(colon + 1);
    made.text += " AND version = ?";
  }
  made.text += ")";
  return made;
}

}  // namespace

Status JournalReader::read_open(const engine::Journal::Reader& each) {
  const std::scoped_lock lock(mutex_);
  Status done = database_.begin_read();
  if (!done) return done;
  done = read_open_locked(each);
  database_.rollback();
  return done;
}

// Both statements yield instances by id: they are merged.
Status JournalReader::read_open_locked(const engine::Journal::Reader& each) {
  Result<Statement> heads = database_.prepare(
      "SELECT id, kind, started_at, random, head FROM instances INDEXED BY instances_open "
      "WHERE status IS NULL ORDER BY id");
  if (!heads) return fail(std::move(heads.error()));
  Result<Statement> rest = database_.prepare(
      "SELECT i.id, r.number, r.kind, r.at, r.subject, r.random, r.turns, r.payload, r.cuts "
      "FROM instances AS i INDEXED BY instances_open CROSS JOIN records AS r ON r.instance = i.id "
      "WHERE i.status IS NULL ORDER BY i.id, r.number");
  if (!rest) return fail(std::move(rest.error()));
  Result<bool> more = rest->step();
  if (!more) return fail(std::move(more.error()));
  for (;;) {
    Result<bool> row = heads->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
    Result<Record> head = head_of(*heads);
    if (!head) return fail(std::move(head.error()));
    const InstanceId id = head->instance;
    std::vector<Record> records;
    records.push_back(std::move(*head));
    while (*more && rest->number(0) == as_column(id.number)) {
      Result<Record> record = record_of(*rest, 1, id);
      if (!record) return fail(std::move(record.error()));
      add(records, std::move(*record));
      more = rest->step();
      if (!more) return fail(std::move(more.error()));
    }
    each(std::move(records));
  }
}

Status JournalReader::read_rest(InstanceId instance, std::vector<Record>& records) {
  Result<Statement> rest = database_.prepare(
      "SELECT number, kind, at, subject, random, turns, payload, cuts FROM records WHERE instance "
      "= ? "
      "ORDER BY number");
  if (!rest) return fail(std::move(rest.error()));
  rest->bind(as_column(instance.number));
  for (;;) {
    Result<bool> row = rest->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
    Result<Record> record = record_of(*rest, 0, instance);
    if (!record) return fail(std::move(record.error()));
    add(records, std::move(*record));
  }
}

namespace {

Result<std::optional<InstanceSummary>> read_summary(Database& database, InstanceId instance) {
  Result<Statement> statement = database.prepare(kSummaries + std::string("= ?"));
  if (!statement) return fail(std::move(statement.error()));
  Result<bool> row = statement->bind(as_column(instance.number)).step();
  if (!row) return fail(std::move(row.error()));
  if (!*row) return std::optional<InstanceSummary>();
  Result<InstanceSummary> summary = summary_of(*statement);
  if (!summary) return fail(std::move(summary.error()));
  return std::optional(std::move(*summary));
}

}  // namespace

Result<std::vector<Record>> JournalReader::read(InstanceId instance) {
  const std::scoped_lock lock(mutex_);
  std::vector<Record> records;
  Status done = database_.begin_read();
  if (!done) return fail(std::move(done.error()));
  Result<std::optional<InstanceSummary>> summary = read_summary(database_, instance);
  if (summary && *summary) {
    records.push_back(std::move((*summary)->head));
    done = read_rest(instance, records);
    if ((*summary)->end) records.push_back(std::move(*(*summary)->end));
  }
  database_.rollback();
  if (!summary) return fail(std::move(summary.error()));
  if (!done) return fail(std::move(done.error()));
  return records;
}

Result<std::optional<InstanceSummary>> JournalReader::summary(InstanceId instance) {
  const std::scoped_lock lock(mutex_);
  return read_summary(database_, instance);
}

Result<std::vector<InstanceSummary>> JournalReader::find(const InstanceFilter& filter,
                                                         std::size_t most) {
  const Conditions conditions = conditions_of(filter);
  const std::scoped_lock lock(mutex_);
  // First the ids, from what is small; then the rows of those alone.
  Result<Statement> statement = database_.prepare(
      kSummaries + ("IN (SELECT id FROM instances" + conditions.index + " WHERE ") +
      conditions.text + " ORDER BY id LIMIT ?) ORDER BY id");
  if (!statement) return fail(std::move(statement.error()));
  for (const std::int64_t number : conditions.numbers) statement->bind(number);
  if (!conditions.name.empty()) statement->bind(conditions.name);
  if (conditions.version) statement->bind(*conditions.version);
  statement->bind(static_cast<std::int64_t>(std::min<std::size_t>(most, INT32_MAX)));
  std::vector<InstanceSummary> found;
  for (;;) {
    Result<bool> row = statement->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return found;
    Result<InstanceSummary> summary = summary_of(*statement);
    if (!summary) return fail(std::move(summary.error()));
    found.push_back(std::move(*summary));
  }
}

Result<Value> JournalReader::definition(const std::string& digest) {
  const std::scoped_lock lock(mutex_);
  Result<Statement> statement =
      database_.prepare("SELECT payload FROM definitions WHERE digest = ?");
  if (!statement) return fail(std::move(statement.error()));
  Result<bool> row = statement->bind(digest).step();
  if (!row) return fail(std::move(row.error()));
  if (!*row) return Value();
  return payload_of(statement->view(0), "definition " + digest);
}

// From the columns id, at, random, payload.
Result<std::vector<Record>> JournalReader::shared(std::string_view sql, Record::Kind kind) {
  const std::scoped_lock lock(mutex_);
  Result<Statement> statement = database_.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  std::vector<Record> records;
  for (;;) {
    Result<bool> row = statement->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return records;
    Result<Value> payload = payload_of(statement->view(3), "a record that several share");
    if (!payload) return fail(std::move(payload.error()));
    Record record;
    record.kind = kind;
    record.id = as_number(statement->number(0));
    record.time = as_time(statement->number(1));
    record.random = as_number(statement->number(2));
    record.payload = std::move(*payload);
    records.push_back(std::move(record));
  }
}

Result<std::vector<Record>> JournalReader::undelivered() {
  return shared("SELECT id, at, random, payload FROM events ORDER BY id", Record::Kind::published);
}

Result<std::vector<Record>> JournalReader::schedules() {
  return shared("SELECT subject, at, random, payload FROM schedules ORDER BY workflow",
                Record::Kind::schedule);
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
  Result<Statement> statement = database_.prepare(
      "SELECT coalesce(max(id), 0) FROM (SELECT max(id) AS id FROM instances WHERE id < ?1 "
      "UNION ALL SELECT id FROM highest WHERE id < ?1)");
  if (!statement) return fail(std::move(statement.error()));
  statement->bind(as_column(std::min<std::uint64_t>(limit, INT64_MAX)));
  const Result<std::vector<std::int64_t>> last = numbers(std::move(*statement));
  if (!last) return fail(last.error());
  return last->empty() ? 0 : as_number(last->front());
}

Result<std::vector<std::int64_t>> JournalReader::beyond(const Retention& retention,
                                                        std::size_t most) {
  const bool all = retention.workflow.empty();
  const std::string from =
      all ? "SELECT id FROM instances INDEXED BY instances_ended WHERE status IS NOT NULL"
          : "SELECT id FROM instances INDEXED BY instances_of WHERE workflow IN "
            "(SELECT id FROM workflows WHERE name = ?) AND status IS NOT NULL";
  const std::scoped_lock lock(mutex_);
  std::vector<std::int64_t> found;
  const auto search = [&](const char* how, std::int64_t first, std::int64_t second) -> Status {
    Result<Statement> statement = database_.prepare(from + how);
    if (!statement) return fail(std::move(statement.error()));
    if (!all) statement->bind(retention.workflow);
    statement->bind(first).bind(second);
    Result<std::vector<std::int64_t>> ids = numbers(std::move(*statement));
    if (!ids) return fail(std::move(ids.error()));
    found = std::move(*ids);
    return {};
  };
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, INT32_MAX));
  Status done;
  if (retention.ended_before)
    done = search(" AND ended_at < ? ORDER BY ended_at LIMIT ?", as_column(*retention.ended_before),
                  limit);
  if (done && found.empty() && retention.keep) {
    done = search(" ORDER BY ended_at DESC LIMIT ? OFFSET ?", limit, as_column(*retention.keep));
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
