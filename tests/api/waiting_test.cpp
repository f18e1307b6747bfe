// Requests that wait for the end of an instance, as the server has them on the wire.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/server.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

const std::string kHealth = "GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kAsking =
    "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]";

constexpr const char* kStart = R"({"workflow":"test/get"})";

void wait_for_none(const Gauge& open) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (open.value() != 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(open.value(), 0);
}

// What is common to one I/O thread and several.
class Waiting : public testing::TestWithParam<std::size_t> {
 protected:
  Waiting() { serve({}); }
  void serve(ServerOptions options) {
    options.threads = GetParam();
    office_ = std::make_unique<Office>(options);
    office_->add_workflow("get", kAsking);
  }
  std::string wait(const std::string& limit) const {
    return office_->text_of("ana", "POST", "/api/v1/instances?wait=" + limit, kStart);
  }
  void finish() {
    office_->steps.next().ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  }
  std::unique_ptr<Office> office_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Waiting, testing::Values(1, 2));

TEST_P(Waiting, IsNotCutByTheLimitOfIdlenessNorEndsIt) {
  ServerOptions brief;
  brief.idle_timeout = Milliseconds(50);
  serve(brief);
  Wire wire(office_->address());
  wire.send(wait("300ms"));
  EXPECT_EQ(wire.read().json().get("status"), Value("running"));
  office_->steps.next();
  EXPECT_TRUE(wire.closed());
}

TEST_P(Waiting, IsNotCutByTheLimitOfReadingNorEndsIt) {
  ServerOptions brief;
  brief.read_timeout = Milliseconds(50);
  serve(brief);
  // A client that is held up may be cut off before its first request.
  auto wire = std::make_unique<Wire>(office_->address());
  for (wire->send(kHealth); !wire->read_until("healthy\n").ends_with("healthy\n");
       wire->send(kHealth))
    wire = std::make_unique<Wire>(office_->address());
  wire->send(wait("300ms"));
  EXPECT_EQ(wire->read().json().get("status"), Value("running"));
  office_->steps.next();
  // One that was answered before its time leaves nothing that happens then.
  wire->send(wait("300ms"));
  finish();
  (void)wire->read();
  const auto begin = std::chrono::steady_clock::now();
  wire->send(wait("400ms"));
  EXPECT_EQ(wire->read().json().get("status"), Value("running"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(400));
  office_->steps.next();
  wire->send(kHealth.substr(0, 10));
  EXPECT_TRUE(wire->closed());
}

TEST_P(Waiting, LeavesTheConnectionAsItWas) {
  const Gauge open = office_->metrics.gauge("stepwell_api_open_connections", "");
  {
    Wire wire(office_->address());
    for (int i = 0; i < 3; ++i) {
      wire.send(wait("5m"));
      finish();
      EXPECT_EQ(wire.read().json().get("status"), Value("completed"));
      wire.send(kHealth);
      EXPECT_EQ(wire.read().body, "healthy\n");
      // In two pieces, of which the first comes while somebody waits for a whole request.
      const std::string next = wait("5m");
      wire.send(next.substr(0, 30));
      EXPECT_EQ(office_->call("", "GET", "/-/healthy").status, 200);
      wire.send(next.substr(30));
      finish();
      EXPECT_EQ(wire.read().status, 201);
    }
    wire.send(wait("5m"));
    office_->steps.next();
  }
  wait_for_none(open);
}

TEST_P(Waiting, KeepsWhatIsSentAhead) {
  constexpr int kAhead = 300;  // more than is read before the answer
  std::string ahead;
  for (int i = 0; i < kAhead; ++i) ahead += kHealth;
  Wire wire(office_->address());
  for (const bool at_once : {true, false}) {
    if (at_once) {
      wire.send(wait("5m") + ahead);
    } else {
      wire.send(wait("5m"));
      EXPECT_EQ(office_->call("", "GET", "/-/healthy").status, 200);
      wire.send(ahead);
    }
    finish();
    EXPECT_EQ(wire.read().json().get("status"), Value("completed"));
    for (int i = 0; i < kAhead; ++i) ASSERT_EQ(wire.read().body, "healthy\n") << i;
  }
  // The last of what was sent ahead is such a wait as well.
  wire.send(wait("5m") + kHealth + wait("20ms"));
  finish();
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(wire.read().body, "healthy\n");
  EXPECT_EQ(wire.read().json().get("status"), Value("running"));
}

TEST(Server, AClientMayBeGoneBeforeItsStartIsAdmitted) {
  Office office;
  office.add_workflow("get", kAsking);
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::by_hand);
  const Gauge open = office.metrics.gauge("stepwell_api_open_connections", "");
  std::vector<stepwell::test::FakeSteps::Started> steps;
  for (const char* target : {"/api/v1/instances?wait=5m", "/api/v1/instances"}) {
    Wire wire(office.address());
    wire.send(office.text_of("ana", "POST", target, kStart));
    steps.push_back(office.steps.next());
    wire.reset();
    if (steps.size() == 1) wait_for_none(open);
  }
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::at_once);
  for (const auto& step : steps)
    step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  wait_for_none(open);
}

TEST(Server, AClientThatGoesAwayWhileItWaitsMakesRoom) {
  Office office;
  office.add_workflow("get", kAsking);
  const Gauge open = office.metrics.gauge("stepwell_api_open_connections", "");
  const std::string wait =
      office.text_of("ana", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})");
  std::vector<stepwell::test::FakeSteps::Started> steps;
  for (const std::string& ahead : {std::string(), kHealth}) {
    {
      Wire wire(office.address());
      wire.send(wait + ahead);
      steps.push_back(office.steps.next());
      EXPECT_EQ(open.value(), 1);
    }
    wait_for_none(open);
  }
  // What was sent ahead by one who stays is answered.
  Wire wire(office.address());
  wire.send(wait);
  steps.push_back(office.steps.next());
  wire.send(kHealth);
  EXPECT_EQ(office.call("", "GET", "/-/healthy").status, 200);
  for (const auto& step : steps)
    step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(wire.read().body, "healthy\n");
}

TEST(Server, ARevokedKeyWaitsInVain) {
  Office office;
  office.add_workflow("get", kAsking);
  Wire wire(office.address());
  wire.send(
      office.text_of("ana", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})"));
  const auto step = office.steps.next();
  const std::string key = office.authority->keys().verify("Api-Key " + office.key("ana"))->key_id;
  ASSERT_TRUE(office.authority->keys().revoke({"test", "test"}, key));
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value("what it made")));
  const Answer answer = wire.read();
  ASSERT_EQ(answer.status, 401);
  EXPECT_EQ(answer.reason(), "key-revoked");
  EXPECT_EQ(answer.body.find("what it made"), std::string::npos);
}

TEST(Server, LateAdmissionsGoNowhereOnceItIsGone) {
  Office office;
  office.add_workflow("get", kAsking);
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::by_hand);
  std::vector<stepwell::test::FakeSteps::Started> steps;
  std::vector<std::unique_ptr<Wire>> wires;
  for (const char* target : {"/api/v1/instances?wait=5m", "/api/v1/instances"}) {
    wires.push_back(std::make_unique<Wire>(office.address()));
    wires.back()->send(office.text_of("ana", "POST", target, kStart));
    steps.push_back(office.steps.next());
  }
  office.server.reset();
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::at_once);
  for (const auto& step : steps)
    step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  for (const auto& wire : wires) EXPECT_EQ(wire->read().status, 0);
}

}  // namespace
}  // namespace stepwell::api::test
