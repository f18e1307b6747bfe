// What people say of an instance, and how it changes: name, tags, priority, deadline.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr const char* kWait =
    "do: [{a: {set: {x: 1}}}, {b: {wait: {hours: 9}}}, {c: {set: {x: 2}}}]";

struct Office : Life {
  explicit Office(KeptRecords kept = {}) : Life(std::move(kept), nullptr, sleepy()) {}
  static EngineOptions sleepy() {
    EngineOptions options{2, 1000, 1000};
    options.sleep_after = seconds(10);
    return options;
  }
  InstanceId start_with(const char* name, std::optional<WallTime> deadline = {}) {
    std::promise<InstanceId> admitted;
    StartRequest request;
    request.workflow = engine.prepare(definition(kWait));
    request.name = name;
    request.deadline = deadline;
    engine.start(std::move(request),
                 [&](const Result<InstanceId>& id) { admitted.set_value(id.value()); });
    const InstanceId id = admitted.get_future().get();
    rest();
    return id;
  }
  Status change(InstanceId id, const LabelChange& label) {
    std::promise<Status> done;
    engine.change(id, label, [&](Status status) { done.set_value(std::move(status)); });
    Status status = done.get_future().get();
    rest();
    return status;
  }
  void night() {
    clock.advance(seconds(11));
    for (int i = 0; i < 2; ++i) {
      engine.maintain();
      rest();
    }
  }
  double overdue() { return metrics.counter("stepwell_instances_overdue_total", "").value(); }
};

LabelChange everything(WallTime deadline) {
  LabelChange change;
  change.name = "new";
  change.tags = Value::array({"red"});
  change.priority = Priority::very_high;
  change.change_deadline = true;
  change.deadline = deadline;
  return change;
}

TEST(Labels, ChangeInMemoryAndAsleepAndStayOverRestarts) {
  for (const bool asleep : {false, true}) {
    Office first;
    const InstanceId id = first.start_with("old");
    const WallTime deadline = first.clock.now() + hours(1);
    if (asleep) first.night();
    EXPECT_EQ(first.engine.peek(id).has_value(), !asleep);
    first.clock.advance(seconds(5));
    ASSERT_TRUE(first.change(id, everything(deadline)));
    LabelChange only_name;
    only_name.name = "newer";
    ASSERT_TRUE(first.change(id, only_name));
    const auto check = [&](Office& office) {
      const auto view = office.engine.find(id);
      ASSERT_TRUE(view);
      EXPECT_EQ(view->name, "newer");
      EXPECT_EQ(view->tags, Value::array({"red"}));
      EXPECT_EQ(view->priority, Priority::very_high);
      EXPECT_EQ(view->deadline, deadline);
      EXPECT_EQ(view->progress, 33);
      EXPECT_EQ(view->updated, first.clock.now());
      InstanceQuery query;
      query.filter.name = "NEWER";
      EXPECT_EQ(office.engine.list(query)->views.size(), 1U);
    };
    check(first);
    first.night();
    EXPECT_FALSE(first.engine.peek(id));
    first.clock.advance(seconds(-11));
    check(first);
    Office second(first.journal.kept());
    second.open();
    second.rest();
    check(second);
    second.settle();
    const auto view = second.engine.find(id);
    EXPECT_EQ(view->status, InstanceStatus::completed);
    EXPECT_EQ(view->name, "newer");
    EXPECT_EQ(view->progress, 100);
    EXPECT_EQ(second.change(id, only_name).error().code, "instance-ended");
    EXPECT_EQ(second.change(InstanceId{5}, only_name).error().code, "instance-unknown");
  }
}

TEST(Labels, AnInstanceThatIsOpenAtItsDeadlineIsToldOfOnce) {
  Office first;
  const WallTime soon = first.clock.now() + hours(1);
  const InstanceId late = first.start_with("late", soon);
  const InstanceId moved = first.start_with("moved", soon);
  const InstanceId done = first.start_with("done", soon);
  LabelChange later;
  later.change_deadline = true;
  later.deadline = soon + hours(1);
  ASSERT_TRUE(first.change(moved, later));
  ASSERT_TRUE(first.engine.stop(done));
  first.rest();
  first.night();
  EXPECT_EQ(first.overdue(), 0);
  first.clock.advance(hours(1));
  first.night();
  EXPECT_EQ(first.overdue(), 1);
  EXPECT_EQ(first.engine.find(late)->status, InstanceStatus::waiting) << "it goes on";
  InstanceQuery query;
  query.filter.overdue = first.clock.now();
  const auto page = first.engine.list(query);
  ASSERT_EQ(page->views.size(), 1U);
  EXPECT_EQ(page->views.at(0).id, late);
  first.night();
  EXPECT_EQ(first.overdue(), 1);

  Office second(first.journal.kept());
  second.clock.advance(first.clock.now() - second.clock.now());
  second.open();
  second.rest();
  second.night();
  EXPECT_EQ(second.overdue(), 0) << "it was told before";
  second.clock.advance(hours(1));
  second.night();
  EXPECT_EQ(second.overdue(), 1) << "the other one";
}

TEST(Labels, ProgressIsThePlaceAmongTheTopLevelTasks) {
  Office office;
  const InstanceId id = office.start_with("a");
  EXPECT_EQ(office.engine.find(id)->progress, 33);
  ASSERT_TRUE(office.engine.stop(id));
  office.rest();
  EXPECT_EQ(office.engine.find(id)->progress, 33);
  Life second(office.journal.kept());
  second.open();
  EXPECT_EQ(second.engine.find(id)->progress, 33);
}

TEST(Labels, AChangeDoesNotHideWhatARetryTakesBack) {
  Life life;
  const InstanceId id = life.start(
      "do: [{a: {call: http, with: {method: get, endpoint: 'http://h/1'}}}, {b: {set: {x: 1}}}]");
  LabelChange change;
  change.name = "n";
  life.engine.change(id, change, [](const Status& status) { EXPECT_TRUE(status); });
  life.rest();
  life.answer_next(fail(refused()));
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::faulted);
  ASSERT_TRUE(life.request(Engine::Operation::retry, id));
  life.rest();
  life.answer_next(Value(1));
  EXPECT_EQ(life.engine.find(id)->status, InstanceStatus::completed);
  EXPECT_EQ(life.engine.find(id)->name, "n");
}

TEST(Removal, TakesWhatHasEndedAndNothingElse) {
  for (const bool asleep : {false, true}) {
    Office office;
    const InstanceId done = office.start("do: [{a: {set: {x: 1}}}]", "once");
    const InstanceId open = office.start_with("open");
    office.rest();
    if (asleep) office.night();
    const auto gone = office.engine.remove({done, open, InstanceId{5}});
    ASSERT_TRUE(gone);
    EXPECT_EQ(*gone, std::vector<InstanceId>{done});
    EXPECT_FALSE(office.engine.find(done));
    EXPECT_TRUE(office.engine.find(open));
    EXPECT_EQ(office.engine.list({})->views.size(), 1U);
    Life second(office.journal.kept());
    second.open();
    EXPECT_FALSE(second.engine.find(done));
    EXPECT_TRUE(second.engine.find(open));
    EXPECT_EQ(second.request(Engine::Operation::retry, done).error().code, "instance-unknown");
    EXPECT_EQ(office.start("do: [{a: {set: {x: 1}}}]", "once"), done) << "a new one";
    office.rest();
    EXPECT_EQ(office.engine.find(done)->status, InstanceStatus::completed);
  }
}

}  // namespace
}  // namespace stepwell::engine::test
