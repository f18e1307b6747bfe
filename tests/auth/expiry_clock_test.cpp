#include "auth/expiry_clock.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

TEST(ExpiryClock, FollowsTheWallClock) {
  test::ManualClock clock;
  ExpiryClock expiry(clock);
  EXPECT_EQ(expiry.now(), clock.now());
  clock.advance(Milliseconds(1'234));
  EXPECT_EQ(expiry.now(), clock.now());
}

TEST(ExpiryClock, NeitherGoesBackNorStandsStillWhenTheWallClockIsSetBack) {
  for (const hours back : {hours(1), hours(24), hours(24 * 365)}) {
    test::ManualClock clock;
    ExpiryClock expiry(clock);
    const WallTime before = expiry.now();
    clock.set_wall(before - back);
    EXPECT_EQ(expiry.now(), before);
    clock.advance(Milliseconds(5'000));
    EXPECT_EQ(expiry.now(), before + Milliseconds(5'000));
  }
}

TEST(ExpiryClock, GoesAheadWithTheWallClockAndStaysThere) {
  test::ManualClock clock;
  ExpiryClock expiry(clock);
  const WallTime before = clock.now();
  clock.set_wall(before + hours(24));
  EXPECT_EQ(expiry.now(), before + hours(24));
  clock.set_wall(before);
  EXPECT_EQ(expiry.now(), before + hours(24));
}

TEST(ExpiryClock, TakesOverTheMarkOfAnEarlierRun) {
  test::ManualClock clock;
  ExpiryClock expiry(clock);
  const WallTime mark = clock.now() + hours(2);
  expiry.raise_to(mark);
  EXPECT_EQ(expiry.now(), mark);
  expiry.raise_to(mark - hours(1));
  EXPECT_EQ(expiry.now(), mark);
}

}  // namespace
}  // namespace stepwell::auth
