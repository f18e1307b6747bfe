// Lists of instances in pages: in memory, at rest and in the journal alone, in one order.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

std::vector<std::size_t> pages(Life& life, InstanceQuery query) {
  std::vector<std::size_t> sizes;
  std::uint64_t last = 0;
  while (true) {
    const auto page = life.engine.list(query);
    EXPECT_TRUE(page);
    for (const InstanceView& view : page->views) {
      EXPECT_LT(last, view.id.number) << "in their order";
      last = view.id.number;
      if (!query.filter.statuses.empty()) {
        EXPECT_EQ(view.status, query.filter.statuses.front());
      }
    }
    sizes.push_back(page->views.size());
    if (!page->next) return sizes;
    query.after = page->next;
  }
}

InstanceQuery with_status(InstanceStatus status, std::size_t most) {
  InstanceQuery query;
  query.filter.statuses = {status};
  query.most = most;
  return query;
}

// The journal knows only which are open: a page once had what was left of the first so many.
TEST(List, PagesAreFullUntilTheEnd) {
  constexpr const char* kWaits = "do: [{a: {wait: {hours: 1}}}]";
  constexpr const char* kRuns =
      "do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]";
  Life first;
  for (int i = 0; i < 10; ++i) first.start("do: [{a: {set: {x: 1}}}]");
  for (int i = 0; i < 10; ++i) {
    first.start(kRuns);
    first.start(kRuns);
    first.start(kWaits);
  }
  first.rest();
  Life second(first.journal.kept());
  second.open();
  second.rest();
  InstanceQuery open;
  open.filter.open = true;
  open.most = 13;
  InstanceQuery all;
  all.most = 39;
  for (Life* life : {&first, &second}) {
    EXPECT_EQ(pages(*life, with_status(InstanceStatus::waiting, 4)),
              (std::vector<std::size_t>{4, 4, 2}));
    EXPECT_EQ(pages(*life, with_status(InstanceStatus::running, 7)),
              (std::vector<std::size_t>{7, 7, 6}));
    EXPECT_EQ(pages(*life, with_status(InstanceStatus::completed, 5)),
              (std::vector<std::size_t>{5, 5, 0}));
    EXPECT_EQ(pages(*life, open), (std::vector<std::size_t>{13, 13, 4}));
    EXPECT_EQ(pages(*life, all), (std::vector<std::size_t>{39, 1}));
    InstanceQuery later = with_status(InstanceStatus::waiting, 4);
    later.filter.started.from = life->clock.now() + std::chrono::hours(1);
    EXPECT_EQ(pages(*life, later), (std::vector<std::size_t>{0}));
  }
}

// For a moment it once was neither among those that have ended nor among the others.
TEST(List, OneThatIsRetriedIsInEveryList) {
  constexpr const char* kFails =
      "do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]";
  // None that has ended stays in memory.
  Life life({}, [](const StepCall&) -> Result<Value> { return fail(refused()); }, {2, 1000, 0});
  const InstanceId id = life.start(kFails);
  const auto kept = life.engine.prepare(definition(kFails));
  life.settle();
  std::atomic<bool> over{false};
  std::atomic<std::size_t> missed{0};
  std::thread reader([&] {
    while (!over) {
      const auto page = life.engine.list({});
      if (!page || page->views.size() != 1) ++missed;
    }
  });
  for (int i = 0; i < 250; ++i) {
    EXPECT_TRUE(life.request(Engine::Operation::retry, id));
    life.settle();
  }
  over = true;
  reader.join();
  EXPECT_EQ(missed, 0U);
}

}  // namespace
}  // namespace stepwell::engine::test
