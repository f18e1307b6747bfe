// What becomes of an event: it is handled, or kept while the instance is suspended.
#include <iterator>
#include <utility>

#include "engine/machine_impl.h"
#include "engine/odd_numbers.h"

namespace stepwell::engine {

void apply(const Program& program, State& state, Event event, std::vector<Command>& commands,
           expression::Cuts* cuts) {
  if (ended(state.status)) return;
  // What goes on by itself does so in the time of the event that it follows from.
  const bool by_itself = std::holds_alternative<Resumed>(event.what);
  const InstanceStatus before = state.status;
  Machine(program, state, commands, by_itself ? state.updated : event.time, cuts)
      .take(std::move(event));
  if (state.status != before) ++state.traced;
}

bool awaits(const Program& program, State& state, ListenerId listener, const Value& event,
            WallTime now) {
  std::vector<Command> none;
  return Machine(program, state, none, now, nullptr).awaits(listener, event);
}

std::optional<EventSieve::Key> key_of(const Program& program, State& state, ListenerId listener,
                                      const EventSieve& sieve, WallTime now) {
  std::vector<Command> none;
  return Machine(program, state, none, now, nullptr).key_of(listener, sieve);
}

// Of a step that goes on waiting: it need not wait itself.
static bool changes_only(const Event& event) {
  const auto* changed = std::get_if<StepChanged>(&event.what);
  return changed != nullptr && changed->change.contains("patch");
}

void Machine::take(Event&& event) {
  const bool suspended = state_.status == InstanceStatus::suspended;
  const bool ends = std::holds_alternative<StopRequested>(event.what) ||
                    std::holds_alternative<JournalFailed>(event.what);
  if (std::holds_alternative<SuspendRequested>(event.what)) {
    if (!suspended) suspend();
  } else if (std::holds_alternative<ResumeRequested>(event.what)) {
    if (suspended) resume();
  } else if (std::holds_alternative<Resumed>(event.what)) {
    if (!suspended) go_on();  // else it does so when it is resumed
  } else if (!ends && !changes_only(event) && (suspended || !state_.deferred.empty())) {
    state_.updated = now_;
    state_.deferred.push_back(std::move(event));
  } else {
    handle(std::move(event));
  }
}

void Machine::handle(Event&& event) {
  state_.updated = now_;
  random_ = 0;
  if (auto* start = std::get_if<Started>(&event.what))
    started(std::move(*start));
  else if (auto* step = std::get_if<StepFinished>(&event.what))
    step_finished(std::move(*step));
  else if (const auto* timer = std::get_if<TimerFired>(&event.what))
    timer_fired(*timer);
  else if (auto* received = std::get_if<EventReceived>(&event.what))
    event_received(std::move(*received));
  else if (const auto* changed = std::get_if<StepChanged>(&event.what))
    step_changed(*changed);
  else if (auto* failed = std::get_if<JournalFailed>(&event.what))
    journal_failed(std::move(failed->problem));
  else
    stop();
}

void Machine::suspend() {
  state_.updated = now_;
  state_.status = InstanceStatus::suspended;
}

void Machine::resume() {
  state_.updated = now_;
  if (state_.frames.empty())
    state_.status = InstanceStatus::pending;
  else
    update_status();
  go_on();
}

// With what waits for its turn, then with what was kept, as if it came now. What comes before all
// of that is done has to queue behind it.
void Machine::go_on() {
  if (!state_.frames.empty()) run({});
  std::vector<Event> kept = std::exchange(state_.deferred, {});
  auto next = kept.begin();
  for (; next != kept.end() && !yielded_ && !engine::ended(state_.status); ++next)
    handle(std::move(*next));
  if (next == kept.end() || engine::ended(state_.status)) return;
  state_.deferred.assign(std::make_move_iterator(next), std::make_move_iterator(kept.end()));
}

void Machine::started(Started&& event) {
  state_.id = event.id;
  state_.trace_id = std::move(event.trace_id);
  state_.started = now_;
  state_.input = as_recorded(std::move(event.input));
  state_.status = InstanceStatus::running;
  state_.frames.reserve(2);  // its own and its first task's
  const std::uint32_t root = new_frame(kNone, kNone);
  Frame& frame = at(root);
  frame.raw_input = state_.input;
  frame.input = state_.input;
  const config::Definition& definition = program_.definition();
  if (auto good = conforms(definition.input_schema, state_.input, "the workflow's input"); !good) {
    good.error().where = "/input/schema";
    run(raise(root, std::move(good.error())));
    return;
  }
  if (definition.input_from) {
    auto input =
        definition.input_from->evaluate(workflow_scope(program_.used_by_input(), state_.input));
    if (!input) {
      run(raise(root, std::move(input.error())));
      return;
    }
    frame.input = std::move(*input);
  }
  if (definition.timeout) {
    auto limit =
        definition.timeout->evaluate(workflow_scope(program_.used_by_input(), frame.input));
    if (!limit) {
      run(raise(root, std::move(limit.error())));
      return;
    }
    start_timer(root, state_.timeout, *limit);
  }
  Value input = at(root).input;
  run(start_list(root, program_.root(), std::move(input), {}));
}

void Machine::step_finished(StepFinished&& event) {
  const auto slot = static_cast<std::uint32_t>(event.step.number & 0xffffffU);
  const bool person = is_parked(slot, event.step);
  if (!person && (slot >= state_.frames.size() || at(slot).step != event.step)) return;
  random_ = event.random;
  Frame& frame = at(slot);
  if (person) {
    unpark(slot);
    note_completed(frame.task);
  } else {
    frame.step = {};
    frame.phase = Frame::Phase::children;
    --state_.executing;
  }
  frame.authorization = std::move(event.authorization);
  if (event.result)
    return run(finish(
        slot, outlives_its_task(slot) ? frame.input : as_recorded(std::move(*event.result))));
  // Also where somebody gets over it, such as a branch that competes with this one.
  if (event.result.error().code == "outcome-unknown") forbid_repetition(slot);
  run(raise(slot, std::move(event.result.error())
                      .with("attempt", static_cast<std::int64_t>(attempt_of(slot)))));
}

void Machine::timer_fired(const TimerFired& event) {
  const auto slot = static_cast<std::uint32_t>(event.timer.number & 0xffffffU);
  if (slot >= state_.frames.size() || event.timer.number == 0) return;
  random_ = event.random;
  Frame& frame = at(slot);
  if (slot == kRoot && event.timer == state_.timeout) {
    state_.timeout = {};
    Problem problem = timeout_problem(kRoot, "the workflow's timeout");
    cancel_below(kRoot);
    fault(std::move(problem));
  } else if (event.timer == frame.timeout) {
    frame.timeout = {};
    Problem problem = timeout_problem(slot, "the task's timeout");
    cancel_below(slot);
    cancel_own(slot, false);
    run(raise(slot, std::move(problem)));
  } else if (event.timer == frame.attempt_timeout) {
    frame.attempt_timeout = {};
    Problem problem = timeout_problem(slot, "the attempt's time limit");
    cancel_below(slot);
    run(catch_problem(slot, std::move(problem)));
  } else if (frame.parked && event.timer == frame.parked->timer) {
    due_passed(slot);
  } else if (event.timer == frame.timer) {
    frame.timer = {};
    if (frame.phase == Frame::Phase::waiting) {
      frame.phase = Frame::Phase::children;
      run(finish(slot, frame.input));
    } else {
      trace(Trace::Kind::retried, slot);
      run(start_attempt(slot));
    }
  }
}

void Machine::stop() {
  cancel_all();
  end(InstanceStatus::stopped);
}

void Machine::journal_failed(Problem problem) {
  cancel_all();
  fault(std::move(problem));
}

}  // namespace stepwell::engine
