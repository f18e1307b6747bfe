// What an instance did so far, step by step: from its journal for what has been, from the engine
// while it runs. Each entry has a number, which follows from the journal alone: it is the same
// live, in a replay and after a restart. Plain values; Watchers is owned by the engine, and
// callable from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/ports.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

// Something that a task did, or (task == kNone) another status of the instance.
struct HistoryEntry {
  std::uint64_t number = 0;  // grows
  WallTime time;
  TaskNumber task = kNone;
  Trace::Kind kind = Trace::Kind::started;
  std::uint32_t attempt = 1;
  InstanceStatus status = InstanceStatus::pending;
  std::shared_ptr<const Problem> problem;  // of a task that faulted

  static HistoryEntry of(const Trace& trace, WallTime time);
  static HistoryEntry of(InstanceStatus status, std::uint64_t number, WallTime time);
};

constexpr std::size_t kMostHistory = 100'000;  // entries; the last ones are kept

struct History {
  std::shared_ptr<const Program> program;
  std::vector<HistoryEntry> entries;
  // False: it begins at a snapshot, and what was before is not in the journal any more; or there
  // are more entries than kMostHistory; or its end is missing, as below.
  bool whole = true;
  // Behind the entry with this number (0: from the first) some may be missing: the instance is
  // ahead of the journal, or its life was too long to be told in time.
  std::optional<std::uint64_t> missing_after;
};

// Into which a replay tells.
struct Telling {
  std::vector<HistoryEntry> entries;
  std::function<bool()> late;  // is it time to end? Asked again and again
  bool cut = false;            // it was
};

// From all records that the journal has of an instance, as replay() takes them; also of what was
// taken back by a retry. Where there are more than kMostHistory, the first may be left out, and
// still more than that many are given. Errors: those of replay().
struct HistoryText {
  std::vector<HistoryEntry> entries;
  bool cut = false;  // `late` said so: what comes next is missing
};
Result<HistoryText> history_of(const Program& program, InstanceId id,
                               const std::vector<Record>& records,
                               const std::function<bool()>& late);

// Hears of one instance, in order. Called on workers, with locks held: must not block.
class HistoryListener {
 public:
  virtual ~HistoryListener() = default;
  virtual void on_entry(const HistoryEntry& entry) = 0;
  // It has ended, and nothing follows unless it is retried.
  virtual void on_over() = 0;
};

// Who listens to which instance. An instance that nobody listens to costs one look at a number.
class Watchers {
 public:
  void add(InstanceId id, std::shared_ptr<HistoryListener> listener);
  void remove(InstanceId id, const HistoryListener* listener);
  bool any(InstanceId id) const {
    return counts_[id.number % kCounts].load(std::memory_order_relaxed) != 0;
  }
  void tell(InstanceId id, const HistoryEntry& entry);
  void tell_over(InstanceId id);

 private:
  using Listeners = std::vector<std::shared_ptr<HistoryListener>>;
  static constexpr std::size_t kCounts = 1024;
  Listeners listeners_of(InstanceId id);

  std::array<std::atomic<std::uint32_t>, kCounts> counts_{};  // of listeners, by id
  std::mutex mutex_;
  std::unordered_map<InstanceId, Listeners> listeners_;  // guarded by mutex_
};

}  // namespace stepwell::engine
