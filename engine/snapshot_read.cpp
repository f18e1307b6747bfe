// From a snapshot back to an instance.
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "engine/snapshot.h"
#include "engine/snapshot_check.h"
#include "engine/snapshot_form.h"
#include "engine/snapshot_values.h"

namespace stepwell::engine {

namespace {

class SnapshotReader {
 public:
  explicit SnapshotReader(detail::SnapshotValues values) : values_(std::move(values)) {}

  Replayed read(const Value& from) {
    Replayed to;
    to.number = number(from, "number");
    to.state = state(from.get("state"));
    for (const Value& one : list(from, "steps")) {
      Replayed::Step read = step(one);
      const StepId id = read.execute.step;
      if (!to.steps.emplace(id, std::move(read)).second) wrong("steps");
    }
    for (const Value& one : list(from, "timers")) {
      const bool added = to.timers
                             .emplace(TimerId{whole(part(one, 0))},
                                      Replayed::Timer{time(part(one, 1)), time(part(one, 2))})
                             .second;
      if (!added) wrong("timers");
    }
    for (const Value& one : list(from, "listeners")) {
      Listen listen{ListenerId{whole(part(one, 0))}, {}};
      for (std::size_t i = 1; i < one.size(); ++i) listen.types.push_back(text(part(one, i)));
      const ListenerId id = listen.listener;
      if (!to.listeners.emplace(id, std::move(listen)).second) wrong("listeners");
    }
    for (const Value& one : list(from, "emitted")) to.emitted.push_back(Emit{value(one)});
    to.yielded = flag(from, "yielded", false);
    if (from.contains("waiting")) to.waiting = event(from.get("waiting"));
    for (const Value& one : list(from, "seen")) to.seen.add(seen(one));
    if (from.contains("label")) to.label = label_of(from.get("label"));
    return to;
  }

  // The member that is not as it has to be; empty where all are.
  const std::string& fault() const { return fault_; }

 private:
  void wrong(std::string_view member) {
    if (fault_.empty()) fault_ = member;
  }

  std::uint64_t whole(const Value& from) {
    const bool good = from.is_int64() && from.int64() >= 0;
    if (!good) wrong("a number");
    return good ? static_cast<std::uint64_t>(from.int64()) : 0;
  }
  template <class Number = std::uint32_t>
  Number number(const Value& from, std::string_view name, Number usual = 0) {
    const Value* member = from.find(name);
    if (member == nullptr) return usual;
    const std::uint64_t read = whole(*member);
    if (read > std::numeric_limits<Number>::max()) wrong(name);
    return static_cast<Number>(read);
  }
  template <class Id>
  Id id(const Value& from, std::string_view name) {
    return Id{number<std::uint64_t>(from, name)};
  }
  std::uint64_t random(const Value& from) {
    const Value& member = from.get("random");
    if (member.is_null()) return 0;
    if (!member.is_int64()) wrong("random");
    return member.is_int64() ? static_cast<std::uint64_t>(member.int64()) : 0;
  }
  bool flag(const Value& from, std::string_view name, bool usual) {
    const Value* member = from.find(name);
    if (member == nullptr) return usual;
    if (!member->is_bool()) wrong(name);
    return member->is_bool() && member->as_bool();
  }
  std::string text(const Value& from) {
    if (from.is_string()) return std::string(from.as_string());
    wrong("a text");
    return {};
  }
  std::string text(const Value& from, std::string_view name) {
    const Value* member = from.find(name);
    return member == nullptr ? std::string() : text(*member);
  }
  WallTime time(const Value& from) {
    if (!from.is_int64()) wrong("a time");
    return WallTime{Milliseconds(from.is_int64() ? from.int64() : 0)};
  }
  WallTime time(const Value& from, std::string_view name) {
    const Value* member = from.find(name);
    return member == nullptr ? WallTime{} : time(*member);
  }
  std::span<const Value> list(const Value& from, std::string_view name) {
    const Value* member = from.find(name);
    if (member == nullptr) return {};
    if (!member->is_array()) wrong(name);
    return member->elements();
  }
  Value part(const Value& from, std::size_t index) {
    if (from.is_array() && index < from.size()) return from.at(index);
    wrong("a list");
    return {};
  }
  template <class Names>
  auto name_in(const Names& names, const Value& name) {
    const auto found = detail::named(names, name);
    if (!found) wrong("a name");
    return found.value_or(names.front().first);
  }

  SeenEvents::Seen seen(const Value& from) {
    SeenEvents::Seen to{value(part(from, 0)), value(part(from, 1)), whole(part(from, 2)), {}};
    for (std::size_t i = 3; i < from.size(); ++i)
      to.listeners.push_back(ListenerId{whole(part(from, i))});
    return to;
  }

  Value value(const Value& from) {
    bool good = true;
    Value read = values_.get(from, good);
    if (!good) wrong("the number of a value");
    return read;
  }
  Value value(const Value& from, std::string_view name) { return value(from.get(name)); }
  template <class Into>
  void values(const Value& from, std::string_view name, Into& into) {
    for (const Value& one : list(from, name)) into.push_back(value(one));
  }

  State state(const Value& from) {
    State to;
    if (!from.is_object()) wrong("state");
    to.id = id<InstanceId>(from, "id");
    to.trace_id = text(from, "traceId");
    to.status = name_in(detail::kStatuses, from.get("status"));
    to.started = time(from, "started");
    to.updated = time(from, "updated");
    to.ended = time(from, "ended");
    to.input = value(from, "input");
    to.context = value(from, "context");
    to.output = value(from, "output");
    if (from.contains("problem"))
      to.problem = std::make_shared<const Problem>(problem(from.get("problem")));
    to.timeout = id<TimerId>(from, "timeout");
    for (const Value& one : list(from, "frames")) to.frames.push_back(frame(one));
    for (const Frame& one : to.frames)
      if (one.step.number != 0) ++to.executing;
    for (const Value& one : list(from, "freeSlots")) to.free_slots.push_back(slot(one));
    to.counter = number<std::uint64_t>(from, "counter");
    to.traced = number<std::uint64_t>(from, "traced");
    for (const Value& one : list(from, "ready")) to.ready.push_back(next(one));
    for (const Value& one : list(from, "completedByPeople"))
      to.completed_by_people.push_back(slot(one));
    for (const Value& one : list(from, "deferred")) to.deferred.push_back(event(one));
    return to;
  }

  std::uint32_t slot(const Value& from) {
    const std::uint64_t read = whole(from);
    if (read >= kNone) wrong("a slot");
    return static_cast<std::uint32_t>(read);
  }

  Frame frame(const Value& from) {
    Frame to;
    if (from.is_null()) return to;
    if (!from.is_object()) wrong("frames");
    to.phase = Frame::Phase::children;
    if (from.contains("phase")) to.phase = name_in(detail::kPhases, from.get("phase"));
    to.task = number(from, "task", kNone);
    to.parent = number(from, "parent", kNone);
    to.list = number(from, "list", kNone);
    to.position = number(from, "position");
    to.ordinal = number(from, "ordinal");
    to.children = number(from, "children");
    to.attempt = number(from, "attempt", 1U);
    to.index = number<std::uint64_t>(from, "index");
    to.running = number(from, "running");
    to.handling = flag(from, "handling", false);
    to.repeatable = flag(from, "repeatable", true);
    to.step = id<StepId>(from, "step");
    to.timer = id<TimerId>(from, "timer");
    to.timeout = id<TimerId>(from, "timeout");
    to.attempt_timeout = id<TimerId>(from, "attemptTimeout");
    to.started = time(from, "started");
    to.attempts_end = time(from, "attemptsEnd");
    if (from.contains("listening"))
      to.listening = std::make_unique<Listening>(listening(from.get("listening")));
    if (from.contains("extending"))
      to.extending = std::make_unique<Extending>(extending(from.get("extending")));
    if (from.contains("parked")) to.parked = std::make_unique<Parked>(parked(from.get("parked")));
    to.raw_input = value(from, "rawInput");
    to.input = value(from, "input");
    to.collection = value(from, "collection");
    to.authorization = value(from, "authorization");
    values(from, "locals", to.locals);
    values(from, "childLocals", to.child_locals);
    if (from.contains("then")) {
      const Value& then = from.get("then");
      to.directive =
          config::FlowDirective{name_in(detail::kDirectives, part(then, 0)), slot(part(then, 1))};
    }
    return to;
  }

  Consumption consumption(const Value& from) {
    Consumption to;
    to.count = number<std::uint64_t>(from, "count");
    for (const Value& one : list(from, "matched")) to.matched.push_back(one.truthy());
    to.keys = value(from, "keys");
    return to;
  }

  Listening listening(const Value& from) {
    Listening to;
    to.id = id<ListenerId>(from, "id");
    to.progress = consumption(from.get("progress"));
    to.until = consumption(from.get("until"));
    to.consumed = value(from, "consumed");
    values(from, "backlog", to.backlog);
    return to;
  }

  Extending extending(const Value& from) {
    Extending to;
    to.stage = name_in(detail::kStages, from.get("stage"));
    to.next = number(from, "next");
    for (const Value& one : list(from, "applied")) to.applied.push_back(slot(one));
    to.output = value(from, "output");
    return to;
  }

  Parked parked(const Value& from) {
    Parked to;
    to.step = id<StepId>(from, "step");
    to.arguments = value(from, "arguments");
    if (from.contains("due")) to.due = time(from, "due");
    to.timer = id<TimerId>(from, "timer");
    return to;
  }

  Next next(const Value& from) {
    Next to;
    to.kind = name_in(detail::kNexts, from.get("kind"));
    to.slot = number(from, "slot");
    to.position = number(from, "position");
    to.value = value(from, "value");
    if (from.contains("problem"))
      to.problem = std::make_shared<Problem>(problem(from.get("problem")));
    return to;
  }

  Event event(const Value& from) {
    Event to{time(from, "time"), StopRequested{}};
    if (from.contains("started")) {
      to.what =
          Started{id<InstanceId>(from, "started"), text(from, "traceId"), value(from, "input")};
    } else if (from.contains("step")) {
      StepFinished finished{id<StepId>(from, "step"), value(from, "output"),
                            value(from, "authorization"), random(from)};
      if (from.contains("problem")) finished.result = fail(problem(from.get("problem")));
      to.what = std::move(finished);
    } else if (from.contains("changed")) {
      to.what = StepChanged{id<StepId>(from, "changed"), value(from, "change")};
    } else if (from.contains("timer")) {
      to.what = TimerFired{id<TimerId>(from, "timer"), random(from)};
    } else if (from.contains("listener")) {
      to.what = EventReceived{id<ListenerId>(from, "listener"), value(from, "event")};
    } else {
      wrong("an event");
    }
    return to;
  }

  Replayed::Step step(const Value& from) {
    Replayed::Step to{
        {id<StepId>(from, "id"), number(from, "task", kNone), number(from, "attempt", 1U),
         value(from, "arguments"), flag(from, "repeatable", true), text(from, "idempotencyKey")},
        flag(from, "started", false)};
    return to;
  }

  Problem problem(const Value& from) {
    Problem to;
    if (!from.is_object()) wrong("a problem");
    const Value& status = from.get("status");
    if (!status.is_int64() || status.int64() != static_cast<int>(status.int64()))
      wrong("a problem");
    else
      to.status = static_cast<int>(status.int64());
    to.type = text(from, "type");
    to.code = text(from, "code");
    to.title = text(from, "title");
    to.detail = text(from, "detail");
    to.where = text(from, "where");
    to.retryable = flag(from, "retryable", false);
    to.retry_if_named = flag(from, "retryIfNamed", false);
    to.extensions = value(from, "extensions");
    if (!to.extensions.is_null() && !to.extensions.is_object()) wrong("extensions");
    if (from.contains("cause"))
      to.cause = std::make_shared<const Problem>(problem(from.get("cause")));
    return to;
  }

  detail::SnapshotValues values_;
  std::string fault_;
};

}  // namespace

Result<Replayed> read_snapshot(const Program& program, const Value& snapshot) {
  const auto damaged = [&snapshot](const std::string& why) {
    const Value& id = snapshot.get("state").get("id");
    return fail(make_problem(
        ErrorKind::configuration, "store-damaged",
        "the snapshot" + (id.is_number() ? " of instance " + number_text(id) : std::string()) +
            " " + why + "; restore the journal from a backup"));
  };
  if (snapshot.get("version") != Value(detail::kSnapshotVersion))
    return damaged("is of a form that this version does not know");
  auto values = detail::SnapshotValues::read(snapshot);
  if (!values) return damaged(values.error().detail);
  SnapshotReader reader(std::move(*values));
  Replayed read = reader.read(snapshot);
  if (!reader.fault().empty()) return damaged("cannot be read: " + reader.fault() + " is wrong");
  const std::string contradiction = detail::contradiction(program, read);
  if (!contradiction.empty())
    return damaged("contradicts itself or its workflow: " + contradiction);
  return read;
}

}  // namespace stepwell::engine
