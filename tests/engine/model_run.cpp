#include "tests/engine/model_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "engine/machine_impl.h"
#include "engine/snapshot.h"
#include "tests/engine/model_text.h"

namespace stepwell::engine::test {

namespace {
using Phase = Frame::Phase;
}  // namespace

ModelRun::ModelRun(std::shared_ptr<const config::Definition> definition, std::uint64_t seed,
                   Coverage& coverage)
    : program_(std::move(definition)),
      dice_(seed ^ 0x5DEECE66DU),
      turn_(seed % 3 == 0 ? 1 + static_cast<int>(seed / 3 % 20) : Machine::kTurn),
      snapshots_(seed % 2 == 0),
      coverage_(coverage) {}

const std::string& ModelRun::play() {
  constexpr std::size_t kMostEvents = 150;
  apply({now_, Started{InstanceId{1}, "0123456789abcdef0123456789abcdef",
                       Value::object({{"n", 1}, {"s", "x"}})}});
  while (wrong_.empty() && !ended(state_.status)) {
    if (recorded_.size() >= kMostEvents)
      apply({now_, StopRequested{}});
    else
      step();
  }
  if (wrong_.empty()) check_end();
  if (wrong_.empty()) check_replay();
  if (wrong_.empty() && turn_ == Machine::kTurn) check_without_suspension();
  return wrong_;
}

void ModelRun::step() {
  if (yielded_ && !dice_.one_in(5)) {
    yielded_ = false;
    return apply({now_, Resumed{}});
  }
  if (dice_.one_in(12)) return suspend_or_resume();
  now_ += Milliseconds(static_cast<std::int64_t>(dice_.below(700)));
  switch (dice_.below(100)) {
    case 0:
      return dice_.one_in(2) ? apply({now_, StopRequested{}}) : deliver_late();
    case 1:
      if (!dice_.one_in(3)) return deliver_late();
      return apply({now_, JournalFailed{make_problem(ErrorKind::runtime, "journal-failed", "no")}});
    default:
      break;
  }
  if (dice_.one_in(6)) return deliver_late();
  if (steps_.empty() && timers_.empty() && listeners_.empty()) {
    if (yielded_ || keeping()) return suspend_or_resume();
    return wrong("it is open and awaits nothing");
  }
  // What there is more of comes more often.
  const std::size_t which = dice_.below(steps_.size() + timers_.size() + 2 * listeners_.size());
  if (which < steps_.size()) return finish_step();
  if (which < steps_.size() + timers_.size()) return fire_timer();
  deliver_event();
}

// Also where it is so already, which changes nothing.
void ModelRun::suspend_or_resume() {
  const bool suspended = state_.status == InstanceStatus::suspended;
  const bool resume = suspended != dice_.one_in(10);
  const Event what = resume ? Event{now_, ResumeRequested{}} : Event{now_, SuspendRequested{}};
  if (resume == suspended) return apply(what);
  const std::string before = text_of(state_);
  std::vector<Command> commands;
  run(state_, what, commands);
  if (!commands.empty() || text_of(state_) != before)
    wrong("it is suspended or resumed a second time");
}

bool ModelRun::keeping() const {
  return state_.status == InstanceStatus::suspended || !state_.deferred.empty();
}

void ModelRun::run(State& state, Event event, std::vector<Command>& commands) const {
  if (ended(state.status)) return;
  const WallTime now = std::holds_alternative<Resumed>(event.what) ? state.updated : event.time;
  Machine(program_, state, commands, now, nullptr, turn_).take(std::move(event));
}

Problem ModelRun::problem() {
  Problem made = make_problem(ErrorKind::communication, "http-status", "it failed");
  made.status = dice_.one_in(2) ? 503 : 400;
  made.retryable = !dice_.one_in(4);
  if (dice_.one_in(4)) made.extensions.set("retryAfter", static_cast<int>(dice_.below(5)));
  return made;
}

Value ModelRun::result() {
  switch (dice_.below(4)) {
    case 0:
      return {};
    case 1:
      return Value::array({Value(1), Value("a")});
    case 2:
      return "text";
    default:
      return Value::object({{"n", static_cast<int>(dice_.below(3))}});
  }
}

Value ModelRun::event() {
  static constexpr std::array<std::string_view, 3> kTypes{"a", "b", "c"};
  Value data = Value::object({{"n", 1}});
  if (!dice_.one_in(3)) data.set("k", static_cast<int>(dice_.below(2)));
  return Value::object({{"specversion", "1.0"},
                        {"id", std::to_string(dice_.below(1000))},
                        {"source", "/test"},
                        {"type", dice_.of(kTypes)},
                        {"data", std::move(data)}});
}

void ModelRun::finish_step() {
  auto step = steps_.begin();
  std::advance(step, static_cast<std::ptrdiff_t>(dice_.below(steps_.size())));
  const StepId id = step->first;
  const bool good = !dice_.one_in(4);
  StepFinished finished{
      id, good ? Result<Value>(result()) : Result<Value>(fail(problem())), {}, dice_.any()};
  if (keeping()) kept_steps_.insert(*step);
  steps_.erase(step);
  const Event what{now_, std::move(finished)};
  over_.push_back(what);
  apply(what);
}

// Any of them, not only the next: clocks jump, and the world is slow.
void ModelRun::fire_timer() {
  auto timer = timers_.begin();
  std::advance(timer, static_cast<std::ptrdiff_t>(dice_.below(timers_.size())));
  now_ = std::max(now_, timer->second);
  const Event what{now_, TimerFired{timer->first, dice_.any()}};
  if (keeping()) kept_timers_.insert(timer->first);
  timers_.erase(timer);
  over_.push_back(what);
  apply(what);
}

// As the engine does: what the listening task does not await is not given to it.
void ModelRun::deliver_event() {
  auto listener = listeners_.begin();
  std::advance(listener, static_cast<std::ptrdiff_t>(dice_.below(listeners_.size())));
  const ListenerId id = listener->first;
  const Value what = event();
  const bool of_type =
      listener->second.empty() ||
      std::any_of(listener->second.begin(), listener->second.end(),
                  [&](const std::string& type) { return what.get("type") == Value(type); });
  const bool awaited = awaits(program_, state_, id, what, now_);
  if (awaited && !of_type) return wrong("it awaits an event of a type that it did not name");
  if (awaited) apply({now_, EventReceived{id, what}});
}

void ModelRun::deliver_late() {
  if (over_.empty()) return;
  Event late = dice_.of(over_);
  late.time = now_;
  if (keeping()) return apply(late);
  const WallTime updated = state_.updated;
  const std::string before = text_of(state_);
  std::vector<Command> commands;
  run(state_, std::move(late), commands);
  if (!commands.empty()) return wrong("a late event gave " + text_of(commands.front()));
  state_.updated = updated;
  if (text_of(state_) != before) return wrong("a late event changed the state");
}

void ModelRun::apply(Event event) {
  std::vector<Seen> before;
  for (const Frame& frame : state_.frames) before.push_back({frame.phase, frame.task});
  const std::string kind = kind_of(event);
  recorded_.push_back(event);
  std::vector<Command> commands;
  run(state_, std::move(event), commands);
  for (const Command& command : commands) {
    if (ended_) wrong("a command after the end: " + text_of(command));
    ++coverage_.commands[kind + " → " + name_of(command)];
    commands_.push_back(text_of(command));
    obey(command);
  }
  note(before);
  if (!keeping()) {
    kept_steps_.clear();
    kept_timers_.clear();
  }
  if (ended_ != ended(state_.status)) wrong("the end is told by the state or a command alone");
  if (!ended_) check_frames();
  if (snapshots_ && wrong_.empty()) check_snapshot();
}

// What comes back from the text of a snapshot is all the same, and goes on.
void ModelRun::check_snapshot() {
  Replayed live;
  live.number = static_cast<std::uint32_t>(recorded_.size());
  live.yielded = yielded_;
  for (const auto& [id, step] : steps_) live.steps[id] = {step, step.repeatable};
  for (const auto& [id, due] : timers_) live.timers[id] = {due, now_};
  for (const auto& [id, types] : listeners_) live.listeners[id] = {id, types};
  const std::string before = text_of(state_);
  live.state = std::move(state_);
  const std::string text = to_json(to_snapshot(live));
  auto read = read_snapshot(program_, parse_json(text).value());
  if (!read) {
    state_ = std::move(live.state);
    return wrong(read.error().detail + "\n" + text);
  }
  state_ = std::move(read->state);
  if (text_of(state_) != before) wrong("another state comes from a snapshot; it was " + before);
  if (read->number != live.number || read->yielded != live.yielded)
    wrong("another number comes from a snapshot");
  if (read->steps.size() != steps_.size() || read->timers.size() != timers_.size() ||
      read->listeners.size() != listeners_.size())
    wrong("a snapshot loses what is awaited outside");
  for (auto& [id, step] : read->steps) {
    if (text_of(Command(step.execute)) != text_of(Command(steps_[id])) ||
        step.started != step.execute.repeatable)
      wrong("another step comes from a snapshot");
    steps_[id] = std::move(step.execute);
  }
  for (const auto& [id, timer] : read->timers)
    if (timer.due != timers_[id] || timer.set != now_) wrong("another timer comes from a snapshot");
  for (auto& [id, listen] : read->listeners)
    if (listen.listener != id || listen.types != listeners_[id])
      wrong("another listener comes from a snapshot");
}

std::string ModelRun::kind_of(const Event& event) const {
  if (std::holds_alternative<Started>(event.what)) return "start";
  if (const auto* step = std::get_if<StepFinished>(&event.what))
    return step->result ? "step finished" : "step failed";
  if (std::holds_alternative<EventReceived>(event.what)) return "event";
  if (std::holds_alternative<StopRequested>(event.what)) return "stop";
  if (std::holds_alternative<JournalFailed>(event.what)) return "journal failed";
  if (std::holds_alternative<SuspendRequested>(event.what)) return "suspend";
  if (std::holds_alternative<ResumeRequested>(event.what)) return "resume";
  if (std::holds_alternative<Resumed>(event.what)) return "resumed";
  const TimerId timer = std::get<TimerFired>(event.what).timer;
  if (timer == state_.timeout) return "workflow timeout";
  for (const Frame& frame : state_.frames) {
    if (frame.timeout == timer) return "task timeout";
    if (frame.attempt_timeout == timer) return "attempt timeout";
    if (frame.timer == timer) return frame.phase == Phase::waiting ? "wait over" : "delay over";
  }
  return "timer of nothing";
}

void ModelRun::note(const std::vector<Seen>& before) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool same = i < state_.frames.size() && state_.frames[i].task == before[i].task;
    const Phase after = same ? state_.frames[i].phase : Phase::free;
    if (before[i].phase == Phase::free || before[i].phase == after) continue;
    const std::string_view kind = before[i].task == kNone
                                      ? "workflow"
                                      : test::kind_of(program_.task(before[i].task).task->body);
    ++coverage_.phases[std::string(kind) + ": " + std::string(name_of(before[i].phase)) + " → " +
                       std::string(name_of(after))];
  }
}

void ModelRun::obey(const Command& command) {
  if (const auto* step = std::get_if<Execute>(&command)) {
    executed(*step);
  } else if (const auto* stopped = std::get_if<CancelStep>(&command)) {
    cancelled(stopped->step);
  } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
    if (!timers_.emplace(timer->timer, timer->due).second) wrong("a timer's id comes twice");
  } else if (const auto* dropped = std::get_if<CancelTimer>(&command)) {
    over_.push_back({now_, TimerFired{dropped->timer, 0}});
    if (timers_.erase(dropped->timer) == 0 && !kept_timers_.contains(dropped->timer))
      wrong("a timer is cancelled that does not run");
  } else if (const auto* listened = std::get_if<Listen>(&command)) {
    if (!listeners_.emplace(listened->listener, listened->types).second)
      wrong("a listener's id comes twice");
  } else if (const auto* unlistened = std::get_if<Unlisten>(&command)) {
    over_.push_back({now_, EventReceived{unlistened->listener, event()}});
    listeners_.erase(unlistened->listener);
  } else if (const auto* trace = std::get_if<Trace>(&command)) {
    if (trace->kind == Trace::Kind::started) ++open_traces_[trace->task];
    if (trace->kind == Trace::Kind::completed || trace->kind == Trace::Kind::faulted ||
        trace->kind == Trace::Kind::cancelled)
      --open_traces_[trace->task];
    if (trace->kind == Trace::Kind::retried) last_retry_[trace->task] = commands_.size();
  } else if (std::holds_alternative<Yield>(command)) {
    yielded_ = true;
  } else if (std::holds_alternative<Ended>(command)) {
    if (ended_) wrong("it ends twice");
    ended_ = true;
  }
}

// The same key comes again only after a `try` around the task said that it tries again.
void ModelRun::executed(const Execute& step) {
  if (!all_steps_.insert(step.step).second) wrong("a step's id comes twice");
  for (const auto& [id, other] : steps_)
    if (other.idempotency_key == step.idempotency_key)
      wrong("a step runs twice at the same time: " + step.idempotency_key);
  if (spent_.contains(step.idempotency_key))
    wrong("what may not be repeated is executed again: " + step.idempotency_key);
  const auto last = last_execution_.find(step.idempotency_key);
  if (last != last_execution_.end()) {
    const bool retried =
        std::any_of(last_retry_.begin(), last_retry_.end(), [&](const auto& retry) {
          return retry.second > last->second &&
                 step.idempotency_key.find("-" + std::to_string(retry.first) + ".") !=
                     std::string::npos;
        });
    if (!retried) wrong("a step is executed again without a retry: " + step.idempotency_key);
  }
  last_execution_[step.idempotency_key] = commands_.size();
  steps_.emplace(step.step, step);
}

void ModelRun::cancelled(StepId step) {
  auto& among = kept_steps_.contains(step) ? kept_steps_ : steps_;
  const auto found = among.find(step);
  if (found == among.end()) return wrong("a step is cancelled that does not run");
  if (!found->second.repeatable) spent_.insert(found->second.idempotency_key);
  over_.push_back({now_, StepFinished{step, result(), {}, 0}});
  among.erase(found);
}

bool ModelRun::keeps(StepId step) const {
  return std::any_of(state_.deferred.begin(), state_.deferred.end(), [&](const Event& event) {
    const auto* kept = std::get_if<StepFinished>(&event.what);
    return kept != nullptr && kept->step == step;
  });
}

bool ModelRun::keeps(TimerId timer) const {
  return std::any_of(state_.deferred.begin(), state_.deferred.end(), [&](const Event& event) {
    const auto* kept = std::get_if<TimerFired>(&event.what);
    return kept != nullptr && kept->timer == timer;
  });
}

// What the state awaits is what the world was asked for, and every frame awaits something.
void ModelRun::check_frames() {
  if (yielded_) return;
  const bool suspended = state_.status == InstanceStatus::suspended;
  if (!state_.ready.empty()) {
    if (!suspended) wrong("a transition waits, and nothing wakes it up");
    return;
  }
  if (!suspended && !state_.deferred.empty()) return wrong("events are kept, and nothing waits");
  std::set<std::uint64_t> timers;
  if (state_.timeout.number != 0) timers.insert(state_.timeout.number);
  std::size_t executing = 0;
  std::size_t finished = 0;  // of which it knows once it is resumed
  std::size_t listening = 0;
  for (std::uint32_t slot = 0; slot < state_.frames.size(); ++slot) {
    const Frame& frame = state_.frames[slot];
    if (frame.phase == Phase::free) continue;
    check_frame(slot, timers);
    if (frame.phase == Phase::executing) ++executing;
    if (frame.phase == Phase::executing && keeps(frame.step)) ++finished;
    if (frame.listening) ++listening;
  }
  if (executing != steps_.size() + finished || executing != state_.executing)
    wrong("steps run that no frame awaits");
  if (listening != listeners_.size()) wrong("listeners that no frame has");
  for (const auto& [timer, due] : timers_)
    if (timers.erase(timer.number) == 0) wrong("a timer runs that no frame awaits");
  std::erase_if(timers, [&](std::uint64_t timer) { return keeps(TimerId{timer}); });
  if (!timers.empty()) wrong("a timer is awaited that does not run");
  if (!suspended && (state_.status == InstanceStatus::running) != (executing > 0))
    wrong("its status is " + std::string(to_string(state_.status)));
}

void ModelRun::check_frame(std::uint32_t slot, std::set<std::uint64_t>& timers) {
  const Frame& frame = state_.frames[slot];
  for (const TimerId timer : {frame.timer, frame.timeout, frame.attempt_timeout})
    if (timer.number != 0) timers.insert(timer.number);
  if (slot != 0 &&
      (frame.parent >= state_.frames.size() || state_.frames[frame.parent].phase == Phase::free))
    return wrong("a frame without a parent");
  const bool has_child = std::any_of(
      state_.frames.begin(), state_.frames.end(),
      [&](const Frame& other) { return other.phase != Phase::free && other.parent == slot; });
  const bool awaits_something =
      (frame.phase == Phase::executing && (steps_.contains(frame.step) || keeps(frame.step))) ||
      ((frame.phase == Phase::waiting || frame.phase == Phase::backing_off) &&
       (timers_.contains(frame.timer) || keeps(frame.timer))) ||
      (frame.phase == Phase::listening && frame.listening &&
       listeners_.contains(frame.listening->id));
  if (has_child == awaits_something || has_child != (frame.phase == Phase::children))
    wrong("a frame that is " + std::string(name_of(frame.phase)) + " awaits nothing, or twice");
}

void ModelRun::check_end() {
  if (!state_.frames.empty() || !state_.ready.empty() || state_.executing != 0)
    wrong("frames are left at the end");
  if (!steps_.empty()) wrong("a step is left running at the end");
  if (!timers_.empty()) wrong("a timer is left running at the end");
  if (!listeners_.empty()) wrong("a listener is left at the end");
  for (const auto& [task, count] : open_traces_)
    if (count != 0)
      wrong("the traces of " + program_.task(task).task->reference + " leave " +
            std::to_string(count) + " open");
  if ((state_.status == InstanceStatus::faulted) != (state_.problem != nullptr))
    wrong("a problem without a fault, or the reverse");
}

// The recorded events alone: the same commands, the same state.
void ModelRun::check_replay() {
  State again;
  std::vector<std::string> commands;
  for (const Event& event : recorded_) {
    std::vector<Command> made;
    run(again, event, made);
    for (const Command& command : made) commands.push_back(text_of(command));
  }
  if (commands != commands_) return wrong("a replay gives other commands");
  if (text_of(again) != text_of(state_)) wrong("a replay gives another state");
}

// As if what came while it was suspended had come when it was resumed.
void ModelRun::check_without_suspension() {
  State again;
  std::vector<std::string> commands;
  std::vector<Event> kept;
  bool suspended = false;
  const auto play = [&](Event event) {
    std::vector<Command> made;
    run(again, std::move(event), made);
    for (const Command& command : made) commands.push_back(text_of(command));
  };
  for (const Event& event : recorded_) {
    if (std::holds_alternative<SuspendRequested>(event.what)) {
      suspended = true;
    } else if (std::holds_alternative<ResumeRequested>(event.what)) {
      suspended = false;
      for (Event& late : kept) play({event.time, std::move(late.what)});
      kept.clear();
    } else if (suspended && !std::holds_alternative<StopRequested>(event.what) &&
               !std::holds_alternative<JournalFailed>(event.what)) {
      kept.push_back(event);
    } else {
      play(event);
    }
  }
  if (commands != commands_) return wrong("without suspension there are other commands");
  again.updated = state_.updated;
  if (text_of(again) != text_of(state_)) wrong("without suspension there is another state");
}

void ModelRun::wrong(const std::string& what) {
  if (wrong_.empty()) wrong_ = what + "\n" + text_of(state_);
}

}  // namespace stepwell::engine::test
