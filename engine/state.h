// The state of one instance, the events that change it and the commands that come of it. Plain
// values: apply() (engine/machine.h) is the only code that writes a State. An instance's state is
// owned by its entry in the engine and touched by one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"
#include "base/value.h"
#include "engine/program.h"

namespace stepwell::engine {

// One execution of a task that happens outside the state machine, one timer, and one listening
// task, within an instance. Never used twice by the same instance. The low 24 bits are the frame's
// slot.
using StepId = Id<struct StepTag>;
using TimerId = Id<struct TimerTag>;
using ListenerId = Id<struct ListenerTag>;

enum class InstanceStatus : std::uint8_t {
  pending,
  running,
  waiting,
  suspended,
  completed,
  faulted,
  stopped
};
std::string_view to_string(InstanceStatus status);
inline bool ended(InstanceStatus status) { return status >= InstanceStatus::completed; }

// How far a strategy has come with the events that it waits for.
struct Consumption {
  std::uint64_t count = 0;
  std::vector<bool> matched;  // by filter
  Value keys;                 // null or an object: what the first event correlated by
};

// What a `listen` has consumed and has still to look at.
struct Listening {
  ListenerId id;
  Consumption progress;
  Consumption until;  // of `until` where it waits for events itself
  Value consumed;     // the raw output so far
  std::deque<Value> backlog;
};

// How far the extensions around a task have come.
struct Extending {
  enum class Stage : std::uint8_t { before, body, after };
  Stage stage = Stage::before;
  std::uint32_t next = 0;              // extension to look at, of the task's
  std::vector<std::uint32_t> applied;  // whose `after` is still to run, the next one last
  Value output;                        // after: the task's
};

// A step that waits for a person: it occupies nothing outside.
struct Parked {
  StepId step;
  Value arguments;              // evaluated, and changed since
  std::optional<WallTime> due;  // nothing happens then but that it is told
  TimerId timer;                // for that; 0: none, or it has fired
};

// One task that is being executed, or (task == kNone) the workflow itself. Frames form a tree.
struct Frame {
  enum class Phase : std::uint8_t {
    free,         // the slot holds no frame
    children,     // its list of tasks is running
    executing,    // its step is running outside
    waiting,      // for its timer (`wait`)
    backing_off,  // for its timer, before the next attempt (`try`)
    listening,    // for events
    parked,       // for a person
  };
  Phase phase = Phase::free;
  bool handling = false;  // `try`: catch.do is running, not the block
  TaskNumber task = kNone;
  std::uint32_t parent = kNone;  // slot
  ListNumber list = kNone;       // the child list that is running …
  std::uint32_t position = 0;    // … and the child in it
  std::uint32_t ordinal = 0;     // how many siblings were started before it in its scope
  std::uint32_t children = 0;    // how many children were started in the running scope
  std::uint32_t attempt = 1;     // `try`: the attempt that is running
  std::uint64_t index = 0;       // `for`: the iteration that is running
  std::uint32_t running = 0;     // `fork`: branches that have not ended
  StepId step;                   // executing: its step; else 0
  bool repeatable = true;        // executing: it may be sent again when its outcome is not known
  TimerId timer;                 // waiting and backing_off: what it waits for; else 0
  TimerId timeout;               // task timeout; 0: none
  TimerId attempt_timeout;       // `try`: limit.attempt.duration; 0: none
  WallTime started{};
  WallTime attempts_end{};               // `try`: limit.duration's end; epoch: none
  std::unique_ptr<Listening> listening;  // `listen`
  std::unique_ptr<Extending> extending;  // null where no extension extends the task
  std::unique_ptr<Parked> parked;        // parked: the step that waits
  Value raw_input;
  Value input;                      // transformed
  Value collection;                 // `for`: what `in` gave; `fork`: the branches' outputs
  Value authorization;              // $authorization of a finished call
  std::vector<Value> locals;        // variables of enclosing loops and catches, outermost first
  std::vector<Value> child_locals;  // what the children of the running list see
  std::optional<config::FlowDirective> directive;  // `switch`, caught `try`: instead of `then`
};

// A transition that comes at once: the next one of a task, or one that waits for its turn, because
// another branch is being worked on or apply() gave up its turn after many transitions.
struct Next {
  enum class Kind : std::uint8_t { rest, enter, finish, raise };
  Kind kind = Kind::rest;
  std::uint32_t slot = kNone;        // enter: the parent; else the frame itself
  std::uint32_t position = 0;        // enter: of the child
  Value value;                       // enter: raw input; finish: raw output
  std::shared_ptr<Problem> problem;  // raise
};

struct Event;

struct State {
  InstanceId id;
  std::string trace_id;  // 32 hexadecimal digits, also the seed of idempotency keys
  InstanceStatus status = InstanceStatus::pending;
  WallTime started{};
  WallTime updated{};
  WallTime ended{};
  Value input;                             // as it was given
  Value context;                           // $context
  Value output;                            // once completed
  std::shared_ptr<const Problem> problem;  // once faulted
  TimerId timeout;                         // the workflow's; 0: none
  std::vector<Frame> frames;               // slot 0 is the workflow
  std::vector<std::uint32_t> free_slots;
  std::uint64_t counter = 0;    // of step and timer ids
  std::uint64_t traced = 0;     // number of the last Trace or change of status; it only grows
  std::uint32_t executing = 0;  // steps that run outside
  std::uint32_t reached = 0;    // once it has ended: the place of the last one of its own tasks
  // Transitions that wait for their turn; empty once all is at rest. A list, as an empty one holds
  // no memory.
  std::list<Next> ready;
  std::vector<Event> deferred;  // what came while it is suspended
  // Tasks that a person has completed, or let go: each once, in the order of their numbers.
  std::vector<TaskNumber> completed_by_people;
};

// --- Events: what comes from outside. Each carries the time and, where needed, randomness. ---

struct Started {
  InstanceId id;
  std::string trace_id;
  Value input;
};
struct StepFinished {
  StepId step;
  Result<Value> result;
  Value authorization;       // {scheme, parameter} with the parameter redacted, or null
  std::uint64_t random = 0;  // for jitter
};
struct TimerFired {
  TimerId timer;
  std::uint64_t random = 0;
};
struct EventReceived {
  ListenerId listener;
  Value event;  // a CloudEvent in its JSON format
};
// What a person did to a parked step but complete it. `change` is {patch} with what is new of its
// arguments (apply_change() in engine/person_step.h), or {release: {completedBy, completedTime}}.
struct StepChanged {
  StepId step;
  Value change;
};
struct StopRequested {};
struct SuspendRequested {};  // from now on events are kept until ResumeRequested
struct ResumeRequested {};
struct JournalFailed {  // what should have happened next cannot be recorded
  Problem problem;
};
// After a Yield. Not journalled, since it follows from what was before: its time is
// State::updated. The record of the event that comes after it says that it was.
struct Resumed {};

struct Event {
  WallTime time;
  std::variant<Started, StepFinished, TimerFired, EventReceived, StopRequested, SuspendRequested,
               ResumeRequested, JournalFailed, Resumed, StepChanged>
      what;
};

// --- Commands: what must happen outside. ---

struct Execute {
  StepId step;
  TaskNumber task;
  std::uint32_t attempt;        // of the innermost enclosing `try`
  Value arguments;              // evaluated
  bool repeatable;              // may be sent again when its outcome is not known
  std::string idempotency_key;  // the same over retries and crashes
};
struct CancelStep {
  StepId step;
};
struct StartTimer {
  TimerId timer;
  WallTime due;
};
struct CancelTimer {
  TimerId timer;
};
struct Listen {
  ListenerId listener;
  std::vector<std::string> types;  // of the events that may count; empty: all
};
struct Unlisten {
  ListenerId listener;
  Value keys;              // what it correlated by, where it did; null or an object
  bool completed = false;  // it has what it waited for; else it was cancelled
};
struct Emit {
  Value event;  // a CloudEvent in its JSON format
};
struct Yield {};  // many transitions without a pause: post Resumed, let others have a turn
struct Ended {};  // State::status tells how

struct Trace {
  enum class Kind : std::uint8_t { started, completed, faulted, skipped, retried, cancelled };
  Kind kind;
  TaskNumber task;
  std::uint32_t attempt;
  Value output;                            // completed
  std::shared_ptr<const Problem> problem;  // faulted
  std::uint64_t number = 0;                // State::traced
};
std::string_view to_string(Trace::Kind kind);

using Command = std::variant<Execute, CancelStep, StartTimer, CancelTimer, Listen, Unlisten, Emit,
                             Yield, Ended, Trace>;

}  // namespace stepwell::engine
