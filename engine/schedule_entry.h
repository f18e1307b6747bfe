// One schedule that is in force. Internal to engine/: made by Schedules, shared with the timers and
// events that it waits for, which find it closed once it is not in force any more.
// How far it has come stands in the journal, always behind the admission of what it started: after
// a crash a start is made a second time rather than not at all, and then finds the first one's
// instance, since both have the same `once`.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/schedule_mark.h"
#include "engine/schedules.h"

namespace stepwell::engine {

class ScheduleEntry : public std::enable_shared_from_this<ScheduleEntry> {
 public:
  ScheduleEntry(const Schedules::Surroundings& surroundings, const Catalog::Entry& workflow,
                std::string kind, std::string rule);
  virtual ~ScheduleEntry() = default;
  ScheduleEntry(const ScheduleEntry&) = delete;
  ScheduleEntry& operator=(const ScheduleEntry&) = delete;

  // Before the one in whose place it comes is closed, so that no event falls between them.
  virtual void listen() {}
  // `mark`: how far the workflow's schedule had come. Where that was of the same definition it goes
  // on from there.
  void open(ScheduleMark mark);
  // Returns once no start is under way. The journal hears no more of it; the answer is how far it
  // has come.
  ScheduleMark close();
  // After close(), where it will not go on after a restart: what still had to be started goes to
  // the one in its place, which is not open yet, or is missed. `heir` may be null.
  virtual void hand_over(ScheduleEntry* heir);
  // The wall clock was set.
  virtual void clock_was_set() {}
  // The same content, loaded once more.
  void renew(Catalog::Entry workflow);
  ScheduleView view() const;
  std::string digest() const;
  std::shared_ptr<const Workflow> workflow() const;

 protected:
  enum class Outcome : std::uint8_t {
    started,
    refused,    // told and counted
    postponed,  // the same, but only for now: it is to be tried again
    dropped,    // it is as if the start had not been due: the schedule, or the engine, is closed
  };
  // Called on any thread, without the lock held.
  using Settled = std::function<void(Outcome outcome, std::optional<InstanceId> id)>;

  // On a worker, without the lock held. Where `request` has no workflow: of the one in force.
  void start(StartRequest request, const Settled& settled);
  // With the lock held. A start for a time, made on a worker; once it is settled, the journal
  // learns that the schedule has come so far. Times are settled in their order. One that is refused
  // for now is tried again until the next one comes; then it is missed.
  void start_for(WallTime due, std::string once, std::shared_ptr<Observer> observer = nullptr);
  void reach(WallTime due);  // with the lock held: settled without a start
  bool is_postponed() const { return postponed_.has_value(); }  // with the lock held: a time
  // With the lock held: times come that may have been before.
  void begin_era() { ++era_; }
  void append_mark();                      // with the lock held
  void count_missed(std::uint64_t count);  // with the lock held; logged once a minute at most
  // With the lock held: so many times passed while the daemon did not run.
  void catch_up(WallTime last, std::uint64_t passed);
  std::string once_at(WallTime due) const;  // with the lock held
  virtual void refused() {}                 // a start for a time was; without the lock held
  virtual void postponed() {}               // a start for a time was; with the lock held
  // How long to wait after a start that was postponed, and after the one before it so long.
  static Milliseconds next_pause(Milliseconds before);
  virtual void opened() = 0;                                             // without the lock held
  virtual void closing() = 0;                                            // with the lock held
  virtual std::optional<WallTime> next() const { return std::nullopt; }  // with the lock held

  const Schedules::Surroundings surroundings_;
  const std::string name_;  // NAMESPACE/NAME
  const bool skips_missed_;
  mutable std::mutex mutex_;  // guards what follows, and what derived classes have
  bool closed_ = false;
  bool fresh_ = true;  // it begins now
  Catalog::Entry workflow_;
  ScheduleMark mark_;  // as the journal has it

 private:
  struct Time {
    WallTime due{};
    std::uint64_t era = 0;
    StartRequest request;
    Milliseconds pause{0};  // the last one, where it was postponed
    bool settled = false;
    std::optional<InstanceId> instance;
  };
  void make(std::uint64_t place);      // with the lock held
  void postpone(std::uint64_t place);  // with the lock held
  void try_again(std::uint64_t place);
  void miss_postponed();  // with the lock held; nothing where there is none
  void settle(std::uint64_t place, std::optional<InstanceId> id);  // with the lock held
  Outcome count(const Result<InstanceId>& id);

  std::mutex starting_;       // held while the engine is called
  std::deque<Time> times_;    // guarded by mutex_: from the first that is not settled
  std::uint64_t first_ = 0;   // guarded by mutex_: the place of the front of times_
  std::uint64_t newest_ = 0;  // guarded by mutex_: the place of the last that is started
  std::uint64_t era_ = 0;     // guarded by mutex_: of the times to come
  // Guarded by mutex_: the place of the one that waits to be tried again, and what wakes it up.
  std::optional<std::uint64_t> postponed_;
  std::uint64_t again_ = 0;
  ScheduleView view_;               // guarded by mutex_, but for `next`
  std::uint64_t untold_ = 0;        // guarded by mutex_: missed and not logged yet
  std::optional<SteadyTime> told_;  // guarded by mutex_: when the last were logged
  Counter starts_;
  Counter refusals_;
  Counter missed_;
};

}  // namespace stepwell::engine
