// What an instance did, as its steps and as a stream of events that can be resumed.
#include <gtest/gtest.h>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kTwoSteps = R"(do:
  - {first: {set: {a: 1}}}
  - {call: {call: http, with: {method: get, endpoint: 'http://h/'}}}
  - {never: {if: '${ false }', set: {b: 2}}}
)";

struct Event {
  std::string id;
  std::string name;
  Value data;
};

// The events in a stream's text, chunked or not.
std::vector<Event> events_of(const std::string& text) {
  std::vector<Event> events;
  Event event;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("id: ")) event.id = line.substr(4);
    if (line.starts_with("event: ")) event.name = line.substr(7);
    if (!line.starts_with("data: ")) continue;
    const Result<Value> data = parse_json(line.substr(6));
    EXPECT_TRUE(data) << line;
    if (data) event.data = *data;
    events.push_back(std::exchange(event, {}));
  }
  return events;
}

std::string line_of(const Event& event) {
  if (event.name == "status") return std::string(event.data.get("status").as_string());
  return std::string(event.data.get("event").as_string()) + ' ' +
         std::string(event.data.get("name").as_string());
}

std::vector<std::string> lines_of(const std::vector<Event>& events) {
  std::vector<std::string> lines;
  for (const Event& event : events) lines.push_back(line_of(event));
  return lines;
}

const std::vector<std::string> kLife{"started first",  "completed first", "started call", "running",
                                     "completed call", "skipped never",   "completed"};

class InstanceHistory : public ::testing::Test {
 protected:
  std::string start() {
    office.add_workflow("two", kTwoSteps);
    const Answer answer =
        office.call("ana", "POST", "/api/v1/instances", R"({"workflow":"test/two"})");
    EXPECT_EQ(answer.status, 201);
    return std::to_string(*answer.json().get("id").as_integer());
  }
  void finish(const stepwell::test::FakeSteps::Started& step) {
    step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
    EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  }
  std::string request(const std::string& id, const std::string& more = "") const {
    return "GET /api/v1/instances/" + id + "/events HTTP/1.1\r\nHost: h\r\n" + more +
           "Authorization: Api-Key " + office.key("vic") + "\r\n\r\n";
  }
  std::vector<Event> all(const std::string& id, const std::string& more = "") const {
    Wire wire(office.address());
    wire.send(request(id, more));
    return events_of(wire.read_until("\r\n0\r\n\r\n"));
  }

  Office office;
};

TEST_F(InstanceHistory, LiveAndAfterwardsItIsTheSame) {
  const std::string id = start();
  const auto step = office.steps.next();
  Wire wire(office.address());
  wire.send(request(id));
  std::string text = wire.read_until("\"running\"");
  finish(step);
  text += wire.read_until("\r\n0\r\n\r\n");
  const std::vector<Event> live = events_of(text);
  EXPECT_EQ(lines_of(live), kLife);
  const std::vector<Event> later = all(id);
  ASSERT_EQ(later.size(), live.size());
  for (std::size_t i = 0; i < live.size(); ++i) {
    EXPECT_EQ(later[i].id, live[i].id);
    EXPECT_EQ(later[i].data, live[i].data);
  }
}

TEST_F(InstanceHistory, GoesOnBehindTheLastEventThatTheClientHas) {
  const std::string id = start();
  finish(office.steps.next());
  const std::vector<Event> whole = all(id);
  ASSERT_EQ(lines_of(whole), kLife);
  for (std::size_t seen = 1; seen < whole.size(); ++seen) {
    const std::vector<Event> rest = all(id, "Last-Event-ID: " + whole[seen - 1].id + "\r\n");
    EXPECT_EQ(lines_of(rest), std::vector<std::string>(
                                  kLife.begin() + static_cast<std::ptrdiff_t>(seen), kLife.end()));
  }
  const std::string last = whole.back().id;
  EXPECT_EQ(
      office.call("vic", "GET", "/api/v1/instances/" + id + "/events?lastEventId=" + last).status,
      204);
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/instances/" + id + "/events?lastEventId=x").status,
            400);
}

TEST_F(InstanceHistory, AClientThatComesBackMidwayMissesNothing) {
  const std::string id = start();
  const auto step = office.steps.next();
  std::vector<Event> seen;
  {
    Wire wire(office.address());
    wire.send(request(id));
    seen = events_of(wire.read_until("\"running\"}"));
    ASSERT_FALSE(seen.empty());
  }
  seen.resize(1);
  Wire wire(office.address());
  wire.send(request(id, "Last-Event-ID: " + seen[0].id + "\r\n"));
  std::string text = wire.read_until("\"running\"");
  finish(step);
  text += wire.read_until("\r\n0\r\n\r\n");
  for (Event& event : events_of(text)) seen.push_back(std::move(event));
  EXPECT_EQ(lines_of(seen), kLife);
}

TEST_F(InstanceHistory, StepsSayHowFarEachTaskIs) {
  const std::string id = start();
  const auto step = office.steps.next();
  const std::string target = "/api/v1/instances/" + id + "/steps";
  Value items = office.call("vic", "GET", target).json().get("items");
  ASSERT_EQ(items.elements().size(), 2U);
  EXPECT_EQ(items.elements()[1].get("reference"), Value("/do/1/call"));
  EXPECT_EQ(items.elements()[1].get("kind"), Value("http"));
  EXPECT_EQ(items.elements()[1].get("status"), Value("running"));
  EXPECT_TRUE(items.elements()[1].get("endedTime").is_null());
  finish(step);
  const Value after = office.call("vic", "GET", target).json();
  EXPECT_EQ(after.get("whole"), Value(true));
  items = after.get("items");
  ASSERT_EQ(items.elements().size(), 3U);
  EXPECT_EQ(items.elements()[1].get("status"), Value("completed"));
  EXPECT_EQ(items.elements()[1].get("runs"), Value(1));
  EXPECT_EQ(items.elements()[2].get("status"), Value("skipped"));
}

TEST_F(InstanceHistory, AFaultIsTold) {
  const std::string id = start();
  const auto step = office.steps.next();
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(
      fail(make_problem(ErrorKind::communication, "http-status", "no"))));
  EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  const std::vector<Event> events = all(id);
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(line_of(events[events.size() - 2]), "faulted call");
  EXPECT_EQ(events[events.size() - 2].data.get("error").get("reason"), Value("http-status"));
  EXPECT_EQ(line_of(events.back()), "faulted");
}

TEST_F(InstanceHistory, WhatIsNotThereHasNone) {
  for (const char* what : {"events", "steps"}) {
    const std::string target = "/api/v1/instances/12345/" + std::string(what);
    EXPECT_EQ(office.call("vic", "GET", target).reason(), "instance-unknown");
    EXPECT_EQ(office.call("", "GET", target).status, 401);
  }
}

}  // namespace
}  // namespace stepwell::api::test
