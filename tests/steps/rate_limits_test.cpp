// metadata.stepwell.rateLimit: the limit itself by a clock of the test's, and steps that wait.
#include "steps/rate_limits.h"

#include <gtest/gtest.h>

#include "tests/steps/world.h"
#include "tests/support/manual_clock.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::ManualClock;
using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

class Limited : public ::testing::Test {
 protected:
  std::optional<RateLimits::Ticket> take(int number, const std::string& key = "a") {
    return limits->take(key, {2, Milliseconds(1000)}, [this, number] { begun.push_back(number); });
  }
  // Lets time pass and runs the timers that are due.
  void pass(Milliseconds time) {
    clock.advance(time);
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 0; i < timers.size(); ++i) {
        if (timers[i].first > clock.steady_now()) continue;
        const auto task = timers[i].second;
        timers.erase(timers.begin() + static_cast<std::ptrdiff_t>(i));
        task();
        more = true;
        break;
      }
    }
  }
  ManualClock clock;
  std::vector<std::pair<SteadyTime, std::function<void()>>> timers;
  std::vector<int> begun;
  std::shared_ptr<RateLimits> limits =
      RateLimits::make(clock, [this](SteadyTime when, std::function<void()> task) {
        timers.emplace_back(when, std::move(task));
      });
};

using Begun = std::vector<int>;

TEST_F(Limited, NoStretchOfTimeHasMoreThanTheLimit) {
  EXPECT_FALSE(take(1));
  pass(Milliseconds(900));
  EXPECT_FALSE(take(2));
  EXPECT_TRUE(take(3));
  EXPECT_TRUE(take(4));
  EXPECT_TRUE(take(5));
  EXPECT_EQ(begun, (Begun{1, 2}));
  pass(Milliseconds(99));
  EXPECT_EQ(begun, (Begun{1, 2}));
  pass(Milliseconds(1));  // a second after the first
  EXPECT_EQ(begun, (Begun{1, 2, 3}));
  pass(Milliseconds(899));
  EXPECT_EQ(begun, (Begun{1, 2, 3}));
  pass(Milliseconds(1));  // a second after the second
  EXPECT_EQ(begun, (Begun{1, 2, 3, 4}));
  pass(Milliseconds(100));
  EXPECT_EQ(begun, (Begun{1, 2, 3, 4, 5}));
  EXPECT_EQ(limits->waiting(), 0U);
}

TEST_F(Limited, OthersAreNotHeldBack) {
  EXPECT_FALSE(take(1));
  EXPECT_FALSE(take(2));
  EXPECT_TRUE(take(3));
  EXPECT_FALSE(take(4, "b"));
  EXPECT_EQ(begun, (Begun{1, 2, 4}));
}

TEST_F(Limited, WhoHasLeftTakesNoTurn) {
  take(1);
  take(2);
  const auto third = take(3);
  const auto fourth = take(4);
  EXPECT_TRUE(limits->cancel(*third));
  EXPECT_FALSE(limits->cancel(*third));
  pass(Milliseconds(1000));
  EXPECT_EQ(begun, (Begun{1, 2, 4}));
  EXPECT_FALSE(limits->cancel(*fourth));
}

TEST_F(Limited, AWaitThatEverybodyLeftEndsQuietly) {
  take(1);
  take(2);
  EXPECT_TRUE(limits->cancel(*take(3)));
  pass(Milliseconds(5000));
  EXPECT_FALSE(take(4));
  EXPECT_EQ(begun, (Begun{1, 2, 4}));
  EXPECT_TRUE(timers.empty());
}

TEST_F(Limited, ManyKeysThatNobodyUsesAreForgotten) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(take(i, std::to_string(i)));
    pass(Milliseconds(2000));
  }
  EXPECT_EQ(begun.size(), 1000U);
}

std::string limited(const MisbehavingServer& server, const std::string& limit) {
  return "do: [{c: {call: http, with: {method: get, endpoint: '" + server.url() +
         "'}, metadata: {stepwell: {rateLimit: " + limit + "}}}}]\n";
}

TEST(RateLimit, HoldsBackTheStepsOfAllInstances) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  const std::string workflow = limited(server, "{requests: 2, per: PT0.2S}");
  const SteadyTime begin = world.clock.steady_now();
  std::vector<std::future<engine::InstanceView>> views;
  views.reserve(5);
  for (int i = 0; i < 5; ++i) views.push_back(world.start(workflow));
  for (auto& view : views) EXPECT_EQ(view.get().status, engine::InstanceStatus::completed);
  // Two at once, two after 0.2 s, one after 0.4 s.
  EXPECT_GE(world.clock.steady_now() - begin, Milliseconds(400));
  EXPECT_EQ(server.requests(), 5U);
}

TEST(RateLimit, AStoppedInstanceWaitsNoLonger) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  const std::string workflow = limited(server, "{requests: 1, per: PT1H}");
  EXPECT_EQ(world.run(workflow).status, engine::InstanceStatus::completed);
  auto waiting = world.start(workflow);
  ASSERT_TRUE(world.engine->stop(world.last_started.get()));
  EXPECT_EQ(waiting.get().status, engine::InstanceStatus::stopped);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(RateLimit, ATimeoutOfTheTaskCountsTheWait) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  std::string workflow = limited(server, "{requests: 1, per: PT1H}");
  EXPECT_EQ(world.run(workflow).status, engine::InstanceStatus::completed);
  workflow.insert(workflow.find(", metadata"), ", timeout: {after: PT0.05S}");
  const auto view = world.run(workflow);
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->status, 408);
}

}  // namespace
}  // namespace stepwell::steps::test
