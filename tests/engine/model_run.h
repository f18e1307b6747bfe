// Plays the outside world to one instance of a random definition: steps finish or fail, timers
// fire, events come, in any order, late and twice; after each event it holds the state against what
// must always be true. The same seed gives the same play. For tests, on one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/machine.h"
#include "tests/engine/random_flow.h"

namespace stepwell::engine::test {

// Which commands followed which events, and which phases frames went through.
struct Coverage {
  std::map<std::string, std::uint64_t> commands;  // "timer (retry) → StartTimer"
  std::map<std::string, std::uint64_t> phases;    // "try: backing_off → children"
};

class ModelRun {
 public:
  ModelRun(std::shared_ptr<const config::Definition> definition, std::uint64_t seed,
           Coverage& coverage);

  // What was found wrong; empty where all is well.
  const std::string& play();
  InstanceStatus status() const { return state_.status; }
  std::size_t events() const { return recorded_.size(); }

 private:
  struct Seen {  // of a frame, before an event
    Frame::Phase phase;
    TaskNumber task;
  };

  void step();
  void finish_step();
  void fire_timer();
  void deliver_event();
  void deliver_late();
  void suspend_or_resume();
  Problem problem();
  Value result();
  Value event();

  void apply(Event event);
  void note(const std::vector<Seen>& before);
  void obey(const Command& command);
  void executed(const Execute& step);
  void cancelled(StepId step);
  std::string kind_of(const Event& event) const;
  void check_frames();
  void check_frame(std::uint32_t slot, std::set<std::uint64_t>& timers);
  void check_snapshot();
  void check_end();
  void check_replay();
  void check_without_suspension();
  void run(State& state, Event event, std::vector<Command>& commands) const;
  bool keeps(StepId step) const;
  bool keeps(TimerId timer) const;
  bool keeping() const;
  void wrong(const std::string& what);

  const Program program_;
  Dice dice_;
  const int turn_;
  const bool snapshots_;  // goes on from a snapshot after each event
  Coverage& coverage_;
  State state_;
  WallTime now_{Milliseconds(1'763'733'600'000)};
  std::map<StepId, Execute> steps_;
  std::map<TimerId, WallTime> timers_;
  std::map<ListenerId, std::vector<std::string>> listeners_;
  std::map<StepId, Execute> kept_steps_;  // they ended while it was suspended …
  std::set<TimerId> kept_timers_;         // … and these fired
  std::vector<Event> over_;               // about what is not awaited any more
  std::vector<Event> recorded_;           // what a journal would hold
  std::vector<std::string> commands_;
  std::map<std::string, std::size_t> last_execution_;  // by idempotency key: number of command
  std::set<std::string> spent_;                        // keys that must not be executed again
  std::map<TaskNumber, std::size_t> last_retry_;       // by `try`
  std::set<StepId> all_steps_;
  std::map<TaskNumber, std::int64_t> open_traces_;
  bool yielded_ = false;
  bool ended_ = false;
  std::string wrong_;
};

}  // namespace stepwell::engine::test
