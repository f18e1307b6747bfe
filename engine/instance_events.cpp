// What comes to an instance: each piece of mail, and what it was told of itself after a restart.
#include <algorithm>
#include <utility>

#include "engine/instance.h"
#include "engine/machine.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// Events that wait for an instance while it is suspended, or busy with those that came before.
constexpr std::size_t kMostWaiting = 10'000;

std::size_t waiting_events(const State& state) {
  std::size_t count = state.deferred.size();
  for (const Frame& frame : state.frames)
    if (frame.listening) count += frame.listening->backlog.size();
  return count;
}

// Of a step that was about to be sent when the daemon went down.
class Unknown final : public PendingResult {
 public:
  StepOutcome resolve() override {
    return {fail(make_problem(ErrorKind::communication, "outcome-unknown",
                              "the daemon went down while this was under way, and it must not be "
                              "repeated; ask the other side whether it was executed")),
            {}};
  }
};

}  // namespace

// For one more event. What it has to hold must end somewhere.
bool Instance::has_room() {
  const bool was_full = std::exchange(full_, waiting_events(state_) >= kMostWaiting);
  if (!full_) return true;
  surroundings_.events_missed.increment();
  if (!was_full)
    surroundings_.log.warn("too many events wait for an instance; it takes no more for now",
                           {{"instance", id_.number}, {"events", kMostWaiting}});
  return false;
}

void Instance::handle_event(Event&& event) {
  if (ended_in_journal_) return;
  Record record = record_of(Record::Kind::stopped, event.time);  // a replay has no other
  if (const auto* started = std::get_if<Started>(&event.what)) {
    record.kind = waits_ ? Record::Kind::admitted : Record::Kind::started;
    record.payload = head_payload(request_, level_, *started);
  } else if (const auto* timer = std::get_if<TimerFired>(&event.what)) {
    const auto armed = timers_.find(timer->timer);
    if (armed == timers_.end()) return;  // cancelled as it fired
    if (armed->second.early()) return arm(timer->timer, armed->second.due);
    timers_.erase(armed);
    record.kind = Record::Kind::timer_fired;
    record.id = timer->timer.number;
    record.random = timer->random;
  } else if (const auto* received = std::get_if<EventReceived>(&event.what)) {
    if (!awaits(*request_.workflow->program, state_, received->listener, received->event,
                event.time) ||
        seen_.has(received->listener, received->event) || !has_room())
      return;
    seen_.add(received->listener, received->event, state_.counter);
    record.kind = Record::Kind::event_received;
    record.id = received->listener.number;
    record.payload = received->event;
  } else if (const auto* step = std::get_if<StepFinished>(&event.what)) {
    if (!is_parked(step->step)) return;
    record.kind = Record::Kind::step_finished;
    record.id = step->step.number;
    record.payload = payload_of(step->result, step->authorization);
  } else if (std::holds_alternative<SuspendRequested>(event.what)) {
    record.kind = Record::Kind::suspended;
  } else if (std::holds_alternative<ResumeRequested>(event.what)) {
    record.kind = Record::Kind::resumed;
  } else if (std::holds_alternative<Resumed>(event.what)) {
    ++turns_;
    apply_event(std::move(event));
    return go_on_or_end();
  }
  transition(std::move(event), std::move(record));
}

// What is so already need not be journalled.
void Instance::handle_request(RequestMail mail) {
  if (ended_in_journal_) {
    replies_.emplace_back(
        [done = std::move(mail.done), problem = has_ended(view())] { done(fail(problem)); });
    return;
  }
  const bool suspended = state_.status == InstanceStatus::suspended;
  const bool as_it_is = (std::holds_alternative<SuspendRequested>(mail.event.what) && suspended) ||
                        (std::holds_alternative<ResumeRequested>(mail.event.what) && !suspended);
  if (as_it_is) {
    replies_.emplace_back([done = std::move(mail.done)] { done({}); });
    return;
  }
  requested_ = std::move(mail.done);
  handle_event(std::move(mail.event));
}

void Instance::handle_step(StepMail mail) {
  const auto running = running_.find(mail.step);
  if (running == running_.end() || ended_in_journal_) return;  // cancelled meanwhile
  const std::chrono::duration<double> took =
      surroundings_.clock.steady_now() - running->second.started;
  const StepKind kind = running->second.kind;
  surroundings_.step_metrics.took(kind, took);
  forget_running(running);
  StepOutcome outcome = mail.result->resolve();
  if (resting() && !outcome.result && outcome.result.error().code == "shutting-down")
    return;  // it is asked again after the next start
  surroundings_.step_metrics.ended(kind, outcome.result.has_value());
  Record record = record_of(Record::Kind::step_finished);
  record.id = mail.step.number;
  record.random = surroundings_.entropy.next_u64();
  record.payload = payload_of(outcome.result, outcome.authorization);
  Event event{record.time, StepFinished{mail.step, std::move(outcome.result),
                                        std::move(outcome.authorization), record.random}};
  transition(std::move(event), std::move(record));
}

void Instance::handle_durable(DurableMail&& mail) {
  if (mail.status) sure_ = std::max(sure_, mail.record);
  const bool admission = mail.record == 1 && admitted_;
  if (mail.record == awaited_) {
    awaited_ = 0;
    set_blocked(false);
    if (mail.status) {
      admission_durable_ = true;
      return release();
    }
    return admission ? admission_failed(std::move(mail.status.error()))
                     : fail_journal(std::move(mail.status.error()));
  }
  if (admission) {
    if (!mail.status) return admission_failed(std::move(mail.status.error()));
    admission_durable_ = true;
    if (awaited_ == 0) {
      show();
      tell_status_once();
    }
    over_ = awaited_ == 0 && ended(state_.status);
    return reply_admitted(id_);
  }
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const auto& each) {
    return each.second.record == mail.record;
  });
  if (held == held_.end()) return;  // cancelled meanwhile
  const StepId step = held->first;
  if (!mail.status) return fail_journal(std::move(mail.status.error()));
  held->second.record = 0;
  if (!held->second.call) return;
  StepCall call = std::move(*held->second.call);
  held_.erase(held);
  start_step(step, std::move(call));
}

// Its turn has come. The time counts from here.
void Instance::begin_waiting() {
  begun_ = true;
  waits_ = false;
  if (!waiting_ || recovered_ || ended(state_.status)) return;
  Event event = *std::exchange(waiting_, std::nullopt);
  Record record = record_of(Record::Kind::started);
  event.time = record.time;
  transition(std::move(event), std::move(record));
}

void Instance::listen_again() {
  const std::scoped_lock lock(work_mutex_);
  (void)listen_recovered();
}

// With work_mutex_ held. False: nothing of it is to go on.
bool Instance::listen_recovered() {
  if (!recovered_ || gone_) return false;
  for (const auto& [id, listener] : recovered_->listeners) listen(listener);
  return true;
}

// All under the lock that abandon() takes: the commit may come when the engine goes, or has gone.
void Instance::go_on_retried() {
  const std::scoped_lock lock(work_mutex_);
  if (!listen_recovered()) return;
  tell_status();
  post(GoOnMail{false, std::nullopt});
  if (state_.status == InstanceStatus::suspended)
    post(RequestMail{{surroundings_.clock.now(), ResumeRequested{}}, [](const Status&) {}});
}

std::vector<Emit> Instance::emitted() const {
  return recovered_ ? recovered_->emitted : std::vector<Emit>();
}

std::vector<std::string> Instance::awaited_children() const {
  std::vector<std::string> keys;
  if (!recovered_) return keys;
  for (const auto& [id, step] : recovered_->steps)
    keys.push_back(step.execute.idempotency_key + "/" + std::to_string(id.number));
  return keys;
}

// After a restart: whatever was awaited outside is asked for once more.
void Instance::continue_recovered(const GoOnMail& mail) {
  const auto recovered = std::exchange(recovered_, nullptr);
  if (!recovered) return;
  note_open_steps();
  {
    // They came before whatever waits now. abandon() refuses them where it has closed the mailbox.
    const std::scoped_lock lock(mailbox_mutex_);
    if (!closed_) mailbox_.splice(mailbox_.begin(), early_);
  }
  if (ended(state_.status)) return go_on_or_end();  // the journal does not know of its end yet
  if (mail.orphaned) return handle_event({surroundings_.clock.now(), StopRequested{}});
  if (waiting_) {
    if (begun_) begin_waiting();
    return;
  }
  arm_again(recovered->timers, mail.ahead);
  interrupted_ = std::move(recovered->steps);
  if (state_.status != InstanceStatus::suspended) continue_steps();
  yielded_ = recovered->yielded;
}

void Instance::continue_steps() {
  for (auto& [id, step] : std::exchange(interrupted_, {})) {
    if (!step.started) {
      execute(std::move(step.execute));
      continue;
    }
    note_running(id, step.execute.task);
    post(StepMail{id, std::make_unique<Unknown>()});
  }
}

}  // namespace stepwell::engine
