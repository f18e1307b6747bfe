// Instances whose definition cannot be read any more.
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

Result<std::shared_ptr<const config::Definition>> reads_nothing(const Value& /*sources*/) {
  return fail(make_problem(ErrorKind::configuration, "definitions-invalid", "a new rule"));
}

TEST(LostInstances, AreShownWithTheirProblemAndCanBeStopped) {
  Life first;
  const InstanceId id = first.start("do: [{a: {wait: {hours: 1}}}]");
  const InstanceId other = first.start("do: [{a: {wait: {hours: 2}}}]");
  first.rest();
  Life second(first.journal.kept());
  ASSERT_TRUE(second.engine.recover(reads_nothing));
  second.engine.go_on();
  const auto view = second.engine.find(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->status, InstanceStatus::suspended);
  EXPECT_EQ(view->problem.value().code, "definition-lost");
  InstanceFilter suspended;
  suspended.statuses = {InstanceStatus::suspended};
  InstanceFilter waiting;
  waiting.statuses = {InstanceStatus::waiting};
  InstanceFilter open;
  open.open = true;
  const auto listed = [&second](const InstanceFilter& filter) {
    InstanceQuery query;
    query.filter = filter;
    const auto page = second.engine.list(query);
    EXPECT_TRUE(page);
    for (const InstanceView& each : page.value().views)
      EXPECT_EQ(each.problem.value().code, "definition-lost");
    return page->views.size();
  };
  EXPECT_EQ(listed({}), 2U);
  EXPECT_EQ(listed(open), 2U);
  EXPECT_EQ(listed(suspended), 2U);
  EXPECT_EQ(listed(waiting), 0U);
  const Problem refused = second.request(Engine::Operation::resume, id).error();
  EXPECT_EQ(refused.code, "definition-lost");
  EXPECT_NE(refused.detail.find("a new rule"), std::string::npos) << refused.detail;
  EXPECT_TRUE(second.request(Engine::Operation::stop, id));
  EXPECT_EQ(second.engine.find(id)->status, InstanceStatus::stopped);
  EXPECT_FALSE(second.engine.find(id)->problem);
  EXPECT_EQ(second.request(Engine::Operation::stop, id).error().code, "instance-ended");
  EXPECT_TRUE(second.engine.stop(other));
  EXPECT_EQ(second.engine.stop(other).error().code, "instance-ended");
  Life third(second.journal.kept());
  third.open();
  EXPECT_EQ(third.engine.open_instances(), 0U);
  EXPECT_EQ(third.engine.find(id)->status, InstanceStatus::stopped);
}

TEST(LostInstances, GoOnWithAVersionThatReadsThem) {
  Life first;
  const InstanceId id = first.start("do: [{a: {wait: {hours: 1}}}, {b: {set: {x: 1}}}]");
  first.rest();
  Life second(first.journal.kept());
  ASSERT_TRUE(second.engine.recover(reads_nothing));
  second.engine.go_on();
  Life third(second.journal.kept());
  third.open();
  third.settle();
  EXPECT_EQ(third.engine.find(id)->output, Value::object({{"x", 1}}));
}

}  // namespace
}  // namespace stepwell::engine::test
