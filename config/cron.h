// A cron line of five fields, and when it comes next. The language is that of crontab(5) of Vixie
// cron, which Debian's cron keeps to: lists, ranges, steps, names of months and days, 0 and 7 for
// Sunday, @hourly and its like. Where neither the day of month nor the day of week begins with `*`,
// a day that either of them names counts.
// Immutable; any thread.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "config/time_zone.h"

namespace stepwell::config {

class Cron {
 public:
  // Errors: validation/`cron-invalid`, whose detail names the field that is wrong.
  static Result<Cron> parse(std::string_view line);

  // The first of its times that is later than `after`; nothing where none comes in a hundred years.
  // Where local clocks change by less than three hours (cron(8) "Notes"): a line whose minute and
  // hour do not begin with `*` means certain times, of which those that clocks skip come at once
  // after the change and those that they show twice come the first time only. All other lines mean
  // every such minute: what is skipped does not come, what is shown twice comes twice.
  std::optional<WallTime> next(WallTime after, const TimeZone& zone) const;

 private:
  enum Field : std::uint8_t { minute, hour, day_of_month, month, day_of_week };
  class Reader;

  bool matches_day(std::chrono::sys_days day) const;
  std::optional<ZoneSeconds> next_local(ZoneSeconds from, ZoneSeconds end) const;
  std::optional<ZoneSeconds> next_in(const TimeZone::Period& period, const TimeZone& zone,
                                     ZoneSeconds from) const;

  std::array<std::bitset<60>, 5> allowed_;  // by field: the numbers that it names
  std::array<bool, 5> star_{};              // by field: begins with `*`
};

}  // namespace stepwell::config
