// What must hold whenever somebody looks: after a recovery, at rest, and at the end.
#include <algorithm>

#include "engine/machine.h"
#include "engine/replay.h"
#include "tests/simulation/judge.h"

namespace stepwell::simulation {

using engine::Engine;
using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::InstanceView;
using engine::Record;
using Kind = Record::Kind;

void Judge::check_recovered(const Engine& engine) {
  for (auto& [number, known] : known_) {
    const InstanceId id{number};
    const auto view = engine.find(id);
    if (!view) {
      if (known.acknowledged && !known.deleted)
        wrong(name_of(id) + " was acknowledged, and is lost");
      continue;
    }
    if (known.deleted) wrong(name_of(id) + " was deleted, and is there");
    saw(*view);
    if (known.stop_acknowledged && !ended(view->status))
      wrong(name_of(id) + " was stopped, and is open");
    if (known.suspended && view->status != InstanceStatus::suspended && !ended(view->status))
      wrong(name_of(id) + " was suspended, and is " + std::string(to_string(view->status)));
    const auto summary = disk_.summary(id);
    if (summary && *summary && (*summary)->end && !ended(view->status))
      wrong(name_of(id) + " has ended on the disk, and is open");
  }
  check_names();
}

// A start is made once or not at all.
void Judge::check_names() {
  std::map<std::string, std::vector<std::uint64_t>> by_name;
  std::map<std::string, std::vector<std::uint64_t>> by_once;
  for (const InstanceSummary& each : disk_.summaries()) {
    const Value& name = each.head.payload.get("name");
    const Value& once = each.head.payload.get("once");
    if (name.is_string())
      by_name[std::string(name.as_string())].push_back(each.head.instance.number);
    if (once.is_string())
      by_once[std::string(once.as_string())].push_back(each.head.instance.number);
  }
  for (const auto& [once, ids] : by_once)
    if (ids.size() > 1) wrong("two instances were started by " + once);
  for (const Start& start : starts_) {
    if (!start.once.empty()) continue;
    const auto found = by_name.find(start.name);
    const std::size_t count = found == by_name.end() ? 0 : found->second.size();
    if (count > 1) wrong(start.name + " was made twice");
    if (start.refused && count > 0) wrong(start.name + " was refused, and is there");
    if (start.id && known(*start.id).deleted) continue;
    if (start.id && (count == 0 || found->second.front() != start.id->number))
      wrong(start.name + " was acknowledged, and is another one");
  }
}

// What the durable records alone say of it.
std::optional<InstanceView> Judge::replayed(const InstanceSummary& summary) {
  const InstanceId id = summary.head.instance;
  std::string name(summary.head.payload.get("workflow").as_string());
  name = name.substr(name.find('/') + 1);
  const Definition definition = workflows_.named(name.substr(0, name.find(':')));
  const engine::Program program(definition, expression::Budget{std::chrono::hours(1)});
  auto records = disk_.read(id);
  if (!records) return wrong(records.error().one_line()), std::nullopt;
  const auto replayed = replay(program, id, std::move(*records));
  if (!replayed) return wrong(replayed.error().one_line()), std::nullopt;
  InstanceView view;
  view.status = replayed->state.status;
  view.output = replayed->state.output;
  if (replayed->state.problem) view.problem = *replayed->state.problem;
  for (const engine::TaskNumber task : engine::active_tasks(replayed->state))
    view.active_tasks.push_back(program.task(task).task->reference);
  return view;
}

void Judge::check_replay(const Engine& engine) {
  for (const InstanceSummary& each : disk_.summaries()) {
    const auto view = engine.find(each.head.instance);
    if (!view) return wrong(name_of(each.head.instance) + " is on the disk, and cannot be found");
    saw(*view);
    if (each.end) continue;
    const auto wanted = replayed(each);
    if (wanted &&
        (text_of(*wanted) != text_of(*view) || wanted->active_tasks != view->active_tasks))
      wrong(name_of(each.head.instance) + " shows " + text_of(*view) + ", a replay gives " +
            text_of(*wanted));
  }
}

void Judge::check_limits(const Engine& engine) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> running;
  const auto views =
      engine.open_views([&](const config::Definition& definition, const std::string& /*key*/) {
        if (definition.concurrency > 0) running[definition.id()].first = definition.concurrency;
        return definition.concurrency > 0;
      });
  for (const InstanceView& view : views) {
    if (view.status == InstanceStatus::pending || view.started == WallTime{} ||
        known(view.id).retried)
      continue;
    auto& [limit, count] = running[view.workflow];
    if (++count > limit) wrong("too many of " + view.workflow + " run");
  }
}

void Judge::check_end(const Engine& engine) {
  check_names();
  for (const InstanceSummary& each : disk_.summaries())
    if (!each.end) wrong(name_of(each.head.instance) + " has not ended on the disk");
  for (const auto& [number, known] : known_) {
    const auto view = engine.find(InstanceId{number});
    if (view)
      saw(*view);
    else if (known.acknowledged && !known.deleted)
      wrong(name_of(InstanceId{number}) + " cannot be found at the end");
  }
  check_children();
  check_schedules();
  check_emitted();
}

// What a step that ran a workflow gave is what that workflow gave.
void Judge::check_children() {
  std::map<std::pair<std::uint64_t, std::uint64_t>, Value> outputs;  // by parent and step
  for (const Record& record : disk_.log())
    if (record.kind == Kind::step_finished && record.payload.contains("output"))
      outputs[{record.instance.number, record.id}] = record.payload.get("output");
  for (const InstanceSummary& each : disk_.summaries()) {
    const Value& parent = each.head.payload.get("parent");
    if (!parent.get("awaited").truthy()) continue;
    const std::string step(parent.get("step").as_string());
    const std::uint64_t number = std::stoull(step.substr(step.rfind('/') + 1));
    const auto id = static_cast<std::uint64_t>(parent.get("id").as_integer().value_or(0));
    const auto output = outputs.find({id, number});
    if (output == outputs.end() || !each.end) continue;
    if (each.end->payload.get("status") != Value("completed") ||
        each.end->payload.get("output") != output->second)
      wrong(name_of(each.head.instance) + " gave something else than its parent got");
  }
}

// An event starts one instance, and never none once it was acknowledged.
void Judge::check_schedules() {
  if (!scheduled_by_events_) return;
  std::map<std::int64_t, std::size_t> started;
  for (const InstanceSummary& each : disk_.summaries()) {
    if (!each.head.payload.get("workflow").as_string().starts_with("sim/on-order:")) continue;
    if (const auto n = each.head.payload.get("input").size() == 1
                           ? each.head.payload.get("input").at(0).get("n").as_integer()
                           : std::nullopt)
      ++started[*n];
  }
  for (const Event& event : events_) {
    if (event.type != "order") continue;
    const std::size_t count = started[-1 - event.n];
    if (count > 1) wrong("e" + std::to_string(event.n) + " has started two instances");
    if (count == 0 && event.acknowledged)
      wrong("e" + std::to_string(event.n) + " was acknowledged and has started nothing");
  }
}

}  // namespace stepwell::simulation
