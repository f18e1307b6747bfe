#include "engine/schedule_mark.h"

#include <utility>

#include "base/json.h"
#include "config/digest.h"

namespace stepwell::engine {

Record to_record(const std::string& workflow, const ScheduleMark& mark, WallTime now) {
  Record record{};
  record.kind = Record::Kind::schedule;
  record.time = now;
  record.payload = Value::object({{"workflow", workflow},
                                  {"digest", mark.digest},
                                  {"due", mark.due.time_since_epoch().count()},
                                  {"era", mark.era}});
  if (mark.instance) record.payload.set("instance", mark.instance->number);
  if (!mark.events.empty()) {
    Value events = Value::array();
    for (const std::string& name : mark.events) events.push_back(name);
    record.payload.set("events", std::move(events));
  }
  return record;
}

ScheduleMarks read_marks(const std::vector<Record>& records) {
  ScheduleMarks marks;
  for (const Record& record : records) {
    const Value& payload = record.payload;
    if (!payload.get("workflow").is_string() || !payload.get("digest").is_string()) continue;
    ScheduleMark mark;
    mark.digest = payload.get("digest").as_string();
    mark.due = WallTime(Milliseconds(payload.get("due").as_integer().value_or(0)));
    mark.era = static_cast<std::uint64_t>(payload.get("era").as_integer().value_or(0));
    if (const auto instance = payload.get("instance").as_integer())
      mark.instance = InstanceId{static_cast<std::uint64_t>(*instance)};
    for (const Value& name : payload.get("events").elements())
      if (name.is_string()) mark.events.emplace_back(name.as_string());
    marks.insert_or_assign(std::string(payload.get("workflow").as_string()), std::move(mark));
  }
  return marks;
}

std::string event_name(const Value& event) {
  constexpr std::size_t kEnough = 32;  // of a digest's hexadecimal digits
  const Value& source = event.get("source");
  const Value& id = event.get("id");
  if (source.is_null() || id.is_null()) return {};
  return config::content_digest(to_json(source) + to_json(id)).substr(0, kEnough);
}

}  // namespace stepwell::engine
