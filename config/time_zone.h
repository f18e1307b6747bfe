// A zone of the machine's time zone database (tzdata): what local clocks show at a point in time.
// Immutable after load(), shared between threads. See docs/adr/0007-own-reader-of-time-zones.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace stepwell::config {

// Seconds since 1970-01-01T00:00Z on the UTC clock, or, of a local clock, since it showed
// 1970-01-01 00:00.
using ZoneSeconds = std::chrono::seconds;

class TimeZone {
 public:
  // A stretch of time in which local clocks are a constant distance from UTC.
  struct Period {
    ZoneSeconds begin;   // UTC; kEver where it has none
    ZoneSeconds end;     // UTC, not included; kNever where it has none
    ZoneSeconds offset;  // local clock minus UTC
  };
  static constexpr ZoneSeconds kEver = ZoneSeconds(-(1LL << 50U));
  static constexpr ZoneSeconds kNever = ZoneSeconds(1LL << 50U);

  // By its IANA name, such as Europe/Berlin; UTC needs no database. Reads one small file.
  // Errors: configuration/`time-zone-unknown`.
  static Result<std::shared_ptr<const TimeZone>> load(std::string_view name);
  // From a file's bytes in the format TZif of version 2 or later (RFC 8536); nothing where they are
  // something else, or a zone that counts leap seconds.
  static std::shared_ptr<const TimeZone> from_tzif(std::string_view bytes);

  Period at(ZoneSeconds utc) const;

 private:
  // "M3.5.0/2" and the like: when the rule of the footer changes to or from summer time.
  struct Change {
    enum class Kind : std::uint8_t { weekday, julian, day } kind = Kind::weekday;
    int month = 0;
    int week = 0;
    int day = 0;  // of the week (0: Sunday), or of the year
    ZoneSeconds time{7200};
  };
  // What holds after the last transition of the file (RFC 8536 §3.3: a POSIX TZ string).
  struct Rule {
    ZoneSeconds standard{0};
    ZoneSeconds summer{0};
    std::optional<std::pair<Change, Change>> changes;  // to summer time and back
  };
  struct Transition {
    ZoneSeconds at;
    ZoneSeconds offset;  // from then on
  };
  class FooterReader;

  static ZoneSeconds local_time_of(const Change& change, int year);
  std::vector<Transition> by_rule(int from_year, int to_year) const;
  Period at_by_rule(ZoneSeconds utc) const;

  ZoneSeconds first_{0};                 // before the first transition
  std::vector<Transition> transitions_;  // ascending
  std::optional<Rule> rule_;
};

}  // namespace stepwell::config
