// What an instance does outside: the commands of its transitions, and their end.
#include <algorithm>
#include <utility>

#include "engine/instance.h"

namespace stepwell::engine {

void Instance::perform(Command& command) {
  if (auto* step = std::get_if<Execute>(&command)) {
    execute(std::move(*step));
  } else if (const auto* cancelled = std::get_if<CancelStep>(&command)) {
    held_.erase(cancelled->step);
    interrupted_.erase(cancelled->step);
    const auto found = running_.find(cancelled->step);
    if (found != running_.end()) {
      if (found->second.step) found->second.step->cancel();
      forget_running(found);
    }
  } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
    arm(timer->timer, timer->due);
  } else if (const auto* stopped = std::get_if<CancelTimer>(&command)) {
    const auto found = timers_.find(stopped->timer);
    if (found != timers_.end()) {
      surroundings_.timers.cancel(found->second.handle);
      timers_.erase(found);
    }
  } else if (const auto* listened = std::get_if<Listen>(&command)) {
    listen(*listened);
  } else if (const auto* unlistened = std::get_if<Unlisten>(&command)) {
    stop_listening(*unlistened);
  } else if (const auto* emitted = std::get_if<Emit>(&command)) {
    const Delivery delivery = std::move(announced_.front());
    announced_.pop_front();
    surroundings_.deliveries.send(emitted->event, EventBus::From::inside, delivery);
  } else if (std::holds_alternative<Yield>(command)) {
    yielded_ = true;
  } else if (const auto* trace = std::get_if<Trace>(&command)) {
    if (trace->kind == Trace::Kind::retried) surroundings_.retries.increment();
    if (surroundings_.watchers.any(id_))
      surroundings_.watchers.tell(id_, HistoryEntry::of(*trace, state_.updated));
    if (surroundings_.events.lifecycle_wanted()) lifecycle_.task(*trace, state_.updated);
    if (request_.observer)
      request_.observer->on_trace(*request_.workflow->program->task(trace->task).task, *trace,
                                  state_.updated);
  }
}

void Instance::arm(TimerId timer, WallTime due) { arm_at(timer, due, steady_ahead()); }

SteadyTime::duration Instance::steady_ahead() const {
  return surroundings_.clock.steady_now().time_since_epoch() -
         SteadyTime::duration(surroundings_.clock.now().time_since_epoch());
}

// Never so far from now that the steady clock has no such time.
SteadyTime Instance::steady_time(WallTime due, SteadyTime::duration ahead) const {
  constexpr std::chrono::hours kFarthest{24 * 365 * 100};
  const WallTime now = surroundings_.clock.now();
  return SteadyTime(std::clamp(due, now - kFarthest, now + kFarthest).time_since_epoch() + ahead);
}

void Instance::arm_at(TimerId timer, WallTime due, SteadyTime::duration ahead) {
  const SteadyTime when = steady_time(due, ahead);
  const std::uint64_t handle = surroundings_.timers.run_at(when, [weak = weak_from_this(), timer] {
    if (const auto self = weak.lock()) self->timer_fired(timer);
  });
  timers_[timer] = {handle, due, when, ahead};
}

void Instance::hear(const Listen& command) {
  if (const auto [place, fresh] = listeners_.try_emplace(command.listener); fresh)
    place->second = surroundings_.events.listen(command.types, {id_, command.listener});
}

void Instance::listen(const Listen& command) {
  hear(command);
  if (surroundings_.events.lifecycle_wanted()) lifecycle_.correlation_started(state_.updated);
}

void Instance::stop_listening(const Unlisten& command) {
  const auto found = listeners_.find(command.listener);
  if (found == listeners_.end()) return;
  surroundings_.events.unlisten(found->second, {id_, command.listener});
  listeners_.erase(found);
  if (command.completed && surroundings_.events.lifecycle_wanted())
    lifecycle_.correlation_completed(command.keys, state_.updated);
}

StepCall Instance::call_of(Execute command) const {
  StepCall call;
  call.program = request_.workflow->program;
  call.task = command.task;
  call.instance = id_;
  call.attempt = command.attempt;
  call.arguments = std::move(command.arguments);
  call.repeatable = command.repeatable;
  call.trace_id = state_.trace_id;
  call.idempotency_key = std::move(command.idempotency_key);
  call.key = request_.key;
  return call;
}

// What must not be repeated waits until the journal knows that it is about to be sent.
void Instance::execute(Execute command) {
  const StepId step = command.step;
  note_running(step, command.task);
  StepCall call = call_of(std::move(command));
  if (!call.repeatable) {
    if (!held_.contains(step)) append_step_started(step);
    HeldStep& held = held_[step];
    if (held.record != 0) {
      held.call = std::move(call);
      return;
    }
    held_.erase(step);
  }
  start_step(step, std::move(call));
}

void Instance::note_running(StepId step, TaskNumber task) {
  const config::TaskBody& body = request_.workflow->program->task(task).task->body;
  const bool outside = !std::holds_alternative<config::RunWorkflowBody>(body);
  running_[step] = {nullptr, surroundings_.clock.steady_now(), outside, step_kind(body)};
  if (outside) surroundings_.outside.begun.fetch_add(1, std::memory_order_relaxed);
}

void Instance::forget_running(std::map<StepId, Running, ById>::iterator running) {
  if (running->second.outside) surroundings_.outside.over.fetch_add(1, std::memory_order_release);
  running_.erase(running);
}

void Instance::start_step(StepId step, StepCall call) {
  const auto running = running_.find(step);
  if (running == running_.end()) return;  // cancelled while it was held
  running->second.step =
      surroundings_.steps.start(std::move(call), StepTicket{shared_from_this(), step});
}

void Instance::cancel_outside() {
  for (auto& [step, running] : running_)
    if (running.step) running.step->cancel();
  for (const auto& [timer, armed] : timers_) surroundings_.timers.cancel(armed.handle);
  for (const auto& [listener, group] : listeners_)
    surroundings_.events.unlisten(group, {id_, listener});
  while (!running_.empty()) forget_running(running_.begin());
  timers_.clear();
  listeners_.clear();
  held_.clear();
}

}  // namespace stepwell::engine
