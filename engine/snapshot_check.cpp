#include "engine/snapshot_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace stepwell::engine::detail {

namespace {

using Phase = Frame::Phase;

template <class Id>
bool is_of(Id id, std::uint32_t slot) {
  return (id.number & 0xffffffU) == slot;
}

bool is_object_or_null(const Value& value) { return value.is_object() || value.is_null(); }

class SnapshotCheck {
 public:
  SnapshotCheck(const Program& program, const Replayed& replayed)
      : program_(program), replayed_(replayed), state_(replayed.state) {}

  std::string run() {
    find_tasks();
    check_slots();
    if (!why_.empty()) return why_;
    for (const Next& next : state_.ready) check_next(next);
    for (std::uint32_t slot = 0; slot < state_.frames.size() && why_.empty(); ++slot)
      if (at(slot).phase != Phase::free) check_frame(slot);
    if (!why_.empty()) return why_;
    check_outside();
    check_deferred();
    check_completed();
    check_status();
    return why_;
  }

 private:
  const Frame& at(std::uint32_t slot) const { return state_.frames[slot]; }
  const ProgramTask& entry(const Frame& frame) const { return program_.task(frame.task); }
  template <class Body>
  const Body* body(const Frame& frame) const {
    return frame.task == kNone ? nullptr : std::get_if<Body>(&entry(frame).task->body);
  }
  void hold(bool good, const char* what) {
    if (!good && why_.empty()) why_ = what;
  }

  // The numbers of all tasks and lists that can be come to.
  void find_tasks() {
    std::vector<ListNumber> rest{program_.root()};
    while (!rest.empty()) {
      const ListNumber list = rest.back();
      rest.pop_back();
      if (list == kNone || !lists_.insert(list).second) continue;
      for (const TaskNumber number : program_.list(list)) {
        if (!tasks_.insert(number).second) continue;
        for (const ListNumber inner : lists_of(program_.task(number))) rest.push_back(inner);
      }
    }
  }

  std::vector<ListNumber> lists_of(const ProgramTask& task) const {
    std::vector<ListNumber> lists{task.body, task.handler};
    if (task.extensions == kNone) return lists;
    for (const ProgramExtension& extension : program_.extensions(task.extensions)) {
      lists.push_back(extension.before);
      lists.push_back(extension.after);
    }
    return lists;
  }

  void check_slots() {
    std::set<std::uint32_t> free;
    for (const std::uint32_t slot : state_.free_slots)
      hold(slot < state_.frames.size() && at(slot).phase == Phase::free && free.insert(slot).second,
           "a slot is not free");
    std::size_t unused = 0;
    for (std::uint32_t slot = 0; slot < state_.frames.size(); ++slot) {
      const Frame& frame = at(slot);
      if (frame.phase == Phase::free) {
        ++unused;
        continue;
      }
      if (frame.parent < state_.frames.size()) ++going_[frame.parent].children;
      hold((slot == 0) == (frame.task == kNone), "a frame is of no task");
      hold(frame.task == kNone || tasks_.contains(frame.task), "a task is not known");
      hold(slot == 0
               ? frame.parent == kNone
               : frame.parent < state_.frames.size() && at(frame.parent).phase == Phase::children,
           "a frame has no parent");
    }
    hold(unused == free.size(), "a free slot is not listed");
    hold(state_.frames.empty() || at(0).phase == Phase::children, "there is no workflow");
    hold(state_.frames.size() < (1U << 24U) && state_.counter < (std::uint64_t{1} << 38U),
         "there are too many frames");
  }

  void check_frame(std::uint32_t slot) {
    const Frame& frame = at(slot);
    if (slot != 0) check_place(slot);
    check_going(slot);
    check_phase(slot);
    check_timers(slot);
    check_parked(slot);
    if (frame.extending) check_extending(slot);
    if (body<config::ForBody>(frame) != nullptr)
      hold(frame.collection.is_null() || frame.collection.is_array(), "a loop is over no array");
    for (const std::uint64_t id : {frame.step.number, frame.timer.number, frame.timeout.number,
                                   frame.attempt_timeout.number})
      hold((id >> 24U) <= state_.counter, "an id was not given yet");
  }

  // Those that its children may be in at this time.
  std::vector<ListNumber> lists_of(const Frame& frame) const {
    if (frame.task == kNone) return {program_.root()};
    const std::vector<ListNumber> all = lists_of(entry(frame));
    return extends(frame) ? std::vector(all.begin() + 2, all.end())
                          : std::vector(all.begin(), all.begin() + 2);
  }

  // There is exactly one reason for which it will go on; a fork has one for each branch.
  void check_going(std::uint32_t slot) {
    const Frame& frame = at(slot);
    const Going& going = going_[slot];
    const bool awaits = frame.step.number != 0 || frame.timer.number != 0 || frame.parked ||
                        (frame.listening && frame.phase == Phase::listening);
    if (going.children == 0)
      return hold((awaits ? 1 : 0) + going.ends == 1, "a task awaits nothing, or twice");
    hold(!awaits && going.ends == 0, "a task goes on while another one runs in it");
    const config::ForkBody* fork = forks(frame);
    hold(going.children == (fork != nullptr ? frame.running : 1), "tasks run that nobody awaits");
    const std::vector<ListNumber> lists = lists_of(frame);
    hold(frame.list != kNone && std::find(lists.begin(), lists.end(), frame.list) != lists.end(),
         "a task runs that is in no list");
    if (fork != nullptr)
      hold(frame.collection.is_array() && frame.collection.size() == fork->branches.size(),
           "a fork has not its branches");
    const auto* loop = body<config::ListenBody>(frame);
    if (loop != nullptr && !extends(frame))
      hold(frame.listening && frame.child_locals.size() >= 2, "a round has no event");
  }

  // Is it where its parent says? And does the way up end?
  void check_place(std::uint32_t slot) {
    const Frame& frame = at(slot);
    const Frame& parent = at(frame.parent);
    if (!lists_.contains(parent.list)) return hold(false, "a frame is in no list");
    const auto& list = program_.list(parent.list);
    hold(std::find(list.begin(), list.end(), frame.task) != list.end(),
         "a task is not where it belongs");
    if (const auto* fork = forks(parent))
      hold(frame.ordinal < fork->branches.size(), "a branch is not known");
    std::size_t levels = 0;
    for (std::uint32_t up = slot; up != kNone && levels <= state_.frames.size(); ++levels)
      up = up < state_.frames.size() ? at(up).parent : kNone;
    hold(levels <= state_.frames.size(), "frames are their own parents");
  }

  bool extends(const Frame& frame) const {
    return frame.extending && frame.extending->stage != Extending::Stage::body;
  }
  const config::ForkBody* forks(const Frame& frame) const {
    return extends(frame) ? nullptr : body<config::ForkBody>(frame);
  }

  void check_phase(std::uint32_t slot) {
    const Frame& frame = at(slot);
    hold(frame.step.number == 0 || (frame.phase == Phase::executing && is_of(frame.step, slot)),
         "a step is of no frame");
    hold(frame.phase != Phase::executing || is_call(frame), "a task has no step");
    hold(frame.phase != Phase::waiting || body<config::WaitBody>(frame) != nullptr,
         "a task does not wait");
    hold(frame.phase != Phase::backing_off || body<config::TryBody>(frame) != nullptr,
         "a task has no attempts");
    if (frame.listening)
      hold(body<config::ListenBody>(frame) != nullptr && is_of(frame.listening->id, slot) &&
               frame.listening->consumed.is_array() &&
               is_object_or_null(frame.listening->progress.keys) &&
               is_object_or_null(frame.listening->until.keys),
           "a task listens that does not");
  }

  bool is_call(const Frame& frame) const {
    return body<config::HttpCallBody>(frame) != nullptr ||
           body<config::OpenApiCallBody>(frame) != nullptr ||
           body<config::RunWorkflowBody>(frame) != nullptr ||
           body<config::RunProcessBody>(frame) != nullptr ||
           body<config::PersonStepBody>(frame) != nullptr;
  }

  void check_parked(std::uint32_t slot) {
    const Frame& frame = at(slot);
    hold((frame.phase == Phase::parked) == (frame.parked != nullptr), "a step waits for nobody");
    if (!frame.parked) return;
    const Parked& parked = *frame.parked;
    hold(body<config::PersonStepBody>(frame) != nullptr && parked.arguments.is_object() &&
             parked.step.number != 0 && is_of(parked.step, slot) &&
             (parked.timer.number == 0 || is_of(parked.timer, slot)) &&
             (parked.step.number >> 24U) <= state_.counter &&
             (parked.timer.number >> 24U) <= state_.counter,
         "a step waits for a person that does not");
  }

  void check_timers(std::uint32_t slot) {
    const Frame& frame = at(slot);
    const bool waits = frame.phase == Phase::waiting || frame.phase == Phase::backing_off;
    hold(waits || frame.timer.number == 0, "a timer is of no task");
    hold(frame.attempt_timeout.number == 0 || body<config::TryBody>(frame) != nullptr,
         "an attempt is of no task");
    for (const TimerId timer : {frame.timer, frame.timeout, frame.attempt_timeout})
      hold(timer.number == 0 || is_of(timer, slot), "a timer is of another task");
  }

  void check_extending(std::uint32_t slot) {
    const Frame& frame = at(slot);
    const Extending& extending = *frame.extending;
    if (frame.task == kNone || entry(frame).extensions == kNone)
      return hold(false, "a task is extended by nothing");
    const std::size_t known = program_.extensions(entry(frame).extensions).size();
    hold(extending.next <= known, "an extension is not known");
    for (const std::uint32_t number : extending.applied)
      hold(number < known, "an extension is not known");
    hold(extending.stage != Extending::Stage::before || !extending.applied.empty() ||
             frame.list == kNone,
         "an extension runs that does not apply");
  }

  void check_next(const Next& next) {
    if (next.kind == Next::Kind::rest || next.slot >= state_.frames.size() ||
        at(next.slot).phase == Phase::free)
      return hold(false, "a transition is of no frame");
    if (next.kind == Next::Kind::raise) hold(next.problem != nullptr, "an error is none");
    Going& going = going_[next.slot];
    ++(next.kind == Next::Kind::enter ? going.children : going.ends);
    if (next.kind != Next::Kind::enter) return;
    const config::ForkBody* fork = forks(at(next.slot));
    hold(at(next.slot).phase == Phase::children, "a task runs none");
    hold(fork == nullptr || next.position < fork->branches.size(), "a branch is not known");
  }

  void check_completed() {
    const auto& done = state_.completed_by_people;
    hold(std::is_sorted(done.begin(), done.end()) &&
             std::all_of(done.begin(), done.end(),
                         [this](TaskNumber task) { return tasks_.contains(task); }),
         "a task was completed that is not known");
  }

  // It may be kept that the instance is to start; it does so once.
  void check_deferred() {
    const auto starts = std::count_if(
        state_.deferred.begin(), state_.deferred.end(),
        [](const Event& event) { return std::holds_alternative<Started>(event.what); });
    hold(starts == 0 || (starts == 1 && state_.frames.empty()), "it starts twice");
  }

  // What the frames await is what comes from outside, or has come and is kept.
  void check_outside() {
    std::set<std::uint64_t> steps;
    std::set<std::uint64_t> timers;
    std::set<std::uint64_t> listeners;
    if (state_.timeout.number != 0) timers.insert(state_.timeout.number);
    hold(is_of(state_.timeout, 0), "a timer is of another task");
    for (const Frame& frame : state_.frames) {
      if (frame.step.number != 0) steps.insert(frame.step.number);
      for (const TimerId timer : {frame.timer, frame.timeout, frame.attempt_timeout})
        if (timer.number != 0) timers.insert(timer.number);
      if (frame.parked && frame.parked->timer.number != 0)
        timers.insert(frame.parked->timer.number);
      if (frame.listening) listeners.insert(frame.listening->id.number);
    }
    for (const Event& event : state_.deferred) {
      if (const auto* step = std::get_if<StepFinished>(&event.what)) steps.erase(step->step.number);
      if (const auto* timer = std::get_if<TimerFired>(&event.what))
        timers.erase(timer->timer.number);
    }
    for (const auto& [id, step] : replayed_.steps)
      hold(steps.erase(id.number) == 1 && at(id.number & 0xffffffU).task == step.execute.task,
           "a step runs that no task awaits");
    for (const auto& [id, timer] : replayed_.timers)
      hold(timers.erase(id.number) == 1, "a timer runs that no task awaits");
    for (const auto& [id, listener] : replayed_.listeners)
      hold(listeners.erase(id.number) == 1, "nobody listens to an event");
    hold(steps.empty(), "a task awaits a step that does not run");
    hold(timers.empty(), "a task awaits a timer that does not run");
    hold(listeners.empty(), "a task listens to nothing");
  }

  void check_status() {
    const bool over = ended(state_.status);
    hold(!over || (state_.frames.empty() && state_.ready.empty() && state_.deferred.empty()),
         "it has ended and goes on");
    hold((state_.status == InstanceStatus::faulted) == (state_.problem != nullptr),
         "a problem is of no fault");
    const bool open = !over && state_.status != InstanceStatus::pending &&
                      state_.status != InstanceStatus::suspended;
    hold(!open || !state_.frames.empty(), "it runs and has no task");
    hold(state_.status != InstanceStatus::pending || state_.frames.empty(),
         "it has tasks and has not begun");
  }

  // Why a frame will go on.
  struct Going {
    std::size_t children = 0;  // those that run, and those that wait for their turn
    std::size_t ends = 0;      // transitions that end it and wait for their turn
  };

  const Program& program_;
  const Replayed& replayed_;
  const State& state_;
  std::set<TaskNumber> tasks_;
  std::set<ListNumber> lists_;
  std::map<std::uint32_t, Going> going_;  // by slot
  std::string why_;
};

}  // namespace

std::string contradiction(const Program& program, const Replayed& replayed) {
  return SnapshotCheck(program, replayed).run();
}

}  // namespace stepwell::engine::detail
