// What snapshots keep to the digit, what they hold once, and what of them is refused. That an
// instance goes on from one as it would have without is for model_test.cpp.
#include "engine/snapshot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json.h"
#include "config/loader.h"
#include "engine/machine.h"
#include "tests/engine/model_text.h"
#include "tests/engine/random_flow.h"

namespace stepwell::engine::test {
namespace {

constexpr WallTime kNow{Milliseconds(1'763'733'600'000)};

std::shared_ptr<const config::Definition> loaded(const std::string& flow) {
  const config::Loaded read = config::load_definition(
      R"({"document":{"dsl":"1.0.3","namespace":"test","name":"flow","version":"1.0.0"},)" +
          flow.substr(1),
      "snapshot.yaml");
  for (const config::Fault& fault : read.faults)
    if (fault.severity == config::Fault::Severity::error) ADD_FAILURE() << fault.text();
  return read.definition;
}

// An instance and what it awaits outside, from the commands alone.
struct Play {
  explicit Play(const std::string& flow) : program(loaded(flow)) {}

  void apply(Event event) {
    if (const auto* step = std::get_if<StepFinished>(&event.what)) now.steps.erase(step->step);
    if (const auto* timer = std::get_if<TimerFired>(&event.what)) now.timers.erase(timer->timer);
    now.yielded = false;
    std::vector<Command> commands;
    engine::apply(program, now.state, std::move(event), commands);
    for (Command& command : commands) {
      if (auto* step = std::get_if<Execute>(&command))
        now.steps[step->step] = {*step, false};
      else if (const auto* cancelled = std::get_if<CancelStep>(&command))
        now.steps.erase(cancelled->step);
      else if (const auto* timer = std::get_if<StartTimer>(&command))
        now.timers[timer->timer] = {timer->due, kNow};
      else if (const auto* stopped = std::get_if<CancelTimer>(&command))
        now.timers.erase(stopped->timer);
      else if (const auto* listened = std::get_if<Listen>(&command))
        now.listeners[listened->listener] = *listened;
      else if (const auto* unlistened = std::get_if<Unlisten>(&command))
        now.listeners.erase(unlistened->listener);
      now.yielded = now.yielded || std::holds_alternative<Yield>(command);
    }
  }

  void start(Value input = Value::object()) {
    apply({kNow, Started{InstanceId{7}, "0123456789abcdef0123456789abcdef", std::move(input)}});
  }

  // Something that it awaits comes about, or it is suspended or resumed.
  void step(Dice& dice) {
    const std::size_t waiting = now.steps.size() + now.timers.size() + now.listeners.size();
    std::size_t which = dice.below(waiting + 2);
    if (now.yielded || which >= waiting) {
      if (dice.one_in(2) || now.yielded) return apply({kNow, Resumed{}});
      const bool suspended = now.state.status == InstanceStatus::suspended;
      return apply(suspended ? Event{kNow, ResumeRequested{}} : Event{kNow, SuspendRequested{}});
    }
    if (which < now.steps.size()) {
      Result<Value> result = Value::array({Value(1)});
      if (dice.one_in(3)) result = fail(make_problem(ErrorKind::communication, "x", "failed"));
      return apply(
          {kNow,
           StepFinished{
               std::next(now.steps.begin(), at(which))->first, std::move(result), {}, dice.any()}});
    }
    which -= now.steps.size();
    if (which < now.timers.size())
      return apply({kNow, TimerFired{std::next(now.timers.begin(), at(which))->first, dice.any()}});
    const Listen& listen = std::next(now.listeners.begin(), at(which - now.timers.size()))->second;
    const Value event = Value::object(
        {{"id", "1"}, {"source", "/s"}, {"type", listen.types.empty() ? "a" : listen.types[0]}});
    if (awaits(program, now.state, listen.listener, event, kNow))
      apply({kNow, EventReceived{listen.listener, event}});
  }

  static std::ptrdiff_t at(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }

  Program program;
  Replayed now;
};

std::string refusal(const Program& program, const Value& snapshot) {
  const auto read = read_snapshot(program, snapshot);
  if (read) return "";
  return read.error().code + ": " + read.error().detail;
}

// By way of JSON text.
Replayed back(const Play& play) {
  const std::string text = to_json(to_snapshot(play.now));
  auto read = read_snapshot(play.program, parse_json(text).value());
  EXPECT_TRUE(read) << (read ? "" : read.error().detail) << text;
  return read ? std::move(*read) : Replayed{};
}

constexpr const char* kCall =
    R"({"do":[{"a":{"call":"http","with":{"method":"get","endpoint":"http://h/"}}}]})";

TEST(Snapshot, KeepsNumbersThatJsonDoesNotHave) {
  const std::vector<Value> odd{
      Value(std::numeric_limits<double>::quiet_NaN()),
      Value(std::numeric_limits<double>::infinity()),
      Value(-std::numeric_limits<double>::infinity()),
      Value(-0.0),
      Value(0x1p60),
      Value(0x1p70),
      Value(1e300),
      Value(0.1),
      Value(std::int64_t{9'007'199'254'740'993}),
      Value::number_from_literal("100000000000000000000.000000000000000001"),
      Value(std::numeric_limits<std::int64_t>::min())};
  Value deep = odd[0];
  for (int level = 0; level < 3000; ++level)
    deep = level % 2 == 0 ? Value::array({1, std::move(deep)})
                          : Value::object({{"x", 1}, {"y", std::move(deep)}});
  Play play(kCall);
  play.start();
  for (const Value& each : odd) {
    play.now.state.context =
        Value::object({{"plain", each}, {"", Value::array({1, "a", each, Value::array({each})})}});
    const Replayed read = back(play);
    const Value& inner = read.state.context.get("").at(2);
    for (const Value* got : {&read.state.context.get("plain"), &inner}) {
      EXPECT_EQ(number_text(*got), number_text(each));
      EXPECT_EQ(got->is_int64(), each.is_int64()) << number_text(each);
      EXPECT_EQ(std::signbit(got->as_double()), std::signbit(each.as_double()));
      EXPECT_EQ(std::isnan(got->as_double()), std::isnan(each.as_double()));
      EXPECT_EQ(std::isinf(got->as_double()), std::isinf(each.as_double()));
    }
  }
  play.now.state.context = deep;
  const auto text = to_json(to_snapshot(play.now));
  auto read = read_snapshot(play.program, parse_json(text, {20'000}).value());
  ASSERT_TRUE(read);
  const Value* at = &read->state.context;
  for (int level = 0; level < 3000; ++level) at = at->is_array() ? &at->at(1) : at->find("y");
  EXPECT_TRUE(std::isnan(at->as_double()));
}

TEST(Snapshot, HoldsAValueOnceHoweverManyShareIt) {
  std::string branches;
  for (int i = 0; i < 50; ++i)
    branches +=
        (i == 0 ? "" : ",") + std::string(R"({"b)") + std::to_string(i) + R"(":{"wait":"PT1H"}})";
  Play play(R"({"do":[{"f":{"fork":{"branches":[)" + branches + "]}}}]}");
  const std::string large(100'000, 'x');
  play.start(Value::object({{"large", large}}));
  const std::string text = to_json(to_snapshot(play.now));
  EXPECT_LT(text.size(), 120'000U);
  const Replayed read = back(play);
  EXPECT_TRUE(read.state.frames[3].input.same(read.state.frames[9].raw_input));
}

TEST(Snapshot, KeepsWhatIsNotOfTheStateAlone) {
  Play play(kCall);
  play.start();
  play.now.number = 12;
  play.now.yielded = true;
  play.now.steps.begin()->second.started = true;
  play.now.emitted.push_back(Emit{Value::object({{"id", "e"}})});
  play.now.seen.add({"/s", "1", 7, {ListenerId{8U << 24U}}});
  play.apply({kNow, SuspendRequested{}});
  Problem problem = make_problem(ErrorKind::runtime, "", "no");
  problem.cause = std::make_shared<const Problem>(make_problem(ErrorKind::timeout, "c", "cause"));
  play.apply({kNow, StepFinished{play.now.steps.begin()->first, fail(problem),
                                 Value::object({{"scheme", "Basic"}}), UINT64_MAX - 1}});
  play.now.yielded = true;
  const Replayed read = back(play);
  EXPECT_EQ(text_of(read.state), text_of(play.now.state));
  EXPECT_EQ(read.number, 12U);
  EXPECT_TRUE(read.yielded);
  EXPECT_EQ(read.emitted.at(0).event, play.now.emitted[0].event);
  EXPECT_EQ(read.seen.all(), play.now.seen.all());
  const auto& kept = std::get<StepFinished>(read.state.deferred.at(0).what);
  EXPECT_EQ(kept.random, UINT64_MAX - 1);
  EXPECT_FALSE(kept.result.error().retryable);
  ASSERT_NE(kept.result.error().cause, nullptr);
  EXPECT_EQ(kept.result.error().cause->detail, "cause");
}

TEST(Snapshot, KeepsAStartThatWaitsForItsTurn) {
  Play play(kCall);
  play.now.waiting = Event{
      kNow, Started{InstanceId{7}, "0123456789abcdef0123456789abcdef", Value::object({{"n", 1}})}};
  const Replayed read = back(play);
  ASSERT_TRUE(read.waiting.has_value());
  EXPECT_EQ(text_of(*read.waiting), text_of(*play.now.waiting));
  EXPECT_EQ(read.state.status, InstanceStatus::pending);
}

TEST(Snapshot, IsRefusedWhereItContradicts) {
  Play play(kCall);
  play.start();
  const Value good = to_snapshot(play.now);
  ASSERT_EQ(refusal(play.program, good), "");
  const auto with = [&](std::string_view name, Value value) {
    Value changed = good;
    changed.set(name, std::move(value));
    return changed;
  };
  const auto with_state = [&](std::string_view name, Value value) {
    Value state = good.get("state");
    state.set(name, std::move(value));
    return with("state", std::move(state));
  };
  for (const auto& [snapshot, said] : std::vector<std::pair<Value, std::string>>{
           {Value(), "is of a form"},
           {with("version", 2), "is of a form"},
           {with("values", 3), "holds values"},
           {with("odd", Value::array({Value::array({0, Value::array({5}), "nan"})})),
            "holds values"},
           {with("steps", Value::array()), "awaits a step"},
           {with("timers", Value::array({Value::array({16777217, 1, 1})})), "a timer runs"},
           {with("state", 1), "cannot be read"},
           {with_state("status", "asleep"), "cannot be read"},
           {with_state("status", "completed"), "has ended"},
           {with_state("input", 77), "cannot be read"},
           {with_state("frames", Value::array()), "a step runs"},
           {with_state("ready", Value::array({Value::object({{"kind", "enter"}, {"slot", 9}})})),
            "a transition is of no frame"}}) {
    const std::string refused = refusal(play.program, snapshot);
    EXPECT_TRUE(refused.starts_with("store-damaged: the snapshot")) << refused;
    EXPECT_NE(refused.find(said), std::string::npos) << refused;
  }
  const Program other(loaded(R"({"do":[{"a":{"wait":"PT1S"}}]})"));
  EXPECT_NE(refusal(other, good), "");
}

// One member or element of it, at random, becomes something else.
Value changed(const Value& from, Dice& dice) {
  if ((!from.is_object() && !from.is_array()) || from.empty() || dice.one_in(12)) {
    switch (dice.below(7)) {
      case 0:
        return {};
      case 1:
        return Value(dice.one_in(2));
      case 2:
        return "children";
      case 3:
        return Value::array();
      case 4:
        return Value::object();
      case 5:
        return from.is_int64() ? Value(from.int64() + (dice.one_in(2) ? 1 : -1)) : Value(1);
      default:
        return Value(static_cast<std::int64_t>(dice.below(12)));
    }
  }
  Value to = from;
  const std::size_t which = dice.below(from.size());
  if (from.is_array()) {
    to.set(which, changed(from.at(which), dice));
  } else {
    const Value::Member& member = from.members()[which];
    if (dice.one_in(8))
      to.erase(member.name());
    else
      to.set(member.name(), changed(member.value, dice));
  }
  return to;
}

TEST(Snapshot, IsRefusedOrHarmlessWhateverWasChanged) {
  std::size_t refused = 0;
  std::size_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Dice dice(seed);
    Play play(random_flow(seed));
    play.start();
    const std::size_t events = dice.below(12);
    for (std::size_t i = 0; i < events && !ended(play.now.state.status); ++i) play.step(dice);
    const Value good = to_snapshot(play.now);
    ASSERT_EQ(refusal(play.program, good), "") << seed;
    for (int change = 0; change < 12; ++change) {
      Value bad = changed(good, dice);
      if (dice.one_in(2)) bad = changed(bad, dice);
      auto read = read_snapshot(play.program, bad);
      if (!read) {
        ++refused;
        continue;
      }
      ++accepted;
      play.now = std::move(*read);
      for (int i = 0; i < 25 && !ended(play.now.state.status); ++i) play.step(dice);
      play.apply({kNow, StopRequested{}});
    }
  }
  EXPECT_GT(refused, 500U);
  EXPECT_GT(accepted, 100U);
}

}  // namespace
}  // namespace stepwell::engine::test
