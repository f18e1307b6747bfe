// What people do in a simulated world: they complete and change steps that wait for them, change
// what an instance is called, and delete some.
#include "base/json.h"
#include "tests/simulation/world.h"

namespace stepwell::simulation {

using engine::InstanceView;
using engine::OpenStep;
using engine::StepAnswer;

engine::Label World::some_label(const std::string& name) {
  engine::Label label;
  label.name = name;
  if (dice_.one_in(2)) label.tags = Value::array({"t" + std::to_string(dice_.below(3))});
  label.priority = static_cast<engine::Priority>(dice_.below(3));
  if (dice_.one_in(3))
    label.deadline =
        clock_.now() + std::chrono::seconds(static_cast<std::int64_t>(dice_.below(60)));
  return label;
}

std::optional<OpenStep> World::some_open_step() {
  std::vector<OpenStep> open;
  for (const InstanceId id : judge_.acknowledged()) {
    const auto view = process_->engine().find(id);
    if (!view) continue;
    judge_.saw(*view);
    open.insert(open.end(), view->open_steps.begin(), view->open_steps.end());
  }
  if (open.empty()) return std::nullopt;
  return dice_.of(open);
}

// What is to be done before it is recorded may take its time.
StepAnswer World::answer_for(const OpenStep& step, Value value) {
  StepAnswer answer;
  answer.step = std::to_string(step.id.number);
  answer.value = std::move(value);
  answer.by = {"ana", true, true};
  if (dice_.one_in(3))
    answer.prepare = [this](const StepAnswer::Preparation& /*what*/,
                            const std::function<void(Status)>& done) {
      process_->engine().post([done] { done({}); });
    };
  return answer;
}

void World::complete(const OpenStep& step, bool must_succeed) {
  const std::string said = "said-" + std::to_string(++tally_.people);
  const bool good = must_succeed || step.kind != engine::PersonKind::decision || !dice_.one_in(6);
  Value value;
  std::string kept = said;
  switch (step.kind) {
    case engine::PersonKind::decision:
      value = Value::object({{"decision", good ? "yes" : "maybe"}, {"comment", said}});
      break;
    case engine::PersonKind::form:
      value = Value::object({{"note", said}});
      break;
    default:
      value = Value::object({{"send", dice_.one_in(2)}});
      kept.clear();
  }
  trace_.add("complete " + std::to_string(step.id.number) + " of " +
             std::to_string(step.instance.number) + ": " + to_json(value));
  process_->engine().complete_step(
      step.instance, answer_for(step, std::move(value)),
      [this, step, kept, good, must_succeed](const Status& status) {
        if (!alive()) return;
        judge_.step_completed(step, kept, good, status);
        if (must_succeed && !status)
          judge_.wrong("nothing stands against a completion: " + status.error().one_line());
      });
}

void World::complete_some() {
  const auto step = some_open_step();
  if (!step) return;
  complete(*step, false);
  if (dice_.one_in(3)) complete(*step, false);  // somebody else at the same moment
}

void World::change_step() {
  const auto step = some_open_step();
  if (!step) return;
  const std::string prompt = "prompt-" + std::to_string(++tally_.people);
  const bool email = step->kind == engine::PersonKind::email;
  Value patch = Value::object({{email ? "subject" : "prompt", prompt}});
  if (dice_.one_in(3)) patch.set("due", "PT2S");
  const std::string shown = to_json(Value(prompt));
  trace_.add("change " + std::to_string(step->id.number) + " of " +
             std::to_string(step->instance.number) + ": " + to_json(patch));
  judge_.changes_step(*step, shown);
  process_->engine().patch_step(step->instance, answer_for(*step, std::move(patch)),
                                [this, step = *step, shown](const Status& status) {
                                  if (alive()) judge_.step_changed(step, shown, status);
                                });
}

void World::relabel() {
  const auto id = somebody();
  if (!id) return;
  const engine::Label label = some_label("label-" + std::to_string(++tally_.people));
  engine::LabelChange change;
  change.name = label.name;
  change.tags = label.tags;
  change.priority = label.priority;
  change.change_deadline = true;
  change.deadline = label.deadline;
  const std::string text = text_of(label);
  trace_.add("call " + std::to_string(id->number) + " " + text);
  judge_.relabels(*id, text);
  process_->engine().change(*id, change, [this, id = *id, text](const Status& status) {
    if (alive()) judge_.relabelled(id, text, status);
  });
}

// Open ones stay.
void World::remove() {
  const auto id = somebody();
  if (!id) return;
  for (const Judge::Start& start : judge_.starts())
    if (start.id == *id && (!start.once.empty() || start.definition->relaxed)) return;
  const bool had_ended = disk_.ended(*id);
  ++tally_.people;
  trace_.add("delete " + std::to_string(id->number));
  const auto gone = process_->engine().remove({*id});
  if (!gone || gone->empty()) return;
  judge_.deleted(*id, had_ended);
  if (process_->engine().find(*id))
    judge_.wrong("instance " + std::to_string(id->number) + " was deleted, and is there");
}

}  // namespace stepwell::simulation
