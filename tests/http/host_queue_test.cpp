#include "http/host_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace stepwell::http {
namespace {

struct Waiter {
  explicit Waiter(int n) : number(n) {}
  int number;
  ListHook<Waiter> hook;
};
using Queue = HostQueue<Waiter, &Waiter::hook>;

std::vector<Waiter> waiters(int count) {
  std::vector<Waiter> out;
  for (int i = 0; i < count; ++i) out.emplace_back(i);
  return out;
}

TEST(HostQueue, StartsInTheOrderOfArrivalUpToTheLimit) {
  auto all = waiters(5);
  Queue queue(2, 100);
  for (Waiter& waiter : all) queue.push(waiter);
  EXPECT_EQ(queue.start_next()->number, 0);
  EXPECT_EQ(queue.start_next()->number, 1);
  EXPECT_EQ(queue.start_next(), nullptr);
  queue.finished();
  EXPECT_EQ(queue.start_next()->number, 2);
  EXPECT_EQ(queue.waiting(), 2U);
  EXPECT_EQ(queue.active(), 2U);
}

TEST(HostQueue, ANewArrivalDoesNotPassThoseThatWait) {
  auto all = waiters(3);
  Queue queue(1, 1);
  queue.push(all[0]);
  queue.start_next();
  queue.push(all[1]);
  queue.finished();
  queue.push(all[2]);
  EXPECT_EQ(queue.start_next()->number, 1);
}

TEST(HostQueue, OneThatWaitsCanLeaveTheLine) {
  auto all = waiters(3);
  Queue queue(1, 1);
  for (Waiter& waiter : all) queue.push(waiter);
  queue.remove(all[1]);
  EXPECT_EQ(queue.start_next()->number, 0);
  queue.finished();
  EXPECT_EQ(queue.start_next()->number, 2);
  queue.finished();
  EXPECT_TRUE(queue.idle());
}

TEST(AdaptiveLimit, DoublesWhileTheThreadSleepsUpToTheMaximum) {
  AdaptiveLimit limit(64, 300);
  limit.tick(0.9, 0);
  EXPECT_EQ(limit.limit(), 128U);
  limit.tick(0.51, 0);
  limit.tick(0.9, 0);
  EXPECT_EQ(limit.limit(), 300U);
}

TEST(AdaptiveLimit, ShrinksByAnEighthWhereTheThreadIsBusyWithAnswersDownToTheStart) {
  AdaptiveLimit limit(64, 1024);
  for (int i = 0; i < 2; ++i) limit.tick(1.0, 0);
  limit.tick(0.05, 100);
  EXPECT_EQ(limit.limit(), 224U);
  for (int i = 0; i < 100; ++i) limit.tick(0.0, 1000);
  EXPECT_EQ(limit.limit(), 64U);
}

TEST(AdaptiveLimit, StaysWhereTheThreadIsHalfBusyOrBusyWithoutAnswers) {
  AdaptiveLimit limit(64, 1024);
  limit.tick(1.0, 0);
  limit.tick(0.3, 1000);
  limit.tick(0.0, 0);
  EXPECT_EQ(limit.limit(), 128U);
}

TEST(HostQueue, IsNotAdaptedWhileNothingWaits) {
  auto all = waiters(3);
  Queue queue(2, 100);
  queue.push(all[0]);
  queue.push(all[1]);
  queue.start_next();
  queue.start_next();
  queue.tick(1.0);
  EXPECT_EQ(queue.limit(), 2U);
  queue.push(all[2]);
  queue.tick(1.0);
  EXPECT_EQ(queue.limit(), 4U);
  EXPECT_TRUE(queue.can_start());
}

TEST(HostQueue, AMaximumBelowTheStartIsRaisedToIt) {
  EXPECT_EQ(Queue(64, 1).limit(), 64U);
  EXPECT_EQ(Queue(0, 0).limit(), 1U);
}

}  // namespace
}  // namespace stepwell::http
