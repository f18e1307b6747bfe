// The engine: admits instances, feeds events to their state machines on the worker pool, and does
// what the machines command. One instance is worked on by one thread at a time.
// Owned by daemon/wiring; all members may be called from any thread unless they say otherwise.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "engine/event_bus.h"
#include "engine/open_steps.h"
#include "engine/ports.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

class Executor;
struct History;  // engine/history.h
class HistoryListener;
class ChangeListener;  // engine/changes.h
// A definition ready to be started, with its metrics. Made by Engine::prepare().
class Workflow;

// What a reader sees of an instance at one moment.
struct InstanceView {
  InstanceId id;
  std::string name;
  std::string workflow;  // NAMESPACE/NAME:VERSION
  std::string key;       // id of the API key that it runs under; may be empty
  InstanceStatus status = InstanceStatus::pending;
  WallTime started{};
  WallTime updated{};
  WallTime ended{};  // epoch while it is open
  Value input;
  Value output;                    // once completed
  std::optional<Problem> problem;  // once faulted, or why it cannot go on
  std::vector<std::string> active_tasks;
  Value tags;
  std::optional<InstanceId> parent;  // whose step started it
  std::vector<OpenStep> open_steps;  // that wait for people; in lists perhaps none
  Priority priority = Priority::regular;
  std::optional<WallTime> deadline;
  std::uint8_t progress = 0;  // of 100: how many of the workflow's own tasks lie behind it
};

struct InstancePage {
  // Without input and output, where they are at rest.
  std::vector<InstanceView> views;
  std::optional<InstancePosition> next;  // where to go on; nothing: that was all
};

// Watches one instance; called on workers, in order, and must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_trace(const config::Task& task, const Trace& trace, WallTime time) {
    (void)task, (void)trace, (void)time;
  }
  virtual void on_end(const InstanceView& view) { (void)view; }
};

// The step of another instance that starts one. A second start by the same step, after a crash,
// finds the instance that the first one made, and is told of its end.
struct Parent {
  InstanceId id;
  std::string step;     // the same over crashes; no other step of any instance has it
  bool awaited = true;  // the step ends when the child does
};

struct StartRequest {
  std::shared_ptr<const Workflow> workflow;
  Value input;       // null stands for {}
  std::string name;  // for people; may be empty
  Value tags;        // null or an array of strings
  std::string key;   // id of the API key that the instance runs under; may be empty
  std::shared_ptr<Observer> observer;  // may be null
  std::optional<Parent> parent;
  // Where it is not empty: a start with the same text, also after a crash, finds the instance that
  // the first one made. A parent's is its step.
  std::string once;
  Priority priority = Priority::regular;
  std::optional<WallTime> deadline;
  // Called by start() itself, which blocks as long, with the id that the instance gets: once
  // nothing else refuses it, and before anything of it is recorded. An error refuses it. Not called
  // for one that was started before; for two that have the same `once` at the same moment, perhaps
  // twice with the same id. Empty: there is nothing to prepare.
  std::function<Status(InstanceId)> prepare = {};
};

struct EngineOptions {
  std::size_t workers = 0;             // 0: one for each core
  std::size_t max_open = 1'000'000;    // open instances; beyond it admission answers `overloaded`
  std::size_t keep_finished = 10'000;  // finished instances that can still be read
  expression::Budget budget = {};      // what one evaluation of an expression may take
  std::uint32_t max_levels = 32;       // of instances that start each other
  // Null: workers of its own. Else whoever gives it runs none of the engine's jobs after the
  // engine.
  Executor* executor = nullptr;
  // An instance to which nothing has happened for so long, and nothing is due to happen for so
  // long, leaves memory until something does. 0: none does, as where the journal cannot be read.
  Milliseconds sleep_after{0};
  // False: nobody is there who could complete a step that waits for a person, and such a step
  // faults as `step-unavailable`.
  bool people = true;
};

class Engine {
 public:
  // All references must outlive the engine.
  Engine(EngineOptions options, StepRunner& steps, Journal& journal, Timers& timers,
         const Clock& clock, Entropy& entropy, Metrics& metrics, Log& log);
  // Waits for work that is being done. Instances that are still open stay so in the journal.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  std::shared_ptr<const Workflow> prepare(std::shared_ptr<const config::Definition> definition);

  // Brings back what the journal holds: open instances, each as it was after its last record, with
  // the definition that it was started with, which `load` reads from the journal's `definition`
  // payload. Before any start(); blocks. One whose definition cannot be read stays as it is, which
  // the log says. Errors: the journal's.
  using Loader =
      std::function<Result<std::shared_ptr<const config::Definition>>(const Value& sources)>;
  Status recover(const Loader& load);
  // Lets what was recovered go on: once all who serve it and listen to it are there.
  void go_on();

  // Admits an instance. `admitted` is called, on any thread and without any lock held, once the
  // admission is durable: with the instance's id, or with runtime/`overloaded` (503) or
  // `shutting-down` (503).
  // An input that the workflow's schema refuses: validation/`schema-violation`, at once. One too
  // many below another: configuration/`workflow-too-deep`. With a parent: also while new ones are
  // refused, since it belongs to what runs.
  void start(StartRequest request, std::function<void(Result<InstanceId>)> admitted);
  // Blocks for one that is not in memory any more.
  std::optional<InstanceView> find(InstanceId id) const;
  // The same, without blocking: nothing where it is not in memory.
  std::optional<InstanceView> peek(InstanceId id) const;
  bool in_memory(InstanceId id) const;  // would peek() find it?
  // In the query's order, wherever they are: a page may have less than there is room for, where
  // looking further would take too long. Blocks. Errors: the journal's.
  Result<InstancePage> list(const InstanceQuery& query) const;
  // Changes what an open instance is called, at rest or not; `done` as request()'s. Errors: those
  // of stop().
  void change(InstanceId id, const LabelChange& change, const std::function<void(Status)>& done);
  // Takes those away that have ended, with their journal, and gives those that went. Their children
  // stay. A start with the same `once` makes a new one from then on. Blocks. Errors: the journal's.
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& ids);
  // Those that have not ended and that `wanted` picks, by id; it is called with a lock held and
  // gets the definition and the id of the API key that started the instance. Of those that have
  // left memory without what the journal alone has: name, input, tags, parent.
  using Wanted = std::function<bool(const config::Definition&, const std::string& key)>;
  std::vector<InstanceView> open_views(const Wanted& wanted) const;
  // All that it did so far, as its journal tells. Blocks. Errors: validation/404
  // `instance-unknown`; the journal's, and those of its definition.
  Result<History> history(InstanceId id);
  // From now on the listener hears of all that the instance does. Watch first, then ask for the
  // history: together they have everything, and what both have has the same number.
  void watch(InstanceId id, std::shared_ptr<HistoryListener> listener);
  void unwatch(InstanceId id, const HistoryListener* listener);
  // From now on it hears of every instance that becomes another one.
  void follow(std::shared_ptr<ChangeListener> listener);
  void unfollow(const ChangeListener* listener);
  // Calls back with the final view, at once if it has ended; false if there is no such instance.
  // Once what `alive` refers to is gone, nobody is called, and the callback goes; one that was
  // never given anything is alive for ever.
  bool when_ended(InstanceId id, std::function<void(const InstanceView&)> callback,
                  std::weak_ptr<void> alive = {});
  // Cancels what is in flight and ends it as `stopped`: asked for here, it happens a little later.
  // Errors: validation/404 `instance-unknown`, 409 `instance-ended`.
  Status stop(InstanceId id);
  // stop: as above. suspend: nothing is begun until it is resumed; what is in flight comes to its
  // end, and its result is kept. retry: a faulted one goes on from the step that failed, keeping
  // what was done; blocks for a moment. `done` is called, on any thread and without any lock held,
  // once that is durable, or with: those of stop(); retry: 409 `instance-not-faulted`,
  // `instance-not-retryable` where what failed would fail again; the journal's.
  enum class Operation : std::uint8_t { stop, suspend, resume, retry };
  void request(Operation what, InstanceId id, std::function<void(Status)> done);

  // Completes a step that waits for a person: what it gives becomes its result. `done` is called as
  // that of request(), once the result is durable, or with validation: 404 `step-unknown`; 409
  // `step-not-active`, `step-completed`, `step-ambiguous` (the extension `references` lists which
  // there are); 403 `step-not-yours` (authorization); 400 `step-output-invalid`, whose extension
  // `field` names the part; those of stop() and of `prepare`.
  void complete_step(InstanceId id, StepAnswer answer, const std::function<void(Status)>& done);
  // Changes what such a step asks for, as long as it waits. The same, with `step-change-invalid`.
  void patch_step(InstanceId id, StepAnswer patch, const std::function<void(Status)>& done);
  // Those that are open, of all instances, at most so many. Blocks where an instance has left
  // memory, whose records are then read. Errors: the journal's.
  Result<OpenSteps> open_steps(const OpenStepFilter& filter, std::size_t most) const;

  // An event from outside, to whoever waits for it. `done` is called, on any thread, once it cannot
  // be lost. Errors: the journal's.
  void publish(const Value& event, const std::function<void(Status)>& done);
  // Where events go and come from; lives as long as the engine.
  EventBus& events();
  // Runs it on a worker; it must not block.
  void post(std::function<void()> task);

  std::size_t open_instances() const;
  // Steps that run outside now, and not in another instance of this engine.
  std::size_t steps_in_flight() const;
  // No worker has anything to do: what is open waits for a step, a timer or an event. Tests that
  // own the time ask it before they move the clock.
  bool at_rest() const;
  // Renews the gauges, forgets instances that are too old, lets those that wait for long leave
  // memory. Call it about once a second, from one thread.
  void maintain();
  // From now on start() answers `shutting-down`.
  void refuse_new();
  // The same, for an engine that is about to go: no instance begins anything from now on, be it a
  // step, a timer or a turn. What is under way comes to its end, its result into the journal, and
  // the instance then rests until the next start; so does one that a timer or an event would wake,
  // and events stay in the journal. request() answers `shutting-down`.
  void begin_no_more();
  // After that: waits until no step runs outside and all is in the journal, or for the deadline;
  // true where it is so. What then runs still is cancelled by the destructor, and repeated after
  // the next start, or `outcome-unknown` where it must not be. Blocks: not on a worker.
  bool wait_for_rest(Deadline deadline);
  // After that: snapshots of those that would be long to replay, as many as there is time for.
  void take_snapshots(Deadline deadline);
  // Waits until no instance is open, or the deadline; true if none is. Blocks: not on a worker.
  bool wait_until_idle(Deadline deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::engine
