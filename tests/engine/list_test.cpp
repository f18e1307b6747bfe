// Lists of instances in pages.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

std::vector<std::size_t> pages(Life& life, InstanceFilter filter, std::size_t most) {
  std::vector<std::size_t> sizes;
  while (true) {
    const auto views = life.engine.list(filter, most);
    EXPECT_TRUE(views);
    for (const InstanceView& view : *views) {
      EXPECT_LT(filter.after.number, view.id.number) << "in their order";
      filter.after = view.id;
      if (filter.status) {
        EXPECT_EQ(view.status, *filter.status);
      }
    }
    sizes.push_back(views->size());
    if (views->size() < most) return sizes;
  }
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
  InstanceFilter waiting;
  waiting.status = InstanceStatus::waiting;
  InstanceFilter running;
  running.status = InstanceStatus::running;
  InstanceFilter completed;
  completed.status = InstanceStatus::completed;
  InstanceFilter open;
  open.open = true;
  for (Life* life : {&first, &second}) {
    EXPECT_EQ(pages(*life, waiting, 4), (std::vector<std::size_t>{4, 4, 2}));
    EXPECT_EQ(pages(*life, running, 7), (std::vector<std::size_t>{7, 7, 6}));
    EXPECT_EQ(pages(*life, completed, 5), (std::vector<std::size_t>{5, 5, 0}));
    EXPECT_EQ(pages(*life, open, 13), (std::vector<std::size_t>{13, 13, 4}));
    EXPECT_EQ(pages(*life, {}, 39), (std::vector<std::size_t>{39, 1}));
    InstanceFilter later = waiting;
    later.since = life->clock.now() + std::chrono::hours(1);
    EXPECT_EQ(pages(*life, later, 4), (std::vector<std::size_t>{0}));
  }
}

}  // namespace
}  // namespace stepwell::engine::test
