// JournalReader::find(): what the log has, and what the tables have, in one order.
#include <algorithm>
#include <utility>

#include "store/journal_reader.h"
#include "store/journal_row.h"
#include "store/journal_search.h"

namespace stepwell::store {

using engine::FoundInstances;
using engine::InstanceSummary;

// Most of them have all of their records there, and need no look into the tables. But what came a
// second time says nothing of an instance that the tables have as a whole.
Status JournalReader::find_logged(JournalSearch& search,
                                  std::vector<std::pair<InstanceId, Rows>>& logged) {
  for (auto& [id, rows] : logged) {
    search.pass_over(id);
    const bool whole = id.number < kDerivedInstances && rows.front()->is_admission();
    Known known{std::move(rows)};
    if (whole)
      for (const SharedRow& row : known.rows) known.history.apply(JournalHistory::line_of(*row));
    if (!whole || !known.history.tail()) {
      known.history.clear();
      if (Status done = load(id, known, false); !done) return done;
    }
    if (!known.history.head() || !known.history.tail()) continue;
    Result<InstanceSummary> summary = summary_of(known.history, id);
    if (!summary) return fail(std::move(summary.error()));
    search.offer(std::move(*summary));
  }
  return {};
}

Result<FoundInstances> JournalReader::show(const JournalSearch& search, bool ids_only) {
  FoundInstances found;
  found.stopped_at = search.stopped_at();
  Result<Statement> statement = database_.prepare(
      "SELECT head, tail, changed, started_at FROM instances LEFT JOIN labels USING (id) "
      "WHERE id = ?");
  if (!statement) return fail(std::move(statement.error()));
  for (const JournalSearch::Found& each : search.found()) {
    found.positions.push_back(each.position);
    InstanceSummary summary{};
    summary.head.instance = each.position.id;
    if (!ids_only && each.logged) {
      summary = *each.logged;
    } else if (!ids_only) {
      const Result<bool> row = statement->bind(as_column(each.position.id.number)).step();
      if (!row) return fail(row.error());
      SummaryTexts texts{statement->view(0), std::nullopt, std::nullopt,
                         as_time(statement->number(3))};
      if (!statement->view(1).empty()) texts.tail = statement->view(1);
      if (!statement->view(2).empty()) texts.changed = statement->view(2);
      Result<InstanceSummary> read = summary_of(texts, each.position.id);
      statement->reset();
      if (!read) return fail(std::move(read.error()));
      summary = std::move(*read);
    }
    found.instances.push_back(std::move(summary));
  }
  return found;
}

}  // namespace stepwell::store
