#include "store/journal_search.h"

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace stepwell::store {

using engine::InstanceFilter;
using engine::InstanceOrder;
using engine::InstancePosition;
using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::Label;
using engine::Priority;
using engine::TimeRange;
using By = InstanceOrder::By;

namespace {

// Rows between two looks at the clock.
constexpr std::uint64_t kRowsBetweenLooks = 64;
constexpr std::int64_t kNever = INT64_MAX;

constexpr const char* kFoundColumns =
    "SELECT i.id, i.workflow, i.started_at, i.status, i.ended_at, ";
constexpr const char* kLabelColumns = "l.name, l.tags, l.priority, l.deadline, l.parent";
constexpr const char* kNoLabelColumns = "NULL, NULL, NULL, NULL, NULL";
constexpr const char* kLabelledFirst =
    " FROM labels AS l CROSS JOIN instances AS i ON i.id = l.id WHERE i.status IS NOT NULL";
// No column has it, since hardly anybody asks.
constexpr const char* kKeyColumn = ", i.head ->> '$[7].key'";

// Among those that have ended: does it pick only these?
bool only(const InstanceFilter& filter, std::initializer_list<InstanceStatus> statuses) {
  return !filter.statuses.empty() &&
         std::all_of(filter.statuses.begin(), filter.statuses.end(), [&](InstanceStatus each) {
           return !engine::ended(each) ||
                  std::find(statuses.begin(), statuses.end(), each) != statuses.end();
         });
}

bool picks_status(const InstanceFilter& filter, InstanceStatus status) {
  return filter.statuses.empty() ||
         std::find(filter.statuses.begin(), filter.statuses.end(), status) != filter.statuses.end();
}

bool is_urgent(const InstanceFilter& filter) {
  return !filter.priorities.empty() && std::find(filter.priorities.begin(), filter.priorities.end(),
                                                 Priority::regular) == filter.priorities.end();
}

InstanceStatus status_of(std::int64_t column) {
  switch (static_cast<EndStatus>(column)) {
    case EndStatus::completed:
      return InstanceStatus::completed;
    case EndStatus::faulted:
      return InstanceStatus::faulted;
    default:
      return InstanceStatus::stopped;
  }
}

TimeRange both(const TimeRange& a, const TimeRange& b) {
  TimeRange range = a;
  if (b.from && (!range.from || *range.from < *b.from)) range.from = b.from;
  if (b.before && (!range.before || *b.before < *range.before)) range.before = b.before;
  return range;
}

}  // namespace

Result<Statement> JournalSearch::prepare(const Sql& sql) {
  Result<Statement> statement = database_.prepare(sql.text);
  if (!statement) return statement;
  for (const Parameter& value : sql.values) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      statement->bind(*number);
    else
      statement->bind(std::get<std::string>(value));
  }
  return statement;
}

Status JournalSearch::prepare(const std::vector<SharedRow>& defined) {
  const InstanceFilter& filter = query_.filter;
  if (filter.workflow.empty() && filter.credential.empty()) return {};
  workflows_.emplace();
  Sql sql{"SELECT id, digest FROM workflows WHERE TRUE", {}};
  if (!filter.workflow.empty()) {
    const std::size_t colon = filter.workflow.find(':');
    sql.add(" AND name = ?", filter.workflow.substr(0, colon));
    if (colon != std::string::npos) sql.add(" AND version = ?", filter.workflow.substr(colon + 1));
  }
  if (!filter.credential.empty()) {
    Result<Statement> uses = prepare(
        Sql{"SELECT digest FROM credential_uses WHERE credential = ?", {filter.credential}});
    if (!uses) return fail(std::move(uses.error()));
    for (Result<bool> row = uses->step();; row = uses->step()) {
      if (!row) return fail(std::move(row.error()));
      if (!*row) break;
      digests_.emplace(uses->view(0));
    }
    for (const SharedRow& row : defined) {
      const auto names = row->credentials.elements();
      if (row->digest.is_string() &&
          std::find(names.begin(), names.end(), Value(filter.credential)) != names.end())
        digests_.emplace(row->digest.as_string());
    }
  }
  Result<Statement> statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  for (Result<bool> row = statement->step();; row = statement->step()) {
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
    if (filter.credential.empty() || digests_.contains(statement->view(1)))
      workflows_->insert(statement->number(0));
  }
}

void JournalSearch::offer(InstanceSummary summary) {
  const InstanceFilter& filter = query_.filter;
  if (!summary.end) return;
  const Value& head = summary.head.payload;
  const auto text_of = [&head](std::string_view name) {
    const Value& text = head.get(name);
    return text.is_string() ? text.as_string() : std::string_view();
  };
  if (!engine::picks_workflow(filter, text_of("workflow"))) return;
  if (!filter.credential.empty() && !digests_.contains(text_of("digest"))) return;
  const Label label =
      engine::label_of(summary.changed ? summary.changed->payload : summary.head.payload);
  engine::InstanceFacts facts{summary.head.instance, InstanceStatus::stopped, summary.started,
                              summary.end->time,     summary.end->time,       &label,
                              std::nullopt};
  facts.status = status_of(static_cast<std::int64_t>(to_row(*summary.end).status));
  if (const auto parent = head.get("parent").get("id").as_integer(); parent && *parent > 0)
    facts.parent = InstanceId{as_number(*parent)};
  facts.key = text_of("key");
  InstancePosition position = engine::position_of(query_.order, facts);
  if (query_.after && !engine::comes_before(query_.order, *query_.after, position)) return;
  if (engine::picks(filter, facts)) waiting_.push_back({std::move(position), std::move(summary)});
}

const char* JournalSearch::key_column() const {
  return query_.filter.keys.empty() ? ", NULL" : kKeyColumn;
}

bool JournalSearch::needs_labels() const {
  const InstanceFilter& filter = query_.filter;
  const By by = query_.order.by;
  return !filter.name.empty() || !filter.priorities.empty() || !filter.tags.empty() ||
         filter.parent || filter.overdue || filter.deadline.any() || by == By::name ||
         by == By::priority || by == By::deadline;
}

// When those can have ended that are picked.
TimeRange JournalSearch::ends() const {
  const InstanceFilter& filter = query_.filter;
  TimeRange range = both(filter.ended, filter.updated);
  range = both(range, filter.completed);
  return both(range, filter.stopped);
}

void JournalSearch::add_range(Sql& sql, const std::string& column, const TimeRange& range) {
  if (range.from) sql.add(" AND " + column + " >= ?", as_column(*range.from));
  if (range.before) sql.add(" AND " + column + " < ?", as_column(*range.before));
}

void JournalSearch::add_workflows(Sql& sql) const {
  sql.add("(-1");
  for (const std::int64_t id : workflows_.value_or(std::set<std::int64_t>()))
    sql.add(", " + std::to_string(id));
  sql.add(")");
}

// What indices know, each a statement that yields ids; but for those along which a walk goes
// anyway.
std::vector<JournalSearch::Sql> JournalSearch::sets() const {
  const InstanceFilter& filter = query_.filter;
  const By by = query_.order.by;
  std::vector<Sql> all;
  if (filter.parent)
    all.push_back(Sql{"SELECT id FROM labels INDEXED BY labels_parent WHERE parent = ?",
                      {as_column(filter.parent->number)}});
  if (!filter.tags.empty()) {
    Sql sql{"SELECT instance FROM tags WHERE tag IN (", {}};
    for (const std::string& tag : filter.tags) sql.add(sql.values.empty() ? "?" : ", ?", tag);
    all.push_back(std::move(sql.add(")")));
  }
  if (workflows_) {
    Sql sql{"SELECT id FROM instances INDEXED BY instances_of WHERE workflow IN ", {}};
    add_workflows(sql);
    all.push_back(std::move(sql));
  }
  if (is_urgent(filter) && by != By::priority) {
    Sql sql{"SELECT id FROM labels INDEXED BY labels_priority WHERE priority > 0 AND priority IN (",
            {}};
    for (const Priority each : filter.priorities)
      sql.add(sql.values.empty() ? "?" : ", ?", static_cast<std::int64_t>(each));
    all.push_back(std::move(sql.add(")")));
  }
  if ((filter.deadline.any() || filter.overdue) && by != By::deadline) {
    Sql sql{"SELECT id FROM labels INDEXED BY labels_deadline WHERE deadline IS NOT NULL", {}};
    add_range(sql, "deadline", filter.deadline);
    all.push_back(std::move(sql));
  }
  const bool along_status = by == By::id || by == By::status;
  const bool only_stopped = only(filter, {InstanceStatus::stopped});
  const bool only_faulted = only(filter, {InstanceStatus::faulted});
  if (!along_status && only_stopped)
    all.push_back(
        Sql{"SELECT id FROM instances INDEXED BY instances_stopped WHERE status = 3", {}});
  if (!along_status && only_faulted)
    all.push_back(
        Sql{"SELECT id FROM instances INDEXED BY instances_faulted WHERE status = 2", {}});
  if (by != By::status && !only_stopped && !only_faulted &&
      only(filter, {InstanceStatus::faulted, InstanceStatus::stopped}))
    all.push_back(
        Sql{"SELECT id FROM instances INDEXED BY instances_stopped WHERE status = 3 "
            "UNION ALL "
            "SELECT id FROM instances INDEXED BY instances_faulted WHERE status = 2",
            {}});
  if (filter.started.any() && by != By::started) {
    Sql sql{"SELECT id FROM instances INDEXED BY instances_started WHERE status IS NOT NULL", {}};
    add_range(sql, "started_at", filter.started);
    all.push_back(std::move(sql));
  }
  if (ends().any() && by != By::updated && by != By::completed) {
    Sql sql{"SELECT id FROM instances INDEXED BY instances_ended WHERE status IS NOT NULL", {}};
    add_range(sql, "ended_at", ends());
    all.push_back(std::move(sql));
  }
  return all;
}

Result<bool> JournalSearch::is_small(const Sql& set) {
  Sql counting = set;
  counting.text = "SELECT count(*) FROM (" + set.text + " LIMIT " + std::to_string(few_) + ")";
  Result<Statement> statement = prepare(counting);
  if (!statement) return fail(std::move(statement.error()));
  return statement->one_number().map(
      [this](std::optional<std::int64_t> count) { return count.value_or(0) < few_; });
}

Status JournalSearch::look_through(const Sql& set) {
  Sql sql{std::string(kFoundColumns) + kLabelColumns + key_column() +
              " FROM instances AS i LEFT JOIN labels AS l ON l.id = i.id "
              "WHERE i.status IS NOT NULL AND i.id IN (" +
              set.text + ")",
          set.values};
  Result<Statement> statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  for (Result<bool> row = statement->step();; row = statement->step()) {
    if (!row) return fail(std::move(row.error()));
    if (!*row) break;
    if (take(*statement)) waiting_.push_back({std::move(position_), std::nullopt});
  }
  std::sort(waiting_.begin(), waiting_.end(), [this](const Found& a, const Found& b) {
    return engine::comes_before(query_.order, b.position, a.position);
  });
  merge_logged(nullptr);
  return {};
}

// Reads the row: is it meant? position_ tells where it stands.
bool JournalSearch::take(const Statement& row) {
  Label label;
  const InstanceFilter& filter = query_.filter;
  if (!row.view(5).empty()) label.name = row.view(5);
  const std::string_view tags = filter.tags.empty() ? std::string_view() : row.view(6);
  if (!tags.empty())
    if (Result<Value> read = parse_json(tags)) label.tags = std::move(*read);
  label.priority = static_cast<Priority>(row.number(7));
  if (const auto deadline = row.optional_number(8)) label.deadline = as_time(*deadline);
  engine::InstanceFacts facts{InstanceId{as_number(row.number(0))},
                              status_of(row.number(3)),
                              as_time(row.number(2)),
                              as_time(row.number(4)),
                              as_time(row.number(4)),
                              &label,
                              std::nullopt};
  if (const auto parent = row.optional_number(9)) facts.parent = InstanceId{as_number(*parent)};
  facts.key = row.view(10);
  position_ = engine::position_of(query_.order, facts);
  if (logged_.contains(facts.id)) return false;
  if (query_.after && !engine::comes_before(query_.order, *query_.after, position_)) return false;
  if (workflows_ && !workflows_->contains(row.number(1))) return false;
  return engine::picks(filter, facts);
}

// Those of the log that come before that one, or all.
void JournalSearch::merge_logged(const InstancePosition* before) {
  while (!is_full() && !waiting_.empty() &&
         (before == nullptr ||
          engine::comes_before(query_.order, waiting_.back().position, *before))) {
    found_.push_back(std::move(waiting_.back()));
    waiting_.pop_back();
  }
}

// In ascending order.
std::vector<JournalSearch::Segment> JournalSearch::segments() const {
  const std::string ended = " WHERE i.status IS NOT NULL";
  const std::string joined = " LEFT JOIN labels AS l ON l.id = i.id";
  const std::string plain = " FROM instances AS i" + (needs_labels() ? joined : std::string());
  const auto labelled = [](const std::string& index, const std::string& where) {
    return " FROM labels AS l INDEXED BY " + index +
           " CROSS JOIN instances AS i ON i.id = l.id WHERE " + where + " AND i.status IS NOT NULL";
  };
  const auto indexed = [&](const std::string& index, const std::string& where) {
    return " FROM instances AS i INDEXED BY " + index + (needs_labels() ? joined : std::string()) +
           " WHERE " + where;
  };
  // Those that have nothing to be ordered by.
  const auto without = [&](const char* nothing, std::int64_t number) {
    if (!only_labelled()) return Segment{plain + ended, "", number, false, true};
    return Segment{std::string(kLabelledFirst) + " AND " + nothing, "", number};
  };
  switch (query_.order.by) {
    case By::id:
      break;
    case By::started: {
      const std::string from = indexed("instances_started", "i.status IS NOT NULL");
      return {{from + " AND i.started_at <> 0", "i.started_at", 0, false},
              {from + " AND i.started_at = 0", "", kNever, false}};
    }
    case By::updated:
    case By::completed:
      if (workflows_ && workflows_->size() == 1)
        return {{indexed("instances_of", "i.workflow = " + std::to_string(*workflows_->begin()) +
                                             " AND i.ended_at IS NOT NULL"
                                             " AND i.status IS NOT NULL"),
                 "i.ended_at"}};
      return {{indexed("instances_ended", "i.status IS NOT NULL"), "i.ended_at", 0, false}};
    case By::priority: {
      std::vector<Segment> all;
      if (!is_urgent(query_.filter)) all.push_back(without("l.priority = 0", 0));
      for (const std::int64_t number : {1, 2})
        all.push_back({labelled("labels_priority",
                                "l.priority > 0 AND l.priority = " + std::to_string(number)),
                       "", number, false});
      return all;
    }
    case By::name: {
      Segment named{labelled("labels_name", "l.name IS NOT NULL"), "l.name", 0, true};
      if (query_.filter.name.empty()) return {without("l.name IS NULL", 0), std::move(named)};
      sift_names(named);
      return {std::move(named)};
    }
    case By::deadline: {
      Segment due{labelled("labels_deadline", "l.deadline IS NOT NULL"), "l.deadline"};
      if (query_.filter.deadline.any() || query_.filter.overdue) return {std::move(due)};
      return {std::move(due), without("l.deadline IS NULL", kNever)};
    }
    case By::status: {
      std::vector<Segment> all;
      const auto add = [&](InstanceStatus status, const std::string& from) {
        if (picks_status(query_.filter, status))
          all.push_back({from, "", static_cast<std::int64_t>(status), false});
      };
      add(InstanceStatus::completed, plain + " WHERE i.status = 1");
      add(InstanceStatus::faulted, indexed("instances_faulted", "i.status = 2"));
      add(InstanceStatus::stopped, indexed("instances_stopped", "i.status = 3"));
      return all;
    }
  }
  return {along_ids()};
}

// Of most instances nobody says anything.
bool JournalSearch::only_labelled() const {
  const InstanceFilter& filter = query_.filter;
  return !filter.name.empty() || !filter.tags.empty() || filter.parent || filter.overdue ||
         filter.deadline.any() || is_urgent(filter);
}

// Names are looked at before instances are, but for some, so that the clock is looked at as well.
void JournalSearch::sift_names(Segment& segment) const {
  segment.from += " AND (l.id % 61 = 0 OR instr(lower(l.name), lower(?)) > 0)";
  segment.values.emplace_back(query_.filter.name);
}

// By the index that knows most of what is asked for.
JournalSearch::Segment JournalSearch::along_ids() const {
  const InstanceFilter& filter = query_.filter;
  const std::string joined = needs_labels() ? " LEFT JOIN labels AS l ON l.id = i.id" : "";
  const auto indexed = [&](const std::string& index, const std::string& where) {
    return Segment{" FROM instances AS i INDEXED BY " + index + joined + " WHERE " + where};
  };
  if (filter.tags.size() == 1)
    return {" FROM tags AS t CROSS JOIN instances AS i ON i.id = t.instance" + joined +
                " WHERE t.tag = ? AND i.status IS NOT NULL",
            "",
            0,
            false,
            false,
            {filter.tags.front()}};
  if (only_labelled()) {
    Segment few{kLabelledFirst};
    if (!filter.name.empty()) sift_names(few);
    return few;
  }
  if (only(filter, {InstanceStatus::faulted})) return indexed("instances_faulted", "i.status = 2");
  if (only(filter, {InstanceStatus::stopped})) return indexed("instances_stopped", "i.status = 3");
  return {" FROM instances AS i" + joined + " WHERE i.status IS NOT NULL"};
}

// None where all of it comes before what is asked for. Two where that begins among rows that have
// the same value in the column: the rest of these, then those behind.
std::vector<JournalSearch::Sql> JournalSearch::statements_of(const Segment& segment) const {
  const bool descending = query_.order.descending;
  const char* const behind = descending ? " < ?" : " > ?";
  const char* const direction = descending ? " DESC" : "";
  Sql sql{std::string(kFoundColumns) + (needs_labels() ? kLabelColumns : kNoLabelColumns) +
              key_column() + segment.from,
          segment.values};
  const std::string& column = segment.column;
  if (query_.order.by == By::started && !column.empty())
    add_range(sql, column, query_.filter.started);
  if (column == "i.ended_at") add_range(sql, column, ends());
  if (column == "l.deadline") add_range(sql, column, query_.filter.deadline);
  const std::string id = segment.from.starts_with(" FROM labels") ? "l.id"
                         : segment.from.starts_with(" FROM tags") ? "t.instance"
                                                                  : "i.id";
  std::optional<Parameter> value;  // the column's, where it begins
  if (const auto& after = query_.after) {
    if (column.empty()) {
      const bool same = segment.number == after->number && after->text.empty();
      if (!same) {
        InstancePosition last{segment.number, {}, InstanceId{descending ? 0 : UINT64_MAX}};
        if (engine::comes_before(query_.order, last, *after)) return {};
      } else {
        sql.add(" AND " + id + behind, as_column(after->id.number));
      }
    } else if (segment.by_name) {
      if (!after->text.empty()) {
        value = after->text;
      } else if (descending) {
        return {};
      }
    } else if (after->number != kNever) {
      value = after->number;
    } else if (!descending) {
      return {};
    }
  }
  std::vector<Sql> all;
  if (value) {
    Sql same = sql;
    same.add(" AND " + column + " = ?", *value);
    same.add(" AND " + id + behind, as_column(query_.after->id.number));
    all.push_back(std::move(same.add(" ORDER BY " + id + direction)));
    sql.add(" AND " + column + behind, std::move(*value));
  }
  sql.add(" ORDER BY ");
  if (!column.empty()) sql.add(column + direction + ", ");
  all.push_back(std::move(sql.add(id + direction)));
  return all;
}

Result<bool> JournalSearch::walk(const Segment& segment) {
  for (const Sql& sql : statements_of(segment)) {
    Result<bool> more = walk(segment, sql);
    if (!more || !*more) return more;
  }
  return true;
}

Result<bool> JournalSearch::walk(const Segment& segment, const Sql& sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  while (!is_full()) {
    const Result<bool> row = statement->step();
    if (!row) return fail(row.error());
    if (!*row) return true;
    bool picked = take(*statement);
    if (segment.among_others && (position_.number != segment.number || !position_.text.empty())) {
      picked = false;  // it has another place
      position_ = {segment.number, {}, position_.id};
    }
    ++rows_;
    if (picked || rows_ % kRowsBetweenLooks == 0) {
      merge_logged(&position_);
      if (picked && !is_full()) found_.push_back({position_, std::nullopt});
    }
    if (rows_ % kRowsBetweenLooks == 0 && !is_full() && std::chrono::steady_clock::now() >= end_) {
      const auto& after = query_.after;
      const bool back = after && engine::comes_before(query_.order, position_, *after);
      stopped_at_ = back ? *after : position_;  // whoever goes on from there must not go round
      return false;
    }
  }
  return false;
}

Status JournalSearch::run() {
  if (query_.most == 0) return {};
  std::sort(waiting_.begin(), waiting_.end(), [this](const Found& a, const Found& b) {
    return engine::comes_before(query_.order, b.position, a.position);
  });
  for (const Sql& set : sets()) {
    const Result<bool> small = is_small(set);
    if (!small) return fail(small.error());
    if (*small) return look_through(set);
  }
  std::vector<Segment> all = segments();
  if (query_.order.descending) std::reverse(all.begin(), all.end());
  for (const Segment& segment : all) {
    const Result<bool> more = walk(segment);
    if (!more) return fail(more.error());
    if (!*more) return {};
  }
  merge_logged(nullptr);
  return {};
}

}  // namespace stepwell::store
