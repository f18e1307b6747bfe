// CloudEvents from outside, in each of the three modes.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kPath = "/api/v1/events";

class Events : public testing::Test {
 protected:
  Events() {
    office.add_workflow("door",
                        "do: [{l: {listen: {to: {one: {with: {type: door.opened}}}, read: "
                        "envelope}}}, {o: {set: '${ .[0] }'}}]");
  }

  // The event that the listening instance got, once `send` has sent it.
  template <class Send>
  Value got_after(const Send& send) {
    Wire waiting(office.address());
    waiting.send(
        office.text_of("olga", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/door"})"));
    while (!office.engine->events().wanted("door.opened")) std::this_thread::yield();
    send();
    return waiting.read().json().get("output");
  }

  // A request with headers of its own.
  Answer post(const std::string& headers, const std::string& body, const char* user = "olga") {
    Wire wire(office.address());
    wire.send(std::string("POST ") + kPath + " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              office.key(user) + "\r\n" + headers +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return wire.read();
  }

  Office office;
};

constexpr const char* kOpened =
    R"({"specversion":"1.0","id":"1","source":"/door","type":"door.opened","data":{"by":"Ada"}})";

TEST_F(Events, StructuredModeReachesWhoListens) {
  const Value event = got_after([&] {
    const Answer answer =
        post("Content-Type: application/cloudevents+json; charset=UTF-8\r\n", kOpened);
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(to_json(answer.json()), R"({"accepted":1})");
  });
  EXPECT_EQ(to_json(event), kOpened);
}

TEST_F(Events, BatchModeHandsOnEachEvent) {
  const Value event = got_after([&] {
    const Answer answer =
        post("Content-Type: application/cloudevents-batch+json\r\n",
             R"([{"specversion":"1.0","id":"0","source":"/door","type":"door.closed"},)" +
                 std::string(kOpened) + "]");
    EXPECT_EQ(to_json(answer.json()), R"({"accepted":2})");
  });
  EXPECT_EQ(to_json(event), kOpened);
}

TEST_F(Events, BinaryModeTakesHeadersAndBody) {
  const std::string headers =
      "ce-specversion: 1.0\r\nCE-Id: 1\r\nce-source: /door\r\nce-type: door.opened\r\n"
      "ce-subject: Euro%20%E2%82%AC 50%\r\n";
  EXPECT_EQ(to_json(got_after(
                [&] { post(headers + "Content-Type: application/json\r\n", R"({"by":"Ada"})"); })),
            "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/door\",\"type\":\"door.opened\","
            "\"subject\":\"Euro \u20ac 50%\",\"datacontenttype\":\"application/json\",\"data\":{"
            "\"by\":\"Ada\"}}");
  EXPECT_EQ(got_after([&] { post(headers + "Content-Type: text/plain\r\n", "hi"); }).get("data"),
            Value("hi"));
  EXPECT_EQ(got_after([&] {
              post(headers + "Content-Type: image/png\r\n", "\x89PNG");
            }).get("data_base64"),
            Value("iVBORw=="));
  EXPECT_FALSE(got_after([&] { post(headers, ""); }).contains("data"));
}

TEST_F(Events, BinaryModeUnquotesHeadersAndKeepsTheWholeContentType) {
  const Value event = got_after([&] {
    post(
        "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /door\r\nce-type: door.opened\r\n"
        "ce-subject: \"a \\\"b\\\" %25 c\"\r\nce-floor: 3\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n",
        "hi");
  });
  EXPECT_EQ(event.get("subject"), Value("a \"b\" % c"));
  EXPECT_EQ(event.get("floor"), Value("3"));
  EXPECT_EQ(event.get("datacontenttype"), Value("text/plain; charset=utf-8"));
  EXPECT_EQ(event.get("data"), Value("hi"));
}

TEST_F(Events, StructuredModeTakesExtensionsAndLeavesOutWhatIsNull) {
  const Value event = got_after([&] {
    const Answer answer =
        post("Content-Type: application/cloudevents+json\r\n",
             R"({"specversion":"1.0","id":"1","source":"/door","type":"door.opened","floor":3,)"
             R"("locked":false,"subject":null,"time":"2026-01-01T00:00:00+01:00","data":null})");
    EXPECT_EQ(answer.status, 202);
  });
  EXPECT_EQ(to_json(event),
            R"({"specversion":"1.0","id":"1","source":"/door","type":"door.opened","floor":3,)"
            R"("locked":false,"time":"2026-01-01T00:00:00+01:00","data":null})");
}

TEST_F(Events, AreAcknowledgedOnceTheyCannotBeLost) {
  using stepwell::test::KeepingJournal;
  const Value event = got_after([&] {
    office.journal.set_mode(KeepingJournal::Mode::by_hand);
    auto answer = std::async(std::launch::async, [&] {
      return post("Content-Type: application/cloudevents-batch+json\r\n",
                  R"([{"specversion":"1.0","id":"0","source":"/door","type":"door.closed"},)" +
                      std::string(kOpened) + "]");
    });
    while (office.journal.waiting() == 0) std::this_thread::yield();
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    office.journal.set_mode(KeepingJournal::Mode::at_once);
    EXPECT_EQ(answer.get().status, 202);
  });
  EXPECT_EQ(to_json(event), kOpened);
  const Answer empty = post("Content-Type: application/cloudevents-batch+json\r\n", "[]");
  EXPECT_EQ(to_json(empty.json()), R"({"accepted":0})");
}

TEST_F(Events, RefusesWhatIsNoEvent) {
  const char* structured = "Content-Type: application/cloudevents+json\r\n";
  const char* batch = "Content-Type: application/cloudevents-batch+json\r\n";
  struct Case {
    const char* headers;
    const char* body;
    int status;
  };
  for (
      const Case& c : std::initializer_list<Case>{
          {structured, "", 400},
          {structured, "[]", 400},
          {structured, "{", 400},
          {structured, R"({"id":"1","source":"s","type":"t"})", 400},
          {structured, R"({"specversion":"0.3","id":"1","source":"s","type":"t"})", 400},
          {structured, R"({"specversion":"1.0","id":1,"source":"s","type":"t"})", 400},
          {structured, R"({"specversion":"1.0","id":"1","source":"","type":"t"})", 400},
          {structured,
           R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="})",
           400},
          {batch, "{}", 400},
          {batch, R"([{"specversion":"1.0","id":"1","source":"s","type":"t"},{}])", 400},
          {"ce-type: t\r\n", "1", 400},
          {"ce-type: t\r\nce-id: %ff\r\n", "1", 400},
          {"ce-specversion: 1.0\r\nce-type: t\r\nce-id: 1\r\nce-id: 2\r\nce-source: s\r\n", "1",
           400},
          {"ce-specversion: 1.0\r\nce-type: t\r\nce-id: 1\r\nce-source: s\r\nce-my_own: 1\r\n", "1",
           400},
          {"ce-specversion: 1.0\r\nce-type: t\r\nce-id: 1\r\nce-source: s\r\nce-data: 1\r\n", "1",
           400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","My":"x"})", 400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","x":{}})", 400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","x":4294967296})",
           400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","x":1.5})", 400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","time":"today"})",
           400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","subject":""})",
           400},
          {structured, R"({"specversion":"1.0","id":"1","source":"s","type":"t","dataschema":"x"})",
           400},
          {structured,
           R"({"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"})", 400},
          {"Content-Type: application/cloudevents+json; charset=iso-8859-1\r\n", "{}", 415},
          {"Content-Type: application/cloudevents+xml\r\nce-type: t\r\n", "<e/>", 415},
          {"Content-Type: application/cloudevents-batch+avro\r\n", "[]", 415},
          {"Content-Type: text/plain\r\n", "hi", 415},
      }) {
    const Answer answer = post(c.headers, c.body);
    EXPECT_EQ(answer.status, c.status) << c.headers << c.body;
    EXPECT_EQ(answer.json().get("reason"), Value("event-invalid")) << c.headers << c.body;
  }
}

TEST_F(Events, NeedsThePermission) {
  EXPECT_EQ(post("Content-Type: application/cloudevents+json\r\n", kOpened, "vic").status, 403);
  EXPECT_EQ(office.call("", "POST", kPath, kOpened).status, 401);
}

}  // namespace
}  // namespace stepwell::api::test
