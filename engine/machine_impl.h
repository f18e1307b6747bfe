// The working parts of apply(): one Machine lives for one event, on one thread. Internal to
// engine/; split over intake.cpp (events), machine.cpp (the flow), frames.cpp, bodies.cpp (task
// kinds), extensions.cpp, people.cpp, events.cpp (emit, listen), errors.cpp (try, retry, timeouts),
// scope.cpp (what expressions see).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/correlation.h"
#include "engine/machine.h"
#include "engine/odd_numbers.h"

namespace stepwell::engine {

// The values of a policy that stands in the definition: {username, password, token, authority,
// policy}, of which each kind has its own.
Status add_authentication(Value& arguments, const config::Authentication& policy,
                          const config::Scope& sight);

class Machine {
 public:
  // Transitions that one event may cause before others get a turn (about 10 ms of pure work).
  // Journals count turns: a replay with another number would go another way.
  static constexpr int kTurn = 10'000;

  Machine(const Program& program, State& state, std::vector<Command>& commands, WallTime now,
          expression::Cuts* cuts, int turn = kTurn)
      : program_(program),
        state_(state),
        commands_(commands),
        now_(now),
        cuts_(cuts),
        turn_(turn) {}

  void take(Event&& event);
  bool awaits(ListenerId listener, const Value& event);
  std::optional<EventSieve::Key> key_of(ListenerId listener, const EventSieve& sieve);

 private:
  static constexpr std::uint32_t kRoot = 0;  // the workflow's own frame

  // intake.cpp: what becomes of an event
  void handle(Event&& event);
  void suspend();
  void resume();
  void go_on();
  void started(Started&& event);
  void step_finished(StepFinished&& event);
  void timer_fired(const TimerFired& event);
  void stop();
  void journal_failed(Problem problem);

  // machine.cpp: the trampoline and the flow from task to task
  // No schema takes anything.
  Status conforms(const std::shared_ptr<const config::Schema>& schema, const Value& data,
                  std::string_view subject);
  void run(Next next);
  Next enter(std::uint32_t parent, std::uint32_t position, Value raw_input);
  Next finish(std::uint32_t slot, Value raw_output);
  Next leave(std::uint32_t slot, Value output, config::FlowDirective directive);
  Next list_done(std::uint32_t slot, Value output);
  Next child_done(std::uint32_t parent, std::uint32_t ordinal, config::FlowDirective directive,
                  Value output);
  void end_workflow(std::uint32_t from, Value output);
  Next raise(std::uint32_t slot, Problem problem);
  Next climb(std::uint32_t slot, Problem problem);
  void complete(Value output);
  void fault(Problem problem);
  void end(InstanceStatus status);

  // bodies.cpp: what each kind of task does on entry
  Next start_body(std::uint32_t slot);
  Next start_list(std::uint32_t slot, ListNumber list, Value input, std::vector<Value> locals);
  Next iterate(std::uint32_t slot, Value value);
  Next start_fork(std::uint32_t slot, const config::ForkBody& fork);
  Next branch_done(std::uint32_t slot, std::uint32_t branch, Value output);
  Next branch_skipped(std::uint32_t slot, std::uint32_t branch, Value output);
  bool is_fork(std::uint32_t slot) const {
    return at(slot).task != kNone && std::holds_alternative<config::ForkBody>(task(slot).body) &&
           !extends(slot);
  }
  Next branch_failed(std::uint32_t slot, Problem problem);
  Next start_step(std::uint32_t slot, Value arguments, bool repeatable);
  bool outlives_its_task(std::uint32_t slot) const;
  Result<Value> http_arguments(std::uint32_t slot, const config::HttpCallBody& body);
  Result<Value> openapi_arguments(std::uint32_t slot, const config::OpenApiCallBody& body);
  std::string idempotency_key(std::uint32_t slot) const;

  // people.cpp: steps that wait for people
  Next start_person_step(std::uint32_t slot, const config::PersonStepBody& body);
  Next send_email(std::uint32_t slot, Value arguments);
  void set_due(std::uint32_t slot, WallTime from);
  void unpark(std::uint32_t slot);
  void note_completed(TaskNumber task);
  bool is_parked(std::uint32_t slot, StepId step) const;
  void step_changed(const StepChanged& event);
  void due_passed(std::uint32_t slot);

  // events.cpp: emit and listen
  void event_received(EventReceived event);
  Result<Value> event_to_emit(std::uint32_t slot, const config::EmitBody& body);
  Next start_listen(std::uint32_t slot, const config::ListenBody& body);
  Next stop_listening(std::uint32_t slot);
  void cancel_listening(std::uint32_t slot, bool completed = false);
  Next take_events(std::uint32_t slot);
  Next round_done(std::uint32_t slot, Value output);
  Next failed_to_listen(std::uint32_t slot, Problem problem);
  Result<bool> keep_event(std::uint32_t slot, const config::ListenBody& body, Value output);
  Result<bool> enough_events(std::uint32_t slot, const config::ListenBody& body);
  EventMatcher matcher(std::uint32_t slot);

  // extensions.cpp: what runs before and after a task
  Next start_extending(std::uint32_t slot);
  Next next_before(std::uint32_t slot);
  Next start_after(std::uint32_t slot, Value output);
  Next next_after(std::uint32_t slot);
  Next extension_done(std::uint32_t slot);
  Next exit_extension(std::uint32_t slot, Value output);
  bool within_extension(std::uint32_t slot) const;
  const Frame* extended_by(const Frame& frame) const;
  // Are the task's children those of an extension, and not of its own body?
  bool extends(std::uint32_t slot) const {
    const auto& extending = at(slot).extending;
    return extending != nullptr && extending->stage != Extending::Stage::body;
  }

  // errors.cpp: what a `try` makes of an error
  Next start_attempt(std::uint32_t slot);
  Next catch_problem(std::uint32_t slot, Problem problem);
  Result<bool> catches(std::uint32_t slot, const config::TryBody& body, const Value& caught);
  Result<bool> back_off(std::uint32_t slot, const config::TryBody& body, const Problem& problem,
                        const Value& caught);
  bool interrupts_unrepeatable(std::uint32_t slot) const;
  Problem timeout_problem(std::uint32_t slot, const std::string& what) const;

  // scope.cpp
  config::Scope scope(const Frame& frame, const Value& input, const Value* output = nullptr);
  config::Scope scope_with(const Frame& frame, const Value& input, const Value& local);
  config::Scope workflow_scope(std::uint8_t used, const Value& input);
  void fill_standard(std::uint8_t used);
  Value workflow_variable() const;
  Value task_variable(const Frame& frame, const Value* output) const;

  // frames.cpp: frames, timers, steps
  Frame& at(std::uint32_t slot) { return state_.frames[slot]; }
  const Frame& at(std::uint32_t slot) const { return state_.frames[slot]; }
  const ProgramTask& entry(std::uint32_t slot) const { return program_.task(at(slot).task); }
  const config::Task& task(std::uint32_t slot) const { return *entry(slot).task; }
  std::uint32_t new_frame(TaskNumber task, std::uint32_t parent);
  void free_frame(std::uint32_t slot);
  void cancel_below(std::uint32_t slot);  // children and their children; `slot` itself stays
  void cancel_all();
  std::uint64_t new_id(std::uint32_t slot) { return (++state_.counter << 24U) | slot; }
  void start_timer(std::uint32_t slot, TimerId& timer, Milliseconds delay);
  void cancel_timer(TimerId& timer);
  void cancel_own(std::uint32_t slot, bool traced);
  bool unrepeatable(std::uint32_t slot) const;
  void forbid_repetition(std::uint32_t slot);
  void drop_ready(std::uint32_t slot);  // what waits for its turn in this frame
  void trace(Trace::Kind kind, std::uint32_t slot, Value output = {},
             std::shared_ptr<const Problem> problem = nullptr);
  std::uint32_t attempt_of(std::uint32_t slot) const;
  void update_status();

  const Program& program_;
  State& state_;
  std::vector<Command>& commands_;
  const WallTime now_;
  expression::Cuts* const cuts_;
  std::uint64_t random_ = 0;
  const int turn_;
  int transitions_ = 0;           // so far
  bool yielded_ = false;          // it made too many, and goes on with the next event
  std::vector<Value> variables_;  // backs the Scope that was asked for last
};

}  // namespace stepwell::engine
