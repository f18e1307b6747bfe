#include "engine/instance.h"

#include <algorithm>
#include <utility>

#include "engine/machine.h"
#include "engine/recovery.h"

namespace stepwell::engine {

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
  scheduled_ = true;  // until admit(): what comes before stands behind its beginning
  published_.input = request_.input;  // its admission may be told before anything else can be seen
}

Instance::Instance(Surroundings& surroundings, InstanceId id, StartRequest request,
                   std::uint32_t level, Replayed replayed)
    : Instance(surroundings, id, std::move(request), level) {
  scheduled_ = false;
  state_ = std::move(replayed.state);
  number_ = sure_ = replayed.number;
  waiting_ = std::move(replayed.waiting);
  waits_ = waiting_.has_value();
  admission_durable_ = true;
  untold_ = false;
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
  bool kept = false;
  bool wake = false;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    kept = !closed_;
    if (kept) {
      mailbox_.emplace_front(
          Event{surroundings_.clock.now(), Started{id_, std::move(trace_id), std::move(input)}});
      wake = surroundings_.pool.push(shared_from_this());
    }
  }
  if (wake) surroundings_.pool.wake();
  if (kept) return;
  std::function<void(Result<InstanceId>)> caller;
  {
    const std::scoped_lock lock(work_mutex_);
    caller = std::exchange(admitted_, nullptr);
  }
  if (caller) caller(fail(shutting_down()));
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

bool Instance::when_ended(std::function<void(const InstanceView&)> callback,
                          std::weak_ptr<void> alive) {
  std::vector<Waiters::Waiter> dead;  // they go without the lock
  {
    const std::scoped_lock lock(view_mutex_);
    if (left()) return false;
    if (!settled_) {
      dead = waiters_.add(std::move(callback), std::move(alive));
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
  view.workflow = request_.workflow->name();
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
  if (!view.open_steps.empty()) mark_overdue(view.open_steps, surroundings_.clock.now());
  show_label(label_, view);
  for (const TaskNumber number : published_.active)
    view.active_tasks.push_back(request_.workflow->program->task(number).task->reference);
  return view;
}

// --- the mailbox ---

// Puts the run into the pool under the mailbox's lock: whoever closes the mailbox, and takes the
// pool away after that, comes either before (nothing is put) or after, and waits for the run. True:
// the pool's wake() is owed once the lock is released, which the worker will want at once.
bool Instance::enqueue_locked(Mail&& mail) {
  const bool unblocks = std::holds_alternative<DurableMail>(mail);
  if (unblocks)
    durable_.push_back(std::get<DurableMail>(std::move(mail)));
  else
    mailbox_.push_back(std::move(mail));
  if (scheduled_ || (blocked_ && !unblocks)) return false;
  scheduled_ = true;
  return surroundings_.pool.push(shared_from_this());
}

bool Instance::post(Mail&& mail) {
  return post_made([&mail]() -> Mail&& { return std::move(mail); });
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
      mail = BeginMail{};  // what is left of it goes before the mailbox's lock is taken
      over = std::exchange(over_, false);
      if (!over && awaited_ == 0 && is_snapshot_due(number_)) take_snapshot();
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

void Instance::handle(Mail&& mail) {
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
    late = too_late(unread);
  }
  for (const auto& tell : late) tell();
  if (!unread.empty()) refuse(unread, has_ended(view()));
  surroundings_.on_ended(*this);
  if (surroundings_.watchers.any(id_)) surroundings_.watchers.tell_over(id_);
  Waiters waiters;
  {
    const std::scoped_lock lock(view_mutex_);
    settled_ = true;
    std::swap(waiters, waiters_);
  }
  if (request_.observer || !waiters.empty()) {
    const InstanceView final = view();
    if (request_.observer) request_.observer->on_end(final);
    waiters.tell(final);
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
    waiters_ = {};
    callers.swap(also_admitted_);
  }
  for (const auto& caller : callers) caller(fail(shutting_down()));
}

}  // namespace stepwell::engine
