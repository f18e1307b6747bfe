// A journal on a simulated disk: what is durable, what waits, what is being committed, and every
// way in which that goes wrong, as docs/journal-format.md says ("Rules"). It outlives the processes
// that write to it. For tests, on one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "engine/ports.h"
#include "tests/engine/random_flow.h"
#include "tests/simulation/trace.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::simulation {

using engine::test::Dice;

class SimulatedDisk final : public engine::Journal {
 public:
  enum class Pace : std::uint8_t {
    by_groups,  // begin() and finish() decide
    eager,      // a record is durable, and whoever waits is told, inside append()
    at_once,    // append() says so
  };
  enum class State : std::uint8_t { working, held_up, in_doubt, dead };
  enum class Failure : std::uint8_t { full, undecided, in_doubt };
  // For tests of the judge: what a bad journal does.
  enum class Lie : std::uint8_t {
    none,
    acknowledges_early,
    loses_a_record,
    loses_step_started,
    loses_ends,
    commits_out_of_order,
    keeps_what_it_refused,
    forgets_events,
    forgets_changes,
    keeps_what_it_removed,
  };
  using Watcher = std::function<void(const engine::Record&)>;

  SimulatedDisk(Dice& dice, Trace& trace, Pace pace, Lie lie)
      : dice_(dice), trace_(trace), pace_(pace), lie_(lie) {}
  // Told of each record at the moment from which it cannot be lost.
  void watch(Watcher watcher) { watcher_ = std::move(watcher); }

  // The writer.
  State state() const { return state_; }
  std::size_t waiting() const { return waiting_.size(); }
  bool in_commit() const { return in_commit_ > 0; }
  void begin();   // a group of any size
  void finish();  // it is durable; whoever waits is told
  void fail_commit(Failure how);
  void try_again();  // held up: as the disk has room again
  // The process is gone: what was being committed is there, or is not.
  void kill();
  void open();

  // For the judge.
  std::vector<engine::Record> log() const { return kept_.log(); }  // all that was ever durable
  std::vector<engine::InstanceSummary> summaries() const { return kept_.summaries(); }
  // With a number below this one.
  bool is_waiting(InstanceId instance, engine::Record::Kind kind, std::uint32_t before) const;
  bool finished(InstanceId instance, std::uint64_t step) const {
    return finished_.contains({instance.number, step});
  }
  // The number of the record that says so; 0: there is none.
  std::uint32_t step_started(InstanceId instance, std::uint64_t step) const {
    const auto found = started_.find({instance.number, step});
    return found == started_.end() ? 0 : found->second;
  }
  // What is durable of a person's step: its result, or what let it go; empty: neither.
  std::string said(InstanceId instance, std::uint64_t step) const {
    const auto found = said_.find({instance.number, step});
    return found == said_.end() ? std::string() : found->second;
  }
  std::size_t retried(InstanceId instance) const;
  bool stopped(InstanceId instance) const;    // its last word is that …
  bool suspended(InstanceId instance) const;  // … or that
  bool ended(InstanceId instance) const;
  const std::string& wrong() const { return wrong_; }

  Durability append(engine::Record record, std::function<void(Status)> durable) override;
  Status read_open(const Reader& each) override;
  Result<std::vector<engine::Record>> read(InstanceId instance) override;
  Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance) override;
  Result<engine::FoundInstances> find(const engine::InstanceQuery& query) override;
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) override;
  Result<Value> definition(const std::string& digest) override;
  Result<std::vector<engine::Record>> undelivered() override;
  Result<std::vector<engine::Record>> schedules() override;
  Result<std::uint64_t> last_instance(std::uint64_t limit) override;

 private:
  struct Waiting {
    engine::Record record;
    std::function<void(Status)> durable;
    bool may_be_kept = false;
  };
  using Step = std::pair<std::uint64_t, std::uint64_t>;  // instance, step
  struct Seen {                                          // of an instance
    std::uint32_t last = 0;
    bool ended = false;
    bool stopped = false;
    bool suspended = false;
    std::size_t retried = 0;
    std::optional<std::uint64_t> last_finished;
  };

  static bool refuse(const engine::Record& record, bool awaited);
  Status take(const engine::Record& record);
  bool lies_about(const engine::Record& record);
  void note(const engine::Record& record);
  void refuse_admissions();

  Dice& dice_;
  Trace& trace_;
  const Pace pace_;
  const Lie lie_;
  Watcher watcher_;
  State state_ = State::dead;
  stepwell::test::KeepingJournal kept_;  // what is durable
  std::deque<Waiting> waiting_;
  std::size_t in_commit_ = 0;              // of those that wait, the first
  std::set<std::uint64_t> refused_;        // instances whose admission was
  std::map<Step, std::uint32_t> started_;  // durably, with the record's number
  std::set<Step> finished_;
  std::map<Step, std::string> said_;
  std::map<std::uint64_t, Seen> seen_;
  std::string wrong_;
};

}  // namespace stepwell::simulation
