// What the engine needs of the world, declared by it and implemented elsewhere: something that
// runs steps, something that keeps records, something that wakes it up.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
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

// One fact about one instance, in the order in which it happened.
struct Record {
  enum class Kind : std::uint8_t {
    admitted,  // it waits for its turn (concurrency); `started` follows, then without payload
    started,
    step_started,
    step_finished,
    timer_fired,
    event_received,
    stopped,
    ended
  };
  Kind kind;
  InstanceId instance;
  WallTime time;
  std::uint64_t id = 0;      // the step's, timer's or listener's
  std::uint64_t random = 0;  // what the event carried
  Value payload;             // input, result, problem or event
};

// Keeps records (store/ has the durable one). append() may be called from any thread; `durable`
// runs on any thread once the record cannot be lost, or with the Problem that says why not.
class Journal {
 public:
  enum class Durability : std::uint8_t {
    now,    // it is durable already; the callback is not called
    later,  // the callback will be called
  };
  virtual ~Journal() = default;
  virtual Durability append(Record record, std::function<void(Status)> durable) = 0;
};

// Wakes the engine up (implemented by the reactor's timers). Callable from any thread.
class Timers {
 public:
  virtual ~Timers() = default;
  virtual std::uint64_t run_at(SteadyTime when, std::function<void()> task) = 0;
  virtual void cancel(std::uint64_t timer) = 0;
};

}  // namespace stepwell::engine
