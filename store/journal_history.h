// What an instance's records come to, one after another: the rules of docs/journal-format.md, for
// whoever reads an instance and for whoever moves its records into the tables.
// A plain value for one thread. Lines refer to texts that outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "store/journal_row.h"

namespace stepwell::store {

class JournalHistory {
 public:
  struct Line {
    std::string_view text;
    WallTime at;
    std::uint32_t number = 0;
    engine::Record::Kind kind = engine::Record::Kind::started;
    EndStatus status = EndStatus::none;
    bool stored = false;  // it stands in the tables as it is
  };
  // What a row of `instances` says.
  struct Stored {
    Line head;
    std::optional<Line> tail;
    std::uint32_t last = 0;
    std::uint32_t reopened = 0;
    std::uint32_t replaced = 0;
    std::optional<Line> changed{};  // the last one
    WallTime started{};             // epoch: not yet
  };
  static Line line_of(const JournalRow& row) {
    return {row.text, row.at, row.number, row.kind, row.status};
  }

  void clear();
  void begin(const Stored& stored);
  // Lines that a begun one has in the tables besides. Errors: configuration/`store-damaged`.
  Status add_stored(std::string_view packed, InstanceId instance);
  // The first ones of lines() are in the tables now.
  void mark_stored(std::size_t count);
  // The next record. One that is there already, or comes too late, changes nothing.
  void apply(const Line& line);

  const std::optional<Line>& head() const { return head_; }
  // All but the first and the end, by number; only those that are known.
  const std::vector<Line>& lines() const { return lines_; }
  const std::optional<Line>& tail() const { return tail_; }
  std::uint32_t last() const { return last_; }          // the highest number
  std::uint32_t reopened() const { return reopened_; }  // the last `retried` that opened it
  std::uint32_t replaced() const { return replaced_; }  // the last snapshot
  const std::optional<Line>& changed() const { return changed_; }  // the last one
  WallTime started() const { return started_; }  // when its turn came; epoch: it has not

 private:
  void insert(const Line& line);
  bool knows(std::uint32_t number) const;

  std::optional<Line> head_;
  std::vector<Line> lines_;
  std::optional<Line> tail_;
  std::uint32_t last_ = 0;
  std::uint32_t reopened_ = 0;
  std::uint32_t replaced_ = 0;
  std::optional<Line> changed_;
  WallTime started_{};
};

// The columns of a row of `instances` from `first` on that stored_of() reads.
constexpr const char* kStoredColumns =
    "last, reopened, replaced, status, ended_at, tail, started_at, changed";
constexpr int kStoredCount = 8;
constexpr const char* kStoredIn = " FROM instances LEFT JOIN labels USING (id)";
// Without the head's text. Texts are kept in `texts`. Errors: configuration/`store-damaged`.
Result<JournalHistory::Stored> stored_of(const Statement& row, int first, InstanceId instance,
                                         std::deque<std::string>& texts);

struct SummaryTexts {
  std::string_view head;
  std::optional<std::string_view> tail;
  std::optional<std::string_view> changed;
  WallTime started{};
};
// Errors: configuration/`store-damaged`.
Result<engine::InstanceSummary> summary_of(const SummaryTexts& texts, InstanceId instance);
Result<engine::InstanceSummary> summary_of(const JournalHistory& history, InstanceId instance);

}  // namespace stepwell::store
