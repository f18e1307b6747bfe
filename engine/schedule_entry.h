// One schedule that is in force. Internal to engine/: made by Schedules, shared with the timers and
// events that it waits for, which find it closed once it is not in force any more.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/cron.h"
#include "engine/correlation.h"
#include "engine/schedules.h"

namespace stepwell::engine {

class ScheduleEntry : public std::enable_shared_from_this<ScheduleEntry> {
 public:
  ScheduleEntry(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                std::string kind, std::string rule);
  virtual ~ScheduleEntry() = default;
  ScheduleEntry(const ScheduleEntry&) = delete;
  ScheduleEntry& operator=(const ScheduleEntry&) = delete;

  virtual void open() = 0;
  // Returns once no start is under way.
  void close();
  // The wall clock was set.
  virtual void clock_was_set() {}
  // The same content, loaded once more.
  void renew(Catalog::Entry workflow);
  ScheduleView view() const;
  std::string digest() const;

 protected:
  // Without the lock held.
  void start(Value input, std::shared_ptr<Observer> observer = nullptr);
  void count_missed(std::uint64_t count);  // with the lock held; logged once a minute at most
  virtual void refused() {}                // a start was not admitted; without the lock held
  virtual void closing() = 0;              // with the lock held
  virtual std::optional<WallTime> next() const { return std::nullopt; }  // with the lock held

  const Schedules::Surroundings surroundings_;
  mutable std::mutex mutex_;  // guards what follows, and what derived classes have
  bool closed_ = false;
  Catalog::Entry workflow_;

 private:
  void admitted(const Result<InstanceId>& id);

  std::mutex starting_;             // held while the engine is called
  ScheduleView view_;               // guarded by mutex_, but for `next`
  std::uint64_t untold_ = 0;        // guarded by mutex_: missed and not logged yet
  std::optional<SteadyTime> told_;  // guarded by mutex_: when the last were logged
  Counter starts_;
  Counter refusals_;
  Counter missed_;
};

// `every`, on the steady clock, from the moment when it was loaded.
class EverySchedule final : public ScheduleEntry {
 public:
  EverySchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                Milliseconds interval);
  void open() override;

 private:
  void closing() override;
  std::optional<WallTime> next() const override;
  void arm();
  void fired();

  const Milliseconds interval_;
  SteadyTime due_{};
  std::uint64_t timer_ = 0;
};

// `cron`, on the wall clock.
class CronSchedule final : public ScheduleEntry {
 public:
  CronSchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
               config::Cron cron, std::shared_ptr<const config::TimeZone> zone);
  void open() override;
  void clock_was_set() override;

 private:
  void closing() override;
  std::optional<WallTime> next() const override { return due_; }
  void arm();
  void fired();
  bool take_due(WallTime now);

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
  void open() override;

 private:
  class End;
  void closing() override;
  void refused() override { wait(); }
  std::optional<WallTime> next() const override { return due_; }
  void begin();
  void wait();

  const Milliseconds delay_;
  std::optional<WallTime> due_;
  std::uint64_t timer_ = 0;
};

// `on`. Events are looked at on workers, in the order in which they came.
class EventSchedule final : public ScheduleEntry {
 public:
  EventSchedule(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                expression::Budget budget);
  void open() override;

 private:
  // Events on their way to become the input of an instance. There may be several such sets at a
  // time: of different correlation, or a second one where the first has its event already.
  struct Collection {
    Consumption progress;
    Consumption until;
    Value consumed = Value::array();
    std::uint64_t bytes = 0;  // of it, as they count
  };

  void closing() override;
  void arrived(const Value& event);
  void work();
  void take(const Value& event);
  bool offer(Collection& collection, const Value& event) const;
  bool enough(const Collection& collection) const;
  void drop(std::list<Collection>::iterator collection);
  EventMatcher matcher() const;
  bool of_own_life(const Value& event) const;

  const std::shared_ptr<const config::Definition> definition_;  // which renew() leaves as it was
  const config::Schedule& schedule_;
  const expression::Budget budget_;
  const std::vector<Value> variables_;
  const Value no_input_{};
  std::optional<std::uint64_t> subscription_;
  std::deque<Value> backlog_;
  std::uint64_t backlog_bytes_ = 0;
  bool working_ = false;
  // Touched by work() alone, which runs once at a time:
  std::list<Collection> collections_;
  std::uint64_t collected_bytes_ = 0;
};

}  // namespace stepwell::engine
