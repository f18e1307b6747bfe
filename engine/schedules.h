// Starts instances by themselves: for each workflow whose newest version has a `schedule`, at its
// times, after its ends or on its events. Other versions are started only when somebody asks.
// Owned by daemon/wiring, ends before the engine; all members may be called from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/catalog.h"
#include "engine/engine.h"

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
  std::uint64_t refused = 0;  // starts that the engine did not admit
  std::uint64_t missed = 0;   // times that passed while the daemon did not run, or events dropped
  std::optional<Problem> problem;  // of the last start, where it was refused
};

class Schedules {
 public:
  // All references must outlive it.
  Schedules(Engine& engine, Timers& timers, const Clock& clock, Metrics& metrics, Log& log);
  ~Schedules();
  Schedules(const Schedules&) = delete;
  Schedules& operator=(const Schedules&) = delete;

  // Schedules these workflows from now on. One whose content is as it was goes on without a break,
  // a changed one begins anew, what is not there any more stops.
  void replace(const std::vector<Catalog::Entry>& workflows);
  // Looks whether the wall clock was set. Call it about once a second.
  void maintain();
  // Starts nothing any more.
  void stop();
  std::vector<ScheduleView> list() const;  // by workflow

  struct Surroundings {
    Engine& engine;
    Timers& timers;
    const Clock& clock;
    Metrics& metrics;
    Log& log;
  };

 private:
  using Entries = std::map<std::string, std::shared_ptr<ScheduleEntry>>;
  Milliseconds clock_difference() const;

  Surroundings surroundings_;
  Gauge active_;
  mutable std::mutex mutex_;  // guards what follows
  bool stopped_ = false;
  Milliseconds difference_;  // between the wall clock and the steady clock
  Entries entries_;          // by NAMESPACE/NAME
};

}  // namespace stepwell::engine
