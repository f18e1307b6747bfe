// Which instances are meant, in which order they are told, and where a page of them goes on: one
// meaning for those in memory, for those at rest and for those in the journal alone.
// Plain values and pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "base/value.h"
#include "engine/state.h"

namespace stepwell::engine {

enum class Priority : std::uint8_t { regular, high, very_high };
std::string_view to_string(Priority priority);  // "regular", "H", "V"
std::optional<Priority> parse_priority(std::string_view text);

// What people say of an instance, and can change while it is open.
struct Label {
  std::string name;
  Value tags;  // null or an array of strings
  Priority priority = Priority::regular;
  std::optional<WallTime> deadline;
  bool overdue = false;  // that it was open at its deadline has been told
  WallTime changed{};    // by people; epoch: never
};
// As it stands in records: {name, tags, priority, deadline (milliseconds since 1970), overdue},
// each only where it says something.
void add_label(Value& payload, const Label& label);
Label label_of(const Value& payload);

// What is given changes, the rest stays.
struct LabelChange {
  std::optional<std::string> name;
  std::optional<Value> tags;
  std::optional<Priority> priority;
  bool change_deadline = false;
  std::optional<WallTime> deadline;  // where change_deadline: the new one, or none
};
void change_label(Label& label, const LabelChange& change);

struct TimeRange {
  std::optional<WallTime> from;    // then or later
  std::optional<WallTime> before;  // before then
  bool any() const { return from || before; }
  bool has(WallTime time) const { return (!from || time >= *from) && (!before || time < *before); }
};

// Empty and absent members pick all.
struct InstanceFilter {
  std::string workflow;                  // NAMESPACE/NAME or NAMESPACE/NAME:VERSION
  std::vector<InstanceStatus> statuses;  // any of these
  bool open = false;                     // only those that have not ended
  std::string name;                      // a part of it, A to Z in either case
  std::vector<Priority> priorities;      // any of these
  std::vector<std::string> tags;         // has any of these
  std::string step;                      // is active: its name, or its reference
  std::string credential;                // the definition refers to it
  std::vector<std::string> keys;         // runs under any of these API keys
  std::optional<InstanceId> parent;
  std::optional<WallTime> overdue;  // was open at its deadline, as it is seen at this time
  TimeRange started;
  TimeRange updated;
  TimeRange ended;      // however
  TimeRange completed;  // or faulted
  TimeRange stopped;
  TimeRange deadline;
};

// Instances with the same value follow each other by id, in the same direction.
struct InstanceOrder {
  // completed: by the time of the end, however it came. What has no such time counts as later than
  // all, what has no name as before all.
  enum class By : std::uint8_t {
    id,
    started,
    updated,
    completed,
    priority,
    name,
    deadline,
    status
  };
  By by = By::id;
  bool descending = false;
};
std::string_view to_string(InstanceOrder::By by);  // as the API calls it
std::optional<InstanceOrder> parse_order(std::string_view text);

// Where an instance stands in an order. One that is somewhere else meanwhile changes nothing of
// what this means.
struct InstancePosition {
  std::int64_t number = 0;  // the value that it is ordered by …
  std::string text;         // … where that is its name
  InstanceId id;
};
bool comes_before(const InstanceOrder& order, const InstancePosition& a, const InstancePosition& b);

struct InstanceQuery {
  InstanceFilter filter;
  InstanceOrder order;
  std::optional<InstancePosition> after;  // only behind this
  std::size_t most = 100;
  bool ids_only = false;  // nothing else is read of them
};

// What is known of one instance without looking further. Refers to what outlives it.
struct InstanceFacts {
  InstanceId id;
  InstanceStatus status = InstanceStatus::pending;
  WallTime started{};  // epoch: not yet, as the next ones
  WallTime updated{};
  WallTime ended{};
  const Label* label = nullptr;
  std::optional<InstanceId> parent;
  std::string_view key = {};  // id of the API key that it runs under
};
// All but workflow, step and credential.
bool picks(const InstanceFilter& filter, const InstanceFacts& facts);
bool picks_workflow(const InstanceFilter& filter, std::string_view id);  // NAMESPACE/NAME:VERSION
// Whether a task with this reference (/do/0/NAME) is meant by filter.step.
bool is_step(const InstanceFilter& filter, std::string_view reference);
InstancePosition position_of(const InstanceOrder& order, const InstanceFacts& facts);
// Can it pick one of this kind at all?
bool may_pick_open(const InstanceFilter& filter);
bool may_pick_ended(const InstanceFilter& filter);

}  // namespace stepwell::engine
