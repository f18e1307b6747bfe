#include "engine/snapshot.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/snapshot_form.h"
#include "engine/snapshot_values.h"

namespace stepwell::engine {

namespace {

// What is as it is in a fresh object is left out.
void put(Value& into, std::string_view name, Value value, const Value& usual = {}) {
  if (value != usual) into.set(name, std::move(value));
}

Value milliseconds(WallTime time) { return time.time_since_epoch().count(); }

class SnapshotWriter {
 public:
  Value write(const Replayed& from) {
    Value snapshot = Value::object({{"version", detail::kSnapshotVersion}});
    put(snapshot, "number", from.number, 0);
    snapshot.set("state", state(from.state));
    put(snapshot, "steps",
        list(from.steps, [&](const auto& step) { return this->step(step.second); }),
        Value::array());
    put(snapshot, "timers",
        list(from.timers,
             [](const auto& timer) {
               return Value::array({timer.first.number, milliseconds(timer.second.due),
                                    milliseconds(timer.second.set)});
             }),
        Value::array());
    put(snapshot, "listeners",
        list(from.listeners,
             [](const auto& listener) {
               Value one = Value::array({listener.first.number});
               for (const std::string& type : listener.second.types) one.push_back(type);
               return one;
             }),
        Value::array());
    put(snapshot, "emitted",
        list(from.emitted, [&](const Emit& emit) { return values_.add(emit.event); }),
        Value::array());
    put(snapshot, "yielded", from.yielded, false);
    if (from.waiting) snapshot.set("waiting", event(*from.waiting));
    if (from.label) {
      Value label = Value::object();
      add_label(label, *from.label);
      snapshot.set("label", std::move(label));
    }
    put(snapshot, "seen",
        list(from.seen.all(),
             [&](const SeenEvents::Seen& seen) {
               Value one =
                   Value::array({values_.add(seen.source), values_.add(seen.id), seen.counter});
               for (const ListenerId listener : seen.listeners) one.push_back(listener.number);
               return one;
             }),
        Value::array());
    values_.write(snapshot);
    return snapshot;
  }

 private:
  template <class List, class Write>
  static Value list(const List& all, const Write& write) {
    Value written = Value::array();
    for (const auto& one : all) written.push_back(write(one));
    return written;
  }

  void put_value(Value& into, std::string_view name, const Value& value) {
    put(into, name, values_.add(value));
  }

  Value state(const State& from) {
    Value to = Value::object({{"id", from.id.number}, {"status", to_string(from.status)}});
    put(to, "traceId", from.trace_id, "");
    put(to, "started", milliseconds(from.started), 0);
    put(to, "updated", milliseconds(from.updated), 0);
    put(to, "ended", milliseconds(from.ended), 0);
    put_value(to, "input", from.input);
    put_value(to, "context", from.context);
    put_value(to, "output", from.output);
    if (from.problem) to.set("problem", problem(*from.problem));
    put(to, "timeout", from.timeout.number, 0);
    put(to, "frames", list(from.frames, [&](const Frame& one) { return frame(one); }),
        Value::array());
    put(to, "freeSlots", numbers(from.free_slots), Value::array());
    put(to, "counter", from.counter, 0);
    put(to, "traced", from.traced, 0);
    put(to, "ready", list(from.ready, [&](const Next& one) { return next(one); }), Value::array());
    put(to, "completedByPeople", numbers(from.completed_by_people), Value::array());
    put(to, "deferred", list(from.deferred, [&](const Event& one) { return event(one); }),
        Value::array());
    return to;
  }

  Value frame(const Frame& from) {
    if (from.phase == Frame::Phase::free) return {};
    Value to = Value::object();
    put(to, "phase", detail::name_of(detail::kPhases, from.phase), "children");
    put(to, "task", from.task, kNone);
    put(to, "parent", from.parent, kNone);
    put(to, "list", from.list, kNone);
    put(to, "position", from.position, 0);
    put(to, "ordinal", from.ordinal, 0);
    put(to, "children", from.children, 0);
    put(to, "attempt", from.attempt, 1);
    put(to, "index", from.index, 0);
    put(to, "running", from.running, 0);
    put(to, "handling", from.handling, false);
    put(to, "repeatable", from.repeatable, true);
    put(to, "step", from.step.number, 0);
    put(to, "timer", from.timer.number, 0);
    put(to, "timeout", from.timeout.number, 0);
    put(to, "attemptTimeout", from.attempt_timeout.number, 0);
    put(to, "started", milliseconds(from.started), 0);
    put(to, "attemptsEnd", milliseconds(from.attempts_end), 0);
    if (from.listening) to.set("listening", listening(*from.listening));
    if (from.extending) to.set("extending", extending(*from.extending));
    if (from.parked) to.set("parked", parked(*from.parked));
    put_value(to, "rawInput", from.raw_input);
    put_value(to, "input", from.input);
    put_value(to, "collection", from.collection);
    put_value(to, "authorization", from.authorization);
    put(to, "locals", all(from.locals), Value::array());
    put(to, "childLocals", all(from.child_locals), Value::array());
    if (from.directive)
      to.set("then", Value::array({detail::name_of(detail::kDirectives, from.directive->kind),
                                   from.directive->target}));
    return to;
  }

  Value consumption(const Consumption& from) {
    Value to = Value::object();
    put(to, "count", from.count, 0);
    put(to, "matched", list(from.matched, [](bool matched) { return Value(matched); }),
        Value::array());
    put_value(to, "keys", from.keys);
    return to;
  }

  Value listening(const Listening& from) {
    Value to = Value::object({{"id", from.id.number}});
    put(to, "progress", consumption(from.progress), Value::object());
    put(to, "until", consumption(from.until), Value::object());
    put_value(to, "consumed", from.consumed);
    put(to, "backlog", all(from.backlog), Value::array());
    return to;
  }

  Value extending(const Extending& from) {
    Value to = Value::object({{"stage", detail::name_of(detail::kStages, from.stage)}});
    put(to, "next", from.next, 0);
    put(to, "applied", numbers(from.applied), Value::array());
    put_value(to, "output", from.output);
    return to;
  }

  Value parked(const Parked& from) {
    Value to = Value::object({{"step", from.step.number}});
    put_value(to, "arguments", from.arguments);
    if (from.due) to.set("due", milliseconds(*from.due));
    put(to, "timer", from.timer.number, 0);
    return to;
  }

  Value next(const Next& from) {
    Value to =
        Value::object({{"kind", detail::name_of(detail::kNexts, from.kind)}, {"slot", from.slot}});
    put(to, "position", from.position, 0);
    put_value(to, "value", from.value);
    if (from.problem) to.set("problem", problem(*from.problem));
    return to;
  }

  // Only these are ever kept.
  Value event(const Event& from) {
    Value to = Value::object({{"time", milliseconds(from.time)}});
    if (const auto* started = std::get_if<Started>(&from.what)) {
      to.set("started", started->id.number);
      to.set("traceId", started->trace_id);
      put_value(to, "input", started->input);
    } else if (const auto* step = std::get_if<StepFinished>(&from.what)) {
      to.set("step", step->step.number);
      put(to, "random", static_cast<std::int64_t>(step->random), 0);
      put_value(to, "authorization", step->authorization);
      if (step->result)
        put_value(to, "output", *step->result);
      else
        to.set("problem", problem(step->result.error()));
    } else if (const auto* changed = std::get_if<StepChanged>(&from.what)) {
      to.set("changed", changed->step.number);
      put_value(to, "change", changed->change);
    } else if (const auto* timer = std::get_if<TimerFired>(&from.what)) {
      to.set("timer", timer->timer.number);
      put(to, "random", static_cast<std::int64_t>(timer->random), 0);
    } else if (const auto* received = std::get_if<EventReceived>(&from.what)) {
      to.set("listener", received->listener.number);
      put_value(to, "event", received->event);
    }
    return to;
  }

  Value step(const Replayed::Step& from) {
    Value to = Value::object({{"id", from.execute.step.number}, {"task", from.execute.task}});
    put(to, "attempt", from.execute.attempt, 1);
    put_value(to, "arguments", from.execute.arguments);
    put(to, "repeatable", from.execute.repeatable, true);
    put(to, "idempotencyKey", from.execute.idempotency_key, "");
    put(to, "started", from.started, false);
    return to;
  }

  // Every member, also those that the problem's own JSON leaves out.
  Value problem(const Problem& from) {
    Value to = Value::object({{"status", from.status}});
    put(to, "type", from.type, "");
    put(to, "code", from.code, "");
    put(to, "title", from.title, "");
    put(to, "detail", from.detail, "");
    put(to, "where", from.where, "");
    put(to, "retryable", from.retryable, false);
    put(to, "retryIfNamed", from.retry_if_named, false);
    put_value(to, "extensions", from.extensions);
    if (from.cause) to.set("cause", problem(*from.cause));
    return to;
  }

  template <class List>
  static Value numbers(const List& all) {
    return list(all, [](std::uint32_t number) { return Value(number); });
  }
  template <class List>
  Value all(const List& values) {
    return list(values, [&](const Value& value) { return values_.add(value); });
  }

  detail::SnapshotValues values_;
};

}  // namespace

Value to_snapshot(const Replayed& replayed) { return SnapshotWriter().write(replayed); }

}  // namespace stepwell::engine
