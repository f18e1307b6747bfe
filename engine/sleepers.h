// Instances that wait for long leave memory: what remains of each is a Sleeper, all else is in the
// journal. Sleepers wakes them again: by one timer for all of them, or because somebody calls.
// Owned by the engine, whose table holds each Sleeper, guarded by the lock of its shard. The
// members of Sleepers may be called from any thread, also with such a lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "engine/event_bus.h"
#include "engine/executor.h"
#include "engine/ports.h"
#include "engine/waiters.h"

namespace stepwell::engine {

class Instance;

struct Sleeper {
  struct Ear {
    ListenerId listener;
    EventBus::Group group = 0;
    std::shared_ptr<const EventSieve> sieve;  // null: it hears all of its types
    EventSieve::Key key = 0;
  };
  // What most have nothing of.
  struct Rare {
    std::shared_ptr<Observer> observer;  // this and `waiters`: who is told of its end
    Waiters waiters;
    Label label;  // from here on: for readers
    std::optional<InstanceId> parent;
    std::vector<TaskNumber> active;  // where it is several
  };
  std::shared_ptr<const Workflow> workflow;
  const std::string* key = nullptr;  // of the API key; Sleepers has it
  std::unique_ptr<Rare> rare;        // null: nothing
  std::vector<Ear> ears;             // by which it hears events
  WallTime started{};                // for readers, as what follows
  WallTime updated{};
  SteadyTime due = SteadyTime::max();  // of its first timer
  SteadyTime::duration ahead{};        // of the steady clock before the wall clock, as that was set
  std::uint32_t number = 0;            // of its last record, which the journal has
  TaskNumber active = kNone;           // where it is one; all of them: active_tasks()
  InstanceStatus status = InstanceStatus::pending;
  std::uint8_t progress = 0;

  Rare& with_rare() {
    if (!rare) rare = std::make_unique<Rare>();
    return *rare;
  }
  void set_active(const std::vector<TaskNumber>& tasks) {
    if (tasks.size() > 1)
      with_rare().active = tasks;
    else if (!tasks.empty())
      active = tasks.front();
  }
  // For as long as this is neither changed nor moved.
  std::span<const TaskNumber> active_tasks() const {
    if (rare && !rare->active.empty()) return rare->active;
    return {&active, active == kNone ? 0U : 1U};
  }
};
// With the key and the link of the table's node these are 128 bytes, which allocators have a size
// for; the next one is 160, and there may be a million.
static_assert(sizeof(Sleeper) <= 128 - sizeof(InstanceId) - sizeof(void*));

class Sleepers {
 public:
  // Brings an instance back into the engine's table, with what take_calls() gives. False: its last
  // record cannot be read yet. What is not asleep any more is left alone. Blocks.
  using Wake = std::function<Result<bool>(InstanceId)>;
  // Looks whether the journal has the last record of one that is still awake. Blocks.
  using Check = std::function<void(InstanceId)>;
  // Runs with the shard's lock held; may only hand the instance something.
  struct Call {
    std::function<void(Instance&)> task;
    std::function<void(const Problem&)> failed;  // empty: it waits until the instance can be read
    bool event = false;                          // one of too many that wait is dropped
  };
  struct Surroundings {
    Timers& timers;
    const Clock& clock;
    Executor& executor;
    Metrics& metrics;
    Log& log;
  };

  // `threaded`: it wakes on a thread of its own, since the journal is read from the disk, and holds
  // back while the executor has much to do. Else as jobs of the executor.
  Sleepers(Surroundings surroundings, bool threaded, Wake wake, Check check);
  ~Sleepers();
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

  // The same text for the same text, as long as this lives.
  const std::string* shared_text(const std::string& text);
  // It is in the table from now on; or not any more.
  void add(InstanceId id, const Sleeper& sleeper);
  void remove(InstanceId id, const Sleeper& sleeper);
  // After some were added: sets the timer.
  void arm();
  // Wakes one that is in the table; false after stop().
  bool call(InstanceId id, Call call);
  std::vector<Call> take_calls(InstanceId id);
  void check(InstanceId id);
  // Nobody is woken until go_on().
  void hold();
  void go_on();
  // Nobody is woken any more, and nothing runs; who called is told `shutting-down`.
  void stop();
  std::size_t size() const;

  // Nobody is being woken who need not wait.
  bool idle() const;
  // How often there was something to do: grows.
  std::uint64_t tasks() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace stepwell::engine
