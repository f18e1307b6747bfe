// What people were told, and whether it holds: a step is completed once, by what was acknowledged,
// and waits no more; what it asks for and what an instance is called are as they were last changed;
// what was deleted is gone.
#include "base/json.h"
#include "tests/simulation/judge.h"

namespace stepwell::simulation {

using engine::InstanceView;
using engine::Label;
using engine::OpenStep;

namespace {

std::string title_of(const OpenStep& step) {
  return "step " + std::to_string(step.id.number) + " of " + simulation::name_of(step.instance);
}

std::pair<std::uint64_t, std::uint64_t> key_of(const OpenStep& step) {
  return {step.instance.number, step.id.number};
}

std::string answer_of(const Status& status) {
  return status ? std::string("done") : status.error().code;
}

}  // namespace

std::string text_of(const Label& label) {
  std::string text = label.name + " " + to_json(label.tags) + " ";
  text += to_string(label.priority);
  return label.deadline ? text + " " + format_time(*label.deadline) : text;
}

std::string prompt_of(const OpenStep& step) {
  const char* member = step.kind == engine::PersonKind::email ? "subject" : "prompt";
  return to_json(step.arguments.get(member));
}

// --- steps ---

void Judge::changes_step(const OpenStep& step, const std::string& prompt) {
  Asked& asked = asked_[key_of(step)];
  if (asked.prompts.empty()) asked.prompts.insert(prompt_of(step));
  asked.prompts.insert(prompt);
  ++asked.open;
}

void Judge::step_changed(const OpenStep& step, const std::string& prompt, const Status& status) {
  trace_.add("change of " + title_of(step) + ": " + answer_of(status));
  Asked& asked = asked_[key_of(step)];
  --asked.open;
  // The last one to be acknowledged was the last one to come about.
  if (status && asked.open == 0) asked.prompts = {prompt};
}

void Judge::step_completed(const OpenStep& step, const std::string& said, bool good,
                           const Status& status) {
  trace_.add("completion of " + title_of(step) + ": " + answer_of(status));
  if (!status) return;
  if (!good) wrong(title_of(step) + " was completed by what it does not offer");
  if (std::exchange(asked_[key_of(step)].completed, true))
    wrong(title_of(step) + " was completed twice");
  const std::string kept = disk_.said(step.instance, step.id.number);
  if (kept.empty()) wrong(title_of(step) + " is told to be completed, and that is not durable");
  if (kept.find(said) == std::string::npos)
    wrong(title_of(step) + " is told to be completed by " + said + ", and was by " + kept);
}

// --- labels, deletions ---

void Judge::relabels(InstanceId id, const std::string& label) {
  Known& known = this->known(id);
  ++known.relabelled;
  if (!known.labels.empty()) known.labels.insert(label);
}

void Judge::relabelled(InstanceId id, const std::string& label, const Status& status) {
  trace_.add("change of " + name_of(id) + ": " + answer_of(status));
  Known& known = this->known(id);
  --known.relabelled;
  if (status && known.relabelled == 0) known.labels = {label};
}

void Judge::deleted(InstanceId id, bool had_ended) {
  trace_.add("deleted: " + name_of(id));
  this->known(id).deleted = true;
  if (!had_ended) wrong(name_of(id) + " was deleted before it had ended");
}

// --- what is seen ---

void Judge::check_people(const InstanceView& view, const Known& known) {
  for (const OpenStep& step : view.open_steps) {
    const auto found = asked_.find(key_of(step));
    if (found == asked_.end()) continue;
    if (found->second.completed) wrong(title_of(step) + " was completed, and waits again");
    if (!found->second.prompts.empty() && !found->second.prompts.contains(prompt_of(step)))
      wrong(title_of(step) + " asks " + prompt_of(step) + ", and was changed since");
  }
  if (known.relaxed || known.labels.empty()) return;
  const Label label{view.name, view.tags, view.priority, view.deadline, false, {}};
  if (!known.labels.contains(text_of(label)))
    wrong(name_of(view.id) + " is called " + text_of(label) + ", and was changed since");
}

}  // namespace stepwell::simulation
