#include "engine/instance.h"

#include <algorithm>
#include <utility>

#include "engine/machine.h"
#include "engine/recovery.h"
#include "engine/snapshot.h"

namespace stepwell::engine {

namespace {

// A long life is not replayed from its beginning: after so many records there is a snapshot.
constexpr std::uint32_t kSnapshotEvery = 500;

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

Instance::Instance(Surroundings& surroundings, InstanceId id, StartRequest request,
                   std::uint32_t level)
    : surroundings_(surroundings),
      id_(id),
      request_(std::move(request)),
      level_(level),
      lifecycle_(surroundings.events, surroundings.entropy, *request_.workflow->program, id_),
      urgency_(static_cast<std::uint8_t>(request_.priority)),
      label_(label_of(request_)) {
  state_.id = id_;
  publish();  // its admission may be told before anything else can be seen
}

Instance::Instance(Surroundings& surroundings, InstanceId id, StartRequest request,
                   std::uint32_t level, Replayed replayed)
    : Instance(surroundings, id, std::move(request), level) {
  state_ = std::move(replayed.state);
  number_ = sure_ = replayed.number;
  waiting_ = std::move(replayed.waiting);
  waits_ = waiting_.has_value();
  admission_durable_ = true;
  admission_ = id_;
  snapshot_ = replayed.snapshot;
  seen_ = std::move(replayed.seen);
  status_.store(state_.status, std::memory_order_release);
  if (replayed.label) {
    label_ = std::move(*replayed.label);
    urgency_.store(static_cast<std::uint8_t>(label_.priority), std::memory_order_relaxed);
  }
  recovered_ = std::make_unique<Replayed>(std::move(replayed));
  publish();
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

bool Instance::begin() { return post(BeginMail{}) || !left(); }

void Instance::go_on(bool orphaned) { post(GoOnMail{orphaned, std::nullopt}); }

bool Instance::stop() { return post(Event{surroundings_.clock.now(), StopRequested{}}) || !left(); }

bool Instance::request(Event event, const std::function<void(Status)>& done) {
  if (post(RequestMail{std::move(event), done})) return true;
  if (left()) return false;
  done(fail(has_ended(view())));
  return true;
}

void Instance::step_finished(StepId step, std::unique_ptr<PendingResult> result) {
  post(StepMail{step, std::move(result)});
}

bool Instance::when_ended(std::function<void(const InstanceView&)> callback) {
  {
    const std::scoped_lock lock(view_mutex_);
    if (left()) return false;
    if (!settled_) {
      waiters_.push_back(std::move(callback));
      return true;
    }
  }
  callback(view());
  return true;
}

void Instance::count(bool is_new) {
  if (is_new) surroundings_.states.enter(status());
  counted_.store(true, std::memory_order_relaxed);
}

// What readers see; so that they wait for no worker. With work_mutex_ held.
void Instance::publish() {
  Published fresh{
      state_.status,  state_.started,       state_.updated,
      state_.ended,   state_.input,         state_.output,
      state_.problem, active_tasks(state_), open_steps_of(*request_.workflow->program, state_)};
  if (waiting_ && !engine::ended(state_.status)) fresh.updated = waiting_->time;
  // One that never began has its input in the request alone.
  if (state_.started == WallTime{}) fresh.input = request_.input;
  fresh.progress = progress();
  const InstanceStatus before = status_.exchange(state_.status, std::memory_order_acq_rel);
  if (before != state_.status && counted_.load(std::memory_order_relaxed)) {
    surroundings_.states.leave(before);
    surroundings_.states.enter(state_.status);
  }
  const std::scoped_lock lock(view_mutex_);
  std::swap(published_, fresh);
  open_changed_ = open_changed_ || !same_steps(fresh.open, published_.open);
}

// With view_mutex_ held.
InstanceView Instance::view_now() const {
  InstanceView view;
  view.id = id_;
  view.workflow = request_.workflow->program->definition().id();
  view.key = request_.key;
  if (request_.parent) view.parent = request_.parent->id;
  view.status = published_.status;
  view.started = published_.started;
  view.updated = published_.updated;
  view.ended = published_.ended;
  view.input = published_.input;
  view.output = published_.output;
  view.progress = published_.progress;
  if (published_.problem) view.problem = *published_.problem;
  view.open_steps = published_.open;
  mark_overdue(view.open_steps, surroundings_.clock.now());
  show_label(label_, view);
  for (const TaskNumber number : published_.active)
    view.active_tasks.push_back(request_.workflow->program->task(number).task->reference);
  return view;
}

// --- the mailbox ---

// Puts the run into the pool under the mailbox's lock: whoever closes the mailbox, and takes the
// pool away after that, comes either before (nothing is put) or after, and waits for the run. True:
// the pool's wake() is owed once the lock is released, which the worker will want at once.
bool Instance::enqueue_locked(Mail mail) {
  const bool unblocks = std::holds_alternative<DurableMail>(mail);
  if (unblocks)
    durable_.push_back(std::get<DurableMail>(std::move(mail)));
  else
    mailbox_.push_back(std::move(mail));
  if (scheduled_ || (blocked_ && !unblocks)) return false;
  scheduled_ = true;
  return surroundings_.pool.push(shared_from_this());
}

bool Instance::post(Mail mail) {
  return post_made([&mail] { return std::move(mail); });
}

// What makes the mail is called only while the engine is certainly there.
template <class Make>
bool Instance::post_made(Make make) {
  bool wake = false;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    if (closed_) return false;
    wake = enqueue_locked(make());
  }
  if (wake) surroundings_.pool.wake();
  return true;
}

// Whoever asked for something is told that it did not happen.
void Instance::refuse(const std::list<Mail>& mailbox, const Problem& problem) {
  for (const Mail& mail : mailbox) refuse_one(mail, problem);
}

void Instance::refuse_one(const Mail& mail, const Problem& problem) {
  if (const auto* request = std::get_if<RequestMail>(&mail)) request->done(fail(problem));
  if (const auto* person = std::get_if<PersonMail>(&mail)) person->done(fail(problem));
  if (const auto* label = std::get_if<LabelMail>(&mail); label != nullptr && label->done)
    label->done(fail(problem));
}

void Instance::timer_fired(TimerId timer) {
  post_made([&]() -> Mail {
    return Event{surroundings_.clock.now(), TimerFired{timer, surroundings_.entropy.next_u64()}};
  });
}

// What an instance tells of its own life is not for itself: it would never come to rest.
bool Instance::event_arrived(ListenerId listener, const Value& event, const Delivery& delivery) {
  if (lifecycle_.made(event)) return true;
  const bool posted = post_made([&]() -> Mail {
    return ArrivedMail{{surroundings_.clock.now(), EventReceived{listener, event}}, delivery};
  });
  return posted || !left();
}

bool Instance::next_mail(Mail& mail) {
  const std::scoped_lock lock(mailbox_mutex_);
  if (!durable_.empty()) {
    mail = std::move(durable_.front());
    durable_.pop_front();
    return true;
  }
  if (blocked_ || mailbox_.empty()) {
    scheduled_ = false;
    return false;
  }
  mail = std::move(mailbox_.front());
  mailbox_.pop_front();
  return true;
}

void Instance::run() {
  Mail mail = BeginMail{};
  while (next_mail(mail)) {
    bool over = false;
    std::optional<WallTime> yielded;
    std::vector<std::function<void()>> replies;
    {
      const std::scoped_lock lock(work_mutex_);
      handle(std::move(mail));
      over = std::exchange(over_, false);
      if (!over && number_ - snapshot_ >= kSnapshotEvery && awaited_ == 0) take_snapshot();
      if (std::exchange(yielded_, false)) yielded = state_.updated;
      replies.swap(replies_);
    }
    for (const auto& reply : replies) reply();
    if (over) settle();
    if (yielded && !over) {
      // The rest of it behind everybody else's: `scheduled_` stays on.
      const std::scoped_lock lock(mailbox_mutex_);
      if (closed_) return;
      mailbox_.push_back(Event{*yielded, Resumed{}});
      surroundings_.pool.post(shared_from_this());
      return;
    }
  }
}

// Before it goes on after a restart, it has only what the journal knew.
bool Instance::comes_early(const Mail& mail) const {
  return recovered_ && !std::holds_alternative<DurableMail>(mail) &&
         !std::holds_alternative<BeginMail>(mail) && !std::holds_alternative<GoOnMail>(mail);
}

void Instance::handle(Mail mail) {
  if (gone_) return refuse_one(mail, shutting_down());
  if (resting() && !comes_to_an_end(mail)) return leave_for_later(std::move(mail));
  if (comes_early(mail)) return early_.push_back(std::move(mail));
  if (auto* event = std::get_if<Event>(&mail))
    handle_event(std::move(*event));
  else if (auto* arrived = std::get_if<ArrivedMail>(&mail))
    handle_event(std::move(arrived->event));
  else if (auto* step = std::get_if<StepMail>(&mail))
    handle_step(std::move(*step));
  else if (auto* durable = std::get_if<DurableMail>(&mail))
    handle_durable(std::move(*durable));
  else if (auto* person = std::get_if<PersonMail>(&mail))
    handle_person(std::move(*person));
  else if (auto* request = std::get_if<RequestMail>(&mail))
    handle_request(std::move(*request));
  else if (auto* label = std::get_if<LabelMail>(&mail))
    handle_label(std::move(*label));
  else if (std::holds_alternative<BeginMail>(mail))
    begin_waiting();
  else
    continue_recovered(std::get<GoOnMail>(mail));
}

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

void Instance::handle_event(Event event) {
  if (ended_in_journal_) return;
  Record record = record_of(Record::Kind::stopped);
  record.time = event.time;  // a replay has no other
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

void Instance::handle_durable(DurableMail mail) {
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
    if (awaited_ == 0) show();
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
  if (!recovered_ || gone_) return;
  for (const auto& [id, listener] : recovered_->listeners) listen(listener);
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

void Instance::unless_gone(const std::function<void()>& task) {
  const std::scoped_lock lock(work_mutex_);
  if (!gone_) task();
}

WallTime Instance::updated() const {
  const std::scoped_lock lock(view_mutex_);
  return published_.updated;
}

bool Instance::settled() const {
  const std::scoped_lock lock(view_mutex_);
  return settled_;
}

// After a restart: whatever was awaited outside is asked for once more.
void Instance::continue_recovered(const GoOnMail& mail) {
  const auto recovered = std::exchange(recovered_, nullptr);
  if (!recovered) return;
  note_open_steps();
  for (Mail& early : std::exchange(early_, {})) post(std::move(early));
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

// --- a transition ---

// Nothing that follows from an event gets out before its record is durable, and its end not before
// the journal knows of it.
void Instance::transition(Event event, Record record) {
  const bool first = number_ == 0;
  const bool waits = record.kind == Record::Kind::admitted;
  const bool suspended = state_.status == InstanceStatus::suspended;
  begins_ = !waits && std::holds_alternative<Started>(event.what);
  if (waits)
    waiting_ = std::move(event);
  else
    apply_event(std::move(event));
  announce_ = suspended != (state_.status == InstanceStatus::suspended);
  const bool over = ended(state_.status);
  // Now and then it waits all the same, so that it does not run away from a disk that is stuck.
  constexpr std::uint32_t kAhead = 32;
  const bool relaxed = request_.workflow->program->definition().relaxed && !waits && !requested_ &&
                       number_ % kAhead != kAhead - 1;
  const bool early = relaxed || (first && harmless());
  number_record(record);
  const std::uint32_t number = record.number;
  bool durable = append(std::move(record), first || !(early || over));
  append_commands();
  if (over) durable = append_end(!early);
  if (durable) admission_durable_ = true;
  if (durable || early) return release();
  wait_for(over ? number_ : number);
}

// What must be known of the commands before they are performed, in the same commit.
void Instance::append_commands() {
  for (const Command& command : commands_) {
    const auto* step = std::get_if<Execute>(&command);
    if (step != nullptr && !step->repeatable && !resting()) append_step_started(step->step);
    if (const auto* emitted = std::get_if<Emit>(&command))
      announced_.push_back(
          surroundings_.deliveries.announce(emitted->event, EventBus::From::inside));
  }
}

// After a transition that no record of its own stands for. One that sends an event out, or in which
// a limit has ended an evaluation, gets one all the same: it would else be gone through a second
// time after a crash, perhaps in another way.
void Instance::go_on_or_end() {
  const bool tells =
      !cuts_.ended.empty() || std::any_of(commands_.begin(), commands_.end(), [](const auto& each) {
        return std::holds_alternative<Emit>(each);
      });
  const bool over = ended(state_.status) && !ended_in_journal_;
  bool durable = true;
  std::uint32_t last = 0;
  if (tells && !ended_in_journal_) {
    Record record = record_of(Record::Kind::step_started);  // of no step
    number_record(record);
    last = record.number;
    const bool told = !over && !request_.workflow->program->definition().relaxed;
    durable = append(std::move(record), told) || !told;
  }
  append_commands();
  if (over) {
    durable = append_end(true);
    last = number_;
  }
  if (durable) return release();
  wait_for(last);
}

void Instance::wait_for(std::uint32_t record) {
  awaited_ = record;
  set_blocked(true);
}

void Instance::apply_event(Event event) {
  commands_.clear();
  const InstanceStatus before = state_.status;
  engine::apply(*request_.workflow->program, state_, std::move(event), commands_, &cuts_);
  turned_ = state_.status != before;
}

// Only requests that change nothing (RFC 9110 §9.2.1), and timers: nobody is worse off if the
// instance never was.
bool Instance::harmless() const {
  if (surroundings_.events.lifecycle_wanted() || request_.observer || !request_.once.empty())
    return false;
  bool any = false;
  for (const Command& command : commands_) {
    if (const auto* step = std::get_if<Execute>(&command)) {
      const config::TaskBody& body = request_.workflow->program->task(step->task).task->body;
      if (!std::holds_alternative<config::HttpCallBody>(body)) return false;
      const Value& method = step->arguments.get("method");
      if (method != Value("GET") && method != Value("HEAD")) return false;
      any = true;
    } else if (!std::holds_alternative<StartTimer>(command) &&
               !std::holds_alternative<CancelTimer>(command) &&
               !std::holds_alternative<Trace>(command)) {
      return false;
    }
  }
  return any;
}

// What was held gets out: to readers only what an acknowledged instance did.
void Instance::release() {
  if (next_label_) release_label();
  if (admission_durable_) {
    show();
    reply_admitted(id_);
  }
  if (std::exchange(begins_, false) && state_.started != WallTime{} &&
      surroundings_.events.lifecycle_wanted())
    lifecycle_.started(state_.started);
  if (std::exchange(announce_, false) && surroundings_.events.lifecycle_wanted()) {
    if (state_.status == InstanceStatus::suspended)
      lifecycle_.suspended(state_.updated);
    else if (!ended(state_.status))
      lifecycle_.resumed(state_.updated);
  }
  if (requested_) replies_.emplace_back([done = std::exchange(requested_, nullptr)] { done({}); });
  for (Command& command : std::exchange(commands_, {}))
    if (!resting() || !begins_something(command)) perform(command);
  if (!surroundings_.people) refuse_people();
  if (std::exchange(turned_, false) && surroundings_.watchers.any(id_))
    surroundings_.watchers.tell(id_,
                                HistoryEntry::of(state_.status, state_.traced, state_.updated));
  over_ = admission_durable_ && ended(state_.status);
  if (!interrupted_.empty() && !over_ && state_.status != InstanceStatus::suspended && !resting())
    continue_steps();
}

void Instance::reply_admitted(const Result<InstanceId>& result) {
  if (!admitted_) return;
  std::vector<std::function<void(Result<InstanceId>)>> callers;
  {
    const std::scoped_lock lock(view_mutex_);
    admission_ = result;
    callers.swap(also_admitted_);
  }
  callers.push_back(std::exchange(admitted_, nullptr));
  for (auto& caller : callers)
    replies_.emplace_back([caller = std::move(caller), result] { caller(result); });
}

void Instance::when_admitted(std::function<void(Result<InstanceId>)> callback) {
  std::optional<Result<InstanceId>> known;
  {
    const std::scoped_lock lock(view_mutex_);
    if (!admission_) return also_admitted_.push_back(std::move(callback));
    known = admission_;
  }
  callback(std::move(*known));
}

void Instance::admission_failed(Problem problem) {
  never_was_.store(true, std::memory_order_release);
  reply_admitted(fail(problem));
  fail_journal(std::move(problem));
}

// What cannot be recorded must not go on, and its end is nobody's but its own.
void Instance::fail_journal(Problem problem) {
  ended_in_journal_ = true;
  admission_durable_ = true;
  announced_.clear();
  next_label_.reset();
  awaited_ = 0;
  set_blocked(false);
  if (requested_)
    replies_.emplace_back(
        [done = std::exchange(requested_, nullptr), problem] { done(fail(problem)); });
  if (!ended(state_.status)) {
    apply_event({surroundings_.clock.now(), JournalFailed{std::move(problem)}});
  } else {
    commands_.clear();
    state_.status = InstanceStatus::faulted;
    state_.output = {};
    state_.problem = std::make_shared<const Problem>(std::move(problem));
  }
  release();
}

void Instance::set_blocked(bool blocked) {
  const std::scoped_lock lock(mailbox_mutex_);
  blocked_ = blocked;
}

// After the end: tell whoever waits, and the engine. Called once, without a lock.
void Instance::settle() {
  std::list<Mail> unread;
  std::vector<std::function<void()>> late;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    closed_ = true;
    unread.swap(mailbox_);
    durable_.clear();
  }
  {
    const std::scoped_lock lock(work_mutex_);
    cancel_outside();
    if (surroundings_.events.lifecycle_wanted()) lifecycle_.ended(state_);
    state_.context = {};
    show();
    late = too_late(unread);
  }
  for (const auto& tell : late) tell();
  if (!unread.empty()) refuse(unread, has_ended(view()));
  surroundings_.on_ended(*this);
  if (surroundings_.watchers.any(id_)) surroundings_.watchers.tell_over(id_);
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

void Instance::abandon() {
  std::list<Mail> unread;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    closed_ = true;
    unread.swap(mailbox_);
    durable_.clear();
  }
  {
    const std::scoped_lock lock(work_mutex_);
    gone_ = true;
    for (Mail& mail : std::exchange(early_, {})) unread.push_back(std::move(mail));
    cancel_outside();
  }
  refuse(unread, shutting_down());
  std::vector<std::function<void(Result<InstanceId>)>> callers;
  {
    const std::scoped_lock lock(view_mutex_);
    waiters_.clear();
    callers.swap(also_admitted_);
  }
  for (const auto& caller : callers) caller(fail(shutting_down()));
}

// --- records ---

Record Instance::record_of(Record::Kind kind) const {
  Record record{};
  record.kind = kind;
  record.instance = id_;
  record.time = surroundings_.clock.now();
  return record;
}

void Instance::number_record(Record& record) {
  record.number = ++number_;
  record.turns = std::exchange(turns_, 0);
  record.cuts = std::exchange(cuts_, {}).ended;
}

Value Instance::end_payload() const {
  Value payload = Value::object({{"status", to_string(state_.status)}});
  if (state_.status == InstanceStatus::completed) payload.set("output", state_.output);
  if (state_.problem) payload.set("problem", state_.problem->to_value());
  const std::uint8_t reached = progress();
  if (reached > 0 && reached < 100) payload.set("progress", reached);
  return payload;
}

// True where it is durable already; else `told` says whether the durability is of interest.
bool Instance::append(Record record, bool told) {
  std::function<void(Status)> tell;
  if (told) {
    tell = [self = shared_from_this(), number = record.number](Status status) {
      self->post(DurableMail{number, std::move(status)});
    };
  }
  const std::uint32_t number = record.number;
  if (surroundings_.journal.append(std::move(record), std::move(tell)) != Journal::Durability::now)
    return false;
  sure_ = number;
  return true;
}

void Instance::append_step_started(StepId step) {
  Record record = record_of(Record::Kind::step_started);
  record.id = step.number;
  number_record(record);
  const std::uint32_t number = record.number;
  held_[step] = {append(std::move(record), true) ? 0 : number, std::nullopt};
}

bool Instance::append_end(bool told) {
  ended_in_journal_ = true;
  Record record = record_of(Record::Kind::ended);
  record.time = state_.ended;
  number_record(record);
  record.payload = end_payload();
  return append(std::move(record), told);
}

// From what the journal has, so that it is what a replay gives. Later, where a record is still on
// its way to the disk.
void Instance::take_snapshot() {
  snapshot_ = number_;
  Result<std::vector<Record>> records = surroundings_.journal.read(id_);
  if (!records || records->empty() || records->back().number != number_ || turns_ > 0) return;
  Result<Replayed> replayed = replay(*request_.workflow->program, id_, std::move(*records));
  if (!replayed) {
    surroundings_.log.error("no snapshot of an instance",
                            {{"instance", id_.number}, {"problem", replayed.error().one_line()}});
    return;
  }
  Record record = record_of(Record::Kind::snapshot);
  record.payload = to_snapshot(*replayed);
  number_record(record);
  snapshot_ = number_;
  append(std::move(record), true);
}

// --- commands ---

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

void Instance::listen(const Listen& command) {
  listeners_[command.listener] =
      surroundings_.events.listen(command.types, {id_, command.listener});
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
  if (outside) surroundings_.in_flight.fetch_add(1, std::memory_order_relaxed);
}

void Instance::forget_running(std::unordered_map<StepId, Running>::iterator running) {
  if (running->second.outside) surroundings_.in_flight.fetch_sub(1, std::memory_order_release);
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
