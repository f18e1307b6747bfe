// The state machine of an instance. Pure: no clock, no I/O, no randomness; the same state and
// event always give the same state and commands, live, in recovery, in simulation and in tests.
//
// A task goes through: enter (if, input.from) → body → finish (output.as, export.as, then) → leave
// (what extends it runs before the body and after finish), or raise, which climbs to the nearest
// `try` that catches it or ends the instance as faulted.
//   do       children              → last child's output
//   set      –                     → the evaluated value
//   switch   –                     → its input; the case's directive
//   for      children, repeated    → last iteration's output
//   fork     branches, by turns    → their outputs as an array; `compete`: the first one's
//   call     Execute               → the step's result; of a function: its task, as a child;
//            of a step for people: nothing outside, it is parked → what somebody completes it with
//   run      Execute               → the step's result
//   wait     StartTimer            → its input
//   raise    –                     → raise
//   emit     Emit                  → the event
//   listen   Listen                → the events; with `foreach` a round of children for each
//   try      children              → last child's output; raise in a child: retry, then handler
#pragma once

#include <optional>
#include <vector>

#include "engine/event_sieve.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

// Changes `state` by `event` and appends what must be done outside to `commands`. Events about
// steps and timers that are no longer awaited change nothing. While the instance is suspended
// events are kept, but for those that end it. Where `cuts` is given the evaluations that a limit
// ends are noted in it; in a replay it says which ones those are. It counts on from one call to the
// next. A change of the status comes after all traces, and has a number as they do: State::traced.
void apply(const Program& program, State& state, Event event, std::vector<Command>& commands,
           expression::Cuts* cuts = nullptr);

// Is the listening task waiting for this event? Changes nothing: an event that is not awaited need
// not be kept.
bool awaits(const Program& program, State& state, ListenerId listener, const Value& event,
            WallTime now);

// The task that this is the listener of, if it is one.
TaskNumber listening_task(const State& state, ListenerId listener);
// What its correlations expect, as a key of its task's sieve; nothing where one expects nothing
// yet.
std::optional<EventSieve::Key> key_of(const Program& program, State& state, ListenerId listener,
                                      const EventSieve& sieve, WallTime now);

// The tasks whose step, timer or event is awaited.
std::vector<TaskNumber> active_tasks(const State& state);

}  // namespace stepwell::engine
