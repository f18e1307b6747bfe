// The four kinds of schedule. Internal to engine/, see schedule_entry.h.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/cron.h"
#include "engine/correlation.h"
#include "engine/schedule_entry.h"

namespace stepwell::engine {

// `every`: on the steady clock while the daemon runs; over a restart on the wall clock.
class EverySchedule final : public ScheduleEntry {
 public:
  EverySchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                Milliseconds interval);
  void clock_was_set() override;

 private:
  void opened() override;
  void closing() override;
  std::optional<WallTime> next() const override;
  void arm();
  void fired();

  const Milliseconds interval_;
  SteadyTime due_{};
  WallTime label_{};  // what the wall clock shows then, and always a multiple after the last
  std::uint64_t timer_ = 0;
};

// `cron`, on the wall clock.
class CronSchedule final : public ScheduleEntry {
 public:
  CronSchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
               config::Cron cron, std::shared_ptr<const config::TimeZone> zone);
  void clock_was_set() override;

 private:
  void opened() override;
  void closing() override;
  std::optional<WallTime> next() const override { return due_; }
  void arm();
  void fired();
  bool was_set_back(WallTime now);
  void take_passed(WallTime now);
  void take_due(WallTime now);

  const config::Cron cron_;
  const std::shared_ptr<const config::TimeZone> zone_;
  std::optional<WallTime> due_;
  WallTime highest_{};  // the latest time that the wall clock has shown
  std::uint64_t timer_ = 0;
};

// `after`, on the steady clock, from the end of the instance before.
class AfterSchedule final : public ScheduleEntry {
 public:
  AfterSchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                Milliseconds delay);

 private:
  class End;
  void opened() override;
  void closing() override;
  void refused() override;
  void postponed() override;
  std::optional<WallTime> next() const override { return due_; }
  void fired();
  void begin();  // with the lock held
  void ended(WallTime when);
  void arm(WallTime due);  // with the lock held

  const Milliseconds delay_;
  bool opening_ = true;  // an end that is told had come before
  std::optional<WallTime> due_;
  std::uint64_t timer_ = 0;
};

// `on`. Events are looked at on workers, in the order in which they came. They are held until the
// instance that they start is durable. While starts are refused for now, one is tried from time to
// time; the others, and the events that come, wait for it.
class EventSchedule final : public ScheduleEntry {
 public:
  EventSchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                expression::Budget budget);
  void listen() override;
  void hand_over(ScheduleEntry* heir) override;

 private:
  struct Arrived {
    Value event;
    Delivery delivery;
  };
  struct Held {
    std::string name;
    Delivery delivery;
  };
  // Events on their way to become the input of an instance. There may be several such sets at a
  // time: of different correlation, or a second one where the first has its event already.
  struct Collection {
    Consumption progress;
    Consumption until;
    Value consumed = Value::array();
    std::uint64_t bytes = 0;  // of it, as they count
    std::vector<Held> held;   // all that it took, also what only ended it
  };
  // A start, and what is held for it.
  struct Due {
    StartRequest request;
    std::vector<Held> held;
  };
  using Waiting = std::map<std::uint64_t, Due>;  // by place, in the order of the starts
  // One that was consumed and may come once more: by who sends it or, while others may hold it
  // still, after a crash.
  struct Done {
    std::string name;
    std::weak_ptr<const void> delivery;
    std::optional<SteadyTime> gone;  // since nobody was seen to hold it
  };

  void opened() override;
  void closing() override;
  void arrived(const Value& event, const Delivery& delivery);
  void keep(Arrived arrived);  // with the lock held
  void inherit(std::deque<Arrived> backlog, Waiting waiting, std::uint64_t next_place);
  void adopt(std::uint64_t place, Due due);
  void work_soon();
  void work();
  bool work_once();
  void take(Arrived arrived);
  void note_taken(const std::string& name);
  bool offer(Collection& collection, const Value& event) const;
  bool enough(const Collection& collection) const;
  Collection take_out(std::list<Collection>::iterator collection);
  void begin(Collection collection);
  void make(std::uint64_t place, const std::shared_ptr<Due>& due);
  void settled(std::uint64_t place, Due due, Outcome outcome);
  void wait(std::uint64_t place, Due due);  // with the lock held
  void pause(std::uint64_t place);          // with the lock held
  void try_again();
  void resume();  // with the lock held
  std::string once(const Collection& collection) const;
  void let_go(std::vector<Held> held);
  void remember(const std::vector<Held>& held);
  EventMatcher matcher() const;
  bool of_own_life(const Value& event) const;

  const std::shared_ptr<const config::Definition> definition_;  // which renew() leaves as it was
  const config::Schedule& schedule_;
  const expression::Budget budget_;
  const std::vector<Value> variables_;
  const Value no_input_{};
  std::set<std::string> before_;  // consumed by an earlier process; not changed any more
  std::optional<std::uint64_t> subscription_;
  std::deque<Arrived> backlog_;
  std::uint64_t backlog_bytes_ = 0;
  bool open_ = false;
  bool working_ = false;
  std::uint64_t next_place_ = 0;
  Waiting waiting_;  // were refused for now
  std::uint64_t waiting_bytes_ = 0;
  bool paused_ = false;                 // until `tried_` is started
  std::optional<std::uint64_t> tried_;  // its place; nothing while the timer runs
  Milliseconds pause_{0};
  std::uint64_t timer_ = 0;
  bool handed_over_ = false;
  std::weak_ptr<EventSchedule> heir_;
  std::deque<Done> done_;
  // Touched by work() alone, which runs once at a time:
  std::list<Collection> collections_;
  std::uint64_t collected_bytes_ = 0;
  std::set<std::string> taken_;           // into a set, by this process
  std::deque<std::string> taken_before_;  // the same, the newest at the end
};

}  // namespace stepwell::engine
