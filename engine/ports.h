// What the engine needs of the world, declared by it and implemented elsewhere: something that
// runs steps, something that keeps records, something that wakes it up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/instance_filter.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

struct StepOutcome {
  Result<Value> result;
  Value authorization;  // $authorization: {scheme, parameter: "***"}, or null
};

// The raw result of a step as it came from outside. Made on any thread; resolve() does the work
// that costs time (decoding, classification) and is called once, on a worker.
class PendingResult {
 public:
  virtual ~PendingResult() = default;
  virtual StepOutcome resolve() = 0;
};

// Where a step delivers its result, from any thread, without blocking.
class StepCompletion {
 public:
  virtual ~StepCompletion() = default;
  virtual void step_finished(StepId step, std::unique_ptr<PendingResult> result) = 0;
};

struct StepTicket {
  std::shared_ptr<StepCompletion> completion;
  StepId step;
  // Exactly once for each started step, also after a cancel.
  void finish(std::unique_ptr<PendingResult> result) const {
    completion->step_finished(step, std::move(result));
  }
};

struct StepCall {
  std::shared_ptr<const Program> program;
  TaskNumber task = kNone;
  InstanceId instance;
  std::uint32_t attempt = 1;
  Value arguments;
  bool repeatable = true;       // may be sent again when its outcome is not known
  std::string trace_id;         // 32 hexadecimal digits (W3C Trace Context)
  std::string idempotency_key;  // the same over retries and crashes
  std::string key;              // id of the API key that the instance runs under; may be empty

  const config::Task& definition() const { return *program->task(task).task; }
};

// A step that is under way. cancel() may be called from any thread; the ticket is still finished.
class RunningStep {
 public:
  virtual ~RunningStep() = default;
  virtual void cancel() = 0;
};

// Runs steps (implemented in steps/). Called on workers; start() must not block.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  virtual std::shared_ptr<RunningStep> start(StepCall call, StepTicket ticket) = 0;
};

// One fact, in the order in which it happened: about one instance, or (instance 0) about what
// several share. docs/journal-format.md describes the payloads.
struct Record {
  enum class Kind : std::uint8_t {
    // Of an instance. Its first record is `admitted` or `started`, and says what was asked for; its
    // last one is `ended`, unless `retried` follows.
    admitted,        // it waits for its turn (concurrency); `started` follows, then without payload
    started,         //
    step_started,    // a step that must not be repeated is about to be sent
    step_finished,   //
    timer_fired,     //
    event_received,  //
    suspended,       //
    resumed,         //
    stopped,         //
    ended,           // follows from the one before; says how
    retried,         // takes back the end and what led to it
    snapshot,        // the state after all records before it, which need not be kept
    changed,         // its name, tags, priority and deadline from now on
    step_changed,    // what waits for a person has become another, or was let go
    // Of what several share.
    definition,  // what instances are started with, by its digest; known ones change nothing
    published,   // an event (by `id`) is on its way to those who listen …
    delivered,   // … and has reached them all
    schedule,    // how far a schedule has come; the last one of its workflow counts
  };
  Kind kind;
  InstanceId instance;
  WallTime time;
  std::uint64_t id = 0;      // the step's, timer's, listener's or event's
  std::uint64_t random = 0;  // what the event carried
  Value payload;
  // Given by the instance: the record's place among its own, from 1; and how often it went on by
  // itself (Resumed) since the one before.
  std::uint32_t number = 0;
  std::uint32_t turns = 0;
  // Evaluations since the record before that a limit ended (expression::Cuts::ended).
  std::vector<std::uint32_t> cuts;
};

// What a reader is told of an instance: its first record and, where it has ended, its last.
struct InstanceSummary {
  Record head;
  std::optional<Record> end;
  std::optional<Record> changed{};  // the last one of this kind
  WallTime started{};               // when its turn came; epoch: it has not
};

struct FoundInstances {
  std::vector<InstanceSummary> instances;   // with InstanceQuery::ids_only: only head.instance
  std::vector<InstancePosition> positions;  // of each
  // Looking further would have taken too long: what is behind this has not been looked at.
  std::optional<InstancePosition> stopped_at;
};

// Keeps records (store/ has the durable one). append() may be called from any thread; `durable`
// runs on any thread once the record cannot be lost, or with the Problem that says why not; where
// it is empty nobody waits. A record is durable only together with all that were appended before
// it. The same instance and number a second time changes nothing.
// All that reads may be called from any thread that may block. Errors: runtime/`store-failed`;
// configuration/`store-damaged` for a record that cannot be read.
class Journal {
 public:
  enum class Durability : std::uint8_t {
    now,    // it is durable already; the callback is not called
    later,  // the callback will be called
  };
  virtual ~Journal() = default;
  virtual Durability append(Record record, std::function<void(Status)> durable) = 0;

  using Reader = std::function<void(std::vector<Record>)>;
  // Each instance that has not ended, by id, with its records in their order: all of them, or from
  // its last snapshot on, then behind its first.
  virtual Status read_open(const Reader& each) = 0;
  // Those of one instance, `ended` too; empty where there is none.
  virtual Result<std::vector<Record>> read(InstanceId instance) = 0;
  virtual Result<std::optional<InstanceSummary>> summary(InstanceId instance) = 0;
  // Of those that have ended, in the query's order.
  virtual Result<FoundInstances> find(const InstanceQuery& query) = 0;
  // Takes those away that have ended, with all records; for good, once it returns. Gives those that
  // went: what is open, or not there, stays as it is.
  virtual Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) = 0;
  // The payload of a definition's record; null where it is not known.
  virtual Result<Value> definition(const std::string& digest) = 0;
  // Those whose record does not say to which credentials they refer, by their digests. A second
  // record of one that does completes the first.
  virtual Result<std::vector<std::string>> incomplete_definitions() {
    return std::vector<std::string>{};
  }
  // `published` without `delivered`; the last `schedule` of each workflow.
  virtual Result<std::vector<Record>> undelivered() = 0;
  virtual Result<std::vector<Record>> schedules() = 0;
  // The highest id that was given to an instance below `limit`; 0 for none.
  virtual Result<std::uint64_t> last_instance(std::uint64_t limit) = 0;
};

// Wakes the engine up (implemented by the reactor's timers). Callable from any thread.
class Timers {
 public:
  virtual ~Timers() = default;
  virtual std::uint64_t run_at(SteadyTime when, std::function<void()> task) = 0;
  virtual void cancel(std::uint64_t timer) = 0;
};

}  // namespace stepwell::engine
