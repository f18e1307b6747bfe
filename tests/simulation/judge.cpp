#include "tests/simulation/judge.h"

#include <algorithm>

#include "base/json.h"

namespace stepwell::simulation {

using engine::Engine;
using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::InstanceView;
using engine::Record;

namespace {

std::string text_of_end(const Record& end) {
  std::string text(end.payload.get("status").as_string());
  if (const Value* output = end.payload.find("output")) text += " " + to_json(*output);
  if (const Value& problem = end.payload.get("problem"); problem.is_object()) {
    const Problem read = Problem::from_value(problem);
    text += " " + read.code + " " + read.where;
  }
  return text;
}

// What an engine may say instead of admitting.
bool is_refusal(const Problem& problem) {
  return problem.code == "journal-failing" || problem.code == "overloaded" ||
         problem.code == "shutting-down";
}

}  // namespace

std::string name_of(InstanceId id) { return "instance " + std::to_string(id.number); }

std::string text_of(const InstanceView& view) {
  std::string text(engine::to_string(view.status));
  if (view.status == InstanceStatus::completed) text += " " + to_json(view.output);
  if (view.problem) text += " " + view.problem->code + " " + view.problem->where;
  return text;
}

Judge::Known& Judge::known(InstanceId id) {
  const auto [found, fresh] = known_.try_emplace(id.number);
  return found->second;
}

// --- starts ---

std::size_t Judge::start(Definition definition, std::string once) {
  Start made;
  made.definition = std::move(definition);
  made.name = "start-" + std::to_string(starts_.size());
  made.once = std::move(once);
  made.asked_at = ++now_;
  starts_.push_back(std::move(made));
  return starts_.size() - 1;
}

void Judge::admitted(std::size_t place, const Result<InstanceId>& id) {
  Start& start = starts_[place];
  trace_.add(start.name +
             (id ? " is " + std::to_string(id->number) : " is refused: " + id.error().code));
  if (std::exchange(start.answered, true)) wrong(start.name + " is answered twice");
  if (!id) {
    start.refused = true;
    if (!is_refusal(id.error())) wrong(start.name + ": " + id.error().one_line());
    return;
  }
  start.id = *id;
  const Result<std::optional<InstanceSummary>> summary = disk_.summary(*id);
  if (!summary || !*summary) return wrong(start.name + " is acknowledged and not durable");
  const Value& head = (*summary)->head.payload;
  if (start.once.empty() ? head.get("name") != Value(start.name)
                         : head.get("once") != Value(start.once))
    return wrong(start.name + " is given the id of another one");
  if (!start.once.empty()) {
    const auto [same, first] = by_once_.try_emplace(start.once, *id);
    if (same->second != *id) wrong(start.name + ": the same key gives another instance");
  }
  Known& known = this->known(*id);
  known.acknowledged = true;
  known.definition = start.definition;
  known.workflow = start.definition->name;
  known.relaxed = start.definition->relaxed;
  known.asked_at = std::min(known.asked_at, start.asked_at);
  if (start.once.empty() && known.labels.empty()) known.labels.insert(start.label);
  if (!start.once.empty())  // it may be an earlier one that was made
    for (const Start& other : starts_)
      if (other.once == start.once) known.asked_at = std::min(known.asked_at, other.asked_at);
}

std::vector<InstanceId> Judge::acknowledged() const {
  std::vector<InstanceId> ids;
  for (const auto& [id, known] : known_)
    if (known.acknowledged && !known.deleted) ids.push_back(InstanceId{id});
  return ids;
}

// --- requests ---

void Judge::request(Engine::Operation what, InstanceId id) {
  Known& known = this->known(id);
  ++known.asked;
  known.suspended = false;
  if (what == Engine::Operation::stop) known.stop_asked = true;
  if (what == Engine::Operation::retry) {
    known.retried = true;
    known.end.reset();
  }
}

void Judge::stop(InstanceId id) {
  Known& known = this->known(id);
  known.suspended = false;
  known.stop_asked = true;
}

void Judge::answered(Engine::Operation what, InstanceId id, const Status& status) {
  trace_.add("request " + std::to_string(static_cast<int>(what)) + " of " + name_of(id) + ": " +
             (status ? std::string("done") : status.error().code));
  Known& known = this->known(id);
  --known.asked;
  if (!status) return;
  switch (what) {
    case Engine::Operation::stop:
      known.stop_acknowledged = true;
      if (!disk_.stopped(id))
        wrong(name_of(id) + " is told to be stopped, and that is not durable");
      break;
    case Engine::Operation::suspend:
      known.suspended = known.asked == 0 && !known.stop_asked;
      if (known.suspended && !disk_.suspended(id))
        wrong(name_of(id) + " is told to be suspended, and that is not durable");
      break;
    case Engine::Operation::resume:
      if (known.asked == 0 && disk_.suspended(id))
        wrong(name_of(id) + " is told to be resumed, and that is not durable");
      break;
    case Engine::Operation::retry:
      if (disk_.retried(id) == 0)
        wrong(name_of(id) + " is told to be retried, and that is not durable");
      break;
  }
}

// --- what is seen ---

void Judge::told_end(std::size_t registration, const InstanceView& view) {
  trace_.add("told: " + name_of(view.id) + " " + text_of(view));
  if (!told_.insert(registration).second) wrong(name_of(view.id) + ": its end is told twice");
  if (!ended(view.status)) wrong(name_of(view.id) + ": its end is told, and it is open");
  saw(view);
}

void Judge::saw(const InstanceView& view) {
  Known& known = this->known(view.id);
  const auto summary = disk_.summary(view.id);
  if (!summary || !*summary) return;  // its admission failed, or is on its way
  if (known.workflow.empty()) {
    known.workflow = view.workflow;
    known.relaxed = view.workflow.find("loose") != std::string::npos;
  }
  check_people(view, known);
  const bool over = ended(view.status);
  if (known.retried) return;
  if (!over) {
    if (known.end) wrong(name_of(view.id) + " has ended, and is open again");
    return;
  }
  const std::string text = text_of(view);
  if (!known.relaxed || (*summary)->end) {
    if (known.end && *known.end != text)
      wrong(name_of(view.id) + " has ended as " + *known.end + ", and now as " + text);
    known.end = text;
    known.seen_ended_at = std::min(known.seen_ended_at, ++now_);
    known.n = view.input.get("n").as_integer().value_or(-1);
  }
  if (known.relaxed) return;
  if (!(*summary)->end) {
    const auto follows = replayed(**summary);
    if (!follows || text_of(*follows) != text)
      wrong(name_of(view.id) + ": its end shows and is not durable");
    return;
  }
  if (text_of_end(*(*summary)->end) != text)
    wrong(name_of(view.id) + " shows " + text + ", its record says " +
          text_of_end(*(*summary)->end));
  if (view.status == InstanceStatus::completed && known.workflow == "collects")
    check_heard(view.id, known, view.output);
}

void Judge::check_told() {
  for (const std::size_t registration : expected_)
    if (!told_.contains(registration)) wrong("whoever waited for an end was not told of it");
}

void Judge::life_ends() {
  expected_.clear();
  for (auto& [id, known] : known_) known.asked = known.relabelled = 0;
  for (auto& [step, asked] : asked_) asked.open = 0;
}

// --- events ---

std::size_t Judge::publish(std::optional<std::size_t> again, const std::string& type,
                           std::int64_t k, const std::vector<InstanceId>& listening) {
  ++now_;
  if (!again) {
    Event made;
    made.n = static_cast<std::int64_t>(events_.size());
    made.type = type;
    made.event = Value::object({{"specversion", "1.0"},
                                {"id", "e" + std::to_string(made.n)},
                                {"source", "/client"},
                                {"type", type},
                                {"data", Value::object({{"n", -1 - made.n}, {"k", k}})}});
    events_.push_back(std::move(made));
    again = events_.size() - 1;
  }
  Event& event = events_[*again];
  event.published_at.push_back(now_);
  trace_.add("publish e" + std::to_string(event.n) + " " + event.type);
  if (event.type == "tick" && event.published_at.size() == 1)
    for (const InstanceId id : listening) known(id).must_hear.insert(*again);
  return *again;
}

void Judge::listens(InstanceId id) {
  Known& known = this->known(id);
  known.listens_since = std::min(known.listens_since, ++now_);
}

void Judge::published(std::size_t place, const Status& status) {
  Event& event = events_[place];
  trace_.add("e" + std::to_string(event.n) + (status ? " is kept" : " is refused"));
  if (status) event.acknowledged = true;
}

// What was acknowledged before anything could end the collection is there, and nothing is twice.
void Judge::check_heard(InstanceId id, Known& known, const Value& output) {
  if (std::exchange(known.looked_at, true)) return;
  for (const Value& each : output.elements())
    if (const auto n = each.get("n").as_integer()) ++known.heard[*n];
  for (const Event& event : events_)
    for (const std::size_t at : event.published_at)
      if (event.type == "done" && at > known.asked_at)
        known.first_done = std::min(known.first_done, at);
  for (const std::size_t place : known.must_hear) {
    const Event& event = events_[place];
    if (event.acknowledged && event.published_at.front() < known.first_done &&
        !known.heard.contains(-1 - event.n))
      wrong(name_of(id) + " listened, and has not heard e" + std::to_string(event.n));
  }
  for (const auto& [n, times] : known.heard) {
    const std::size_t most =
        n < 0 ? events_[static_cast<std::size_t>(-1 - n)].published_at.size() : 1;
    if (times > most)
      wrong(name_of(id) + " has heard " + std::to_string(n) + " " + std::to_string(times) +
            " times");
  }
}

// What an instance emitted between the first and the last moment of another one's collection is in
// that.
void Judge::check_emitted() {
  for (const auto& [collector, collects] : known_) {
    if (!collects.looked_at || collects.retried) continue;
    for (const auto& [id, emits] : known_) {
      if (emits.workflow != "emits" || emits.retried || !emits.end ||
          !emits.end->starts_with("completed") || emits.asked_at < collects.listens_since ||
          emits.seen_ended_at > collects.first_done)
        continue;
      for (const std::int64_t n : {emits.n * 10, emits.n * 10 + 1})
        if (!collects.heard.contains(n))
          wrong(name_of(InstanceId{collector}) + " listened, and has not heard " +
                std::to_string(n) + " of " + name_of(InstanceId{id}));
    }
  }
}

}  // namespace stepwell::simulation
