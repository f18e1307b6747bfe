// What becomes of all instances, as a stream of events.
#include <gtest/gtest.h>

#include <thread>

#include "api/change_feed.h"
#include "tests/api/office.h"
#include "tests/api/stream_events.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::ReadyResult;

constexpr const char* kFeedPath = "/api/v1/instances/events";

// "NAME STATUS INSTANCE-NAME", or NAME alone.
std::string feed_text(const StreamEvent& event) {
  if (!event.data.contains("id")) return event.name;
  return event.name + ' ' + std::string(event.data.get("status").as_string()) + ' ' +
         std::string(event.data.get("name").as_string());
}

std::vector<std::string> feed_texts(const std::vector<StreamEvent>& events) {
  std::vector<std::string> texts;
  for (const StreamEvent& event : events) texts.push_back(feed_text(event));
  return texts;
}

using Texts = std::vector<std::string>;

class Feed : public testing::Test {
 protected:
  Feed() {
    office.add_workflow("quick", "do: [{a: {set: {x: 1}}}]");
    office.add_workflow("slow",
                        "do: [{ask: {call: http, with: {method: get, endpoint: 'http://h/a'}}}]");
  }
  ~Feed() override { office.engine->refuse_new(); }

  std::string start(const std::string& workflow, const std::string& name,
                    const std::string& user = "olga", const std::string& more = "") {
    const Answer created = office.call(
        user, "POST", "/api/v1/instances",
        R"({"workflow":"test/)" + workflow + R"(","name":")" + name + "\"" + more + "}");
    EXPECT_EQ(created.status, 201) << created.body;
    return to_json(created.json().get("id"));
  }
  std::unique_ptr<Wire> open(const std::string& query = "", const std::string& headers = "") {
    auto wire = std::make_unique<Wire>(office.address());
    wire->send("GET " + std::string(kFeedPath) + query + " HTTP/1.1\r\nHost: h\r\n" + headers +
               "Authorization: Api-Key " + office.key("vic") + "\r\n\r\n");
    return wire;
  }
  // Opened, and following for sure.
  std::unique_ptr<Wire> begun(const std::string& query = "") {
    auto wire = open(query);
    EXPECT_NE(wire->read_until("event: begin\ndata: {}\n\n"), "");
    return wire;
  }
  static std::vector<StreamEvent> until(Wire& wire, const std::string& mark) {
    std::string text = wire.read_until(mark);
    text += wire.read_until("}\n\n");
    return stream_events(text);
  }

  Office office;
};

TEST_F(Feed, TellsEachOtherStatusAndLabel) {
  const auto wire = begun();
  const std::string slow = start("slow", "one");
  auto step = office.steps.next();
  EXPECT_EQ(office.call("olga", "PATCH", "/api/v1/instances/" + slow, R"({"name":"two"})").status,
            200);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/instances/" + slow + "/suspend").status, 200);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/instances/" + slow + "/resume").status, 200);
  step.ticket.finish(std::make_unique<ReadyResult>(Value(7)));
  const std::vector<StreamEvent> events = until(*wire, "\"completed\"");
  EXPECT_EQ(feed_texts(events),
            (Texts{"status running one", "changed running two", "status suspended two",
                   "status running two", "status completed two"}));
  const Value& data = events.back().data;
  EXPECT_EQ(to_json(data.get("id")), slow);
  EXPECT_EQ(data.get("workflow"), Value("test/slow:1.0.0"));
  EXPECT_FALSE(data.contains("input")) << "as in lists";
  std::uint64_t last = 0;
  for (const StreamEvent& event : events) {
    const std::uint64_t number = std::stoull(event.id.substr(event.id.find('-') + 1));
    EXPECT_GT(number, last);
    last = number;
  }
}

TEST_F(Feed, TellsOnlyWhatTheFilterPicks) {
  const std::pair<const char*, Texts> table[] = {
      {"?workflow=test/slow", {"status running b"}},
      {"?workflow=test/quick:1.0.0&status=completed", {"status completed a"}},
      {"?status=completed", {"status completed a", "status completed z"}},
      {"?tag=red,blue", {"status running b"}},
      {"?priority=H", {"status running b"}},
      {"?name=B", {"status running b"}},
      {"?runAs=ana", {"status running b"}},
      {"?runAs=olga", {"status completed a", "status completed z"}},
      {"?parent=77", {}},
  };
  for (const auto& [query, expected] : table) {
    const auto wire = begun(query);
    const auto witness = begun();
    start("quick", "a");
    start("slow", "b", "ana", R"(,"tags":["red"],"priority":"H")");
    office.steps.next();
    start("quick", "z");
    (void)until(*witness, "\"z\"");
    if (!expected.empty()) {
      const std::string last = expected.back().substr(expected.back().rfind(' ') + 1);
      EXPECT_EQ(feed_texts(until(*wire, "\"name\":\"" + last + "\"")), expected) << query;
    }
  }
  for (const char* query : {"?status=odd", "?step=ask", "?startedAfter=2027-01-01", "?limit=1"})
    EXPECT_EQ(office.call("vic", "GET", kFeedPath + std::string(query)).status, 400) << query;
}

TEST_F(Feed, GoesOnBehindTheLastEventThatTheClientHas) {
  std::string id;
  {
    const auto wire = begun();
    start("quick", "a");
    id = until(*wire, "\"completed\"").back().id;
  }
  start("quick", "b");
  start("quick", "c");
  const auto again = open("", "Last-Event-ID: " + id + "\r\n");
  EXPECT_EQ(feed_texts(until(*again, "\"c\"")),
            (Texts{"status completed b", "status completed c"}));
  const auto other = open("?lastEventId=" + id + "&name=c");
  EXPECT_EQ(feed_texts(until(*other, "\"c\"")), Texts{"status completed c"});
}

TEST_F(Feed, SaysWhereItCannotGoOn) {
  const auto wire = open("", "Last-Event-ID: 0123456789ab-7\r\n");
  (void)wire->read_until("event: gap\ndata: {}\n\n");
  start("quick", "a");
  EXPECT_EQ(feed_texts(until(*wire, "\"a\"")), Texts{"status completed a"});
  for (const char* id : {"7", "0123456789ab", "0123456789ab-", "0123456789ab-x", "-7"})
    EXPECT_EQ(office.call("vic", "GET", kFeedPath + ("?lastEventId=" + std::string(id))).status,
              400)
        << id;
}

TEST_F(Feed, IsForThoseWhoMaySeeInstances) {
  EXPECT_EQ(office.call("", "GET", kFeedPath).status, 401);
  const Value key = office
                        .call("ana", "POST", "/api/v1/keys",
                              R"({"name":"n","user":"ana","scopes":["start-instances"]})")
                        .json();
  Wire narrow(office.address());
  narrow.send("GET " + std::string(kFeedPath) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              std::string(key.get("key").as_string()) + "\r\n\r\n");
  EXPECT_EQ(narrow.read().status, 403);
  // Whoever reads sees nothing more once his key is revoked.
  const auto wire = begun();
  const std::string vic = office.key("vic").substr(0, office.key("vic").find('.'));
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/keys/" + vic + "/revoke").status, 200);
  start("quick", "a");
  EXPECT_EQ(wire->read_until("\"a\"").find("\"a\""), std::string::npos);
}

// However much happens meanwhile, of what a slow reader has not taken only so many are kept.
TEST_F(Feed, ASlowReaderHasAGapAndTheLastChanges) {
  const auto feed = std::make_shared<ChangeFeed>(
      ChangeFeed::Surroundings{*office.engine, office.authority->redactor(), office.clock,
                               office.entropy, office.reactor},
      8);
  const auto stream = feed->open({}, std::nullopt);
  ASSERT_TRUE(stream);
  std::atomic<int> woken = 0;
  (*stream)->attach([&woken] { ++woken; });
  (void)(*stream)->take(1U << 20U);
  (void)(*stream)->take(1U << 20U);  // it rests
  woken = 0;
  engine::InstanceView view;
  view.workflow = "a/b:1.0.0";
  view.name = std::string(1'000, 'x');
  for (std::uint64_t i = 1; i <= 1'000; ++i) {
    view.id = InstanceId{i};
    feed->on_change(view, engine::InstanceChange::status);
  }
  EXPECT_EQ(woken, 1) << "once for all until it looks";
  const std::vector<StreamEvent> events = stream_events((*stream)->take(1U << 20U).text);
  ASSERT_EQ(events.size(), 9U);
  EXPECT_EQ(events.front().name, "gap");
  EXPECT_EQ(events[1].data.get("id"), Value(993));
  EXPECT_EQ(events.back().data.get("id"), Value(1'000));
  EXPECT_TRUE((*stream)->take(1U << 20U).text.empty());
  woken = 0;
  feed->on_change(view, engine::InstanceChange::label);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(stream_events((*stream)->take(1U << 20U).text).front().name, "changed");
  (*stream)->detach();
  office.engine->unfollow(feed.get());
}

// Nor is anything cut: what has no room waits in its place.
TEST_F(Feed, AReaderTakesManyLargeOnesOneAfterTheOther) {
  const auto feed = std::make_shared<ChangeFeed>(ChangeFeed::Surroundings{
      *office.engine, office.authority->redactor(), office.clock, office.entropy, office.reactor});
  const auto stream = feed->open({}, std::nullopt);
  ASSERT_TRUE(stream);
  engine::InstanceView view;
  view.workflow = "a/b:1.0.0";
  view.name = std::string(30'000, 'x');
  for (std::uint64_t i = 1; i <= 100; ++i) {
    view.id = InstanceId{i};
    feed->on_change(view, engine::InstanceChange::status);
  }
  std::string text;
  for (std::size_t calm = 0; calm < 2;) {
    const std::string piece = (*stream)->take(64U << 10U).text;
    calm = piece.empty() ? calm + 1 : 0;
    text += piece;
  }
  EXPECT_FALSE((*stream)->cut());
  EXPECT_EQ(stream_events(text).size(), 101U) << "and `begin`";
  (*stream)->detach();
  office.engine->unfollow(feed.get());
}

}  // namespace
}  // namespace stepwell::api::test
