// Events on their way to an HTTP address of somebody else, from instances of a real node.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "tests/daemon/node_house.h"
#include "tests/support/played_server.h"

namespace stepwell::daemon::test {
namespace {

using stepwell::test::PlayedAnswer;
using stepwell::test::PlayedRequest;
using stepwell::test::PlayedServer;

constexpr const char* kPrefix = "io.serverlessworkflow.";

// Takes events, and answers by what the test has planned for the first requests; 202 after that.
class Receiver {
 public:
  explicit Receiver(std::vector<PlayedAnswer> planned = {}) : planned_(std::move(planned)) {}

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + "/events?of=stepwell";
  }
  std::vector<PlayedRequest> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  // The types of all that came, without what the standard's begin with.
  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const PlayedRequest& request : requests()) {
      std::string type(parse_json(request.body)->get("type").as_string());
      types.push_back(type.starts_with(kPrefix) ? type.substr(std::string(kPrefix).size()) : type);
    }
    return types;
  }
  PlayedServer& server() { return server_; }

 private:
  PlayedAnswer answer(const PlayedRequest& request) {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(request);
    const std::size_t number = requests_.size() - 1;
    return number < planned_.size() ? planned_[number] : PlayedAnswer{202, {}, ""};
  }

  std::vector<PlayedAnswer> planned_;
  mutable std::mutex mutex_;
  std::vector<PlayedRequest> requests_;  // guarded by mutex_
  PlayedServer server_{[this](const PlayedRequest& request) { return answer(request); }};
};

NodeOptions sending_to(const Receiver& receiver,
                       std::vector<std::string> types = {"io.serverlessworkflow.*"}) {
  NodeOptions options = open_to_loopback();
  options.log_level = LogLevel::error;
  options.event_sink.url = receiver.url();
  options.event_sink.delay = Milliseconds(1);
  options.event_sink_types = std::move(types);
  return options;
}

bool flush(NodeHouse& house, Milliseconds patience = Milliseconds(20'000)) {
  return house.node().flush_events(Deadline::after(house.node().clock(), patience));
}

double outcome(NodeHouse& house, const char* name) {
  return house.node()
      .metrics()
      .counter("stepwell_event_sink_events_total", "", {{"outcome", name}})
      .value();
}

constexpr const char* kOneTask = "do: [{a: {set: {x: 1}}}]";
constexpr const char* kEmits =
    "do: [{tell: {emit: {event: {with: {type: com.example.told, data: {n: 1}}}}}}]";

TEST(EventSink, GetsTheLivesOfInstancesAndTasksInOrder) {
  Receiver receiver;
  NodeHouse house(sending_to(receiver));
  house.load({{"one", kOneTask}});
  const engine::InstanceView view = house.run("one");
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(receiver.types(),
            (std::vector<std::string>{
                "workflow.started.v1", "workflow.status-changed.v1", "task.created.v1",
                "task.started.v1", "task.status-changed.v1", "task.completed.v1",
                "task.status-changed.v1", "workflow.completed.v1", "workflow.status-changed.v1"}));
  const PlayedRequest first = receiver.requests().at(0);
  EXPECT_EQ(first.method, "POST");
  EXPECT_EQ(first.path + "?" + first.query, "/events?of=stepwell");
  EXPECT_EQ(first.header("content-type"), "application/cloudevents+json; charset=utf-8");
  const Value event = *parse_json(first.body);
  EXPECT_EQ(event.get("specversion"), Value("1.0"));
  EXPECT_EQ(event.get("source"), Value("/test/one/" + std::to_string(view.id.number)));
  EXPECT_EQ(outcome(house, "delivered"), 9);
}

TEST(EventSink, GetsOnlyTheTypesThatAreWished) {
  struct Case {
    std::vector<std::string> types;
    std::vector<std::string> come;
  };
  for (const Case& each :
       {Case{{"io.serverlessworkflow.workflow.completed.v1"}, {"workflow.completed.v1"}},
        Case{{"com.example.*"}, {"com.example.told"}},
        Case{{"com.example.*", "io.serverlessworkflow.workflow.started.v1"},
             {"workflow.started.v1", "com.example.told"}},
        Case{{"com.example"}, {}}}) {
    Receiver receiver;
    NodeHouse house(sending_to(receiver, each.types));
    house.load({{"emits", kEmits}});
    house.run("emits");
    ASSERT_TRUE(flush(house));
    EXPECT_EQ(receiver.types(), each.come);
  }
}

TEST(EventSink, GetsNothingThatCameFromOutside) {
  Receiver receiver;
  NodeHouse house(sending_to(receiver, {"*"}));
  const Value event = Value::object({{"type", "com.example.foreign"}, {"source", "/x"}});
  house.node().engine().events().publish(event, engine::EventBus::From::outside);
  house.node().engine().events().publish(event);
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(receiver.types(), (std::vector<std::string>{"com.example.foreign"}));
}

TEST(EventSink, HearsOfACorrelationThatIsCompletedAndNotOfOneThatIsCancelled) {
  struct Case {
    bool stopped;
    std::vector<std::string> come;
  };
  for (const Case& each :
       {Case{false, {"workflow.correlation-started.v1", "workflow.correlation-completed.v1"}},
        Case{true, {"workflow.correlation-started.v1"}}}) {
    Receiver receiver;
    NodeHouse house(sending_to(receiver, {"io.serverlessworkflow.workflow.correlation-*"}));
    house.load({{"listens", "do: [{hear: {listen: {to: {one: {with: {type: go}}}}}}]"}});
    const InstanceId id = house.start("listens");
    while (house.node().engine().find(id)->active_tasks.empty()) std::this_thread::yield();
    if (each.stopped)
      ASSERT_TRUE(house.node().engine().stop(id));
    else
      house.node().engine().events().publish(Value::object({{"type", "go"}}));
    house.end_of(id);
    ASSERT_TRUE(flush(house));
    EXPECT_EQ(receiver.types(), each.come);
  }
}

TEST(EventSink, TriesAgainWhatAnotherTimeMayHelp) {
  Receiver receiver(
      {{503, {}, ""}, {429, {}, ""}, {0, {}, "", PlayedAnswer::Ending::close}, {200, {}, ""}});
  NodeHouse house(sending_to(receiver, {"com.example.*"}));
  house.load({{"emits", kEmits}});
  house.run("emits");
  ASSERT_TRUE(flush(house));
  const std::vector<PlayedRequest> requests = receiver.requests();
  ASSERT_GE(requests.size(), 4U);
  EXPECT_EQ(requests.front().body, requests.back().body);
  EXPECT_EQ(outcome(house, "delivered"), 1);
  EXPECT_EQ(outcome(house, "failed"), 0);
}

TEST(EventSink, GivesUpAfterAFewAttemptsAndAtOnceWhereTheyCannotHelp) {
  Receiver receiver({{400, {}, ""}, {503, {}, ""}, {503, {}, ""}, {503, {}, ""}});
  NodeOptions options = sending_to(receiver, {"com.example.*"});
  options.event_sink.attempts = 3;
  NodeHouse house(options);
  house.load({{"emits", kEmits}});
  house.run("emits");
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(receiver.requests().size(), 1U);
  house.run("emits");
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(receiver.requests().size(), 4U);
  EXPECT_EQ(outcome(house, "failed"), 2);
  house.run("emits");
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(outcome(house, "delivered"), 1);
}

// Instances go on while the sink does not answer; of what waits, the oldest goes.
TEST(EventSink, ThatDoesNotAnswerHoldsNothingUpAndTheOldestEventsAreDropped) {
  Receiver receiver({{0, {}, "", PlayedAnswer::Ending::never}});
  NodeOptions options = sending_to(receiver, {"com.example.*"});
  options.event_sink.queue = Bytes{3000};
  NodeHouse house(options);
  engine::EventBus& bus = house.node().engine().events();
  const auto emit = [&bus](int n) {
    bus.publish(Value::object({{"type", "com.example.n"},
                               {"source", "/one"},
                               {"n", n},
                               {"data", std::string(900, 'x')}}));
  };
  emit(0);
  while (receiver.server().held() == 0) std::this_thread::yield();
  for (int n = 1; n <= 6; ++n) emit(n);
  EXPECT_FALSE(flush(house, Milliseconds(1)));
  EXPECT_EQ(outcome(house, "dropped"), 4);
  receiver.server().release({202, {}, ""});
  ASSERT_TRUE(flush(house));
  std::vector<std::int64_t> numbers;
  for (const PlayedRequest& request : receiver.requests())
    numbers.push_back(*parse_json(request.body)->get("n").as_integer());
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 5, 6}));
}

TEST(EventSink, IsLeftWithRequestsUnderWay) {
  Receiver receiver({{0, {}, "", PlayedAnswer::Ending::never}});
  NodeHouse house(sending_to(receiver, {"com.example.*"}));
  house.load({{"emits", kEmits}});
  house.run("emits");
  while (receiver.server().held() == 0) std::this_thread::yield();
  house.leave();
}

TEST(EventSink, IsAskedWithItsCredentialAndSeesNoSecret) {
  Receiver receiver;
  NodeOptions options = sending_to(receiver, {"com.example.*"});
  options.event_sink.credential = "sink";
  NodeHouse house(options);
  auth::NewCredential credential;
  credential.name = "sink";
  credential.kind = auth::CredentialKind::bearer;
  credential.value.secret = Secret::take("events-0123456789");
  credential.origins = {"http://127.0.0.1:" + std::to_string(receiver.server().port())};
  auth::Credentials& credentials = house.node().authority().credentials();
  ASSERT_TRUE(credentials.add(kAda, std::move(credential)));
  house.node().engine().events().publish(
      Value::object({{"type", "com.example.said"}, {"data", "it is events-0123456789"}}));
  ASSERT_TRUE(flush(house));
  ASSERT_EQ(receiver.requests().size(), 1U);
  EXPECT_EQ(receiver.requests()[0].header("authorization"), "Bearer events-0123456789");
  EXPECT_EQ(parse_json(receiver.requests()[0].body)->get("data"), Value("it is ***"));
  ASSERT_TRUE(credentials.revoke(kAda, "sink"));
  for (int i = 0; i < 2000; ++i)
    house.node().engine().events().publish(Value::object({{"type", "com.example.said"}}));
  ASSERT_TRUE(flush(house));
  EXPECT_EQ(receiver.requests().size(), 1U);
  EXPECT_EQ(outcome(house, "failed"), 2000);
}

TEST(EventSink, MustBeAUrl) {
  NodeOptions options = open_to_loopback();
  options.event_sink.url = "http://";
  const auto node = Node::open(options);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, "settings-invalid");
}

}  // namespace
}  // namespace stepwell::daemon::test
