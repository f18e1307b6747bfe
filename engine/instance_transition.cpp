// A transition of an instance: applied, journalled, and released once its record is durable.
#include <algorithm>
#include <utility>

#include "engine/instance.h"
#include "engine/machine.h"
#include "engine/recovery.h"
#include "engine/snapshot.h"

namespace stepwell::engine {

// Nothing that follows from an event gets out before its record is durable, and its end not before
// the journal knows of it.
void Instance::transition(Event&& event, Record&& record) {
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
                       number_ % kAhead != kAhead - 1 && !is_snapshot_due(number_ + 1);
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
    const bool told =
        !over && (!request_.workflow->program->definition().relaxed || is_snapshot_due(number_));
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

void Instance::apply_event(Event&& event) {
  commands_.clear();
  commands_.reserve(2);  // that a task has started or ended, and what comes of it
  const InstanceStatus before = state_.status;
  engine::apply(*request_.workflow->program, state_, std::move(event), commands_, &cuts_);
  turned_ = state_.status != before;
  untold_ = untold_ || turned_;
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
      if (!method.is_string()) return false;
      if (method.as_string() != "GET" && method.as_string() != "HEAD") return false;
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
  std::vector<Command> done = std::exchange(commands_, {});
  // Who sees that it listens may send at once what it listens for. It does not hear what it sends
  // out itself before.
  for (const Command& command : done) {
    if (std::holds_alternative<Emit>(command)) break;
    if (const auto* listened = std::get_if<Listen>(&command); listened != nullptr && !resting())
      hear(*listened);
  }
  if (admission_durable_) {
    show();
    tell_status_once();
    if (admitted_) reply_admitted(id_);
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
  for (Command& command : done)
    if (!resting() || !begins_something(command)) perform(command);
  keep_room(std::move(done));
  if (!surroundings_.people) refuse_people();
  if (std::exchange(turned_, false) && surroundings_.watchers.any(id_))
    surroundings_.watchers.tell(id_,
                                HistoryEntry::of(state_.status, state_.traced, state_.updated));
  over_ = admission_durable_ && ended(state_.status);
  if (!interrupted_.empty() && !over_ && state_.status != InstanceStatus::suspended && !resting())
    continue_steps();
}

// For the next transition, unless it is much for one that may wait for long.
void Instance::keep_room(std::vector<Command>&& done) {
  constexpr std::size_t kLittle = 4;
  if (ended(state_.status) || !commands_.empty() || done.capacity() > kLittle) return;
  done.clear();
  commands_ = std::move(done);
}

void Instance::reply_admitted(const Result<InstanceId>& result) {
  if (!admitted_) return;
  std::vector<std::function<void(Result<InstanceId>)>> callers;
  {
    const std::scoped_lock lock(view_mutex_);
    admission_ = result;
    callers.swap(also_admitted_);
  }
  const auto reply = [&](std::function<void(Result<InstanceId>)> caller) {
    if (result)
      replies_.emplace_back([caller = std::move(caller), id = *result] { caller(id); });
    else
      replies_.emplace_back(
          [caller = std::move(caller), problem = result.error()] { caller(fail(problem)); });
  };
  for (auto& caller : callers) reply(std::move(caller));
  reply(std::exchange(admitted_, nullptr));
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

// --- records ---

Record Instance::record_of(Record::Kind kind) const {
  return record_of(kind, surroundings_.clock.now());
}

Record Instance::record_of(Record::Kind kind, WallTime time) const {
  Record record{};
  record.kind = kind;
  record.instance = id_;
  record.time = time;
  return record;
}

void Instance::number_record(Record& record) {
  record.number = ++number_;
  record.turns = std::exchange(turns_, 0);
  record.cuts = std::exchange(cuts_, {}).ended;
}

Value Instance::end_payload() const {
  static const Value status("status");
  static const Value output("output");
  static const Value completed(to_string(InstanceStatus::completed));
  const bool complete = state_.status == InstanceStatus::completed;
  Value payload = Value::object_with_room(complete ? 2 : 3);
  payload.set_member(status, complete ? completed : Value(to_string(state_.status)));
  if (complete) payload.set_member(output, state_.output);
  if (state_.problem) payload.set("problem", state_.problem->to_value());
  const std::uint8_t reached = progress();
  if (reached > 0 && reached < 100) payload.set("progress", reached);
  return payload;
}

// True where it is durable already; else `told` says whether the durability is of interest.
bool Instance::append(Record&& record, bool told) {
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
  Record record = record_of(Record::Kind::ended, state_.ended);
  number_record(record);
  record.payload = end_payload();
  return append(std::move(record), told);
}

// A long life is not replayed from its beginning: after so many records there is a snapshot. The
// one that makes it due is awaited, since a snapshot needs all of them durable.
bool Instance::is_snapshot_due(std::uint32_t number) const {
  constexpr std::uint32_t kSnapshotEvery = 500;
  return number - snapshot_ >= kSnapshotEvery;
}

// From what the journal has, so that it is what a replay gives. Later, where a record is still on
// its way to the disk.
void Instance::take_snapshot() {
  snapshot_ = number_;
  // What is kept until it is resumed may have to be taken back by a retry, which needs its records.
  if (state_.status == InstanceStatus::suspended || !state_.deferred.empty()) return;
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

}  // namespace stepwell::engine
