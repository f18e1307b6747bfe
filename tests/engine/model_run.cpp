#include "tests/engine/model_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"

namespace stepwell::engine::test {

namespace {

using Phase = Frame::Phase;

std::string_view name_of(Phase phase) {
  static constexpr std::array<std::string_view, 6> kNames{"free",    "children",    "executing",
                                                          "waiting", "backing_off", "listening"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view kind_of(const config::TaskBody& body) {
  static constexpr std::array<std::string_view, 15> kNames{
      "do",   "set",  "switch", "for",     "fork",          "call",         "raise",      "try",
      "wait", "emit", "listen", "openapi", "call function", "run workflow", "run process"};
  return kNames[body.index()];
}

std::string name_of(const Command& command) {
  static constexpr std::array<std::string_view, 9> kNames{"Execute",     "CancelStep", "StartTimer",
                                                          "CancelTimer", "Listen",     "Unlisten",
                                                          "Emit",        "Yield",      "Ended"};
  if (const auto* trace = std::get_if<Trace>(&command))
    return "Trace " + std::string(to_string(trace->kind));
  return std::string(kNames[command.index()]);
}

// All of a command that a replay must repeat.
std::string text_of(const Command& command) {
  std::string out = name_of(command) + " ";
  if (const auto* step = std::get_if<Execute>(&command))
    out += std::to_string(step->step.number) + " " + std::to_string(step->task) + " " +
           std::to_string(step->attempt) + " " + step->idempotency_key + " " +
           to_json(step->arguments);
  else if (const auto* cancelled = std::get_if<CancelStep>(&command))
    out += std::to_string(cancelled->step.number);
  else if (const auto* timer = std::get_if<StartTimer>(&command))
    out += std::to_string(timer->timer.number) + " " +
           std::to_string(timer->due.time_since_epoch().count());
  else if (const auto* stopped = std::get_if<CancelTimer>(&command))
    out += std::to_string(stopped->timer.number);
  else if (const auto* listened = std::get_if<Listen>(&command))
    out += std::to_string(listened->listener.number);
  else if (const auto* unlistened = std::get_if<Unlisten>(&command))
    out += std::to_string(unlistened->listener.number) + " " + to_json(unlistened->keys);
  else if (const auto* emitted = std::get_if<Emit>(&command))
    out += to_json(emitted->event);
  else if (const auto* trace = std::get_if<Trace>(&command))
    out += std::to_string(trace->task) + " " + to_json(trace->output) + " " +
           (trace->problem ? to_json(trace->problem->to_value()) : "");
  return out;
}

std::string text_of(const Frame& frame) {
  std::string out = std::string(name_of(frame.phase));
  for (const std::uint64_t part :
       {std::uint64_t{frame.task}, std::uint64_t{frame.parent}, std::uint64_t{frame.list},
        std::uint64_t{frame.position}, std::uint64_t{frame.ordinal}, std::uint64_t{frame.children},
        std::uint64_t{frame.attempt}, frame.index, std::uint64_t{frame.running}, frame.step.number,
        frame.timer.number, frame.timeout.number, frame.attempt_timeout.number})
    out += " " + std::to_string(part);
  for (const Value* value :
       {&frame.raw_input, &frame.input, &frame.collection, &frame.authorization})
    out += " " + to_json(*value);
  for (const auto* locals : {&frame.locals, &frame.child_locals})
    for (const Value& local : *locals) out += " " + to_json(local);
  if (frame.listening)
    out += " " + to_json(frame.listening->consumed) + " " +
           std::to_string(frame.listening->progress.count) + " " +
           std::to_string(frame.listening->backlog.size());
  return out;
}

std::string text_of(const State& state) {
  std::string out = std::string(to_string(state.status)) + " " + to_json(state.context) + " " +
                    to_json(state.output) + " " + std::to_string(state.counter) + " " +
                    std::to_string(state.executing) + " " + std::to_string(state.ready.size()) +
                    " " + std::to_string(state.ended.time_since_epoch().count());
  if (state.problem) out += " " + to_json(state.problem->to_value());
  for (const Frame& frame : state.frames) out += "\n  " + text_of(frame);
  return out;
}

}  // namespace

ModelRun::ModelRun(std::shared_ptr<const config::Definition> definition, std::uint64_t seed,
                   Coverage& coverage)
    : program_(std::move(definition)), dice_(seed ^ 0x5DEECE66DU), coverage_(coverage) {}

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
  return wrong_;
}

void ModelRun::step() {
  if (yielded_) {
    yielded_ = false;
    return apply({now_, Resumed{}});
  }
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
  if (steps_.empty() && timers_.empty() && listeners_.empty())
    return wrong("it is open and awaits nothing");
  // What there is more of comes more often.
  const std::size_t which = dice_.below(steps_.size() + timers_.size() + 2 * listeners_.size());
  if (which < steps_.size()) return finish_step();
  if (which < steps_.size() + timers_.size()) return fire_timer();
  deliver_event();
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
  const std::string before = text_of(state_);
  std::vector<Command> commands;
  engine::apply(program_, state_, std::move(late), commands);
  if (!commands.empty()) return wrong("a late event gave " + text_of(commands.front()));
  if (text_of(state_) != before) return wrong("a late event changed the state");
}

void ModelRun::apply(Event event) {
  std::vector<Seen> before;
  for (const Frame& frame : state_.frames) before.push_back({frame.phase, frame.task});
  const std::string kind = kind_of(event);
  recorded_.push_back(event);
  std::vector<Command> commands;
  engine::apply(program_, state_, std::move(event), commands);
  for (const Command& command : commands) {
    if (ended_) wrong("a command after the end: " + text_of(command));
    ++coverage_.commands[kind + " → " + name_of(command)];
    commands_.push_back(text_of(command));
    obey(command);
  }
  note(before);
  if (ended_ != ended(state_.status)) wrong("the end is told by the state or a command alone");
  if (!ended_) check_frames();
}

std::string ModelRun::kind_of(const Event& event) const {
  if (std::holds_alternative<Started>(event.what)) return "start";
  if (const auto* step = std::get_if<StepFinished>(&event.what))
    return step->result ? "step finished" : "step failed";
  if (std::holds_alternative<EventReceived>(event.what)) return "event";
  if (std::holds_alternative<StopRequested>(event.what)) return "stop";
  if (std::holds_alternative<JournalFailed>(event.what)) return "journal failed";
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
    if (timers_.erase(dropped->timer) == 0) wrong("a timer is cancelled that does not run");
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
  const auto found = steps_.find(step);
  if (found == steps_.end()) return wrong("a step is cancelled that does not run");
  if (!found->second.repeatable) spent_.insert(found->second.idempotency_key);
  over_.push_back({now_, StepFinished{step, result(), {}, 0}});
  steps_.erase(found);
}

// What the state awaits is what the world was asked for, and every frame awaits something.
void ModelRun::check_frames() {
  if (yielded_) return;
  if (!state_.ready.empty()) return wrong("a transition waits, and nothing wakes it up");
  std::set<std::uint64_t> timers;
  if (state_.timeout.number != 0) timers.insert(state_.timeout.number);
  std::size_t executing = 0;
  std::size_t listening = 0;
  for (std::uint32_t slot = 0; slot < state_.frames.size(); ++slot) {
    const Frame& frame = state_.frames[slot];
    if (frame.phase == Phase::free) continue;
    check_frame(slot, timers);
    if (frame.phase == Phase::executing) ++executing;
    if (frame.listening) ++listening;
  }
  if (executing != steps_.size() || executing != state_.executing)
    wrong("steps run that no frame awaits");
  if (listening != listeners_.size()) wrong("listeners that no frame has");
  for (const auto& [timer, due] : timers_)
    if (timers.erase(timer.number) == 0) wrong("a timer runs that no frame awaits");
  if (!timers.empty()) wrong("a timer is awaited that does not run");
  if ((state_.status == InstanceStatus::running) != (executing > 0))
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
      (frame.phase == Phase::executing && steps_.contains(frame.step)) ||
      ((frame.phase == Phase::waiting || frame.phase == Phase::backing_off) &&
       timers_.contains(frame.timer)) ||
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
    engine::apply(program_, again, event, made);
    for (const Command& command : made) commands.push_back(text_of(command));
  }
  if (commands != commands_) return wrong("a replay gives other commands");
  if (text_of(again) != text_of(state_)) wrong("a replay gives another state");
}

void ModelRun::wrong(const std::string& what) {
  if (wrong_.empty()) wrong_ = what + "\n" + text_of(state_);
}

}  // namespace stepwell::engine::test
