#include "engine/replay.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/history.h"
#include "engine/machine.h"
#include "engine/snapshot.h"

namespace stepwell::engine {

namespace {

using Kind = Record::Kind;

Problem damaged(const Record& record, const std::string& why) {
  return make_problem(ErrorKind::configuration, "store-damaged",
                      "record " + std::to_string(record.number) + " of instance " +
                          std::to_string(record.instance.number) + " " + why +
                          "; restore the journal from a backup");
}

bool begins(const Record& record) {
  return (record.kind == Kind::admitted || record.kind == Kind::started) &&
         record.payload.is_object();
}

// Does it belong to the end of the instance, or to what came with the record before it?
bool follows(const Record& record) {
  return record.kind == Kind::ended || record.kind == Kind::step_started ||
         record.kind == Kind::changed;
}

// What may go otherwise the next time: a step that failed, or the time limit that made the end.
bool may_succeed(const Record& record, const Record* end) {
  if (record.kind == Kind::step_finished) return record.payload.get("problem").is_object();
  if (record.kind != Kind::timer_fired || end == nullptr) return false;
  const Value& problem = end->payload.get("problem");
  return problem.is_object() &&
         Problem::from_value(problem).type == error_type_uri(ErrorKind::timeout);
}

struct Failure {
  std::optional<std::size_t> end;   // the record that says so
  std::vector<std::size_t> causes;  // the records that a retry takes back
};

// Of the first `count` records, those apart that are taken back already.
Failure failure_of(const std::vector<Record>& records, std::size_t count,
                   const std::vector<bool>& undone) {
  Failure failure;
  std::size_t at = count;
  for (; at > 0 && (undone[at - 1] || follows(records[at - 1])); --at)
    if (records[at - 1].kind == Kind::ended && !failure.end) failure.end = at - 1;
  if (at == 0) return failure;
  if (records[at - 1].kind != Kind::resumed) {
    failure.causes.push_back(at - 1);
    return failure;
  }
  // What came while it was suspended has counted only now, all of it at once: it is suspended
  // again, with all that did not fail, and is resumed once more.
  failure.causes.push_back(at - 1);
  for (--at; at > 0 && records[at - 1].kind != Kind::suspended; --at) {
    const Record& record = records[at - 1];
    if (!undone[at - 1] && (record.kind == Kind::timer_fired || may_succeed(record, nullptr)))
      failure.causes.push_back(at - 1);
  }
  return failure;
}

// Which of the records are taken back by a `retried` that came later.
std::vector<bool> taken_back(const std::vector<Record>& records) {
  std::vector<bool> undone(records.size(), false);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].kind != Kind::retried) continue;
    const Failure failure = failure_of(records, i, undone);
    for (const std::size_t cause : failure.causes) undone[cause] = true;
    if (failure.end) undone[*failure.end] = true;
  }
  return undone;
}

class Replay {
 public:
  Replay(const Program& program, InstanceId id, Telling* telling)
      : program_(program), telling_(telling) {
    out_.state.id = id;
  }

  Status take(Record record, bool undone) {
    cuts_ = expression::Cuts::replay(std::move(record.cuts));
    forget_first();
    for (std::uint32_t turn = 0; turn < record.turns && !late(); ++turn) {
      apply({out_.state.updated, Resumed{}});
      forget_first();
    }
    if (late()) return {};
    out_.number = std::max(out_.number, record.number);
    switch (record.kind) {
      case Kind::step_started:
        if (const auto step = out_.steps.find(StepId{record.id}); step != out_.steps.end())
          step->second.started = true;
        return {};
      case Kind::retried:
        retry(record.time);
        count_on(record);
        return {};
      case Kind::snapshot:
        return begin_from(record);
      case Kind::ended:
        return {};
      case Kind::changed:
        out_.label = label_of(record.payload);
        out_.label->changed = record.time;
        return {};
      default:
        break;
    }
    if (undone && !is_of_use(record)) {
      if (record.kind == Kind::timer_fired) exceeded_.insert(record.id);
      undone_ = std::move(record);
      return {};
    }
    const bool second = record.kind == Kind::started && !record.payload.is_object();
    Result<std::optional<Event>> event = std::optional<Event>{};
    if (second)
      event = std::exchange(out_.waiting, std::nullopt);
    else
      event = event_of(record);
    if (!event) return fail(std::move(event.error()));
    if (!*event) return fail(damaged(record, "is out of place"));
    if (second) (*event)->time = record.time;
    if (record.kind == Kind::admitted) {
      out_.waiting = std::move(*event);
      return {};
    }
    note(**event);
    apply(std::move(**event));
    return {};
  }

  // No record stands for these turns yet, so nothing says what became of their limits: they have
  // limits of their own, and one that they cut may have gone another way where it was lived.
  Replayed finish() {
    constexpr int kMostTurns = 50;  // one may go on for ever
    cuts_ = {};
    for (int turn = 0; telling_ != nullptr && out_.yielded && turn < kMostTurns && !late();
         ++turn) {
      const auto told = static_cast<std::ptrdiff_t>(telling_->entries.size());
      apply({out_.state.updated, Resumed{}});
      if (cuts_.ended.empty()) continue;
      telling_->entries.erase(telling_->entries.begin() + told, telling_->entries.end());
      break;
    }
    return std::move(out_);
  }

 private:
  // What was awaited outside and has come.
  void note(const Event& event) {
    if (const auto* step = std::get_if<StepFinished>(&event.what)) {
      out_.steps.erase(step->step);
    } else if (const auto* timer = std::get_if<TimerFired>(&event.what)) {
      out_.timers.erase(timer->timer);
    } else if (const auto* received = std::get_if<EventReceived>(&event.what)) {
      out_.seen.add(received->listener, received->event, out_.state.counter);
    }
  }

  void apply(Event event) {
    commands_.clear();
    out_.emitted.clear();
    out_.yielded = false;
    const WallTime now = event.time;
    const InstanceStatus before = out_.state.status;
    engine::apply(program_, out_.state, std::move(event), commands_, &cuts_);
    if (telling_ != nullptr) tell(before);
    for (Command& command : commands_) await(command, now);
  }

  void await(Command& command, WallTime now) {
    if (auto* step = std::get_if<Execute>(&command)) {
      const StepId id = step->step;
      out_.steps[id] = {std::move(*step), false};
    } else if (const auto* cancelled = std::get_if<CancelStep>(&command)) {
      out_.steps.erase(cancelled->step);
    } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
      out_.timers[timer->timer] = {timer->due, now};
    } else if (const auto* stopped = std::get_if<CancelTimer>(&command)) {
      out_.timers.erase(stopped->timer);
    } else if (auto* listened = std::get_if<Listen>(&command)) {
      const ListenerId id = listened->listener;
      out_.listeners[id] = std::move(*listened);
    } else if (const auto* unlistened = std::get_if<Unlisten>(&command)) {
      out_.listeners.erase(unlistened->listener);
    } else if (auto* emitted = std::get_if<Emit>(&command)) {
      out_.emitted.push_back(std::move(*emitted));
    } else if (std::holds_alternative<Yield>(command)) {
      out_.yielded = true;
    }
  }

  Status begin_from(const Record& record) {
    Result<Replayed> kept = read_snapshot(program_, record.payload);
    if (!kept) return fail(std::move(kept.error()));
    out_ = std::move(*kept);
    out_.number = out_.snapshot = record.number;
    return {};
  }

  // What was in flight is sent again, since somebody decided so; time stood still meanwhile, and
  // the limit that was exceeded begins anew.
  void retry(WallTime now) {
    for (auto& [id, step] : out_.steps) step.started = false;
    const WallTime then =
        undone_ ? std::max(undone_->time, out_.state.updated) : out_.state.updated;
    for (auto& [id, timer] : out_.timers) {
      if (is_due_date(id)) continue;  // of a person, whose time has not stood still
      timer.due += exceeded_.count(id.number) != 0 ? now - timer.set : now - then;
      timer.set = now;
    }
    exceeded_.clear();
    undone_.reset();
  }

  // While it was suspended a time came that is no limit: it has come all the same.
  bool is_of_use(const Record& record) const {
    const State& state = out_.state;
    if (record.kind != Kind::timer_fired || state.status != InstanceStatus::suspended) return false;
    const TimerId timer{record.id};
    return timer != state.timeout &&
           std::none_of(state.frames.begin(), state.frames.end(), [timer](const Frame& frame) {
             return frame.timeout == timer || frame.attempt_timeout == timer;
           });
  }

  bool is_due_date(TimerId timer) const {
    return std::any_of(
        out_.state.frames.begin(), out_.state.frames.end(),
        [timer](const Frame& frame) { return frame.parked && frame.parked->timer == timer; });
  }

  // What is taken back had numbers as well; they are not given again.
  void count_on(const Record& record) {
    constexpr unsigned kTracesOfARecord = 20;
    std::uint64_t& traced = out_.state.traced;
    traced = std::max(traced, std::uint64_t{record.number} << kTracesOfARecord) + 1;
    if (telling_ != nullptr)
      telling_->entries.push_back(HistoryEntry::of(out_.state.status, traced, record.time));
  }

  // From then on nothing is told.
  bool late() {
    if (telling_ == nullptr) return false;
    telling_->cut = telling_->cut || (telling_->late && telling_->late());
    return telling_->cut;
  }

  void forget_first() {
    if (telling_ == nullptr || telling_->entries.size() <= 2 * kMostHistory) return;
    auto& entries = telling_->entries;
    entries.erase(entries.begin(), entries.end() - kMostHistory - 1);
  }

  void tell(InstanceStatus before) {
    const State& state = out_.state;
    for (const Command& command : commands_)
      if (const auto* trace = std::get_if<Trace>(&command))
        telling_->entries.push_back(HistoryEntry::of(*trace, state.updated));
    if (state.status != before)
      telling_->entries.push_back(HistoryEntry::of(state.status, state.traced, state.updated));
  }

  const Program& program_;
  Telling* const telling_;
  Replayed out_;
  std::vector<Command> commands_;
  expression::Cuts cuts_;
  std::optional<Record> undone_;      // the last one
  std::set<std::uint64_t> exceeded_;  // time limits that are taken back
};

}  // namespace

Value payload_of(const Result<Value>& result, const Value& authorization) {
  static const Value output("output");
  Value payload = Value::object_with_room(authorization.is_null() ? 1 : 2);
  if (result) {
    payload.set_member(output, *result);
  } else {
    Value problem = result.error().to_value();
    problem.set("retryable", result.error().retryable);  // also where nobody is told
    payload.set("problem", std::move(problem));
  }
  if (!authorization.is_null()) payload.set("authorization", authorization);
  return payload;
}

Result<std::optional<Event>> event_of(const Record& record) {
  const Value& payload = record.payload;
  const auto made = [&](auto what) { return std::optional(Event{record.time, std::move(what)}); };
  switch (record.kind) {
    case Kind::admitted:
    case Kind::started:
      if (!payload.get("traceId").is_string()) return fail(damaged(record, "has no trace id"));
      return made(Started{record.instance, std::string(payload.get("traceId").as_string()),
                          payload.get("input")});
    case Kind::step_finished: {
      StepFinished finished{StepId{record.id}, Value(), payload.get("authorization"),
                            record.random};
      if (const Value& problem = payload.get("problem"); problem.is_object())
        finished.result = fail(Problem::from_value(problem));
      else
        finished.result = payload.get("output");
      return made(std::move(finished));
    }
    case Kind::timer_fired:
      return made(TimerFired{TimerId{record.id}, record.random});
    case Kind::event_received:
      return made(EventReceived{ListenerId{record.id}, payload});
    case Kind::step_changed:
      return made(StepChanged{StepId{record.id}, payload});
    case Kind::stopped:
      return made(StopRequested{});
    case Kind::suspended:
      return made(SuspendRequested{});
    case Kind::resumed:
      return made(ResumeRequested{});
    default:
      return std::optional<Event>{};
  }
}

bool may_succeed_again(const std::vector<Record>& records) {
  const Failure failure = failure_of(records, records.size(), taken_back(records));
  const Record* end = failure.end ? &records[*failure.end] : nullptr;
  return std::any_of(failure.causes.begin(), failure.causes.end(),
                     [&](std::size_t cause) { return may_succeed(records[cause], end); });
}

Result<Replayed> replay(const Program& program, InstanceId id, std::vector<Record> records,
                        Telling* telling) {
  if (records.empty() || !begins(records.front())) {
    Record none{};
    none.instance = id;
    return fail(damaged(none, "does not say what was started"));
  }
  const std::vector<bool> undone = taken_back(records);
  Replay replayed(program, id, telling);
  for (std::size_t i = 0; i < records.size(); ++i)
    if (Status taken = replayed.take(std::move(records[i]), undone[i]); !taken)
      return fail(std::move(taken.error()));
  return replayed.finish();
}

}  // namespace stepwell::engine
