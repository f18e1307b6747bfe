#include "tests/engine/model_text.h"

#include <array>

#include "base/json.h"

namespace stepwell::engine::test {

std::string_view name_of(Frame::Phase phase) {
  static constexpr std::array<std::string_view, 6> kNames{"free",    "children",    "executing",
                                                          "waiting", "backing_off", "listening"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view kind_of(const config::TaskBody& body) {
  static constexpr std::array<std::string_view, 15> kNames{
      "do",   "set",  "switch", "for",     "fork",          "call",         "raise",      "try",
      "wait", "emit", "listen", "openapi", "call function", "run workflow", "run process"};
  return kNames[body.index()];
}

std::string name_of(const Command& command) {
  static constexpr std::array<std::string_view, 9> kNames{"Execute",     "CancelStep", "StartTimer",
                                                          "CancelTimer", "Listen",     "Unlisten",
                                                          "Emit",        "Yield",      "Ended"};
  if (const auto* trace = std::get_if<Trace>(&command))
    return "Trace " + std::string(to_string(trace->kind));
  return std::string(kNames[command.index()]);
}

// All of a command that a replay must repeat.
std::string text_of(const Command& command) {
  std::string out = name_of(command) + " ";
  if (const auto* step = std::get_if<Execute>(&command))
    out += std::to_string(step->step.number) + " " + std::to_string(step->task) + " " +
           std::to_string(step->attempt) + " " + step->idempotency_key + " " +
           to_json(step->arguments);
  else if (const auto* cancelled = std::get_if<CancelStep>(&command))
    out += std::to_string(cancelled->step.number);
  else if (const auto* timer = std::get_if<StartTimer>(&command))
    out += std::to_string(timer->timer.number) + " " +
           std::to_string(timer->due.time_since_epoch().count());
  else if (const auto* stopped = std::get_if<CancelTimer>(&command))
    out += std::to_string(stopped->timer.number);
  else if (const auto* listened = std::get_if<Listen>(&command))
    out += std::to_string(listened->listener.number);
  else if (const auto* unlistened = std::get_if<Unlisten>(&command))
    out += std::to_string(unlistened->listener.number) + " " + to_json(unlistened->keys);
  else if (const auto* emitted = std::get_if<Emit>(&command))
    out += to_json(emitted->event);
  else if (const auto* trace = std::get_if<Trace>(&command))
    out += std::to_string(trace->task) + " " + to_json(trace->output) + " " +
           (trace->problem ? to_json(trace->problem->to_value()) : "");
  return out;
}

static std::string text_of(const std::vector<Value>& values) {
  std::string out = "[";
  for (const Value& value : values) out += to_json(value) + " ";
  return out + "]";
}

static std::string text_of(const Consumption& progress) {
  std::string out = std::to_string(progress.count) + " " + to_json(progress.keys);
  for (const bool matched : progress.matched) out += matched ? " yes" : " no";
  return out;
}

static std::string text_of(const Listening& listening) {
  std::string out = " listening " + std::to_string(listening.id.number) + " " +
                    text_of(listening.progress) + " until " + text_of(listening.until) + " " +
                    to_json(listening.consumed);
  for (const Value& event : listening.backlog) out += " " + to_json(event);
  return out;
}

static std::string text_of(const Extending& extending) {
  std::string out = " extending " + std::to_string(static_cast<int>(extending.stage)) + " " +
                    std::to_string(extending.next) + " " + to_json(extending.output);
  for (const std::uint32_t applied : extending.applied) out += " " + std::to_string(applied);
  return out;
}

static std::string text_of(WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

static std::string text_of(const Problem& problem) {
  return to_json(problem.to_value()) + (problem.retryable ? " retryable" : "") +
         (problem.retry_if_named ? " if named" : "");
}

std::string text_of(const Frame& frame) {
  std::string out = std::string(name_of(frame.phase));
  for (const std::uint64_t part :
       {std::uint64_t{frame.task}, std::uint64_t{frame.parent}, std::uint64_t{frame.list},
        std::uint64_t{frame.position}, std::uint64_t{frame.ordinal}, std::uint64_t{frame.children},
        std::uint64_t{frame.attempt}, frame.index, std::uint64_t{frame.running}, frame.step.number,
        frame.timer.number, frame.timeout.number, frame.attempt_timeout.number,
        std::uint64_t{frame.handling}, std::uint64_t{frame.repeatable}})
    out += " " + std::to_string(part);
  out += " " + text_of(frame.started) + " " + text_of(frame.attempts_end);
  for (const Value* value :
       {&frame.raw_input, &frame.input, &frame.collection, &frame.authorization})
    out += " " + to_json(*value);
  out += " " + text_of(frame.locals) + " " + text_of(frame.child_locals);
  if (frame.directive)
    out += " then " + std::to_string(static_cast<int>(frame.directive->kind)) + " " +
           std::to_string(frame.directive->target);
  if (frame.listening) out += text_of(*frame.listening);
  if (frame.extending) out += text_of(*frame.extending);
  return out;
}

std::string text_of(const State& state) {
  std::string out = std::to_string(state.id.number) + " " + state.trace_id + " " +
                    std::string(to_string(state.status)) + " " + text_of(state.started) + " " +
                    text_of(state.updated) + " " + text_of(state.ended) + " " +
                    to_json(state.input) + " " + to_json(state.context) + " " +
                    to_json(state.output) + " " + std::to_string(state.timeout.number) + " " +
                    std::to_string(state.counter) + " " + std::to_string(state.executing);
  if (state.problem) out += " " + text_of(*state.problem);
  for (const std::uint32_t slot : state.free_slots) out += " " + std::to_string(slot);
  for (const Next& next : state.ready)
    out += "\n  next " + std::to_string(static_cast<int>(next.kind)) + " " +
           std::to_string(next.slot) + " " + std::to_string(next.position) + " " +
           to_json(next.value) + (next.problem ? " " + text_of(*next.problem) : "");
  for (const Event& event : state.deferred) out += "\n  kept " + text_of(event);
  for (const Frame& frame : state.frames) out += "\n  " + text_of(frame);
  return out;
}

std::string text_of(const Event& event) {
  std::string out = std::to_string(event.what.index()) + " " + text_of(event.time);
  if (const auto* started = std::get_if<Started>(&event.what))
    out += " " + std::to_string(started->id.number) + " " + to_json(started->input);
  else if (const auto* step = std::get_if<StepFinished>(&event.what))
    out += " " + std::to_string(step->step.number) + " " + std::to_string(step->random) + " " +
           to_json(step->authorization) + " " +
           (step->result ? to_json(*step->result) : text_of(step->result.error()));
  else if (const auto* timer = std::get_if<TimerFired>(&event.what))
    out += " " + std::to_string(timer->timer.number) + " " + std::to_string(timer->random);
  else if (const auto* received = std::get_if<EventReceived>(&event.what))
    out += " " + std::to_string(received->listener.number) + " " + to_json(received->event);
  return out;
}

}  // namespace stepwell::engine::test
