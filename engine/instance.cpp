#include "engine/instance.h"

#include <utility>

#include "engine/machine.h"

namespace stepwell::engine {

namespace {

Value payload_of(const Result<Value>& result) {
  return result ? Value::object({{"output", *result}})
                : Value::object({{"problem", result.error().to_value()}});
}

Value parent_value(const Parent& parent, std::uint32_t level) {
  return Value::object({{"id", parent.id.number},
                        {"step", parent.step},
                        {"awaited", parent.awaited},
                        {"level", level}});
}

}  // namespace

Instance::Instance(Surroundings& surroundings, InstanceId id, StartRequest request,
                   std::uint32_t level)
    : surroundings_(surroundings),
      id_(id),
      request_(std::move(request)),
      level_(level),
      lifecycle_(surroundings.events, surroundings.entropy, *request_.workflow->program, id_) {
  state_.id = id_;
}

void Instance::admit(std::string trace_id, std::function<void(Result<InstanceId>)> admitted,
                     bool waits) {
  Value input = request_.input.is_null() ? Value::object() : request_.input;
  {
    const std::scoped_lock lock(work_mutex_);
    admitted_ = std::move(admitted);
    waits_ = waits && !begun_;
  }
  post(Event{surroundings_.clock.now(), Started{id_, std::move(trace_id), std::move(input)}});
}

void Instance::begin() { post(BeginMail{}); }

void Instance::stop() { post(Event{surroundings_.clock.now(), StopRequested{}}); }

void Instance::step_finished(StepId step, std::unique_ptr<PendingResult> result) {
  post(StepMail{step, std::move(result)});
}

void Instance::when_ended(std::function<void(const InstanceView&)> callback) {
  {
    const std::scoped_lock lock(view_mutex_);
    if (!settled_) {
      waiters_.push_back(std::move(callback));
      return;
    }
  }
  callback(view());
}

// What readers see; so that they wait for no worker. With work_mutex_ held.
void Instance::publish() {
  Published fresh{state_.status, state_.started, state_.updated, state_.ended,
                  state_.input,  state_.output,  state_.problem, active_tasks(state_)};
  if (waiting_ && !engine::ended(state_.status)) fresh.updated = waiting_->time;
  // One that never began has its input in the request alone.
  if (state_.started == WallTime{}) fresh.input = request_.input;
  const std::scoped_lock lock(view_mutex_);
  std::swap(published_, fresh);
}

InstanceView Instance::view() const {
  InstanceView view;
  view.id = id_;
  view.name = request_.name;
  view.workflow = request_.workflow->program->definition().id();
  view.key = request_.key;
  view.tags = request_.tags;
  if (request_.parent) view.parent = request_.parent->id;
  const std::scoped_lock lock(view_mutex_);
  view.status = published_.status;
  view.started = published_.started;
  view.updated = published_.updated;
  view.ended = published_.ended;
  view.input = published_.input;
  view.output = published_.output;
  if (published_.problem) view.problem = *published_.problem;
  for (const TaskNumber number : published_.active)
    view.active_tasks.push_back(request_.workflow->program->task(number).task->reference);
  return view;
}

// --- the mailbox ---

// Posts the run under the mailbox's lock: whoever closes the mailbox, and takes the pool away after
// that, comes either before (nothing is posted) or after the run is in the pool, which it waits
// for.
void Instance::enqueue_locked(Mail mail) {
  if (closed_) return;
  const bool unblocks = std::holds_alternative<DurableMail>(mail);
  if (unblocks)
    mailbox_.push_front(std::move(mail));  // what everything else waits for
  else
    mailbox_.push_back(std::move(mail));
  if (scheduled_ || (blocked_ && !unblocks)) return;
  scheduled_ = true;
  surroundings_.pool.post(shared_from_this());
}

void Instance::post(Mail mail) {
  const std::scoped_lock lock(mailbox_mutex_);
  enqueue_locked(std::move(mail));
}

void Instance::timer_fired(TimerId timer) {
  const std::scoped_lock lock(mailbox_mutex_);
  if (closed_) return;
  enqueue_locked(
      Event{surroundings_.clock.now(), TimerFired{timer, surroundings_.entropy.next_u64()}});
}

// What an instance tells of its own life is not for itself: it would never come to rest.
void Instance::event_arrived(ListenerId listener, const Value& event) {
  if (lifecycle_.made(event)) return;
  const std::scoped_lock lock(mailbox_mutex_);
  if (closed_) return;
  enqueue_locked(Event{surroundings_.clock.now(), EventReceived{listener, event}});
}

bool Instance::next_mail(Mail& mail) {
  const std::scoped_lock lock(mailbox_mutex_);
  const bool ready =
      !mailbox_.empty() && (!blocked_ || std::holds_alternative<DurableMail>(mailbox_.front()));
  if (!ready) {
    scheduled_ = false;
    return false;
  }
  mail = std::move(mailbox_.front());
  mailbox_.pop_front();
  return true;
}

void Instance::run() {
  Mail mail = DurableMail{};
  while (next_mail(mail)) {
    bool over = false;
    bool yielded = false;
    std::function<void()> reply;
    {
      const std::scoped_lock lock(work_mutex_);
      const bool was_over = ended(state_.status);
      handle(std::move(mail));
      over = !was_over && ended(state_.status);
      yielded = std::exchange(yielded_, false);
      reply.swap(reply_);
      if (!over) publish();
    }
    if (reply) reply();
    if (over) settle();
    if (yielded && !over) {
      // The rest of it behind everybody else's: `scheduled_` stays on.
      const std::scoped_lock lock(mailbox_mutex_);
      if (closed_) return;
      mailbox_.push_back(Event{surroundings_.clock.now(), Resumed{}});
      surroundings_.pool.post(shared_from_this());
      return;
    }
  }
}

void Instance::handle(Mail mail) {
  if (auto* event = std::get_if<Event>(&mail)) {
    Record record = record_of(Record::Kind::stopped);
    if (const auto* started = std::get_if<Started>(&event->what)) {
      record.kind = waits_ ? Record::Kind::admitted : Record::Kind::started;
      record.payload = Value::object({{"workflow", request_.workflow->program->definition().id()},
                                      {"digest", request_.workflow->program->definition().digest},
                                      {"traceId", started->trace_id},
                                      {"input", started->input}});
      if (request_.parent) record.payload.set("parent", parent_value(*request_.parent, level_));
    } else if (const auto* timer = std::get_if<TimerFired>(&event->what)) {
      timers_.erase(timer->timer);
      record.kind = Record::Kind::timer_fired;
      record.id = timer->timer.number;
      record.random = timer->random;
    } else if (const auto* received = std::get_if<EventReceived>(&event->what)) {
      if (!awaits(*request_.workflow->program, state_, received->listener, received->event,
                  event->time))
        return;
      record.kind = Record::Kind::event_received;
      record.id = received->listener.number;
      record.payload = received->event;
    } else if (std::holds_alternative<Resumed>(event->what)) {
      apply_event(std::move(*event));
      return;
    }
    record.time = event->time;  // a replay has no other
    journal_then_apply(std::move(*event), std::move(record));
    return;
  }
  if (auto* step = std::get_if<StepMail>(&mail)) {
    const auto running = running_.find(step->step);
    if (running == running_.end()) return;  // cancelled meanwhile
    const std::chrono::duration<double> took =
        surroundings_.clock.steady_now() - running->second.started;
    surroundings_.step_duration.observe(took.count());
    running_.erase(running);
    StepOutcome outcome = step->result->resolve();
    (outcome.result ? surroundings_.steps_completed : surroundings_.steps_faulted).increment();
    Record record = record_of(Record::Kind::step_finished);
    record.id = step->step.number;
    record.random = surroundings_.entropy.next_u64();
    record.payload = payload_of(outcome.result);
    Event event{record.time, StepFinished{step->step, std::move(outcome.result),
                                          std::move(outcome.authorization), record.random}};
    journal_then_apply(std::move(event), std::move(record));
    return;
  }
  if (std::holds_alternative<BeginMail>(mail)) return begin_waiting();
  auto& durable = std::get<DurableMail>(mail);
  if (awaiting_ && awaited_record_ == durable.record) {
    {
      const std::scoped_lock lock(mailbox_mutex_);
      blocked_ = false;
    }
    if (!durable.status) {
      if (admitted_)
        reply_ = [admitted = std::exchange(admitted_, nullptr), problem = durable.status.error()] {
          admitted(fail(problem));
        };
      awaiting_.reset();
      fail_journal(std::move(durable.status.error()));
      return;
    }
    apply_recorded(*std::exchange(awaiting_, std::nullopt));
    return;
  }
  for (auto held = held_.begin(); held != held_.end(); ++held) {
    if (held->record != durable.record) continue;
    HeldStep step = std::move(*held);
    held_.erase(held);
    if (ended(state_.status)) return;
    if (durable.status)
      start_step(step.execute, std::move(step.call));
    else
      fail_journal(std::move(durable.status.error()));
    return;
  }
}

// What cannot be recorded must not go on.
void Instance::fail_journal(Problem problem) {
  apply_event({surroundings_.clock.now(), JournalFailed{std::move(problem)}});
}

Record Instance::record_of(Record::Kind kind) const {
  return {kind, id_, surroundings_.clock.now(), 0, 0, {}};
}

Journal::Durability Instance::append(Record record, std::uint64_t& number) {
  number = ++records_;
  return surroundings_.journal.append(std::move(record),
                                      [self = shared_from_this(), number](Status status) {
                                        self->post(DurableMail{number, std::move(status)});
                                      });
}

// Nothing that follows from an event happens before its record is durable.
void Instance::journal_then_apply(Event event, Record record) {
  awaiting_ = std::move(event);
  {
    const std::scoped_lock lock(mailbox_mutex_);
    blocked_ = true;
  }
  if (append(std::move(record), awaited_record_) == Journal::Durability::later) return;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    blocked_ = false;
  }
  apply_recorded(*std::exchange(awaiting_, std::nullopt));
}

void Instance::apply_recorded(Event event) {
  if (!waits_ || !std::holds_alternative<Started>(event.what)) return apply_event(std::move(event));
  waiting_ = std::move(event);
  if (admitted_)
    reply_ = [admitted = std::exchange(admitted_, nullptr), id = id_] { admitted(id); };
}

// Its turn has come. The time counts from here.
void Instance::begin_waiting() {
  begun_ = true;
  waits_ = false;
  if (!waiting_ || ended(state_.status)) return;
  Event event = *std::exchange(waiting_, std::nullopt);
  Record record = record_of(Record::Kind::started);
  event.time = record.time;
  journal_then_apply(std::move(event), std::move(record));
}

void Instance::apply_event(Event event) {
  const bool admission = std::holds_alternative<Started>(event.what);
  commands_.clear();
  engine::apply(*request_.workflow->program, state_, std::move(event), commands_);
  status_.store(state_.status, std::memory_order_release);
  if (admission && admitted_)
    reply_ = [admitted = std::exchange(admitted_, nullptr), id = id_] { admitted(id); };
  if (admission && surroundings_.events.lifecycle_wanted()) lifecycle_.started(state_.started);
  for (Command& command : commands_) perform(command);
}

// --- commands ---

void Instance::perform(Command& command) {
  if (auto* step = std::get_if<Execute>(&command)) {
    execute(std::move(*step));
  } else if (const auto* cancelled = std::get_if<CancelStep>(&command)) {
    const auto found = running_.find(cancelled->step);
    if (found != running_.end()) {
      if (found->second.step) found->second.step->cancel();
      running_.erase(found);
    }
  } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
    const SteadyTime when =
        surroundings_.clock.steady_now() + (timer->due - surroundings_.clock.now());
    timers_[timer->timer] =
        surroundings_.timers.run_at(when, [weak = weak_from_this(), id = timer->timer] {
          if (const auto self = weak.lock()) self->timer_fired(id);
        });
  } else if (const auto* stopped = std::get_if<CancelTimer>(&command)) {
    const auto found = timers_.find(stopped->timer);
    if (found != timers_.end()) {
      surroundings_.timers.cancel(found->second);
      timers_.erase(found);
    }
  } else if (const auto* listened = std::get_if<Listen>(&command)) {
    listen(*listened);
  } else if (const auto* unlistened = std::get_if<Unlisten>(&command)) {
    stop_listening(*unlistened);
  } else if (const auto* emitted = std::get_if<Emit>(&command)) {
    surroundings_.events.publish(emitted->event);
  } else if (std::holds_alternative<Yield>(command)) {
    yielded_ = true;
  } else if (const auto* trace = std::get_if<Trace>(&command)) {
    if (trace->kind == Trace::Kind::retried) surroundings_.retries.increment();
    if (surroundings_.events.lifecycle_wanted()) lifecycle_.task(*trace, state_.updated);
    if (request_.observer)
      request_.observer->on_trace(*request_.workflow->program->task(trace->task).task, *trace,
                                  state_.updated);
  }
}

void Instance::listen(const Listen& command) {
  listeners_[command.listener] = surroundings_.events.subscribe(
      command.types, [weak = weak_from_this(), listener = command.listener](const Value& event) {
        if (const auto self = weak.lock()) self->event_arrived(listener, event);
      });
  if (surroundings_.events.lifecycle_wanted()) lifecycle_.correlation_started(state_.updated);
}

void Instance::stop_listening(const Unlisten& command) {
  const auto found = listeners_.find(command.listener);
  if (found == listeners_.end()) return;
  surroundings_.events.unsubscribe(found->second);
  listeners_.erase(found);
  if (command.completed && surroundings_.events.lifecycle_wanted())
    lifecycle_.correlation_completed(command.keys, state_.updated);
}

void Instance::execute(Execute command) {
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
  running_[command.step] = {nullptr, surroundings_.clock.steady_now()};
  if (call.repeatable) {
    start_step(command, std::move(call));
    return;
  }
  Record record = record_of(Record::Kind::step_started);
  record.id = command.step.number;
  HeldStep held{0, std::move(command), std::move(call)};
  if (append(std::move(record), held.record) == Journal::Durability::now)
    start_step(held.execute, std::move(held.call));
  else
    held_.push_back(std::move(held));
}

void Instance::start_step(const Execute& command, StepCall call) {
  const auto running = running_.find(command.step);
  if (running == running_.end()) return;  // cancelled while it was held
  running->second.step =
      surroundings_.steps.start(std::move(call), StepTicket{shared_from_this(), command.step});
}

void Instance::cancel_outside() {
  for (auto& [step, running] : running_)
    if (running.step) running.step->cancel();
  for (const auto& [timer, handle] : timers_) surroundings_.timers.cancel(handle);
  for (const auto& [listener, subscription] : listeners_)
    surroundings_.events.unsubscribe(subscription);
  running_.clear();
  timers_.clear();
  listeners_.clear();
  held_.clear();
}

void Instance::abandon() {
  {
    const std::scoped_lock lock(mailbox_mutex_);
    closed_ = true;
    mailbox_.clear();
  }
  {
    const std::scoped_lock lock(work_mutex_);
    cancel_outside();
  }
  const std::scoped_lock lock(view_mutex_);
  waiters_.clear();
}

// After the end: tell whoever waits, and the engine. Called once, without a lock.
void Instance::settle() {
  std::function<void(Result<InstanceId>)> admitted;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    closed_ = true;
    mailbox_.clear();
  }
  {
    const std::scoped_lock lock(work_mutex_);
    cancel_outside();
    if (surroundings_.events.lifecycle_wanted()) lifecycle_.ended(state_);
    admitted.swap(admitted_);
    state_.context = {};
    commands_ = {};
    publish();
  }
  surroundings_.journal.append(record_of(Record::Kind::ended), [](const Status&) {});
  surroundings_.on_ended(*this);
  if (admitted) admitted(id_);  // stopped before it could start
  std::vector<std::function<void(const InstanceView&)>> waiters;
  {
    const std::scoped_lock lock(view_mutex_);
    settled_ = true;
    waiters.swap(waiters_);
  }
  if (request_.observer || !waiters.empty()) {
    const InstanceView final = view();
    if (request_.observer) request_.observer->on_end(final);
    for (const auto& waiter : waiters) waiter(final);
  }
  surroundings_.on_settled();
}

}  // namespace stepwell::engine
