// What an instance did, as its steps and as a stream of events that can be resumed.
#include <gtest/gtest.h>

#include "api/instance_events.h"
#include "tests/api/office.h"
#include "tests/api/stream_events.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kTwoSteps = R"(do:
  - {first: {set: {a: 1}}}
  - {call: {call: http, with: {method: get, endpoint: 'http://h/'}}}
  - {never: {if: '${ false }', set: {b: 2}}}
)";

std::string line_of(const StreamEvent& event) {
  if (event.name == "status") return std::string(event.data.get("status").as_string());
  return std::string(event.data.get("event").as_string()) + ' ' +
         std::string(event.data.get("name").as_string());
}

std::vector<std::string> lines_of(const std::vector<StreamEvent>& events) {
  std::vector<std::string> lines;
  for (const StreamEvent& event : events) lines.push_back(line_of(event));
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
  std::vector<StreamEvent> all(const std::string& id, const std::string& more = "") const {
    Wire wire(office.address());
    wire.send(request(id, more));
    return stream_events(wire.read_until("\r\n0\r\n\r\n"));
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
  const std::vector<StreamEvent> live = stream_events(text);
  EXPECT_EQ(lines_of(live), kLife);
  const std::vector<StreamEvent> later = all(id);
  ASSERT_EQ(later.size(), live.size());
  for (std::size_t i = 0; i < live.size(); ++i) {
    EXPECT_EQ(later[i].id, live[i].id);
    EXPECT_EQ(later[i].data, live[i].data);
  }
}

TEST_F(InstanceHistory, GoesOnBehindTheLastEventThatTheClientHas) {
  const std::string id = start();
  finish(office.steps.next());
  const std::vector<StreamEvent> whole = all(id);
  ASSERT_EQ(lines_of(whole), kLife);
  for (std::size_t seen = 1; seen < whole.size(); ++seen) {
    const std::vector<StreamEvent> rest = all(id, "Last-Event-ID: " + whole[seen - 1].id + "\r\n");
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
  std::vector<StreamEvent> seen;
  {
    Wire wire(office.address());
    wire.send(request(id));
    seen = stream_events(wire.read_until("\"running\"}"));
    ASSERT_FALSE(seen.empty());
  }
  seen.resize(1);
  Wire wire(office.address());
  wire.send(request(id, "Last-Event-ID: " + seen[0].id + "\r\n"));
  std::string text = wire.read_until("\"running\"");
  finish(step);
  text += wire.read_until("\r\n0\r\n\r\n");
  for (StreamEvent& event : stream_events(text)) seen.push_back(std::move(event));
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

// Once a stream went on as if nothing were missing.
TEST_F(InstanceHistory, WhereTheEndOfWhatWasIsMissingAGapIsTold) {
  const std::string id = start();
  finish(office.steps.next());
  const InstanceId number{std::stoull(id)};
  const engine::History whole = *office.engine->history(number);
  ASSERT_EQ(whole.entries.size(), kLife.size());
  struct Case {
    std::size_t live;  // the entry that is told first while it is read; 0: none, and it is over
    std::uint64_t seen;
    std::vector<std::string> expected;
  };
  const std::vector<std::string> begun{kLife[0], kLife[1], kLife[2]};
  const auto with = [](std::vector<std::string> texts, const std::vector<std::string>& more) {
    texts.insert(texts.end(), more.begin(), more.end());
    return texts;
  };
  const Case cases[] = {
      {3, 0, with(begun, {kLife[3], kLife[4], kLife[5], kLife[6]})},
      {4, 0, with(begun, {" gap", kLife[4], kLife[5], kLife[6]})},
      {6, 0, with(begun, {" gap", kLife[6]})},
      {0, 0, with(begun, {" gap"})},
      {5, 5, {kLife[5], kLife[6]}},
  };
  for (const Case& each : cases) {
    engine::History history = whole;
    history.entries.resize(3);
    history.whole = false;
    history.missing_after = history.entries.back().number;
    const auto events =
        std::make_shared<InstanceEvents>(office.authority->redactor(), number, each.seen);
    const auto stream =
        std::make_shared<EventStream>([events](EventStream& to) { events->fill(to); });
    for (std::size_t i = each.live; i > 0 && i < whole.entries.size(); ++i)
      events->on_entry(whole.entries[i]);
    events->on_over();
    ASSERT_TRUE(events->begin(std::move(history), stream));
    std::string text;
    for (bool last = false; !last;) {
      EventStream::Piece piece = stream->take(1U << 20U);
      text += piece.text;
      last = piece.last;
    }
    std::vector<std::string> lines;
    for (const StreamEvent& event : stream_events(text))
      lines.push_back(event.name == "gap" ? " gap" : line_of(event));
    EXPECT_EQ(lines, each.expected) << each.live;
  }
}

TEST_F(InstanceHistory, IsToldNoLongerThanThereIsTime) {
  const std::string id = start();
  finish(office.steps.next());
  const InstanceId number{std::stoull(id)};
  const engine::History whole = *office.engine->history(number);
  const std::vector<engine::Record> records = *office.journal.read(number);
  std::size_t shorter = 0;
  for (int patience = 0; patience < 10; ++patience) {
    int left = patience;
    const auto told =
        engine::history_of(*whole.program, number, records, [&left] { return left-- <= 0; });
    ASSERT_TRUE(told);
    if (!told->cut) {
      EXPECT_EQ(told->entries.size(), whole.entries.size());
      break;
    }
    ASSERT_LE(told->entries.size(), whole.entries.size());
    if (told->entries.size() < whole.entries.size()) ++shorter;
    for (std::size_t i = 0; i < told->entries.size(); ++i)
      EXPECT_EQ(told->entries[i].number, whole.entries[i].number);
  }
  EXPECT_GT(shorter, 0U);
}

TEST_F(InstanceHistory, AFaultIsTold) {
  const std::string id = start();
  const auto step = office.steps.next();
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(
      fail(make_problem(ErrorKind::communication, "http-status", "no"))));
  EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  const std::vector<StreamEvent> events = all(id);
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
