// Starts instances by themselves: for each workflow whose newest version has a `schedule`, at its
// times, after its ends or on its events. Other versions are started only when somebody asks.
// Owned by daemon/wiring, ends before the engine; all members may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/schedule_mark.h"

namespace stepwell::engine {

class ScheduleEntry;

// What a reader sees of a schedule at one moment.
struct ScheduleView {
  std::string workflow;          // NAMESPACE/NAME:VERSION
  std::string kind;              // every, cron, after or on
  std::string rule;              // an ISO 8601 duration, the cron line with its time zone, or empty
  std::optional<WallTime> next;  // when it starts one; nothing where an end or an event decides
  std::optional<WallTime> last;  // when it last started one
  std::uint64_t started = 0;
  std::uint64_t refused = 0;       // starts that the engine did not admit
  std::uint64_t missed = 0;        // times that passed without a start, or events that were dropped
  std::optional<Problem> problem;  // of the last start, where it was refused
};

class Schedules {
 public:
  // All references must outlive it.
  Schedules(Engine& engine, Journal& journal, Timers& timers, const Clock& clock, Metrics& metrics,
            Log& log);
  ~Schedules();
  Schedules(const Schedules&) = delete;
  Schedules& operator=(const Schedules&) = delete;

  // Reads how far the schedules had come when the daemon ended; after Engine::recover(), before
  // the first replace(). Blocks. Errors: the journal's.
  Status recover();
  // Schedules these workflows from now on. One whose content is as it was goes on without a break,
  // a changed one begins anew, what is not there any more stops. The first time one whose content
  // is as it was when the daemon ended goes on from there: blocks. Before Engine::go_on(), which
  // publishes events that schedules may wait for.
  void replace(const std::vector<Catalog::Entry>& workflows);
  // Looks whether the wall clock was set. Call it about once a second.
  void maintain();
  // Starts nothing any more.
  void stop();
  // The schedules of these workflows (NAMESPACE/NAME), and of no others, start nothing from now on:
  // their times are missed, their events go by.
  void hold(std::set<std::string> workflows);
  // Starts an instance now, as the schedule would, held or not; its times stay as they are.
  // `request` without workflow and name; `admitted` as Engine::start() has it. Errors:
  // validation/404 `schedule-unknown`.
  Status trigger(const std::string& workflow, StartRequest request,
                 std::function<void(Result<InstanceId>)> admitted);
  std::vector<ScheduleView> list() const;  // by workflow

  // Which schedules are held.
  class Held {
   public:
    bool has(const std::string& workflow) const {
      const std::scoped_lock lock(mutex_);
      return workflows_.count(workflow) != 0;
    }
    void set(std::set<std::string> workflows) {
      const std::scoped_lock lock(mutex_);
      workflows_ = std::move(workflows);
    }

   private:
    mutable std::mutex mutex_;
    std::set<std::string> workflows_;  // guarded by mutex_
  };

  struct Surroundings {
    Engine& engine;
    Journal& journal;
    Timers& timers;
    const Clock& clock;
    Metrics& metrics;
    Log& log;
    std::shared_ptr<const Held> held;
  };

 private:
  using Entries = std::map<std::string, std::shared_ptr<ScheduleEntry>>;
  Milliseconds clock_difference() const;
  void retire(const std::string& name, ScheduleMark& mark);

  const std::shared_ptr<Held> held_ = std::make_shared<Held>();
  Surroundings surroundings_;
  Gauge active_;
  mutable std::mutex mutex_;  // guards what follows
  bool stopped_ = false;
  Milliseconds difference_;  // between the wall clock and the steady clock
  Entries entries_;          // by NAMESPACE/NAME
  ScheduleMarks marks_;      // of those that are not in force
};

}  // namespace stepwell::engine
