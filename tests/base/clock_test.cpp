#include "base/clock.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "tests/support/manual_clock.h"

namespace stepwell {
namespace {

TEST(Time, ReadsRfc3339AndWritesUtc) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"},
      {"2027-01-31T12:00:00.25+02:00", "2027-01-31T10:00:00.250Z"},
      {"2027-01-31t12:00:00z", "2027-01-31T12:00:00Z"},
      {"2027-01-31", "2027-01-31T00:00:00Z"},
      {"2024-02-29 23:59Z", "2024-02-29T23:59:00Z"},
      {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"}};
  for (const auto& [text, expected] : table) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_time(*time), expected);
  }
}

TEST(Time, IsWrittenAsPrintfWritesItsParts) {
  const auto printed = [](WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss<Milliseconds> clock(time - day);
    std::array<char, 64> text{};
    int size = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    if (clock.subseconds().count() != 0)
      size += std::snprintf(text.data() + size, text.size() - static_cast<std::size_t>(size),
                            ".%03d", static_cast<int>(clock.subseconds().count()));
    return std::string(text.data(), static_cast<std::size_t>(size)) + "Z";
  };
  using std::chrono::sys_days;
  using std::chrono::year;
  for (const int each :
       {-32767, -10'000, -9'999, -1'000, -999,  -10,   -1,    0,     1,     9,      10,
        99,     100,     999,    1'000,  1'600, 1'969, 1'970, 2'026, 9'999, 10'000, 32'767})
    for (const WallTime begin :
         {WallTime(sys_days(year(each) / 1 / 1)), WallTime(sys_days(year(each) / 2 / 28)),
          WallTime(sys_days(year(each) / 12 / 31))})
      for (const std::int64_t more : {0, 1, 9, 10, 99, 100, 999, 1'000, 59'999, 60'000, 3'599'999,
                                      3'600'000, 43'200'000, 86'399'000, 86'399'999}) {
        const WallTime time = begin + Milliseconds(more);
        ASSERT_EQ(format_time(time), printed(time));
      }
  for (const auto& [milliseconds, text] :
       {std::pair<std::int64_t, std::string>{0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {7, "1970-01-01T00:00:00.007Z"},
        {-62'167'219'200'000, "0000-01-01T00:00:00Z"},
        {-62'167'219'200'001, "-001-12-31T23:59:59.999Z"},
        {253'402'300'800'000, "10000-01-01T00:00:00Z"}})
    EXPECT_EQ(format_time(WallTime(Milliseconds(milliseconds))), text);
}

TEST(Time, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "tomorrow", "2027-13-01", "2023-02-29", "2027-01-31T25:00:00Z", "2027-01-31T12:00:00",
        "2027-01-31T12:00:00Zx", "2027-1-1", "2027-01-31T12:00:00.Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Deadline, IsPassedOnceItsTimeHasCome) {
  test::ManualClock clock;
  const Deadline deadline = Deadline::after(clock, Milliseconds(10));
  EXPECT_FALSE(deadline.passed(clock.steady_now()));
  clock.advance(Milliseconds(10));
  EXPECT_TRUE(deadline.passed(clock.steady_now()));
  EXPECT_FALSE(Deadline().passed(clock.steady_now()));
  EXPECT_EQ(Deadline().earlier(deadline).at(), deadline.at());
}

}  // namespace
}  // namespace stepwell
