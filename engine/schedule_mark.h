// How far a schedule has come, as the journal's `schedule` records tell it: the last one of its
// workflow counts. Values; internal to engine/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/ports.h"

namespace stepwell::engine {

struct ScheduleMark {
  std::string digest;  // of the definition; empty: of one that is not in force any more
  WallTime due{};      // the last time that is settled, at first that at which it began
  // Goes on where times come that may have been before: another definition, a clock set back.
  std::uint64_t era = 0;
  std::optional<InstanceId> instance;  // which was started at that time
  std::vector<std::string> events;     // consumed not long ago, by their names
};

// By NAMESPACE/NAME.
using ScheduleMarks = std::map<std::string, ScheduleMark>;

Record to_record(const std::string& workflow, const ScheduleMark& mark, WallTime now);
ScheduleMarks read_marks(const std::vector<Record>& records);

// What tells an event from others (CloudEvents 1.0 "id"): of its source and id; empty where it
// lacks one.
std::string event_name(const Value& event);

}  // namespace stepwell::engine
