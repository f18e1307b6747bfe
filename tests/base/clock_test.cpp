#include "base/clock.h"

#include <gtest/gtest.h>

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
