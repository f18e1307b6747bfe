// What JournalReader::find() looks for, in the log and in the tables.
#include <algorithm>
#include <limits>
#include <utility>

#include "store/journal_reader.h"
#include "store/journal_row.h"

namespace stepwell::store {

using engine::InstanceFilter;
using engine::InstanceSummary;

namespace {

// Whether an instance of the log is meant; of what its first record holds only the workflow counts.
bool is_meant(const InstanceFilter& filter, const JournalHistory& history) {
  const auto& head = history.head();
  const auto& tail = history.tail();
  if (filter.since && head->at < *filter.since) return false;
  if (filter.until && head->at >= *filter.until) return false;
  if (filter.open && tail) return false;
  if (filter.ended_before && (!tail || tail->at >= *filter.ended_before)) return false;
  if (!filter.status) return true;
  const EndStatus wanted = end_status(*filter.status);
  return wanted == (tail ? tail->status : EndStatus::none);
}

bool is_meant(const std::string& workflow, const Value& stands) {
  if (workflow.empty()) return true;
  const std::string_view whole = stands.is_string() ? stands.as_string() : std::string_view();
  return whole == workflow || whole.substr(0, whole.find(':')) == workflow;
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

Status JournalReader::find_locked(const InstanceFilter& filter, std::size_t most,
                                  std::vector<std::pair<InstanceId, Rows>> logged,
                                  std::vector<InstanceSummary>& found) {
  const Conditions conditions = conditions_of(filter);
  // First the ids, from what is small; then the rows of those alone. What is in the log as well is
  // passed over there.
  Result<Statement> statement = database_.prepare(
      "SELECT id, head, tail FROM instances WHERE id IN (SELECT id FROM instances" +
      conditions.index + " WHERE " + conditions.text + " ORDER BY id LIMIT ?) ORDER BY id");
  if (!statement) return fail(std::move(statement.error()));
  for (const std::int64_t number : conditions.numbers) statement->bind(number);
  if (!conditions.name.empty()) statement->bind(conditions.name);
  if (conditions.version) statement->bind(*conditions.version);
  statement->bind(
      static_cast<std::int64_t>(std::min<std::size_t>(most, INT32_MAX) + logged.size()));
  auto next = logged.begin();
  for (;;) {
    if (found.size() >= most) return {};
    const Result<bool> row = statement->step();
    if (!row) return fail(row.error());
    const InstanceId id{*row ? as_number(statement->number(0))
                             : std::numeric_limits<std::uint64_t>::max()};
    bool passed = false;
    for (; next != logged.end() && next->first.number <= id.number && found.size() < most; ++next) {
      passed |= next->first == id;
      Status done = find_logged(filter, next->first, std::move(next->second), found);
      if (!done) return done;
    }
    if (!*row) return {};
    if (passed || found.size() >= most) continue;
    std::optional<std::string_view> tail;
    if (!statement->view(2).empty()) tail = statement->view(2);
    Result<InstanceSummary> summary = summary_of(statement->view(1), tail, id);
    if (!summary) return fail(std::move(summary.error()));
    found.push_back(std::move(*summary));
  }
}

Status JournalReader::find_logged(const InstanceFilter& filter, InstanceId instance, Rows rows,
                                  std::vector<InstanceSummary>& found) {
  Known known{std::move(rows)};
  Status done = load(instance, known, false);
  if (!done) return done;
  if (!known.history.head() || !is_meant(filter, known.history)) return {};
  Result<InstanceSummary> summary = summary_of(known.history, instance);
  if (!summary) return fail(std::move(summary.error()));
  if (is_meant(filter.workflow, summary->head.payload.get("workflow")))
    found.push_back(std::move(*summary));
  return {};
}

}  // namespace stepwell::store
