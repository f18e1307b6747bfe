// `run: workflow`, from a definition to the instance that it starts and back.
#include <gtest/gtest.h>

#include "tests/daemon/node_house.h"
#include "tests/support/manual_clock.h"

namespace stepwell::daemon::test {
namespace {

using engine::InstanceStatus;
using engine::InstanceView;

std::string runs(const std::string& name, const std::string& more = "",
                 const std::string& version = "latest", const std::string& beside = "") {
  return "{run: {workflow: {namespace: test, name: " + name + ", version: " + version + more + "}" +
         beside + "}}";
}

std::string parent_of(const std::string& child) { return "do: [{child: " + child + "}]"; }

constexpr const char* kDouble = "do: [{double: {set: {n: '${ .n * 2 }'}}}]";
constexpr const char* kListens = "do: [{hear: {listen: {to: {one: {with: {type: never}}}}}}]";
constexpr const char* kRefuses =
    "do: [{refuse: {raise: {error: {type: 'https://example.com/sold-out', status: 409, title: Sold "
    "out, detail: None are left}}}}]";

TEST(ChildWorkflow, GivesItsOutputToTheStepThatRunsIt) {
  NodeHouse house;
  house.load(
      {{"parent", parent_of(runs("child", ", input: {n: '${ .have + 1 }'}"))}, {"child", kDouble}});
  const InstanceView view = house.run("parent", R"({"have": 20})");
  EXPECT_EQ(view.status, InstanceStatus::completed);
  EXPECT_EQ(to_json(view.output), R"({"n":42})");
}

TEST(ChildWorkflow, GetsAnExpressionAsItsWholeInputAndNothingAsAnEmptyObject) {
  NodeHouse house;
  house.load({{"whole", parent_of(runs("child", ", input: '${ . }'"))},
              {"nothing", parent_of(runs("child"))},
              {"child", "do: [{tell: {set: {got: '${ . }'}}}]"}});
  EXPECT_EQ(to_json(house.run("whole", R"({"a": 1})").output), R"({"got":{"a":1}})");
  EXPECT_EQ(to_json(house.run("nothing", R"({"a": 1})").output), R"({"got":{}})");
}

TEST(ChildWorkflow, IsOfTheNamedVersionOrTheNewest) {
  NodeHouse house;
  house.load({{"newest", parent_of(runs("child"))},
              {"named", parent_of(runs("child", "", "1.9.0"))},
              {"child", "do: [{v: {set: {v: 9}}}]", "1.9.0"},
              {"child", "do: [{v: {set: {v: 10}}}]", "1.10.0"}});
  EXPECT_EQ(to_json(house.run("newest").output), R"({"v":10})");
  EXPECT_EQ(to_json(house.run("named").output), R"({"v":9})");
}

TEST(ChildWorkflow, ThatIsUnknownIsAnErrorOfConfiguration) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("chidl"))}, {"child", kDouble}});
  const InstanceView view = house.run("parent");
  ASSERT_TRUE(view.problem);
  EXPECT_EQ(view.problem->code, "workflow-unknown");
  EXPECT_EQ(view.problem->type, error_type_uri(ErrorKind::configuration));
  EXPECT_EQ(view.problem->where, "/do/0/child");
}

TEST(ChildWorkflow, HandsItsFaultToTheStepWhichCanCatchIt) {
  NodeHouse house;
  house.load(
      {{"plain", parent_of(runs("child"))},
       {"catches", "do: [{attempt: {try: [{child: " + runs("child") +
                       "}], catch: {errors: {with: {type: 'https://example.com/sold-out', status: "
                       "409}}, as: e, do: [{tell: {set: {title: '${ $e.title }', detail: '${ "
                       "$e.detail }', at: '${ $e.instance }', below: '${ $e.workflow.instance "
                       "}'}}}]}}}]"},
       {"child", kRefuses}});
  const InstanceView plain = house.run("plain");
  ASSERT_TRUE(plain.problem);
  EXPECT_EQ(plain.status, InstanceStatus::faulted);
  EXPECT_EQ(plain.problem->type, "https://example.com/sold-out");
  EXPECT_EQ(plain.problem->where, "/do/0/child");
  EXPECT_EQ(plain.problem->extensions.get("workflow").get("name"), Value("test/child:1.0.0"));
  EXPECT_EQ(to_json(house.run("catches").output),
            R"({"title":"Sold out","detail":"None are left","at":"/do/0/attempt/try/0/child",)"
            R"("below":"/do/0/refuse"})");
}

TEST(ChildWorkflow, IsStartedAnewByEachRetry) {
  NodeHouse house;
  house.load({{"parent", "do: [{attempt: {try: [{child: " + runs("child") +
                             "}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: "
                             "{count: 2}}}}}}]"},
              {"child", kRefuses}});
  EXPECT_EQ(house.run("parent").status, InstanceStatus::faulted);
  EXPECT_EQ(house.node()
                .metrics()
                .counter("stepwell_instances_started_total", "", {{"workflow", "test/child"}})
                .value(),
            2);
}

TEST(ChildWorkflow, IsStartedAnewByEachRoundOfALoop) {
  NodeHouse house;
  house.load({{"parent", "do: [{loop: {for: {in: '${ [1, 2, 3] }'}, do: [{child: " +
                             runs("child", ", input: {n: '${ .n // 1 }'}") + "}]}}]"},
              {"child", kDouble}});
  EXPECT_EQ(to_json(house.run("parent").output), R"({"n":8})");
}

TEST(ChildWorkflow, RefusesAnInputThatItsSchemaDoesNotTake) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("child", ", input: {m: 1}"))},
              {"child", std::string("input: {schema: {document: {required: [n]}}}\n") + kDouble}});
  const InstanceView view = house.run("parent");
  ASSERT_TRUE(view.problem);
  EXPECT_EQ(view.problem->code, "schema-violation");
  EXPECT_EQ(view.problem->where, "/do/0/child");
  EXPECT_TRUE(house.open().empty());
}

TEST(ChildWorkflow, KnowsItsParentAndRunsUnderItsKey) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("child"))}, {"child", kListens}});
  const std::string key = house.issue_key();
  const InstanceId parent = house.start("parent", "{}", key);
  const InstanceView child = house.child_of(parent);
  EXPECT_EQ(child.key, key);
  EXPECT_EQ(child.workflow, "test/child:1.0.0");
  EXPECT_GE(child.id.number, 1ULL << 52U);
  EXPECT_LT(child.id.number, 1ULL << 53U);
  EXPECT_TRUE(house.node().engine().stop(parent));
  house.end_of(parent);
  house.end_of(child.id);
}

TEST(ChildWorkflow, IsNotStartedUnderAKeyThatWasRevoked) {
  NodeHouse house;
  house.load({{"parent", "do: [{hold: {listen: {to: {one: {with: {type: go}}}}}}, {child: " +
                             runs("child") + "}]"},
              {"child", kDouble}});
  const std::string key = house.issue_key();
  const InstanceId parent = house.start("parent", "{}", key);
  while (house.node().engine().find(parent)->active_tasks.empty()) std::this_thread::yield();
  ASSERT_TRUE(house.node().authority().keys().revoke(kAda, key));
  house.node().engine().events().publish(Value::object({{"type", "go"}}));
  const InstanceView view = house.end_of(parent);
  ASSERT_TRUE(view.problem);
  EXPECT_EQ(view.problem->code, "key-revoked");
  EXPECT_EQ(view.problem->where, "/do/1/child");
}

TEST(ChildWorkflow, IsStoppedWithItsParent) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("middle"))},
              {"middle", parent_of(runs("child"))},
              {"child", kListens}});
  const InstanceId parent = house.start("parent");
  const InstanceId middle = house.child_of(parent).id;
  const InstanceId child = house.child_of(middle).id;
  EXPECT_TRUE(house.node().engine().stop(parent));
  EXPECT_EQ(house.end_of(parent).status, InstanceStatus::stopped);
  EXPECT_EQ(house.end_of(middle).status, InstanceStatus::stopped);
  EXPECT_EQ(house.end_of(child).status, InstanceStatus::stopped);
}

TEST(ChildWorkflow, ThatIsStoppedIsAnErrorOfTheStep) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("child"))}, {"child", kListens}});
  const InstanceId parent = house.start("parent");
  EXPECT_TRUE(house.node().engine().stop(house.child_of(parent).id));
  const InstanceView view = house.end_of(parent);
  EXPECT_EQ(view.status, InstanceStatus::faulted);
  ASSERT_TRUE(view.problem);
  EXPECT_EQ(view.problem->code, "workflow-stopped");
  EXPECT_EQ(view.problem->type, error_type_uri(ErrorKind::runtime));
}

TEST(ChildWorkflow, OfATaskThatTimesOutOrLosesACompetitionIsStopped) {
  stepwell::test::ManualClock clock;
  NodeOptions options = open_to_loopback();
  options.substitutes.clock = &clock;
  NodeHouse house(options);
  // Once the child is there time goes on, until the instance has noticed.
  const auto end_in_time = [&](InstanceId id) {
    while (!engine::ended(house.node().engine().find(id)->status)) {
      clock.advance(Milliseconds(30));
      std::this_thread::yield();
    }
    return house.end_of(id);
  };
  house.load({{"late", "do: [{child: {timeout: {after: {milliseconds: 30}}, " +
                           runs("child").substr(1) + "}]"},
              {"loser", "do: [{race: {fork: {compete: true, branches: [{child: " + runs("child") +
                            "}, {win: {do: [{pause: {wait: {milliseconds: 30}}}, {won: {set: {w: "
                            "1}}}]}}]}}}]"},
              {"child", kListens}});
  const InstanceId late = house.start("late");
  const InstanceId of_late = house.child_of(late).id;
  EXPECT_EQ(end_in_time(late).problem->type, error_type_uri(ErrorKind::timeout));
  EXPECT_EQ(house.end_of(of_late).status, InstanceStatus::stopped);
  const InstanceId loser = house.start("loser");
  const InstanceId of_loser = house.child_of(loser).id;
  EXPECT_EQ(to_json(end_in_time(loser).output), R"({"w":1})");
  EXPECT_EQ(house.end_of(of_loser).status, InstanceStatus::stopped);
}

TEST(ChildWorkflow, ThatIsNotAwaitedLivesOnAndItsTaskGivesItsInput) {
  NodeHouse house;
  house.load(
      {{"parent", "do: [{child: {input: {from: '${ {mine: .a} }'}, " +
                      runs("child", ", input: {n: 1}", "latest", ", await: false").substr(1) +
                      "}, {hold: {listen: {to: {one: {with: {type: go}}}}, output: {as: '${ "
                      "$context }'}}}]"},
       {"quick", "do: [{child: {input: {from: '${ {mine: .a} }'}, " +
                     runs("child", "", "latest", ", await: false").substr(1) + "}]"},
       {"child", kListens}});
  const InstanceId parent = house.start("parent");
  const InstanceId child = house.child_of(parent).id;
  EXPECT_TRUE(house.node().engine().stop(parent));
  EXPECT_EQ(house.end_of(parent).status, InstanceStatus::stopped);
  EXPECT_FALSE(engine::ended(house.node().engine().find(child)->status));
  EXPECT_EQ(to_json(house.run("quick", R"({"a": 7})").output), R"({"mine":7})");
  EXPECT_EQ(house.open().size(), 2U);
}

TEST(ChildWorkflow, ThatRunsItselfForEverEnds) {
  NodeOptions options = open_to_loopback();
  options.engine.max_levels = 8;
  NodeHouse house(options);
  house.load({{"itself", parent_of(runs("itself"))},
              {"twins", "do: [{both: {fork: {branches: [{a: " + runs("twins") +
                            "}, {b: " + runs("twins") + "}]}}}]"},
              {"on", parent_of(runs("on", "", "latest", ", await: false"))}});
  const InstanceView view = house.run("itself");
  ASSERT_TRUE(view.problem);
  EXPECT_EQ(view.problem->code, "workflow-too-deep");
  EXPECT_EQ(view.problem->where, "/do/0/child");
  EXPECT_EQ(house.run("twins").status, InstanceStatus::faulted);
  EXPECT_EQ(house.run("on").status, InstanceStatus::completed);
  EXPECT_TRUE(house.node().engine().wait_until_idle(
      Deadline::after(house.node().clock(), Milliseconds(20'000))));
}

TEST(ChildWorkflow, IsStillStartedWhileTheNodeStops) {
  NodeHouse house;
  house.load({{"parent", "do: [{hold: {listen: {to: {one: {with: {type: go}}}}}}, {child: " +
                             runs("child", ", input: {n: 4}") + "}]"},
              {"child", kDouble}});
  const InstanceId parent = house.start("parent");
  while (house.node().engine().find(parent)->active_tasks.empty()) std::this_thread::yield();
  house.node().engine().refuse_new();
  house.node().engine().events().publish(Value::object({{"type", "go"}}));
  EXPECT_EQ(to_json(house.end_of(parent).output), R"({"n":8})");
}

// The node's last moments drop both; neither is ended, for the journal has them go on.
TEST(ChildWorkflow, IsNotStoppedWhereItsParentIsDropped) {
  NodeHouse house;
  house.load({{"parent", parent_of(runs("child"))}, {"child", kListens}});
  const InstanceId child = house.child_of(house.start("parent")).id;
  std::atomic<bool> ended = false;
  house.node().engine().when_ended(child, [&ended](const engine::InstanceView&) { ended = true; });
  house.leave();
  EXPECT_FALSE(ended);
}

// As a replay does that comes to the same step once more.
TEST(ChildWorkflow, OfAStepIsFoundByASecondStartOfIt) {
  NodeHouse house;
  house.load({{"child", kListens}});
  struct End final : engine::Observer {
    std::promise<InstanceId> id;
    void on_end(const InstanceView& view) override { id.set_value(view.id); }
  };
  engine::Engine& engine = house.node().engine();
  const auto start = [&](const std::string& step, const std::shared_ptr<End>& end) {
    engine::StartRequest request;
    request.workflow = house.node().catalog().find("test/child")->workflow;
    request.observer = end;
    request.parent = engine::Parent{InstanceId{7}, step, true};
    std::promise<InstanceId> admitted;
    engine.start(std::move(request),
                 [&admitted](const Result<InstanceId>& id) { admitted.set_value(*id); });
    return admitted.get_future().get();
  };
  const auto first = std::make_shared<End>();
  const auto second = std::make_shared<End>();
  const InstanceId child = start("trace-0.0/1", first);
  EXPECT_EQ(start("trace-0.0/1", second), child);
  EXPECT_NE(start("trace-0.0/2", std::make_shared<End>()), child);
  EXPECT_EQ(engine.open_instances(), 2U);
  EXPECT_TRUE(engine.stop(child));
  EXPECT_EQ(first->id.get_future().get(), child);
  EXPECT_EQ(second->id.get_future().get(), child);
  const auto late = std::make_shared<End>();
  EXPECT_EQ(start("trace-0.0/1", late), child) << "it has ended, and is told at once";
  EXPECT_EQ(late->id.get_future().get(), child);
}

}  // namespace
}  // namespace stepwell::daemon::test
