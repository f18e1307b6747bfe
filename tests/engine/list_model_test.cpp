// Lists of instances against a naive model: all instances, one by one, picked and sorted. They are
// in memory, asleep, in the journal alone, and change all the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/replay.h"
#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using By = InstanceOrder::By;
using Picks = std::function<bool(const InstanceView&)>;
constexpr std::int64_t kLast = INT64_MAX;

std::int64_t number_of(WallTime time) {
  return time == WallTime{} ? kLast : time.time_since_epoch().count();
}

struct Place {
  std::int64_t number;
  std::string name;
  std::uint64_t id;
  auto operator<=>(const Place&) const = default;
};

Place place_of(By by, const InstanceView& view) {
  Place place{0, {}, view.id.number};
  if (by == By::started) place.number = number_of(view.started);
  if (by == By::updated) place.number = view.updated.time_since_epoch().count();
  if (by == By::completed) place.number = number_of(view.ended);
  if (by == By::priority) place.number = static_cast<std::int64_t>(view.priority);
  if (by == By::name) place.name = view.name;
  if (by == By::deadline) place.number = view.deadline ? number_of(*view.deadline) : kLast;
  if (by == By::status) place.number = static_cast<std::int64_t>(view.status);
  return place;
}

class RandomLives : public testing::TestWithParam<std::uint32_t> {
 protected:
  RandomLives() : rng_(GetParam()) { begin({}); }

  std::uint64_t below(std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(rng_);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  void begin(KeptRecords kept) {
    EngineOptions options{2, 100'000, 6};
    options.sleep_after = std::chrono::seconds(10);
    const WallTime now = life_ ? life_->clock.now() : WallTime{};
    life_ = std::make_unique<Life>(std::move(kept), nullptr, options);
    if (now != WallTime{}) life_->clock.advance(now - life_->clock.now());
    life_->open();
    life_->rest();
  }

  std::string any_name() {
    return one_in(2) ? std::string()
                     : (one_in(2) ? "Order " : "parcel ") + std::to_string(below(4));
  }
  Value any_tags() { return one_in(2) ? Value() : Value::array({"t" + std::to_string(below(3))}); }
  Priority any_priority() { return static_cast<Priority>(below(3)); }
  std::optional<WallTime> any_deadline() {
    if (one_in(2)) return std::nullopt;
    return life_->clock.now() + std::chrono::seconds(below(100));
  }
  InstanceId any_id() {
    auto place = ids_.begin();
    std::advance(place, static_cast<std::ptrdiff_t>(below(ids_.size())));
    return *place;
  }

  void start() {
    static const std::vector<const char*> kBodies{
        "do: [{pause: {wait: {hours: 1}}}]", "do: [{a: {set: {x: 1}}}]",
        "do: [{ask: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]",
        "do: [{a: {raise: {error: {type: 'https://x/y', status: 500}}}}]",
        "do: [{a: {set: {x: 1}}}, {hear: {listen: {to: {one: {with: {type: x}}}}}}]"};
    std::promise<InstanceId> admitted;
    StartRequest request;
    request.workflow = life_->engine.prepare(definition(kBodies.at(below(kBodies.size()))));
    request.name = any_name();
    request.tags = any_tags();
    request.priority = any_priority();
    request.deadline = any_deadline();
    life_->engine.start(std::move(request),
                        [&](const Result<InstanceId>& id) { admitted.set_value(id.value()); });
    ids_.insert(admitted.get_future().get());
  }
  void change() {
    LabelChange change;
    if (one_in(2)) change.name = any_name();
    if (one_in(2)) change.tags = any_tags();
    if (one_in(2)) change.priority = any_priority();
    change.change_deadline = one_in(2);
    change.deadline = any_deadline();
    life_->engine.change(any_id(), change, [](const Status&) {});
  }
  void happen() {
    switch (below(8)) {
      case 0:
        if (!ids_.empty()) (void)life_->engine.stop(any_id());
        break;
      case 1:
        if (!ids_.empty()) change();
        break;
      case 2:
        life_->clock.advance(std::chrono::seconds(1 + below(15)));
        life_->rest();
        life_->engine.maintain();
        break;
      case 3:
        if (!ids_.empty()) remove(any_id());
        break;
      case 4:
        if (!ids_.empty()) (void)life_->engine.find(any_id());
        break;
      default:
        start();
    }
    life_->clock.advance(Milliseconds(below(3)));
  }
  void remove(InstanceId id) {
    life_->rest();  // it may be about to be stopped
    const auto view = life_->engine.find(id);
    const auto gone = life_->engine.remove({id, InstanceId{12}});
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->size(), view && ended(view->status) ? 1U : 0U);
    if (gone->empty()) return;
    EXPECT_FALSE(life_->engine.find(id));
    ids_.erase(id);
  }

  // A filter, and what it means in other words.
  std::pair<InstanceFilter, Picks> any_filter() {
    InstanceFilter filter;
    std::vector<Picks> all;
    if (one_in(3)) {
      filter.statuses = {static_cast<InstanceStatus>(below(7)),
                         static_cast<InstanceStatus>(below(7))};
      all.push_back([wanted = filter.statuses](const InstanceView& view) {
        return view.status == wanted[0] || view.status == wanted[1];
      });
    }
    if (one_in(5)) {
      filter.open = true;
      all.push_back([](const InstanceView& view) { return !ended(view.status); });
    }
    if (one_in(4)) {
      filter.name = "ORDER";
      all.push_back([](const InstanceView& view) { return view.name.starts_with("Order"); });
    }
    if (one_in(4)) {
      filter.priorities = {Priority::high, Priority::very_high};
      all.push_back([](const InstanceView& view) { return view.priority != Priority::regular; });
    }
    if (one_in(4)) {
      filter.tags = {"t1", "t2"};
      all.push_back([](const InstanceView& view) {
        return view.tags == Value::array({"t1"}) || view.tags == Value::array({"t2"});
      });
    }
    if (one_in(6)) {
      filter.step = "pause";
      all.push_back([](const InstanceView& view) {
        return view.active_tasks == std::vector<std::string>{"/do/0/pause"};
      });
    }
    if (one_in(5)) {
      const WallTime now = life_->clock.now();
      filter.overdue = now;
      all.push_back([now](const InstanceView& view) {
        return view.deadline && *view.deadline < (ended(view.status) ? view.ended : now);
      });
    }
    if (one_in(5)) {
      const WallTime from = life_->clock.now() - std::chrono::seconds(below(60));
      filter.updated.from = from;
      all.push_back([from](const InstanceView& view) { return view.updated >= from; });
    }
    if (one_in(8)) {
      const WallTime before = life_->clock.now() - std::chrono::seconds(below(30));
      filter.completed.before = before;
      all.push_back([before](const InstanceView& view) {
        return ended(view.status) && view.status != InstanceStatus::stopped && view.ended < before;
      });
    }
    return {filter, [all](const InstanceView& view) {
              return std::all_of(all.begin(), all.end(),
                                 [&](const Picks& picks) { return picks(view); });
            }};
  }

  void compare() {
    const auto [filter, picks] = any_filter();
    InstanceQuery query;
    query.filter = filter;
    query.order = {static_cast<By>(below(8)), one_in(2)};
    query.most = 1 + below(12);
    std::vector<std::pair<Place, std::uint64_t>> wanted;
    for (const InstanceId id : ids_) {
      const auto view = life_->engine.find(id);
      ASSERT_TRUE(view);
      if (picks(*view)) wanted.emplace_back(place_of(query.order.by, *view), id.number);
    }
    std::sort(wanted.begin(), wanted.end());
    if (query.order.descending) std::reverse(wanted.begin(), wanted.end());
    std::vector<std::uint64_t> ids;
    for (const auto& [place, id] : wanted) ids.push_back(id);
    EXPECT_EQ(pages(query), ids) << to_string(query.order.by)
                                 << (query.order.descending ? " descending" : "");
  }
  std::vector<std::uint64_t> pages(InstanceQuery query, const std::function<void()>& between = {}) {
    std::vector<std::uint64_t> ids;
    do {
      const auto page = life_->engine.list(query);
      EXPECT_TRUE(page);
      EXPECT_LE(page->views.size(), query.most);
      for (const InstanceView& view : page->views) ids.push_back(view.id.number);
      query.after = page->next;
      if (between) between();
    } while (query.after);
    return ids;
  }

  std::mt19937 rng_;
  std::unique_ptr<Life> life_;
  std::set<InstanceId, ById> ids_;
};

TEST_P(RandomLives, AreListedAsTheModelSays) {
  for (int round = 0; round < 25 && !HasFailure(); ++round) {
    for (int i = 0; i < 12; ++i) happen();
    life_->rest();
    if (one_in(6)) begin(life_->journal.kept());
    life_->rest();
    for (int i = 0; i < 8 && !HasFailure(); ++i) compare();
  }
}

// What is there all the time, at a place that does not change, is told once.
TEST_P(RandomLives, AreListedOnceWhileOthersComeAndGo) {
  for (const By by : {By::id, By::started, By::priority}) {
    for (const bool descending : {false, true}) {
      for (int i = 0; i < 20; ++i) start();
      life_->rest();
      InstanceQuery query;
      query.order = {by, descending};
      query.most = 4;
      const auto before = ids_;
      std::set<InstanceId, ById> gone;
      const std::vector<std::uint64_t> seen = pages(query, [&] {
        const auto now = ids_;
        // Ends and goes to sleep, but is not renamed.
        if (ids_.size() < 100) start();
        remove(any_id());
        (void)life_->engine.stop(any_id());
        life_->clock.advance(std::chrono::seconds(6));
        life_->engine.maintain();
        for (const InstanceId id : now)
          if (!ids_.contains(id)) gone.insert(id);
      });
      EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), seen.size());
      for (const InstanceId id : before)
        if (!gone.contains(id)) {
          EXPECT_TRUE(std::find(seen.begin(), seen.end(), id.number) != seen.end())
              << id.number << " by " << to_string(by);
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLives, testing::Range(1U, 5U));

}  // namespace
}  // namespace stepwell::engine::test
