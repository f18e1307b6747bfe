// Steps that wait for people: they are parked, completed as steps are, changed while they wait, and
// told of when they are due.
#include <algorithm>
#include <utility>

#include "config/person_step.h"
#include "engine/event_bus.h"
#include "engine/lifecycle.h"
#include "engine/machine_impl.h"
#include "engine/person_step.h"

namespace stepwell::engine {

Next Machine::start_person_step(std::uint32_t slot, const config::PersonStepBody& body) {
  Frame& frame = at(slot);
  auto arguments = body.arguments.evaluate(scope(frame, frame.input));
  if (!arguments) return raise(slot, std::move(arguments.error()));
  for (const config::ArgumentFault& fault :
       config::person_argument_faults(body.kind, *arguments, {}))
    if (!fault.warning)
      return raise(slot,
                   make_problem(ErrorKind::validation, "step-invalid",
                                "the arguments of `call: " + std::string(to_string(body.kind)) +
                                    "` are wrong: " + fault.pointer() +
                                    (fault.way.empty() ? "" : ": ") + fault.what + fault.hint));
  const bool held = body.kind != PersonKind::email || arguments->get("hold").truthy();
  if (!held) return send_email(slot, std::move(*arguments));
  frame.phase = Frame::Phase::parked;
  frame.parked = std::make_unique<Parked>();
  frame.parked->step = StepId{new_id(slot)};
  frame.parked->arguments = std::move(*arguments);
  set_due(slot, now_);
  return {};
}

// How it authenticates is looked at only now: what waits has nothing that may be secret.
Next Machine::send_email(std::uint32_t slot, Value arguments) {
  for (const char* name : {"hold", "assignee", "due"})
    if (arguments.contains(name)) arguments.erase(name);
  const Frame& frame = at(slot);
  if (const auto& policy = std::get<config::PersonStepBody>(task(slot).body).authentication) {
    Value values = Value::object();
    if (auto added = add_authentication(values, *policy, scope(frame, frame.input)); !added)
      return raise(slot, std::move(added.error()));
    if (!values.empty()) arguments.set("authentication", std::move(values));
  }
  return start_step(slot, std::move(arguments), false);
}

// A duration counts from `from`.
void Machine::set_due(std::uint32_t slot, WallTime from) {
  Parked& parked = *at(slot).parked;
  cancel_timer(parked.timer);
  parked.due.reset();
  const Value& written = parked.arguments.get("due");
  if (written.is_null()) return;
  const Result<config::Due> due = config::parse_due(written);
  if (!due) return;  // it was looked at before
  const auto* after = std::get_if<Milliseconds>(&*due);
  parked.due = after != nullptr ? from + *after : std::get<WallTime>(*due);
  parked.timer = TimerId{new_id(slot)};
  commands_.emplace_back(StartTimer{parked.timer, *parked.due});
}

// The step does not wait any more, whatever comes now.
void Machine::unpark(std::uint32_t slot) {
  Frame& frame = at(slot);
  cancel_timer(frame.parked->timer);
  frame.parked.reset();
  frame.phase = Frame::Phase::children;
}

void Machine::note_completed(TaskNumber task) {
  auto& done = state_.completed_by_people;
  const auto at = std::lower_bound(done.begin(), done.end(), task);
  if (at == done.end() || *at != task) done.insert(at, task);
}

bool Machine::is_parked(std::uint32_t slot, StepId step) const {
  return slot < state_.frames.size() && at(slot).parked != nullptr && at(slot).parked->step == step;
}

void Machine::step_changed(const StepChanged& event) {
  const auto slot = static_cast<std::uint32_t>(event.step.number & 0xffffffU);
  if (!is_parked(slot, event.step)) return;
  Parked& parked = *at(slot).parked;
  if (const Value* patch = event.change.find("patch"); patch != nullptr) {
    parked.arguments = apply_change(std::move(parked.arguments), as_recorded(*patch));
    if (patch->contains("due")) set_due(slot, now_);
    return;
  }
  Value arguments = std::move(parked.arguments);
  unpark(slot);
  note_completed(at(slot).task);
  run(send_email(slot, std::move(arguments)));
}

// The step goes on waiting; who wants it otherwise gives it a timeout.
void Machine::due_passed(std::uint32_t slot) {
  Parked& parked = *at(slot).parked;
  parked.timer = {};
  const config::Definition& definition = program_.definition();
  Value data =
      Value::object({{"workflow", lifecycle_name(definition, state_.id)},
                     {"task", task(slot).reference},
                     {"kind", to_string(std::get<config::PersonStepBody>(task(slot).body).kind)},
                     {"dueAt", format_time(parked.due.value_or(now_))}});
  for (const char* name : {"assignee", "prompt", "title"})
    if (const Value* value = parked.arguments.find(name)) data.set(name, *value);
  commands_.emplace_back(Emit{
      Value::object({{"specversion", "1.0"},
                     {"id", idempotency_key(slot) + "-due-" + std::to_string(parked.step.number) +
                                "-" + std::to_string(state_.counter)},
                     {"source", lifecycle_source(definition, state_.id)},
                     {"type", lifecycle_type("task.due")},
                     {"time", format_time(now_)},
                     {"datacontenttype", "application/json"},
                     {"data", std::move(data)}})});
}

}  // namespace stepwell::engine
