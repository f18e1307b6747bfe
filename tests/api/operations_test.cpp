// What is done to instances that are there: lists, stop, suspend, resume, retry; of one and many.
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <thread>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::KeepingJournal;
using stepwell::test::ReadyResult;

constexpr const char* kAllOfThem = "/api/v1/instances";
constexpr const char* kTwo =
    "do:\n"
    "- a: {call: http, with: {method: get, endpoint: 'http://h/a'}}\n"
    "- b: {call: http, with: {method: get, endpoint: 'http://h/b'}}\n";
constexpr const char* kRaise =
    "do: [{r: {raise: {error: {type: 'https://example.com/e', status: 400}}}}]";

class Operations : public testing::Test {
 protected:
  Operations() {
    office.add_workflow("two", kTwo);
    office.add_workflow("other", kTwo);
    office.add_workflow("raise", kRaise);
  }
  ~Operations() override { office.engine->refuse_new(); }

  std::string start(const std::string& workflow) {
    const Answer created =
        office.call("olga", "POST", kAllOfThem, R"({"workflow":"test/)" + workflow + R"("})");
    EXPECT_EQ(created.status, 201) << created.body;
    return to_json(created.json().get("id"));
  }
  Answer post(const std::string& path, const std::string& body = "") {
    return office.call("olga", "POST", std::string(kAllOfThem) + path, body);
  }
  Value show(const std::string& id) {
    return office.call("vic", "GET", std::string(kAllOfThem) + "/" + id).json();
  }
  // The ids of a list.
  std::vector<std::string> list(const std::string& query) {
    const Answer answer = office.call("vic", "GET", std::string(kAllOfThem) + query);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    const Value body = answer.json();
    std::vector<std::string> ids;
    for (const Value& item : body.get("items").elements()) ids.push_back(to_json(item.get("id")));
    return ids;
  }
  // Ends the next step, and tells which it was.
  std::string finish(Result<Value> result = Value(7)) {
    const auto step = office.steps.next();
    step.ticket.finish(std::make_unique<ReadyResult>(std::move(result)));
    return step.call.definition().reference;
  }
  std::string fail_step() {
    return finish(fail(make_problem(ErrorKind::communication, "connect", "nobody there")));
  }
  void await(const std::string& id, const std::string& status) {
    while (show(id).get("status") != Value(status)) std::this_thread::yield();
  }
  // One that faulted in its second step.
  std::string faulted(const std::string& workflow = "two") {
    const std::string id = start(workflow);
    EXPECT_EQ(finish(), "/do/0/a");
    EXPECT_EQ(fail_step(), "/do/1/b");
    await(id, "faulted");
    return id;
  }
  std::string completed() {
    const std::string id = start("two");
    finish();
    finish();
    await(id, "completed");
    return id;
  }

  Office office;
};

TEST_F(Operations, AreListedByIdWithFiltersAndPages) {
  const std::string first = completed();
  const std::string second = faulted("other");
  const std::string third = start("two");
  office.steps.next();
  using Ids = std::vector<std::string>;
  EXPECT_EQ(list(""), (Ids{first, second, third}));
  EXPECT_EQ(list("?workflow=test/two"), (Ids{first, third}));
  EXPECT_EQ(list("?workflow=test/other:1.0.0"), (Ids{second}));
  EXPECT_EQ(list("?workflow=test/other:2.0.0"), (Ids{}));
  EXPECT_EQ(list("?status=completed"), (Ids{first}));
  EXPECT_EQ(list("?status=faulted"), (Ids{second}));
  EXPECT_EQ(list("?status=running"), (Ids{third}));
  EXPECT_EQ(list("?status=stopped"), (Ids{}));
  EXPECT_EQ(list("?open=true"), (Ids{third}));
  EXPECT_EQ(list("?startedAfter=2000-01-01"), (Ids{first, second, third}));
  EXPECT_EQ(list("?startedAfter=2099-01-01"), (Ids{}));
  EXPECT_EQ(list("?startedBefore=2000-01-01"), (Ids{}));
  EXPECT_EQ(list("?endedBefore=2099-01-01"), (Ids{first, second}));

  const Value page = office.call("vic", "GET", std::string(kAllOfThem) + "?limit=2").json();
  EXPECT_EQ(page.get("items").size(), 2U);
  const std::string next(page.get("next").as_string());
  EXPECT_EQ(list("?limit=2&cursor=" + next), (Ids{third}));
  const Value rest = office.call("vic", "GET", std::string(kAllOfThem) + "?cursor=" + next).json();
  EXPECT_FALSE(rest.contains("next"));
  const Value& item = page.get("items").at(1);
  EXPECT_EQ(item.get("error").get("reason"), Value("connect"));
  EXPECT_FALSE(item.contains("input"));
  EXPECT_FALSE(item.contains("output"));
}

TEST_F(Operations, FiltersThatMeanNothingAreNamed) {
  for (const char* query : {"workflow=", "workflow=two", "status=broken", "status=", "open=yes",
                            "startedAfter=soon", "startedBefore=", "endedBefore=1", "cursor=x",
                            "cursor=-1", "limit=0", "limit=x", "limit=-1"}) {
    const Answer answer = office.call("vic", "GET", std::string(kAllOfThem) + "?" + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.reason(), "parameter-invalid") << query;
    const std::string name(query, std::string_view(query).find('='));
    EXPECT_NE(answer.json().get("detail").as_string().find('"' + name + '"'),
              std::string_view::npos)
        << query;
  }
}

TEST_F(Operations, ASuspendedInstanceBeginsNothingUntilItIsResumed) {
  const std::string id = start("two");
  const auto step = office.steps.next();
  const Answer suspended = post("/" + id + "/suspend");
  EXPECT_EQ(suspended.status, 200) << suspended.body;
  EXPECT_EQ(suspended.json().get("status"), Value("suspended"));
  EXPECT_EQ(post("/" + id + "/suspend").status, 200) << "it is";
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  while (!office.engine->at_rest()) std::this_thread::yield();
  EXPECT_TRUE(office.steps.empty());
  EXPECT_EQ(show(id).get("status"), Value("suspended"));
  EXPECT_EQ(list("?status=suspended"), std::vector<std::string>{id});

  const Answer resumed = post("/" + id + "/resume");
  EXPECT_EQ(resumed.status, 200) << resumed.body;
  EXPECT_NE(resumed.json().get("status"), Value("suspended"));
  EXPECT_EQ(finish(), "/do/1/b");
  await(id, "completed");
  EXPECT_EQ(post("/" + id + "/suspend").reason(), "instance-ended");
  EXPECT_EQ(post("/" + id + "/resume").reason(), "instance-ended");
}

TEST_F(Operations, TellOfSuspendingAndResumingByLifecycleEvents) {
  std::mutex mutex;
  std::vector<std::string> told;
  const std::string prefix = "io.serverlessworkflow.workflow.";
  const auto subscription = office.engine->events().subscribe(
      {prefix + "suspended.v1", prefix + "resumed.v1", prefix + "status-changed.v1"},
      [&](const Value& event) {
        const Value& data = event.get("data");
        const bool change = data.contains("status");
        const std::scoped_lock lock(mutex);
        told.push_back(std::string(event.get("type").as_string().substr(prefix.size())) + " " +
                       std::string(data.get(change ? "status" : "name").as_string()));
      });
  const auto count = [&] {
    const std::scoped_lock lock(mutex);
    return told.size();
  };
  const std::string id = start("two");
  office.steps.next();
  EXPECT_EQ(post("/" + id + "/suspend").status, 200);
  EXPECT_EQ(post("/" + id + "/resume").status, 200);
  while (count() < 5) std::this_thread::yield();
  office.engine->events().unsubscribe(subscription);
  const std::string name = "two-" + id + ".test";
  EXPECT_EQ(told, (std::vector<std::string>{"status-changed.v1 running", "suspended.v1 " + name,
                                            "status-changed.v1 suspended", "resumed.v1 " + name,
                                            "status-changed.v1 running"}));
}

TEST_F(Operations, AreAcknowledgedOnceTheyAreDurable) {
  const std::string id = start("two");
  office.steps.next();
  office.journal.set_mode(KeepingJournal::Mode::by_hand);
  Wire wire(office.address());
  wire.send(office.text_of("olga", "POST", std::string(kAllOfThem) + "/" + id + "/suspend"));
  while (office.journal.waiting() == 0) std::this_thread::yield();
  EXPECT_EQ(show(id).get("status"), Value("running"));
  office.journal.make_durable();
  const Answer answer = wire.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().get("status"), Value("suspended"));
  office.journal.set_mode(KeepingJournal::Mode::at_once);
}

TEST_F(Operations, ThatWaitForTheDiskHoldUpNeitherRevocationsNorOtherAnswers) {
  ASSERT_EQ(office
                .call("ana", "POST", "/api/v1/credentials",
                      R"({"name":"crm","kind":"bearer","value":"a token",)"
                      R"("origins":["https://crm.example.com"]})")
                .status,
            201);
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(start("two"));
    office.steps.next();
  }
  office.journal.set_mode(KeepingJournal::Mode::by_hand);
  std::deque<Wire> wires;
  for (const std::string& id : ids)
    wires.emplace_back(office.address())
        .send(office.text_of("olga", "POST", std::string(kAllOfThem) + "/" + id + "/suspend"));
  while (office.journal.waiting() < 2) std::this_thread::yield();  // both threads are taken
  // It would be looked for in the journal, and that is a thing for the same threads.
  Wire repeatable(office.address());
  const std::string body = R"({"workflow":"test/two"})";
  repeatable.send("POST /api/v1/instances HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
                  office.key("olga") + "\r\nIdempotency-Key: k\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);

  const Answer revoked = office.call("ana", "POST", "/api/v1/credentials/crm/revoke");
  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_EQ(revoked.json().get("state"), Value("revoked"));
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(office.journal.waiting(), 2U);
  EXPECT_EQ(office.engine->open_instances(), 4U);

  office.journal.set_mode(KeepingJournal::Mode::at_once);
  // 202 where the revocation had waited until they gave up.
  for (Wire& wire : wires) EXPECT_EQ(wire.read().status, 200);
  EXPECT_EQ(repeatable.read().status, 201);
}

TEST_F(Operations, AreRefusedUntilTheDaemonIsReady) {
  const std::string id = start("two");
  office.steps.next();
  office.ready_result = fail(make_problem(ErrorKind::runtime, "not-ready", "it is starting"));
  const auto refused = [&](const std::string& path, const std::string& body = "") {
    const Answer answer = post(path, body);
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.reason(), "not-ready") << path;
    EXPECT_FALSE(answer.header("Retry-After").empty()) << path;
  };
  refused("", R"({"workflow":"test/two"})");
  for (const char* verb : {"stop", "suspend", "resume", "retry"}) {
    refused("/" + id + "/" + verb);
    refused(std::string("/bulk/") + verb, R"({"all":true})");
  }
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/events", "{}").reason(), "not-ready");
  EXPECT_EQ(office.call("", "POST", kAllOfThem, "{}").status, 401) << "who asks comes first";
  EXPECT_EQ(show(id).get("status"), Value("running"));
  EXPECT_EQ(list(""), std::vector<std::string>{id});
  EXPECT_EQ(office.engine->open_instances(), 1U);
  office.ready_result = {};
  EXPECT_EQ(post("/" + id + "/stop").status, 200);
}

TEST_F(Operations, ARetryGoesOnFromTheStepThatFailed) {
  const std::string id = faulted();
  const Answer retried = post("/" + id + "/retry");
  EXPECT_EQ(retried.status, 200) << retried.body;
  EXPECT_TRUE(retried.json().get("error").is_null()) << retried.body;
  EXPECT_EQ(finish(), "/do/1/b");
  await(id, "completed");
  EXPECT_EQ(show(id).get("output"), Value(7));
  EXPECT_EQ(post("/" + id + "/retry").reason(), "instance-not-faulted");
}

TEST_F(Operations, WhatWouldFailAgainIsNotRetried) {
  const std::string raised = start("raise");
  await(raised, "faulted");
  const Answer answer = post("/" + raised + "/retry");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.reason(), "instance-not-retryable");
  const std::string running = start("two");
  office.steps.next();
  EXPECT_EQ(post("/" + running + "/retry").reason(), "instance-not-faulted");
  for (const char* verb : {"/stop", "/suspend", "/resume", "/retry"}) {
    EXPECT_EQ(post(std::string("/1") + verb).reason(), "instance-unknown") << verb;
    EXPECT_EQ(post(std::string("/x") + verb).reason(), "instance-unknown") << verb;
  }
  const Value records =
      office.call("ana", "GET", "/api/v1/audit?action=instance.retry&target=" + raised).json();
  ASSERT_EQ(records.get("items").size(), 2U) << to_json(records);
  EXPECT_EQ(records.get("items").at(1).get("result"), Value("instance-not-retryable"));
}

TEST_F(Operations, ManyAreRetriedByAFilter) {
  const std::string one = faulted();
  const std::string two = faulted();
  const std::string other = faulted("other");
  const std::string raised = start("raise");
  await(raised, "faulted");
  completed();
  const Answer by_workflow = post("/bulk/retry", R"({"workflow":"test/two"})");
  EXPECT_EQ(by_workflow.status, 200);
  EXPECT_EQ(to_json(by_workflow.json()), R"({"taken":2,"unconfirmed":0,"problems":[]})");
  EXPECT_EQ(finish(), "/do/1/b");
  EXPECT_EQ(finish(), "/do/1/b");
  await(one, "completed");
  await(two, "completed");

  const Value all = post("/bulk/retry", R"({"all":true})").json();
  EXPECT_EQ(all.get("taken"), Value(1)) << to_json(all);
  ASSERT_EQ(all.get("problems").size(), 1U);
  EXPECT_EQ(to_json(all.get("problems").at(0).get("id")), raised);
  EXPECT_EQ(all.get("problems").at(0).get("reason"), Value("instance-not-retryable"));
  EXPECT_EQ(fail_step(), "/do/1/b");
  await(other, "faulted");
}

TEST_F(Operations, ManyAreTakenInPages) {
  const std::string first = start("two");
  const std::string second = start("two");
  const std::string third = start("two");
  const Value page = post("/bulk/suspend", R"({"workflow":"test/two","limit":2})").json();
  EXPECT_EQ(page.get("taken"), Value(2));
  EXPECT_EQ(show(second).get("status"), Value("suspended"));
  EXPECT_EQ(show(third).get("status"), Value("running"));
  const Value rest = post("/bulk/suspend", R"({"workflow":"test/two","limit":2,"cursor":)" +
                                               to_json(page.get("next")) + "}")
                         .json();
  EXPECT_EQ(rest.get("taken"), Value(1));
  EXPECT_FALSE(rest.contains("next"));
  EXPECT_EQ(post("/bulk/resume", R"({"all":true})").json().get("taken"), Value(3));
  EXPECT_EQ(show(first).get("status"), Value("running"));
}

TEST_F(Operations, ManyAreStoppedByTheirIdsAndRecorded) {
  const std::string one = start("two");
  office.steps.next();
  const std::string two = start("other");
  office.steps.next();
  const std::string done = faulted();
  const Value answer =
      post("/bulk/stop", "{\"ids\":[" + two + "," + one + "," + done + ",5," + one + "]}").json();
  EXPECT_EQ(answer.get("taken"), Value(2)) << to_json(answer);
  ASSERT_EQ(answer.get("problems").size(), 2U);
  EXPECT_EQ(answer.get("problems").at(0).get("id"), Value(5));
  EXPECT_EQ(answer.get("problems").at(0).get("reason"), Value("instance-unknown"));
  EXPECT_EQ(answer.get("problems").at(1).get("reason"), Value("instance-ended"));
  EXPECT_EQ(show(one).get("status"), Value("stopped"));
  EXPECT_EQ(show(two).get("status"), Value("stopped"));
  const Value record =
      office.call("ana", "GET", "/api/v1/audit?action=instance.stop").json().get("items").at(0);
  EXPECT_EQ(record.get("user"), Value("olga"));
  EXPECT_EQ(record.get("detail"), Value("ids: 5," + one + "-" + done));
}

TEST_F(Operations, EverythingIsMeantOnlyWhereThatIsSaid) {
  const std::string id = start("two");
  std::string too_many = "{\"ids\":[1";
  for (int i = 0; i < 1000; ++i) too_many += ",1";
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"limit":5})"), std::string(R"({"all":false})"),
        std::string(R"({"ids":[]})"), std::string(R"({"ids":["1"]})"),
        std::string(R"({"ids":[0]})"), std::string(R"({"ids":[1.5]})"), std::string(R"({"ids":1})"),
        std::string(R"({"ids":[1],"all":true})"),
        std::string(R"({"ids":[1],"workflow":"test/two"})"),
        std::string(R"({"status":"completed"})"), std::string(R"({"wrokflow":"test/two"})"),
        std::string(R"({"workflow":7})"), std::string(R"({"all":true,"limit":0})"),
        std::string(R"([1])"), std::string(), too_many + "]}"}) {
    const Answer answer = post("/bulk/stop", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 60);
    EXPECT_EQ(answer.reason(), "request-invalid") << body.substr(0, 60);
  }
  EXPECT_EQ(post("/bulk/retry", R"({"status":"running"})").status, 400);
  EXPECT_EQ(show(id).get("status"), Value("running"));
  EXPECT_EQ(post("/bulk/stop", R"({"all":true})").json().get("taken"), Value(1));
}

}  // namespace
}  // namespace stepwell::api::test
