// What is in the journal's log and not in its tables yet, in memory: readers see both as one.
// Owned by JournalRows. It is changed by the writer's thread alone, which therefore looks into it
// without the lock; the members marked so are for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/journal_row.h"

namespace stepwell::store {

class JournalOverlay {
 public:
  using Rows = std::vector<SharedRow>;
  // An instance that has records in the log.
  struct Life {
    InstanceId id;
    Rows rows;               // in their order
    std::size_t gone = 0;    // so many of them are not in the log any more …
    std::size_t folded = 0;  // … and so many are in the tables
    std::uint64_t slice = 0;
    bool open = false;  // the last of them is not its end
  };
  // The oldest groups of the log, and what is to be moved into the tables before they go.
  struct Slice {
    std::int64_t last = 0;  // the last group's place in the log
    std::size_t groups = 0;
    std::vector<Life*> lives;  // all records of each, those in later groups as well
    std::size_t shared = 0;
  };

  // Takes the rows out of the group.
  void add(std::int64_t place, Rows& group);
  // As many groups as have so many records or bytes, one at least where there is one; none behind
  // `last`.
  Slice next(std::size_t records, std::size_t bytes, std::int64_t last);
  void fold(const Slice& slice);
  std::size_t records() const { return records_; }
  std::size_t bytes() const { return bytes_; }
  // Instances that have records in the log and have not ended.
  std::size_t open() const { return open_; }
  std::int64_t first() const { return groups_.empty() ? INT64_MAX : groups_.front().place; }
  std::int64_t last() const { return groups_.empty() ? 0 : groups_.back().place; }
  // Whether the log has anything of it.
  const Life* find(InstanceId id) const;
  const std::deque<SharedRow>& shared_rows() const { return shared_; }
  // To be called before instances are removed from the tables.
  void removing() { ++removals_; }

  // Any thread. What they yield is in the tables only where it was moved meanwhile.
  Rows of(InstanceId id) const;
  std::vector<std::pair<InstanceId, Rows>> all(InstanceId after) const;  // by id
  Rows shared() const;
  std::uint64_t last_below(std::uint64_t limit) const;  // the highest id that was admitted; or 0
  // Who reads these and then the tables has read two states where this has changed in between.
  std::uint64_t removals() const { return removals_; }

 private:
  struct Group {
    std::int64_t place;
    std::vector<Life*> lives;  // of each record that is not shared
    std::size_t shared;
    std::size_t bytes;
  };
  static Rows unfolded(const Life& life) {
    return {life.rows.begin() + static_cast<std::ptrdiff_t>(life.folded), life.rows.end()};
  }
  void drop(const Group& group);
  void set_open(Life& life, bool open);

  mutable std::mutex mutex_;  // guards what follows against other threads
  std::unordered_map<InstanceId, Life> lives_;
  std::deque<Group> groups_;
  std::deque<SharedRow> shared_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::size_t open_ = 0;
  std::uint64_t slices_ = 0;  // the writer's
  std::atomic<std::uint64_t> removals_{0};
};

}  // namespace stepwell::store
