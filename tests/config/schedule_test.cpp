// `schedule`, and when a cron line comes next, held against the C library's clocks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <functional>

#include "config/cron.h"
#include "config/time_zone.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

WallTime utc(const char* text) { return parse_time(text).value(); }

std::shared_ptr<const TimeZone> zone_of(const std::string& name) {
  return TimeZone::load(name).value();
}

// The next times as text, separated by spaces.
std::string next_times(const char* line, const char* zone, const char* after, int count) {
  const auto cron = Cron::parse(line);
  if (!cron) return cron.error().detail;
  std::string times;
  WallTime time = utc(after);
  for (int i = 0; i < count; ++i) {
    const auto next = cron->next(time, *zone_of(zone));
    if (!next) return times + "never";
    time = *next;
    times += (i == 0 ? "" : " ") + format_time(time);
  }
  return times;
}

TEST(Cron, ComesAtTheTimesThatItsFieldsName) {
  const struct {
    const char* line;
    const char* after;
    const char* times;
  } cases[] = {
      {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z 2026-01-01T00:02:00Z"},
      {"* * * * *", "2026-01-01T00:00:59.999Z", "2026-01-01T00:01:00Z 2026-01-01T00:02:00Z"},
      {"*/25 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:25:00Z 2026-01-01T00:50:00Z"},
      {"5-20/10,59 3 * * *", "2026-01-01T03:05:00Z", "2026-01-01T03:15:00Z 2026-01-01T03:59:00Z"},
      {"0 0 1 jan,JUL *", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z 2027-01-01T00:00:00Z"},
      {"0 9 * * mon-fri", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z 2026-11-24T09:00:00Z"},
      {"0 9 * * fri-sun", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z 2026-11-27T09:00:00Z"},
      {"0 9 * * 7", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z 2026-11-29T09:00:00Z"},
      {"0 9 * * 0", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z 2026-11-29T09:00:00Z"},
      // Either of the two days, unless one of the fields begins with `*`.
      {"0 0 13 * fri", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z"},
      {"0 0 13 * fri", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z 2026-12-18T00:00:00Z"},
      {"0 0 */7 * fri", "2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z 2027-01-08T00:00:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z 2108-02-29T00:00:00Z"},
      {"@hourly", "2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z"},
      {" @Daily\t", "2026-01-01T00:30:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z"},
      {"@weekly", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z 2026-11-29T00:00:00Z"},
      {"@monthly", "2026-12-05T00:00:00Z", "2027-01-01T00:00:00Z 2027-02-01T00:00:00Z"},
      {"@yearly", "2026-12-05T00:00:00Z", "2027-01-01T00:00:00Z 2028-01-01T00:00:00Z"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(next_times(c.line, "UTC", c.after, 2), c.times) << c.line << " after " << c.after;
}

TEST(Cron, KeepsToLocalClocksWhenTheyChange) {
  const struct {
    const char* line;
    const char* zone;
    const char* after;
    const char* times;
  } cases[] = {
      // 02:30 does not come on the day when summer time begins: at once after the change.
      {"30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z",
       "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
      // … and comes twice on the day when it ends: the first time counts.
      {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
       "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
      // What comes every hour goes on coming every hour.
      {"0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
       "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"},
      {"30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
       "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z"},
      {"*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
       "2026-03-30T00:00:00Z 2026-03-30T00:30:00Z"},
      {"0 0 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z",
       "2026-01-01T18:30:00Z 2026-01-02T18:30:00Z"},
      // Half an hour, in the southern summer.
      {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
       "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z"},
      // The clocks skipped a whole day, which is a change of the calendar and none of the clocks.
      {"0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
       "2011-12-29T19:00:00Z 2011-12-30T19:00:00Z"},
      // Beyond the transitions that the database lists.
      {"0 12 1 1,7 *", "America/New_York", "2050-01-02T00:00:00Z",
       "2050-07-01T16:00:00Z 2051-01-01T17:00:00Z"},
      {"0 12 1 1,7 *", "Europe/Dublin", "2050-01-02T00:00:00Z",
       "2050-07-01T11:00:00Z 2051-01-01T12:00:00Z"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(next_times(c.line, c.zone, c.after, 2), c.times) << c.line << " in " << c.zone;
}

// What clocks show, by the C library alone.
class LibraryClock {
 public:
  explicit LibraryClock(const std::string& zone) {
    setenv("TZ", zone.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
    tzset();
  }
  ~LibraryClock() {
    unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe): one thread
    tzset();
  }
  LibraryClock(const LibraryClock&) = delete;
  LibraryClock& operator=(const LibraryClock&) = delete;
  static std::tm shown(WallTime time) {
    const auto seconds =
        static_cast<std::time_t>(std::chrono::floor<ZoneSeconds>(time.time_since_epoch()).count());
    std::tm tm{};
    localtime_r(&seconds, &tm);
    return tm;
  }
};

// A cron line as plain sets, which the test makes itself.
struct Sets {
  std::string line;
  std::function<bool(const std::tm&)> matches;
  bool certain;  // neither minute nor hour begins with `*`
};

std::vector<Sets> sets_to_try() {
  return {
      {"*/20 * * * *", [](const std::tm& t) { return t.tm_min % 20 == 0; }, false},
      {"15 */2 * * *", [](const std::tm& t) { return t.tm_min == 15 && t.tm_hour % 2 == 0; },
       false},
      {"* 2 * * 0", [](const std::tm& t) { return t.tm_hour == 2 && t.tm_wday == 0; }, false},
      {"10,40 0-3 * * *",
       [](const std::tm& t) { return (t.tm_min == 10 || t.tm_min == 40) && t.tm_hour <= 3; }, true},
      {"0 3 * mar,oct,nov sun",
       [](const std::tm& t) {
         return t.tm_min == 0 && t.tm_hour == 3 && t.tm_wday == 0 &&
                (t.tm_mon == 2 || t.tm_mon == 9 || t.tm_mon == 10);
       },
       true},
      {"59 23 31 * 6",
       [](const std::tm& t) {
         return t.tm_min == 59 && t.tm_hour == 23 && (t.tm_mday == 31 || t.tm_wday == 6);
       },
       true},
  };
}

// What clocks show in each minute of a stretch of time.
struct Shown {
  std::tm tm;
  minutes count;  // since they would have shown 1970
};
std::vector<Shown> shown_minutes(WallTime from, WallTime to) {
  std::vector<Shown> all;
  for (WallTime time = from; time <= to; time += minutes(1)) {
    const std::tm tm = LibraryClock::shown(time);
    all.push_back(
        {tm, std::chrono::floor<minutes>(time.time_since_epoch()) + minutes(tm.tm_gmtoff / 60)});
  }
  return all;
}

// Goes through all minutes; a change of the clocks by less than three hours makes `certain` lines
// come once for what is skipped, and not again for what is shown twice.
std::vector<WallTime> scanned(const Sets& sets, WallTime from, const std::vector<Shown>& all) {
  std::vector<WallTime> times;
  minutes highest = all[0].count;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const minutes now = all[i].count;
    const minutes skipped = now - all[i - 1].count - minutes(1);
    bool due = sets.matches(all[i].tm);
    if (sets.certain && skipped < hours(3)) {
      for (minutes m = all[i - 1].count + minutes(1); m < now && !due; m += minutes(1)) {
        const auto seconds = static_cast<std::time_t>(m.count() * 60);
        std::tm tm{};
        gmtime_r(&seconds, &tm);
        due = sets.matches(tm);
      }
    }
    if (sets.certain && now <= highest && highest - now < hours(3)) due = false;
    highest = skipped > -hours(3) ? std::max(highest, now) : now;
    if (due) times.push_back(from + minutes(i));
  }
  return times;
}

TEST(Cron, AgreesWithAScanOfAllMinutes) {
  const struct {
    const char* zone;
    const char* from;
    const char* to;
  } cases[] = {
      {"Europe/Berlin", "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z"},
      {"America/New_York", "2045-02-15T00:00:00Z", "2045-04-01T00:00:00Z"},
      {"America/New_York", "2045-10-01T00:00:00Z", "2045-12-01T00:00:00Z"},
      {"Australia/Lord_Howe", "2026-03-15T00:00:00Z", "2026-04-15T00:00:00Z"},
      {"Australia/Lord_Howe", "2026-09-15T00:00:00Z", "2026-10-15T00:00:00Z"},
      {"Africa/Casablanca", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"},
      {"Pacific/Apia", "2011-12-15T00:00:00Z", "2012-04-15T00:00:00Z"},
      {"Europe/Dublin", "2039-03-01T00:00:00Z", "2039-04-15T00:00:00Z"},
      {"Europe/Dublin", "2039-10-01T00:00:00Z", "2039-11-15T00:00:00Z"},
      {"America/Sao_Paulo", "2018-10-15T00:00:00Z", "2019-03-01T00:00:00Z"},
  };
  for (const auto& c : cases) {
    const LibraryClock library(c.zone);
    const auto zone = zone_of(c.zone);
    const std::vector<Shown> all = shown_minutes(utc(c.from), utc(c.to));
    for (const Sets& sets : sets_to_try()) {
      std::vector<WallTime> found;
      const Cron cron = Cron::parse(sets.line).value();
      for (auto time = cron.next(utc(c.from), *zone); time && *time <= utc(c.to);
           time = cron.next(*time, *zone))
        found.push_back(*time);
      const std::vector<WallTime> expected = scanned(sets, utc(c.from), all);
      ASSERT_FALSE(expected.empty());
      const auto [a, b] =
          std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
      EXPECT_TRUE(a == found.end() && b == expected.end())
          << sets.line << " in " << c.zone << ": "
          << (a == found.end() ? "nothing" : format_time(*a)) << " instead of "
          << (b == expected.end() ? "nothing" : format_time(*b));
    }
  }
}

TEST(TimeZone, AgreesWithTheLibraryFromLongAgoToFarAhead) {
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                           "Africa/Casablanca", "Asia/Kathmandu", "America/Nuuk", "UTC",
                           "Antarctica/Troll", "America/Caracas", "Etc/GMT+5"}) {
    const LibraryClock library(name);
    const auto zone = zone_of(name);
    for (WallTime time = utc("1900-01-01T00:00:00Z"); time < utc("2120-01-01T00:00:00Z");
         time += hours(241)) {
      const auto at = std::chrono::floor<ZoneSeconds>(time.time_since_epoch());
      const TimeZone::Period period = zone->at(at);
      ASSERT_EQ(period.offset.count(), LibraryClock::shown(time).tm_gmtoff)
          << name << " at " << format_time(time);
      ASSERT_LE(period.begin, at);
      ASSERT_GT(period.end, at);
    }
  }
}

TEST(TimeZone, IsANameAndNoWayToAFile) {
  for (const char* name : {"", "Nowhere/Town", "../../etc/passwd", "/etc/localtime", "Europe",
                           "Europe/Berlin/", "zone.tab", "Europe/../UTC"}) {
    const auto zone = TimeZone::load(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().code, "time-zone-unknown");
  }
}

TEST(TimeZone, RefusesDamagedFiles) {
  std::string good = "TZif2" + std::string(15, '\0') + std::string(24, '\0');
  good +=
      "TZif2" + std::string(15, '\0') + std::string(19, '\0') + '\1' + std::string(3, '\0') + '\4';
  good[44 + 39] = '\1';
  good += std::string("\0\0\x0e\x10\0\0CET\0", 10);
  const std::string footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
  const auto zone = TimeZone::from_tzif(good + footer);
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->at(ZoneSeconds(1'780'000'000)).offset, hours(2));
  for (std::size_t cut = 0; cut < good.size() + footer.size() - 1; ++cut)
    EXPECT_FALSE(TimeZone::from_tzif((good + footer).substr(0, cut))) << cut;
  for (const char* wrong : {"\nC-1\n", "\nCET\n", "\nCET-1CEST\n", "\nCET-1CEST,M13.1.0,M10.5.0\n",
                            "\nCET-1CEST,M3.6.0,M10.5.0\n", "\nCET-1CEST,M3.5.0,M10.5.0/3x\n",
                            "\nCET-200\n", "\n<CET-1\n"})
    EXPECT_FALSE(TimeZone::from_tzif(good + wrong)) << wrong;
  for (const char* right : {"\n\n", "\n<+01>-1\n", "\nCET-1CEST,J60/-1:30,300\n"})
    EXPECT_TRUE(TimeZone::from_tzif(good + right)) << right;
}

TEST(Schedule, IsRead) {
  const auto schedule = [](const std::string& body) {
    const Loaded loaded = load_definition(definition_text("do: []\nschedule: " + body + "\n"), "f");
    EXPECT_TRUE(loaded.definition) << body_faults("do: []\nschedule: " + body + "\n");
    return loaded.definition ? loaded.definition->schedule.value() : Schedule();
  };
  EXPECT_EQ(schedule("{every: {minutes: 5}}").every, minutes(5));
  EXPECT_EQ(schedule("{after: PT1H}").after, hours(1));
  EXPECT_EQ(schedule("{cron: '0 0 * * *'}").cron, "0 0 * * *");
  EXPECT_EQ(schedule("{cron: '0 0 * * *'}").time_zone, "UTC");
  const Schedule on = schedule("{on: {one: {with: {type: t}}}, read: envelope}");
  EXPECT_EQ(on.on->filters.size(), 1U);
  EXPECT_EQ(on.read, ListenBody::Read::envelope);
  EXPECT_EQ(on.position.line, 7U);
}

TEST(Schedule, TakesWhatTheMetadataSays) {
  const auto definition =
      load_definition(
          "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
          "{timeZone: Asia/Tokyo, concurrency: 3, retention: {age: P1D, count: 5}, durability: "
          "relaxed, missed: skip}}}\n"
          "schedule: {cron: '@daily'}\ndo: []\n",
          "f.yaml")
          .definition;
  ASSERT_TRUE(definition);
  EXPECT_EQ(definition->schedule->time_zone, "Asia/Tokyo");
  EXPECT_EQ(definition->concurrency, 3U);
  EXPECT_EQ(definition->retention.age, hours(24));
  EXPECT_EQ(definition->retention.count, 5U);
  EXPECT_TRUE(definition->relaxed);
  EXPECT_TRUE(definition->skip_missed);
}

TEST(Schedule, IsDurableAndCaughtUpUnlessTheMetadataSaysOtherwise) {
  for (const char* metadata : {"{}", "{stepwell: {durability: full, missed: once}}"}) {
    const auto definition = load_definition(
                                "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, "
                                "metadata: " +
                                    std::string(metadata) + "}\ndo: []\n",
                                "f.yaml")
                                .definition;
    ASSERT_TRUE(definition) << metadata;
    EXPECT_FALSE(definition->relaxed) << metadata;
    EXPECT_FALSE(definition->skip_missed) << metadata;
  }
}

TEST(Faults, OfASchedule) {
  const auto faults = [](std::string_view schedule) {
    return body_faults("do: []\nschedule: " + std::string(schedule) + "\n");
  };
  const FaultCase cases[] = {
      {"{}",
       "f.yaml:7:1: error: expected exactly one of `every`, `cron`, `after` and `on` (at "
       "/schedule)\n"},
      {"{every: PT1S, after: PT1S}",
       "f.yaml:7:1: error: expected exactly one of `every`, `cron`, `after` and `on` (at "
       "/schedule)\n"},
      {"{every: PT0S}",
       "f.yaml:7:19: error: the duration of a schedule must be longer than nothing (at "
       "/schedule/every)\n"},
      {"{after: '${ .x }'}",
       "f.yaml:7:19: error: a schedule's duration must be constant: there is no instance yet (at "
       "/schedule/after)\n"},
      {"{every: PT1S, read: data}",
       "f.yaml:7:25: error: `read` counts only beside `on` (at /schedule/read)\n"},
      {"{cron: 5}",
       "f.yaml:7:18: error: expected text, found a number; write it in quotes (at "
       "/schedule/cron)\n"},
      {"{cron: '0 25 * * *'}",
       "f.yaml:7:18: error: invalid cron line `0 25 * * *`: the hour `25` is wrong: 25 is not from "
       "0 to 23 (at /schedule/cron)\n"},
      {"{cron: '60 0 0 jam 8'}",
       "f.yaml:7:18: error: invalid cron line `60 0 0 jam 8`: the minute `60` is wrong: 60 is not "
       "from 0 to 59; the day of month `0` is wrong: 0 is not from 1 to 31; the month `jam` is "
       "wrong: expected `*`, or a number from 1 to 12 or a name such as dec, found `jam`; the day "
       "of week `8` is wrong: 8 is not from 0 to 7 (at /schedule/cron)\n"},
      {"{cron: '5/15 17-9 * * ?'}",
       "f.yaml:7:18: error: invalid cron line `5/15 17-9 * * ?`: the minute `5/15` is wrong: a "
       "step "
       "needs a range before it; write `*/15` or `5-59/15`; the hour `17-9` is wrong: the range "
       "`17-9` runs backwards; write 17-23,0-9; the day of week `?` is wrong: expected `*`, or a "
       "number from 0 to 7 or a name such as sat, found `?` (at /schedule/cron)\n"},
      {"{cron: '0 0 12 * * ?'}",
       "f.yaml:7:18: error: invalid cron line `0 0 12 * * ?`: expected five fields (minute, hour, "
       "day of month, month, day of week), found 6 (at /schedule/cron)\n"},
      {"{cron: '@reboot'}",
       "f.yaml:7:18: error: invalid cron line `@reboot`: `@reboot` is no time; expected `@yearly`, "
       "`@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` or `@hourly`, or five fields (at "
       "/schedule/cron)\n"},
      {"{cron: '0 0 31 4,6 *'}",
       "f.yaml:7:18: error: invalid cron line `0 0 31 4,6 *`: no such day ever comes (at "
       "/schedule/cron)\n"},
      {"{cron: '*/0 , 1- *-3 1,'}",
       "f.yaml:7:18: error: invalid cron line `*/0 , 1- *-3 1,`: the minute `*/0` is wrong: "
       "expected "
       "a step of at least 1 behind `/`, found `0`; the hour `,` is wrong: expected `*`, or a "
       "number "
       "from 0 to 23, found ``; the day of month `1-` is wrong: expected `*`, or a number from 1 "
       "to "
       "31, found ``; the month `*-3` is wrong: expected `*`, or a number from 1 to 12 or a name "
       "such "
       "as dec, found `*`; the day of week `1,` is wrong: expected `*`, or a number from 0 to 7 or "
       "a "
       "name such as sat, found `` (at /schedule/cron)\n"},
      {"{on: {one: {with: {type: t, data: '${ .a == $context.a }'}}}}",
       "f.yaml:7:45: error: $context is not available in `with`; there is nothing yet but the "
       "event "
       "itself (`.`) (at /schedule/on/one/with/data)\n"},
  };
  for (const FaultCase& c : cases) EXPECT_EQ(faults(c.text), c.faults) << c.text;
}

}  // namespace
}  // namespace stepwell::config
