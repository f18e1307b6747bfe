#include "engine/instance_filter.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/ascii.h"

namespace stepwell::engine {

namespace {

using By = InstanceOrder::By;

constexpr std::array<std::string_view, 3> kPriorities{"regular", "H", "V"};
// In the order of By.
constexpr std::array<std::string_view, 8> kOrders{
    "id",       "startedTime", "lastUpdatedTime", "completedTime",
    "priority", "name",        "deadline",        "status"};

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::int64_t number_of(WallTime time) {
  return time == WallTime{} ? kNever : time.time_since_epoch().count();
}

template <class List, class Each>
bool any_of(const List& list, const Each& each) {
  return list.empty() || std::find(list.begin(), list.end(), each) != list.end();
}

bool has_part(std::string_view whole, std::string_view part) {
  return std::search(whole.begin(), whole.end(), part.begin(), part.end(), [](char a, char b) {
           return ascii_lower(a) == ascii_lower(b);
         }) != whole.end();
}

bool has_tag(const Value& tags, const std::vector<std::string>& wanted) {
  const auto elements = tags.elements();
  return std::any_of(elements.begin(), elements.end(), [&](const Value& tag) {
    return tag.is_string() &&
           std::find(wanted.begin(), wanted.end(), tag.as_string()) != wanted.end();
  });
}

bool was_overdue(WallTime now, const InstanceFacts& facts) {
  if (!facts.label->deadline) return false;
  return *facts.label->deadline < (ended(facts.status) ? facts.ended : now);
}

// A range for a time that there is not picks nothing.
bool in_range(const TimeRange& range, bool known, WallTime time) {
  return !range.any() || (known && range.has(time));
}

bool times_fit(const InstanceFilter& filter, const InstanceFacts& facts) {
  const bool over = ended(facts.status);
  const bool stopped = facts.status == InstanceStatus::stopped;
  const auto& deadline = facts.label->deadline;
  return in_range(filter.started, facts.started != WallTime{}, facts.started) &&
         in_range(filter.updated, true, facts.updated) &&
         in_range(filter.ended, over, facts.ended) &&
         in_range(filter.completed, over && !stopped, facts.ended) &&
         in_range(filter.stopped, stopped, facts.ended) &&
         in_range(filter.deadline, deadline.has_value(), deadline.value_or(WallTime{}));
}

}  // namespace

std::string_view to_string(Priority priority) {
  return kPriorities.at(static_cast<std::size_t>(priority));
}

std::optional<Priority> parse_priority(std::string_view text) {
  const auto* const found = std::find(kPriorities.begin(), kPriorities.end(), text);
  if (found == kPriorities.end()) return std::nullopt;
  return static_cast<Priority>(found - kPriorities.begin());
}

std::string_view to_string(InstanceOrder::By by) {
  return kOrders.at(static_cast<std::size_t>(by));
}

std::optional<InstanceOrder> parse_order(std::string_view text) {
  const bool descending = text.starts_with('-');
  if (descending) text.remove_prefix(1);
  const auto* const found = std::find(kOrders.begin(), kOrders.end(), text);
  if (found == kOrders.end()) return std::nullopt;
  return InstanceOrder{static_cast<By>(found - kOrders.begin()), descending};
}

void add_label(Value& payload, const Label& label) {
  if (!label.name.empty()) payload.set("name", label.name);
  if (!label.tags.is_null()) payload.set("tags", label.tags);
  if (label.priority != Priority::regular) payload.set("priority", to_string(label.priority));
  if (label.deadline) payload.set("deadline", label.deadline->time_since_epoch().count());
  if (label.overdue) payload.set("overdue", true);
  if (label.changed != WallTime{}) payload.set("changed", label.changed.time_since_epoch().count());
}

Label label_of(const Value& payload) {
  Label label;
  for (const Value::Member& member : payload.members()) {
    const std::string_view name = member.name();
    const Value& value = member.value;
    if (name == "name" && value.is_string()) {
      label.name = value.as_string();
    } else if (name == "tags" && value.is_array()) {
      label.tags = value;
    } else if (name == "priority" && value.is_string()) {
      label.priority = parse_priority(value.as_string()).value_or(Priority::regular);
    } else if (name == "deadline" && value.is_number()) {
      if (const auto at = value.as_integer()) label.deadline = WallTime(Milliseconds(*at));
    } else if (name == "changed" && value.is_number()) {
      label.changed = WallTime(Milliseconds(value.as_integer().value_or(0)));
    } else if (name == "overdue") {
      label.overdue = value.truthy();
    }
  }
  return label;
}

void change_label(Label& label, const LabelChange& change) {
  if (change.name) label.name = *change.name;
  if (change.tags) label.tags = *change.tags;
  if (change.priority) label.priority = *change.priority;
  if (!change.change_deadline) return;
  label.overdue = label.overdue && label.deadline == change.deadline;
  label.deadline = change.deadline;
}

bool comes_before(const InstanceOrder& order, const InstancePosition& a,
                  const InstancePosition& b) {
  const InstancePosition& first = order.descending ? b : a;
  const InstancePosition& second = order.descending ? a : b;
  if (first.number != second.number) return first.number < second.number;
  const int texts = first.text.compare(second.text);
  if (texts != 0) return texts < 0;
  return first.id.number < second.id.number;
}

bool picks(const InstanceFilter& filter, const InstanceFacts& facts) {
  const Label& label = *facts.label;
  if (!any_of(filter.statuses, facts.status) || (filter.open && ended(facts.status))) return false;
  if (!any_of(filter.priorities, label.priority)) return false;
  if (filter.parent && facts.parent != filter.parent) return false;
  if (!any_of(filter.keys, facts.key)) return false;
  if (!times_fit(filter, facts)) return false;
  if (filter.overdue && !was_overdue(*filter.overdue, facts)) return false;
  if (!filter.name.empty() && !has_part(label.name, filter.name)) return false;
  return filter.tags.empty() || has_tag(label.tags, filter.tags);
}

bool picks_workflow(const InstanceFilter& filter, std::string_view id) {
  return filter.workflow.empty() || id == filter.workflow ||
         id.substr(0, id.find(':')) == filter.workflow;
}

bool is_step(const InstanceFilter& filter, std::string_view reference) {
  return reference == filter.step || reference.substr(reference.rfind('/') + 1) == filter.step;
}

InstancePosition position_of(const InstanceOrder& order, const InstanceFacts& facts) {
  InstancePosition position{0, {}, facts.id};
  switch (order.by) {
    case By::id:
      break;
    case By::started:
      position.number = number_of(facts.started);
      break;
    case By::updated:
      position.number = facts.updated.time_since_epoch().count();
      break;
    case By::completed:
      position.number = number_of(facts.ended);
      break;
    case By::priority:
      position.number = static_cast<std::int64_t>(facts.label->priority);
      break;
    case By::name:
      position.text = facts.label->name;
      break;
    case By::deadline:
      position.number =
          facts.label->deadline ? facts.label->deadline->time_since_epoch().count() : kNever;
      break;
    case By::status:
      position.number = static_cast<std::int64_t>(facts.status);
      break;
  }
  return position;
}

bool may_pick_open(const InstanceFilter& filter) {
  if (filter.ended.any() || filter.completed.any() || filter.stopped.any()) return false;
  return filter.statuses.empty() ||
         std::any_of(filter.statuses.begin(), filter.statuses.end(),
                     [](InstanceStatus status) { return !ended(status); });
}

bool may_pick_ended(const InstanceFilter& filter) {
  if (filter.open || !filter.step.empty()) return false;
  return filter.statuses.empty() ||
         std::any_of(filter.statuses.begin(), filter.statuses.end(),
                     [](InstanceStatus status) { return ended(status); });
}

}  // namespace stepwell::engine
