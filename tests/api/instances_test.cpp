#include <gtest/gtest.h>

#include <thread>

#include "config/loader.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::ReadyResult;

constexpr const char* kGet =
    "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]";
constexpr const char* kAll = "/api/v1/instances";

class Instances : public testing::Test {
 protected:
  Instances() { office.add_workflow("get", kGet); }
  std::string path_of(const Answer& created) {
    return std::string(kAll) + "/" + to_json(created.json().get("id"));
  }
  Answer start_once(const std::string& user, const std::string& key, const std::string& body,
                    const std::string& query = "") {
    Wire wire(office.address());
    wire.send("POST /api/v1/instances" + query + " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              office.key(user) + "\r\nIdempotency-Key: " + key +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return wire.read();
  }
  // Another version of the workflow that is there.
  void deploy(const std::string& version) {
    const auto loaded = config::load_definition(
        "document: {dsl: '1.0.0', namespace: test, name: get, version: '" + version + "'}\n" + kGet,
        "get.yaml");
    ASSERT_TRUE(loaded.definition);
    auto entries = office.catalog.list();
    entries.push_back({loaded.definition, office.engine->prepare(loaded.definition)});
    ASSERT_TRUE(office.catalog.replace(entries));
  }
  std::string key_id(const std::string& user) const {
    return office.key(user).substr(0, office.key(user).find('.'));
  }
  Office office;
};

TEST_F(Instances, AreStartedReadAndComplete) {
  const Answer created = office.call(
      "olga", "POST", kAll,
      R"({"workflow":"test/get:1.0.0","input":{"a":1},"name":"first","tags":["x","y"]})");
  ASSERT_EQ(created.status, 201);
  EXPECT_EQ(created.header("Location"), path_of(created));
  const auto step = office.steps.next();
  EXPECT_EQ(step.call.key, office.key("olga").substr(0, office.key("olga").find('.')));

  const Value running = office.call("vic", "GET", path_of(created)).json();
  EXPECT_EQ(running.get("status"), Value("running"));
  EXPECT_EQ(running.get("name"), Value("first"));
  EXPECT_EQ(running.get("workflow"), Value("test/get:1.0.0"));
  EXPECT_EQ(to_json(running.get("input")), R"({"a":1})");
  EXPECT_EQ(to_json(running.get("tags")), R"(["x","y"])");
  EXPECT_EQ(to_json(running.get("activeSteps")), R"(["/do/0/get"])");
  EXPECT_EQ(running.get("startedTime"), Value(format_time(office.clock.now())));
  EXPECT_TRUE(running.get("completedTime").is_null());

  step.ticket.finish(std::make_unique<ReadyResult>(Value(7)));
  ASSERT_TRUE(office.engine->wait_until_idle(Deadline()));
  const Value ended = office.call("vic", "GET", path_of(created)).json();
  EXPECT_EQ(ended.get("status"), Value("completed"));
  EXPECT_EQ(ended.get("output"), Value(7));
  EXPECT_FALSE(ended.get("completedTime").is_null());
}

TEST_F(Instances, WaitHoldsTheAnswerUntilTheEnd) {
  Wire wire(office.address());
  wire.send(
      office.text_of("olga", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})"));
  office.steps.next().ticket.finish(std::make_unique<ReadyResult>(
      fail(make_problem(ErrorKind::communication, "connect", "nobody there"))));
  const Answer answer = wire.read();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.json().get("status"), Value("faulted"));
  EXPECT_EQ(answer.json().get("error").get("reason"), Value("connect"));
  // The connection goes on, and a fresh answer is for the fresh request.
  wire.send(office.text_of("vic", "GET", "/api/v1/workflows"));
  EXPECT_TRUE(wire.read().json().contains("items"));
}

TEST_F(Instances, WaitEndsWithItsTime) {
  const Answer answer =
      office.call("olga", "POST", "/api/v1/instances?wait=20ms", R"({"workflow":"test/get"})");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.json().get("status"), Value("running"));
  office.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value()));
}

TEST_F(Instances, WaitOfNoTimeIsAnsweredWithTheAdmission) {
  for (int i = 0; i < 20; ++i) {
    const Answer answer =
        office.call("olga", "POST", "/api/v1/instances?wait=0ms", R"({"workflow":"test/get"})");
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.json().get("status"), Value("running"));
    EXPECT_EQ(answer.header("Location"), path_of(answer));
  }
}

// The disk may take longer than the client wants to wait; the time was once counted from then on.
TEST_F(Instances, WaitThatIsOverBeforeTheAdmissionIsAnsweredWithIt) {
  const std::string body = R"({"workflow":"test/get"})";
  ASSERT_EQ(start_once("olga", "k", body).status, 201);
  office.steps.next();
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::by_hand);
  Wire slow(office.address());
  slow.send(office.text_of("olga", "POST", "/api/v1/instances?wait=1ms", body));
  Wire revoked(office.address());
  revoked.send(office.text_of("ana", "POST", "/api/v1/instances?wait=1ms", body));
  office.steps.next();  // which begins before the admission is durable, as it is harmless
  office.steps.next();
  // The times of all end in their order.
  ASSERT_EQ(start_once("olga", "k", body, "?wait=30ms").status, 201);
  EXPECT_GT(office.journal.waiting(), 0U);
  ASSERT_TRUE(office.authority->keys().revoke({"test", "test"}, key_id("ana")));
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::at_once);
  const Answer answer = slow.read();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.json().get("status"), Value("running"));
  EXPECT_EQ(revoked.read().reason(), "key-revoked");
}

TEST_F(Instances, WaitForWhatIsRefusedIsForgotten) {
  const std::string body = R"({"workflow":"test/get"})";
  ASSERT_EQ(start_once("olga", "k", body).status, 201);
  office.journal.refuse_admissions(make_problem(ErrorKind::runtime, "disk-full", "it is full"));
  Wire wire(office.address());
  wire.send(office.text_of("olga", "POST", "/api/v1/instances?wait=20ms", body));
  EXPECT_EQ(wire.read().reason(), "disk-full");
  // On the same connection, and beyond the time of the first.
  wire.send("POST /api/v1/instances?wait=60ms HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
            office.key("olga") + "\r\nIdempotency-Key: k\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(wire.read().json().get("status"), Value("running"));
}

TEST_F(Instances, AnInputThatTheSchemaRefusesIsNotAdmitted) {
  office.add_workflow("strict",
                      "input: {schema: {document: {properties: {n: {type: integer}}, required: "
                      "[n]}}}\ndo: [{a: {set: {x: '${ .n }'}}}]");
  for (const char* body : {R"({"workflow":"test/strict"})",
                           R"({"workflow":"test/strict","input":{"n":"a secret word"}})"}) {
    const Answer refused = office.call("olga", "POST", kAll, body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_EQ(refused.reason(), "schema-violation") << body;
    EXPECT_EQ(refused.json().get("violations").size(), 1U) << body;
    EXPECT_EQ(to_json(refused.json()).find("secret"), std::string::npos);
  }
  EXPECT_EQ(office.engine->open_instances(), 0U);
  EXPECT_EQ(office.call("vic", "GET", kAll).json().get("items").size(), 0U);
  const Answer good =
      office.call("olga", "POST", kAll, R"({"workflow":"test/strict","input":{"n":1}})");
  EXPECT_EQ(good.status, 201);
}

TEST_F(Instances, WaitMustBeATime) {
  for (const char* wait : {"30", "s", "-1s", "6m", "301s", "1h", "1.5s", "", "99999999999s", "1s+"})
    EXPECT_EQ(office
                  .call("olga", "POST", "/api/v1/instances?wait=" + std::string(wait),
                        R"({"workflow":"test/get"})")
                  .reason(),
              "parameter-invalid")
        << wait;
}

TEST_F(Instances, BadRequestsAreNamed) {
  struct Case {
    const char* body;
    int status;
    const char* detail;
  };
  const Case cases[] = {
      {R"({"workflow":"test/get","inptu":{}})", 400, "\"inptu\""},
      {R"({"input":{}})", 400, "\"workflow\""},
      {R"({"workflow":7})", 400, "\"workflow\""},
      {R"({"workflow":"test/get","tags":"x"})", 400, "\"tags\""},
      {R"({"workflow":"test/get","name":[]})", 400, "\"name\""},
      {R"({"workflow":"nonsense"})", 400, "nonsense"},
      {R"({"workflow":"test/gte"})", 404, "test/gte"},
      {R"({"workflow":)", 400, ""},
      {"[1]", 400, "object"},
  };
  for (const Case& one : cases) {
    const Answer answer = office.call("olga", "POST", kAll, one.body);
    EXPECT_EQ(answer.status, one.status) << one.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << one.body;
    const Value problem = answer.json();
    for (const char* member : {"type", "title", "detail", "reason"})
      EXPECT_TRUE(problem.get(member).is_string()) << one.body << " " << member;
    EXPECT_NE(problem.get("detail").as_string().find(one.detail), std::string_view::npos)
        << problem.get("detail").as_string();
  }
}

// Such an instance leaves memory as soon as it has ended; the answer was once a 404.
TEST_F(Instances, ThatAreNotKeptAreStopped) {
  const auto loaded = config::load_definition(
      std::string("document: {dsl: 1.0.3, namespace: test, name: brief, version: 1.0.0, metadata: "
                  "{stepwell: {retention: {count: 0}}}}\n") +
          kGet,
      "brief.yaml");
  ASSERT_TRUE(loaded.definition);
  ASSERT_TRUE(office.catalog.replace(
      {engine::Catalog::Entry{loaded.definition, office.engine->prepare(loaded.definition)}}));
  const Answer created = office.call("olga", "POST", kAll, R"({"workflow":"test/brief"})");
  office.steps.next();
  const Answer stopped = office.call("olga", "POST", path_of(created) + "/stop");
  EXPECT_EQ(stopped.status, 200);
  EXPECT_EQ(stopped.json().get("status"), Value("stopped"));
  EXPECT_EQ(office.engine->peek(
                InstanceId{static_cast<std::uint64_t>(*created.json().get("id").as_integer())}),
            std::nullopt);
  EXPECT_EQ(office.call("olga", "GET", path_of(created)).json().get("status"), Value("stopped"))
      << "by the journal, until it is pruned";
}

TEST_F(Instances, AreStopped) {
  const Answer created = office.call("olga", "POST", kAll, R"({"workflow":"test/get"})");
  office.steps.next();
  const Answer stopped = office.call("olga", "POST", path_of(created) + "/stop");
  EXPECT_EQ(stopped.status, 200);
  EXPECT_EQ(stopped.json().get("status"), Value("stopped"));
  EXPECT_FALSE(stopped.json().get("stoppedTime").is_null());
  EXPECT_TRUE(stopped.json().get("completedTime").is_null());
  const Answer again = office.call("olga", "POST", path_of(created) + "/stop");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "instance-ended");
}

TEST_F(Instances, AStartThatIsRepeatedWithItsKeyFindsTheFirst) {
  office.add_workflow("other", kGet);
  const auto start = [&](const std::string& user, const std::string& key, const std::string& body,
                         const std::string& query = "") {
    return start_once(user, key, body, query);
  };
  const std::string get = R"({"workflow":"test/get","input":{"n":1}})";
  const Answer first = start("olga", "k-1", get);
  ASSERT_EQ(first.status, 201) << first.body;
  const Answer again = start("olga", "k-1", get);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(office.engine->open_instances(), 1U);
  for (const char* body : {R"({"workflow":"test/get","input":{"n":2}})",
                           R"({"workflow":"test/other","input":{"n":1}})"}) {
    const Answer other = start("olga", "k-1", body);
    EXPECT_EQ(other.status, 422) << body;
    EXPECT_EQ(other.reason(), "idempotency-key-reused") << body;
  }
  EXPECT_NE(start("ana", "k-1", get).header("Location"), first.header("Location"));
  EXPECT_NE(start("olga", "k-2", get).header("Location"), first.header("Location"));
  EXPECT_EQ(start("olga", std::string(256, 'k'), get).reason(), "request-invalid");
  EXPECT_EQ(office.engine->open_instances(), 3U);
  for (int i = 0; i < 3; ++i)
    office.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value(7)));
  ASSERT_TRUE(office.engine->wait_until_idle(Deadline()));
  const Answer ended = start("olga", "k-1", get, "?wait=1m");
  EXPECT_EQ(ended.header("Location"), first.header("Location"));
  EXPECT_EQ(ended.json().get("status"), Value("completed"));
}

TEST_F(Instances, AStartThatIsRepeatedAsksForTheSameVersionAndKey) {
  const std::string plain = R"({"workflow":"test/get"})";
  const std::string first_version = R"({"workflow":"test/get:1.0.0"})";
  const std::string second_version = R"({"workflow":"test/get:2.0.0"})";
  const auto run_as = [&](const std::string& user) {
    return R"({"workflow":"test/get","runAs":")" + key_id(user) + "\"}";
  };
  struct Case {
    std::string first;
    std::string again;
    bool same;
  };
  // What is started under 1 is repeated when there is 2 as well.
  const std::vector<Case> cases{{plain, plain, true},
                                {plain, first_version, true},
                                {plain, second_version, false},
                                {first_version, plain, true},
                                {first_version, first_version, true},
                                {first_version, second_version, false},
                                {plain, run_as("ana"), true},
                                {plain, run_as("olga"), false},
                                {run_as("olga"), run_as("olga"), true},
                                {run_as("olga"), plain, false},
                                {run_as("olga"), run_as("ana"), false},
                                {plain,
                                 R"({"workflow":"test/get","name":"n","tags":["t"],)"
                                 R"("priority":"H","deadline":"2099-01-01T00:00:00Z"})",
                                 true}};
  std::vector<Answer> started;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    started.push_back(start_once("ana", "k" + std::to_string(i), cases[i].first));
    ASSERT_EQ(started.back().status, 201) << started.back().body;
  }
  deploy("2.0.0");
  EXPECT_EQ(office.call("ana", "POST", kAll, plain).json().get("workflow"),
            Value("test/get:2.0.0"));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& each = cases[i];
    const Answer again = start_once("ana", "k" + std::to_string(i), each.again);
    EXPECT_EQ(again.status, each.same ? 201 : 422) << each.first << each.again << again.body;
    if (each.same)
      EXPECT_EQ(again.header("Location"), started[i].header("Location")) << each.first;
    else
      EXPECT_EQ(again.reason(), "idempotency-key-reused") << again.body;
  }
  EXPECT_EQ(office.engine->open_instances(), cases.size() + 1);
}

TEST_F(Instances, AStartIsRepeatedAlsoWhereItsInputHasBeenStoredAsACredential) {
  const std::string body = R"({"workflow":"test/get","input":{"a":"tok-0123456789-abcdef","n":1}})";
  const Answer first = start_once("olga", "k", body);
  ASSERT_EQ(first.status, 201) << first.body;
  ASSERT_EQ(office
                .call("ana", "POST", "/api/v1/credentials",
                      R"({"name":"crm","kind":"bearer","origins":["https://crm.example.com"],)"
                      R"("value":"tok-0123456789-abcdef"})")
                .status,
            201);
  const Answer again = start_once("olga", "k", body);
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(start_once("olga", "k", R"({"workflow":"test/get","input":{"a":"x","n":1}})").reason(),
            "idempotency-key-reused");
}

TEST_F(Instances, UnknownIdsAre404InAnySpelling) {
  for (const char* id : {"1", "0", "01", "-1", "x", "1e3", "99999999999999999999999", "1.0"}) {
    const Answer answer = office.call("olga", "GET", std::string(kAll) + "/" + id);
    EXPECT_EQ(answer.status, 404) << id;
    EXPECT_EQ(answer.reason(), "instance-unknown") << id;
  }
}

TEST_F(Instances, AreRefusedWhileTheEngineShutsDown) {
  office.engine->refuse_new();
  const Answer answer = office.call("olga", "POST", kAll, R"({"workflow":"test/get"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason(), "shutting-down");
  EXPECT_FALSE(answer.header("Retry-After").empty());
}

TEST_F(Instances, WorkflowsAreListed) {
  const Value items = office.call("vic", "GET", "/api/v1/workflows").json().get("items");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items.at(0).get("namespace"), Value("test"));
  EXPECT_EQ(items.at(0).get("name"), Value("get"));
  EXPECT_EQ(items.at(0).get("version"), Value("1.0.0"));
}

TEST_F(Instances, SchedulesAreListed) {
  office.add_workflow("report", "schedule: {cron: '30 7 * * *'}\ndo: []");
  office.add_workflow("tick", std::string("schedule: {every: PT1.5S}\n") + kGet);
  office.schedules->replace(office.catalog.list());
  office.timers.fire_next();
  office.steps.next();
  while (office.schedules->list()[1].started == 0) std::this_thread::yield();
  const Answer answer = office.call("vic", "GET", "/api/v1/schedules");
  ASSERT_EQ(answer.status, 200);
  const Value report = answer.json().get("items").elements()[0];
  EXPECT_EQ(
      to_json(report),
      R"-({"workflow":"test/report:1.0.0","kind":"cron","rule":"30 7 * * * (UTC)","paused":false,)-"
      R"("nextTime":"2025-11-22T07:30:00Z","lastTime":null,"started":0,"refused":0,)"
      R"("missed":0,"error":null})");
  const Value tick = answer.json().get("items").elements()[1];
  EXPECT_EQ(tick.get("rule"), Value("PT1.500S"));
  EXPECT_EQ(tick.get("lastTime"), Value(format_time(office.clock.now())));
  EXPECT_EQ(tick.get("nextTime"), Value(format_time(office.clock.now() + Milliseconds(1500))));
  EXPECT_EQ(tick.get("started"), Value(1));
  EXPECT_EQ(office.call("", "GET", "/api/v1/schedules").status, 401);
}

TEST_F(Instances, ReadinessReloadAndMetricsTellTheTruth) {
  EXPECT_EQ(office.call("", "GET", "/-/ready").status, 200);
  EXPECT_EQ(office.call("ana", "POST", "/-/reload").status, 200);
  office.ready_result = fail(make_problem(ErrorKind::runtime, "disk-full", "the disk is full"));
  office.reload_result =
      fail(make_problem(ErrorKind::configuration, "definitions-invalid", "a.yaml:1:1"));
  EXPECT_EQ(office.call("", "GET", "/-/ready").status, 503);
  const Answer reload = office.call("ana", "POST", "/-/reload");
  EXPECT_EQ(reload.status, 400);
  EXPECT_EQ(reload.reason(), "definitions-invalid");
  const std::string text = office.call("", "GET", "/metrics").body;
  EXPECT_NE(text.find(R"(stepwell_api_requests_total{route="POST /-/reload",status="4xx"} 1)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("stepwell_api_request_duration_seconds_bucket"), std::string::npos);
  EXPECT_NE(text.find("\nstepwell_api_open_connections "), std::string::npos);
}

}  // namespace
}  // namespace stepwell::api::test
