#include "tests/engine/machine_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace stepwell::engine::test {

std::shared_ptr<const config::Definition> definition(std::string_view body) {
  const std::string text =
      "document: {dsl: '1.0.3', namespace: test, name: flow, version: '1.0.0'}\n" +
      std::string(body);
  const config::Loaded loaded = config::load_definition(text, "test.yaml");
  std::string faults;
  for (const config::Fault& fault : loaded.faults) faults += fault.text() + "\n";
  if (!loaded.definition) throw std::runtime_error(faults);
  return loaded.definition;
}

MachineDriver::MachineDriver(std::string_view body, std::string_view input)
    : program_(definition(body)) {
  apply({now_,
         Started{InstanceId{1}, "0123456789abcdef0123456789abcdef", parse_json(input).value()}});
}

void MachineDriver::apply(Event event) {
  std::vector<Command> commands;
  engine::apply(program_, state_, std::move(event), commands);
  bool yielded = false;
  for (Command& command : commands) {
    if (auto* step = std::get_if<Execute>(&command)) {
      keys_.push_back(step->idempotency_key);
      steps_.push_back(std::move(*step));
    } else if (const auto* cancelled = std::get_if<CancelStep>(&command)) {
      cancelled_ +=
          std::erase_if(steps_, [&](const Execute& e) { return e.step == cancelled->step; });
    } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
      timers_.push_back(*timer);
    } else if (const auto* stopped = std::get_if<CancelTimer>(&command)) {
      std::erase_if(timers_, [&](const StartTimer& t) { return t.timer == stopped->timer; });
    } else if (const auto* trace = std::get_if<Trace>(&command)) {
      traces_.push_back(std::string(to_string(trace->kind)) + " " +
                        program_.task(trace->task).task->name);
    } else if (auto* listened = std::get_if<Listen>(&command)) {
      listeners_.push_back(std::move(*listened));
    } else if (const auto* unlistened = std::get_if<Unlisten>(&command)) {
      std::erase_if(listeners_,
                    [&](const Listen& l) { return l.listener == unlistened->listener; });
    } else if (auto* emitted = std::get_if<Emit>(&command)) {
      emitted_.push_back(std::move(emitted->event));
    } else if (std::holds_alternative<Yield>(command)) {
      yielded = true;
    }
  }
  if (yielded) apply({now_, Resumed{}});
}

const Execute* MachineDriver::pending(std::string_view name) const {
  for (const Execute& step : steps_)
    if (program_.task(step.task).task->name == name) return &step;
  return nullptr;
}

void MachineDriver::complete(std::string_view name, std::string_view json) {
  const Execute* step = pending(name);
  ASSERT_NE(step, nullptr) << name << " is not awaited";
  const StepId id = step->step;
  std::erase_if(steps_, [&](const Execute& e) { return e.step == id; });
  apply({now_, StepFinished{id, parse_json(json).value(), {}, 0}});
}

void MachineDriver::fail_step(std::string_view name, Problem problem) {
  const Execute* step = pending(name);
  ASSERT_NE(step, nullptr) << name << " is not awaited";
  const StepId id = step->step;
  std::erase_if(steps_, [&](const Execute& e) { return e.step == id; });
  apply({now_, StepFinished{id, fail(std::move(problem)), {}, 0}});
}

void MachineDriver::advance(Milliseconds by) {
  const WallTime until = now_ + by;
  while (true) {
    const auto next = std::min_element(timers_.begin(), timers_.end(),
                                       [](const auto& a, const auto& b) { return a.due < b.due; });
    if (next == timers_.end() || next->due > until) break;
    const StartTimer timer = *next;
    timers_.erase(next);
    now_ = std::max(now_, timer.due);
    apply({now_, TimerFired{timer.timer, 0}});
  }
  now_ = until;
}

bool MachineDriver::publish(std::string_view json) {
  const Value event = parse_json(json).value();
  bool awaited = false;
  const std::vector<Listen> listeners = listeners_;  // those of now: the event may end them
  for (const Listen& one : listeners) {
    const auto is_of_type = [&](const std::string& type) {
      return event.get("type") == Value(type);
    };
    if (!one.types.empty() && std::none_of(one.types.begin(), one.types.end(), is_of_type))
      continue;
    if (!awaits(program_, state_, one.listener, event, now_)) continue;
    awaited = true;
    apply({now_, EventReceived{one.listener, event}});
  }
  return awaited;
}

void MachineDriver::send(Event event) { apply(std::move(event)); }

std::string MachineDriver::order() const {
  std::string names;
  for (const std::string& trace : traces_)
    if (trace.starts_with("started ")) names += (names.empty() ? "" : " ") + trace.substr(8);
  return names;
}

}  // namespace stepwell::engine::test
