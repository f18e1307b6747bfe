// Instances that outlive the node which started them; what is kept of those that have ended.
#include <gtest/gtest.h>

#include <future>

#include "store/database.h"
#include "tests/daemon/durable_site.h"

namespace stepwell::daemon::test {
namespace {

using engine::InstanceStatus;

TEST(DurableNode, GoesOnWithWhatHadNotEnded) {
  DurableSite site;
  auto house = site.open(kListening);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  house.reset();

  house = site.open(kListening);
  EXPECT_EQ(house->node().engine().open_instances(), 1U);
  house->node().engine().events().publish(event_of("go"));
  const engine::InstanceView view = house->end_of(id);
  EXPECT_EQ(view.status, InstanceStatus::completed);
  EXPECT_EQ(to_json(view.input), R"({"n":1})");
  EXPECT_EQ(to_json(view.output), R"({"heard":true})");
}

TEST(DurableNode, GoesOnWithTheDefinitionThatItWasStartedWith) {
  DurableSite site;
  auto house = site.open(kListening);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  house.reset();

  house = site.open({{"listens", "do: [{other: {set: {other: true}}}]"}});
  house->node().engine().events().publish(event_of("go"));
  EXPECT_EQ(to_json(house->end_of(id).output), R"({"heard":true})");
}

TEST(DurableNode, TellsOfWhatEndedBeforeItWasOpened) {
  DurableSite site;
  auto house = site.open({{"double", "do: [{double: {set: {n: '${ .n * 2 }'}}}]"}});
  const InstanceId id = house->start("double", R"({"n": 4})");
  EXPECT_EQ(house->end_of(id).status, InstanceStatus::completed);
  house.reset();

  house = site.open({});
  EXPECT_EQ(house->node().engine().open_instances(), 0U);
  const auto view = house->node().engine().find(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->status, InstanceStatus::completed);
  EXPECT_EQ(to_json(view->output), R"({"n":8})");
}

// As a journal of the first format has it: nothing says to what a definition refers.
TEST(DurableNode, FindsWhatUsesACredentialAlsoInAnOldJournal) {
  const std::vector<NodeHouse::Text> texts{
      {"calls",
       "use: {secrets: [crm], authentications: {a: {bearer: {use: crm}}}}\n"
       "do: [{maybe: {if: '${ false }', call: http, with: {method: get, endpoint: {uri: "
       "'http://127.0.0.1/', authentication: {use: a}}}}}]"},
      {"plain", "do: [{a: {set: {n: 1}}}]"}};
  DurableSite site;
  auto house = site.open(texts);
  const std::string key = house->issue_key();
  const InstanceId calls = house->start("calls", "{}", key);
  const InstanceId plain = house->start("plain");
  for (const InstanceId id : {calls, plain})
    EXPECT_EQ(house->end_of(id).status, InstanceStatus::completed);
  house.reset();
  {
    auto database = store::Database::open(site.in_data("journal.db"));
    ASSERT_TRUE(database);
    // Only what is folded, so all of it.
    ASSERT_TRUE(database->execute(
        "UPDATE log SET records = replace(records, ',\"credentials\":[\"crm\"]', '');"
        "UPDATE log SET records = replace(records, ',\"credentials\":[]', '');"
        "UPDATE definitions SET record = json_remove(record, '$[7].credentials');"
        "DELETE FROM credential_uses"));
  }
  NodeOptions options = site.options();
  options.engine.keep_finished = 0;
  for (const bool learns : {true, false}) {
    house = site.open({}, options);  // nothing has loaded it
    const auto found = [&](const engine::InstanceFilter& filter) {
      engine::InstanceQuery query;
      query.filter = filter;
      std::vector<std::uint64_t> ids;
      const auto page = house->node().engine().list(query);
      EXPECT_TRUE(page);
      for (const engine::InstanceView& view : page->views) ids.push_back(view.id.number);
      return ids;
    };
    using Ids = std::vector<std::uint64_t>;
    engine::InstanceFilter filter;
    filter.credential = "crm";
    EXPECT_EQ(found(filter), Ids{calls.number}) << learns;
    filter = {};
    filter.keys = {key};
    EXPECT_EQ(found(filter), Ids{calls.number});
    filter.keys = {"sw_other"};
    EXPECT_EQ(found(filter), Ids{});
    filter.keys = {"sw_other", key};
    EXPECT_EQ(found(filter), Ids{calls.number});
    filter = {};
    EXPECT_EQ(found(filter), (Ids{calls.number, plain.number}));
    house.reset();
  }
}

// A crash may come between the claim of a file and the admission of its instance, or behind that.
TEST(DurableNode, SettlesWithWhichInstanceFilesGo) {
  DurableSite site;
  auto house = site.open(kListening);
  const auto hand_in = [&] {
    auto writer = house->node().files()->create({}, 1_MiB);
    EXPECT_TRUE(writer && (*writer)->write("x"));
    return (*writer)->finish().value().id;
  };
  const std::string admitted = hand_in();
  const std::string lost = hand_in();
  engine::StartRequest request;
  request.workflow = house->node().catalog().find("test/listens")->workflow;
  request.prepare = [&](InstanceId id) -> Status {
    const auto claim = house->node().files()->claim({admitted}, id);
    return claim ? Status() : fail(claim.error());
  };
  std::promise<Result<InstanceId>> started;
  house->node().engine().start(std::move(request),
                               [&](Result<InstanceId> id) { started.set_value(std::move(id)); });
  const InstanceId id = started.get_future().get().value();
  ASSERT_TRUE(house->node().files()->claim({lost}, InstanceId{id.number + 1}));
  house.reset();  // nobody has said what became of the claims

  house = site.open(kListening);
  engine::Files& files = *house->node().files();
  EXPECT_EQ((*files.find(admitted))->instance, id);
  EXPECT_FALSE((*files.find(lost))->instance);
  EXPECT_TRUE(files.claim({lost}, InstanceId{id.number + 2}));
}

// A site whose instances end one millisecond of a clock by hand after the other.
class Kept : public testing::Test {
 protected:
  std::unique_ptr<NodeHouse> open(RetentionOptions retention, const std::string& metadata = "{}") {
    NodeOptions options = site.options();
    options.retention = retention;
    options.substitutes.clock = &clock;
    options.engine.keep_finished = 0;  // what can be read is in the journal
    return site.open({{"plain", "do: [{a: {set: {n: 1}}}]", "1.0.0", metadata},
                      {"other", "do: [{a: {set: {n: 1}}}]"}},
                     options);
  }
  InstanceId run(NodeHouse& house, const std::string& name) {
    const InstanceId id = house.start(name);
    // Memory has forgotten it by then.
    EXPECT_EQ(house.end_of(id).status, InstanceStatus::completed);
    clock.advance(std::chrono::minutes(1));
    return id;
  }
  static bool there(NodeHouse& house, InstanceId id) {
    return house.node().engine().find(id).has_value();
  }

  stepwell::test::ManualClock clock;
  DurableSite site;
};

TEST_F(Kept, AreTheLatestSoMany) {
  auto house = open({2, std::chrono::hours(24)});
  const InstanceId first = run(*house, "plain");
  const InstanceId second = run(*house, "other");
  const InstanceId third = run(*house, "plain");
  EXPECT_EQ(house->node().journal()->prune(), 1U);
  EXPECT_FALSE(there(*house, first));
  EXPECT_TRUE(there(*house, second));
  EXPECT_TRUE(there(*house, third));
  EXPECT_EQ(house->node().journal()->prune(), 0U);
}

TEST_F(Kept, AreThoseThatAreNotTooOld) {
  auto house = open({100, std::chrono::hours(1)});
  const InstanceId first = run(*house, "plain");
  clock.advance(std::chrono::minutes(40));
  const InstanceId second = run(*house, "plain");
  EXPECT_EQ(house->node().journal()->prune(), 0U);
  clock.advance(std::chrono::minutes(30));
  EXPECT_EQ(house->node().journal()->prune(), 1U);
  EXPECT_FALSE(there(*house, first));
  EXPECT_TRUE(there(*house, second));
}

TEST_F(Kept, AreFewerWhereTheWorkflowSaysSo) {
  auto house = open({100, std::chrono::hours(1)}, "{stepwell: {retention: {count: 1}}}");
  const InstanceId first = run(*house, "plain");
  const InstanceId second = run(*house, "plain");
  const InstanceId other = run(*house, "other");
  const InstanceId another = run(*house, "other");
  EXPECT_EQ(house->node().journal()->prune(), 1U);
  EXPECT_FALSE(there(*house, first));
  for (const InstanceId id : {second, other, another}) EXPECT_TRUE(there(*house, id)) << id.number;
}

TEST_F(Kept, AreAlwaysThoseThatHaveNotEnded) {
  NodeOptions options = site.options();
  options.retention = {0, Milliseconds(1)};
  options.substitutes.clock = &clock;
  auto house = site.open(kListening, options);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  clock.advance(std::chrono::hours(24));
  EXPECT_EQ(house->node().journal()->prune(), 0U);
  EXPECT_TRUE(there(*house, id));
}

}  // namespace
}  // namespace stepwell::daemon::test
