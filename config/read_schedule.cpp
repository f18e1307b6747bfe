// `schedule`: when instances start by themselves.
#include <array>
#include <utility>

#include "config/cron.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 4> kScheduleKinds{"every", "cron", "after", "on"};

// There is no instance yet that an expression could see anything of.
constexpr std::uint16_t kScheduleSees = 0;

std::optional<Milliseconds> read_interval(Reading& reading, const Place& place) {
  if (const Value& value = place.node().value;
      value.is_string() && is_expression_text(value.as_string())) {
    reading.error(place, "a schedule's duration must be constant: there is no instance yet");
    return std::nullopt;
  }
  std::optional<Milliseconds> interval = read_constant_duration(reading, place);
  if (interval && *interval <= Milliseconds(0)) {
    reading.error(place, "the duration of a schedule must be longer than nothing");
    interval.reset();
  }
  return interval;
}

std::string read_cron(Reading& reading, const Place& place) {
  std::string line = read_text(reading, place).value_or("");
  if (!place.node().value.is_string()) return line;
  if (const auto cron = Cron::parse(line); !cron)
    reading.error(place, "invalid cron line " + quoted(line) + ": " + cron.error().detail);
  return line;
}

}  // namespace

std::optional<Schedule> read_schedule(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 5> kKnown{"every", "cron", "after", "on", "read"};
  static constexpr std::array<std::string_view, 3> kRead{"data", "envelope", "raw"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return std::nullopt;
  std::size_t given = 0;
  for (const std::string_view kind : kScheduleKinds) given += fields.find(kind) ? 1 : 0;
  if (given != 1)
    reading.error_at_key(place, "expected exactly one of " + quoted_list(kScheduleKinds));
  Schedule schedule;
  schedule.position = place.key_position();
  if (const auto every = fields.find("every")) schedule.every = read_interval(reading, *every);
  if (const auto cron = fields.find("cron")) schedule.cron = read_cron(reading, *cron);
  schedule.time_zone = reading.time_zone;
  if (const auto after = fields.find("after")) schedule.after = read_interval(reading, *after);
  const auto on = fields.find("on");
  if (on) schedule.on = read_event_strategy(reading, *on, kScheduleSees);
  if (const auto read = fields.find("read")) {
    if (!on) reading.error_at_key(*read, "`read` counts only beside `on`");
    if (const auto choice = read_choice(reading, *read, kRead))
      schedule.read = static_cast<ListenBody::Read>(*choice);
  }
  return schedule;
}

}  // namespace stepwell::config
