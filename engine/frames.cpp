// The frames of an instance, and the timers and steps that belong to them.
#include <deque>
#include <utility>

#include "engine/machine_impl.h"

namespace stepwell::engine {

std::uint32_t Machine::new_frame(TaskNumber task, std::uint32_t parent) {
  std::uint32_t slot = 0;
  if (state_.free_slots.empty()) {
    slot = static_cast<std::uint32_t>(state_.frames.size());
    state_.frames.emplace_back();
  } else {
    slot = state_.free_slots.back();
    state_.free_slots.pop_back();
  }
  Frame& frame = at(slot);
  frame.phase = Frame::Phase::children;
  frame.task = task;
  frame.parent = parent;
  frame.started = now_;
  if (parent != kNone) {
    frame.ordinal = at(parent).children++;
    frame.locals = at(parent).child_locals;
  }
  return slot;
}

void Machine::free_frame(std::uint32_t slot) {
  Frame& frame = at(slot);
  cancel_timer(frame.timeout);
  cancel_timer(frame.attempt_timeout);
  cancel_timer(frame.timer);
  if (frame.parked) cancel_timer(frame.parked->timer);
  cancel_listening(slot);
  drop_ready(slot);
  frame = Frame{};
  state_.free_slots.push_back(slot);
}

void Machine::cancel_own(std::uint32_t slot, bool traced) {
  Frame& frame = at(slot);
  if (frame.step.number != 0) {
    commands_.emplace_back(CancelStep{frame.step});
    if (unrepeatable(slot)) forbid_repetition(slot);
    frame.step = {};
    --state_.executing;
  }
  if (frame.parked) unpark(slot);
  cancel_timer(frame.timer);
  cancel_listening(slot);
  if (traced) trace(Trace::Kind::cancelled, slot);
}

// May the step not be executed a second time once it was cut off? A child may be sent again after a
// crash, since that finds the first one; but what cuts its step off stops it, whatever it has done.
bool Machine::unrepeatable(std::uint32_t slot) const {
  const auto* child = std::get_if<config::RunWorkflowBody>(&task(slot).body);
  return !at(slot).repeatable || (child != nullptr && child->await);
}

// What was interrupted may have been executed: no `try` around it runs it a second time, also where
// the error that it tries again for is a later one.
void Machine::forbid_repetition(std::uint32_t slot) {
  for (std::uint32_t up = at(slot).parent; up != kNone && at(up).task != kNone; up = at(up).parent)
    if (std::holds_alternative<config::TryBody>(task(up).body) && !extends(up))
      at(up).repeatable = false;
}

void Machine::drop_ready(std::uint32_t slot) {
  if (state_.ready.empty()) return;
  std::erase_if(state_.ready, [slot](const Next& next) { return next.slot == slot; });
}

void Machine::cancel_below(std::uint32_t slot) {
  drop_ready(slot);
  for (std::uint32_t child = 0; child < state_.frames.size(); ++child) {
    if (at(child).phase == Frame::Phase::free || at(child).parent != slot) continue;
    cancel_below(child);
    cancel_own(child, true);
    free_frame(child);
  }
}

void Machine::cancel_all() {
  if (state_.frames.empty()) return;
  cancel_below(kRoot);
}

void Machine::start_timer(std::uint32_t slot, TimerId& timer, Milliseconds delay) {
  timer = TimerId{new_id(slot)};
  commands_.emplace_back(StartTimer{timer, now_ + delay});
}

void Machine::cancel_timer(TimerId& timer) {
  if (timer.number == 0) return;
  commands_.emplace_back(CancelTimer{timer});
  timer = {};
}

void Machine::trace(Trace::Kind kind, std::uint32_t slot, Value output,
                    std::shared_ptr<const Problem> problem) {
  commands_.emplace_back(Trace{kind, at(slot).task, attempt_of(slot), std::move(output),
                               std::move(problem), ++state_.traced});
}

// The attempt of the innermost `try` whose block this frame is in (or is).
std::uint32_t Machine::attempt_of(std::uint32_t slot) const {
  for (std::uint32_t up = slot; up != kNone; up = at(up).parent) {
    if (at(up).task == kNone) break;
    if (std::holds_alternative<config::TryBody>(task(up).body) && !at(up).handling && !extends(up))
      return at(up).attempt;
  }
  return 1;
}

void Machine::update_status() {
  if (engine::ended(state_.status)) return;
  state_.status = state_.executing > 0 ? InstanceStatus::running : InstanceStatus::waiting;
}

}  // namespace stepwell::engine
