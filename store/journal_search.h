// Looks for ended instances in the journal's tables, in the order that is asked for, together with
// those that are in its log: from the smallest set that an index knows, where one is small, else
// along the order's index, for a limited time.
// Made for one search, within a transaction that reads; used on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/ports.h"
#include "store/database.h"
#include "store/journal_row.h"

namespace stepwell::store {

struct SearchLimits {
  Milliseconds time{150};
  // A set of fewer is looked through as a whole and sorted. A larger one is so dense along any
  // order that a page of it is found soon, unless it lies at one end.
  std::int64_t few = 3'000;
};

class JournalSearch {
 public:
  struct Found {
    engine::InstancePosition position;
    // Of the log; where there is none, the tables have it.
    std::optional<engine::InstanceSummary> logged;
  };

  JournalSearch(Database& database, const engine::InstanceQuery& query, const SearchLimits& limits)
      : database_(database),
        query_(query),
        few_(limits.few),
        end_(std::chrono::steady_clock::now() + limits.time) {}

  // First: which workflows are meant. `defined`: definitions in the log.
  Status prepare(const std::vector<SharedRow>& defined);
  // Then each instance that the log has something of. What the tables say of it does not count.
  void pass_over(InstanceId id) { logged_.insert(id); }
  void offer(engine::InstanceSummary summary);
  // Then the tables.
  Status run();

  const std::vector<Found>& found() const { return found_; }
  const std::optional<engine::InstancePosition>& stopped_at() const { return stopped_at_; }

 private:
  using Parameter = std::variant<std::int64_t, std::string>;
  // A part of a statement, with what is bound in it.
  struct Sql {
    std::string text;
    std::vector<Parameter> values;
    Sql& add(std::string_view more) {
      text += more;
      return *this;
    }
    Sql& add(std::string_view more, Parameter value) {
      text += more;
      values.push_back(std::move(value));
      return *this;
    }
  };
  // Rows that follow each other in the order: all with one value, or by a column.
  struct Segment {
    std::string from;         // … FROM … WHERE …
    std::string column = {};  // empty: all have `number`
    std::int64_t number = 0;
    bool by_name = false;  // the column is text
    // Other rows come as well, which are not meant: no index knows those that are.
    bool among_others = false;
    std::vector<Parameter> values = {};  // bound in `from`
  };

  std::vector<Segment> segments() const;
  Segment along_ids() const;
  bool only_labelled() const;
  void sift_names(Segment& segment) const;
  std::optional<Sql> small_set();
  std::vector<Sql> sets() const;
  Result<bool> is_small(const Sql& set);
  void add_workflows(Sql& sql) const;
  static void add_range(Sql& sql, const std::string& column, const engine::TimeRange& range);
  engine::TimeRange ends() const;
  bool needs_labels() const;
  const char* key_column() const;
  Result<Statement> prepare(const Sql& sql);
  Status look_through(const Sql& set);
  // False: there is no room, or no time, for more.
  Result<bool> walk(const Segment& segment);
  Result<bool> walk(const Segment& segment, const Sql& sql);
  std::vector<Sql> statements_of(const Segment& segment) const;
  bool take(const Statement& row);
  void merge_logged(const engine::InstancePosition* before);
  bool is_full() const { return found_.size() >= query_.most; }

  Database& database_;
  const engine::InstanceQuery& query_;
  const std::int64_t few_;
  const std::chrono::steady_clock::time_point end_;
  std::optional<std::set<std::int64_t>> workflows_;  // nothing: all
  std::set<std::string, std::less<>> digests_;       // that refer to the credential
  std::unordered_set<InstanceId> logged_;
  std::vector<Found> waiting_;  // of the log, sorted before run(), the first one last
  std::vector<Found> found_;
  std::optional<engine::InstancePosition> stopped_at_;
  engine::InstancePosition position_;  // of the row at hand
  std::uint64_t rows_ = 0;
};

}  // namespace stepwell::store
