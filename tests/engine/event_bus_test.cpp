// Who gets which event.
#include "engine/event_bus.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace stepwell::engine {
namespace {

Value event(const char* type) { return Value::object({{"type", type}}); }

TEST(EventBus, DeliversByTypeAndToThoseWhoTakeEverything) {
  EventBus bus;
  std::string got;
  const auto note = [&got](const char* who) {
    return [&got, who](const Value& value) {
      got += std::string(who) + ":" + std::string(value.get("type").as_string()) + " ";
    };
  };
  bus.subscribe({"a", "b"}, note("ab"));
  const auto all = bus.subscribe({}, note("all"));
  bus.publish(event("a"));
  bus.publish(event("c"));
  bus.unsubscribe(all);
  bus.publish(event("b"));
  bus.publish(event("c"));
  EXPECT_EQ(got, "ab:a all:a all:c ab:b ");
}

TEST(EventBus, KnowsWhatIsWanted) {
  EventBus bus;
  EXPECT_FALSE(bus.wanted("a"));
  const auto one = bus.subscribe({"a"}, [](const Value&) {});
  EXPECT_TRUE(bus.wanted("a"));
  EXPECT_FALSE(bus.wanted("b"));
  EXPECT_FALSE(bus.lifecycle_wanted());
  const auto lifecycle =
      bus.subscribe({"io.serverlessworkflow.task.started.v1"}, [](const Value&) {});
  EXPECT_TRUE(bus.lifecycle_wanted());
  bus.unsubscribe(lifecycle);
  EXPECT_FALSE(bus.lifecycle_wanted());
  const auto all = bus.subscribe({}, [](const Value&) { ADD_FAILURE() << "it did not ask"; });
  EXPECT_TRUE(bus.wanted("b"));
  EXPECT_FALSE(bus.lifecycle_wanted()) << "these reach only those who name them";
  EXPECT_FALSE(bus.wanted("io.serverlessworkflow.task.started.v1"));
  bus.publish(event("io.serverlessworkflow.task.started.v1"));
  bus.unsubscribe(all);
  bus.unsubscribe(one);
  bus.unsubscribe(one);
  EXPECT_FALSE(bus.wanted("a"));
}

TEST(EventBus, LetsAWatcherSeeWhatArisesHereByPatterns) {
  struct Case {
    std::string pattern;
    bool a;
    bool started;  // a lifecycle event
  };
  for (const Case& each : {Case{"*", true, true}, Case{"a", true, false}, Case{"a.*", false, false},
                           Case{"io.serverlessworkflow.task.*", false, true},
                           Case{"io.*", false, true}, Case{"io.serverlessworkflow", false, false},
                           Case{"io.serverlessworkflow.task.started.v1", false, true}}) {
    SCOPED_TRACE(each.pattern);
    EventBus bus;
    std::vector<std::string> seen;
    bus.watch({"nothing", each.pattern},
              [&seen](const Value& value) { seen.emplace_back(value.get("type").as_string()); });
    constexpr const char* kStarted = "io.serverlessworkflow.task.started.v1";
    EXPECT_EQ(bus.wanted("a"), each.a);
    EXPECT_EQ(bus.wanted(kStarted), each.started);
    EXPECT_EQ(bus.lifecycle_wanted(), each.started);
    bus.publish(event("a"));
    bus.publish(event("a"), EventBus::From::outside);
    bus.publish(event(kStarted));
    std::vector<std::string> expected;
    if (each.a) expected.emplace_back("a");
    if (each.started) expected.emplace_back(kStarted);
    EXPECT_EQ(seen, expected);
  }
}

TEST(EventBus, LetsAReceiverUseIt) {
  EventBus bus;
  int calls = 0;
  std::uint64_t self = 0;
  self = bus.subscribe({"a"}, [&](const Value&) {
    ++calls;
    bus.unsubscribe(self);
    bus.publish(event("a"));
  });
  bus.publish(event("a"));
  EXPECT_EQ(calls, 1);
}

TEST(EventBus, ServesSeveralThreads) {
  EventBus bus;
  std::atomic<int> got{0};
  bus.subscribe({"a"}, [&](const Value&) { ++got; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        const auto other = bus.subscribe({"a"}, [](const Value&) {});
        bus.publish(event("a"));
        bus.unsubscribe(other);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, 2000);
}

}  // namespace
}  // namespace stepwell::engine
