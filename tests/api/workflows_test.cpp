// Workflows and schedules from outside: looked at, checked, switched off and on, triggered.
#include <gtest/gtest.h>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kSet = "do: [{a: {set: {b: 1}}}]\n";
constexpr const char* kGet =
    "do: [{get: {call: http, with: {method: get, endpoint: {uri: 'http://h.test/', authentication: "
    "{use: crm}}}}}]\n";

class Workflows : public testing::Test {
 protected:
  Workflows() {
    office.add_workflow("alpha", kSet);
    office.add_workflow("beta", kGet);
  }
  std::string names(const std::string& query) const {
    std::string all;
    const Value answer = office.call("vic", "GET", "/api/v1/workflows" + query).json();
    for (const Value& item : answer.get("items").elements())
      all += std::string(item.get("name").as_string()) + " ";
    return all;
  }
  Answer start(const std::string& workflow) const {
    return office.call("olga", "POST", "/api/v1/instances", R"({"workflow":")" + workflow + "\"}");
  }
  Office office;
};

TEST_F(Workflows, AreListedByWhatIsAskedFor) {
  EXPECT_EQ(names(""), "alpha beta ");
  EXPECT_EQ(names("?ordering=-name"), "beta alpha ");
  EXPECT_EQ(names("?name=ALP"), "alpha ");
  EXPECT_EQ(names("?namespace=other"), "");
  EXPECT_EQ(names("?enabled=false"), "");
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows?enabled=maybe").reason(),
            "parameter-invalid");
}

TEST_F(Workflows, AreShownWithVersionsSourceAndCredentials) {
  const Value shown = office.call("vic", "GET", "/api/v1/workflows/test/beta").json();
  EXPECT_EQ(to_json(shown.get("versions")), R"(["1.0.0"])");
  EXPECT_EQ(to_json(shown.get("credentials")), R"(["crm"])");
  EXPECT_EQ(shown.get("openInstances"), Value(0));
  const Value version = office.call("vic", "GET", "/api/v1/workflows/test/alpha/1.0.0").json();
  EXPECT_NE(version.get("source").as_string().find(kSet), std::string_view::npos);
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows/test/none").reason(), "workflow-unknown");
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows/test/beta/9.0.0").status, 404);
}

TEST_F(Workflows, AreCheckedWithoutBeingStored) {
  const Answer good = office.call("olga", "POST", "/api/v1/workflows/validate",
                                  "document: {dsl: '1.0.0', namespace: n, name: w, version: "
                                  "'1.0.0'}\ndo: [{a: {set: {b: 1}}}]\n");
  EXPECT_EQ(to_json(good.json()), R"({"valid":true,"workflow":"n/w:1.0.0","faults":[]})");
  const Answer bad = office.call(
      "olga", "POST", "/api/v1/workflows/validate",
      R"({"source":"document: {dsl: '1.0.0', namespace: n, name: w, version: '1.0.0'}\ndo: [{a: {seet: {}}}]\n"})");
  EXPECT_EQ(bad.json().get("valid"), Value(false));
  const Value fault = bad.json().get("faults").elements()[0];
  EXPECT_EQ(fault.get("line"), Value(2));
  EXPECT_EQ(fault.get("severity"), Value("error"));
  EXPECT_NE(fault.get("hint").as_string().find("set"), std::string_view::npos);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/workflows/validate", "key: " + office.key("ana"))
                .reason(),
            "secret-in-request");
  EXPECT_EQ(names("?namespace=n"), "");
}

TEST_F(Workflows, StartNothingWhileTheyAreDisabled) {
  const Answer disabled = office.call("olga", "POST", "/api/v1/workflows/test/alpha/disable");
  EXPECT_EQ(disabled.status, 200);
  EXPECT_EQ(disabled.json().get("enabled"), Value(false));
  EXPECT_EQ(disabled.json().get("changedBy"), Value("olga"));
  EXPECT_EQ(start("test/alpha").status, 409);
  EXPECT_EQ(start("test/alpha:1.0.0").reason(), "workflow-disabled");
  EXPECT_EQ(names("?enabled=true"), "beta ");
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/workflows/test/alpha/enable").status, 200);
  EXPECT_EQ(start("test/alpha").status, 201);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/workflows/test/none/disable").status, 404);
  const Value records =
      office.call("ana", "GET", "/api/v1/audit?action=workflow.&target=test/alpha").json();
  ASSERT_EQ(records.get("items").size(), 2U);
  EXPECT_EQ(records.get("items").at(0).get("action"), Value("workflow.disable"));
}

TEST_F(Workflows, StayDisabledWhenTheDaemonStartsAgain) {
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/workflows/test/alpha/disable").status, 200);
  const auth::StoredState stored = office.store.load().value();
  ASSERT_EQ(stored.switches.size(), 1U);
  EXPECT_EQ(stored.switches.front().workflow, "test/alpha");
  EXPECT_TRUE(stored.switches.front().disabled);
}

class Timetable : public Workflows {
 protected:
  Timetable() {
    office.add_workflow("tick", std::string("schedule: {every: PT1M}\n") + kSet);
    office.schedules->replace(office.catalog.list());
  }
  Value shown() const { return office.call("vic", "GET", "/api/v1/schedules/test/tick").json(); }
  void fire() {
    office.timers.fire_next();
    while (!office.engine->at_rest()) std::this_thread::yield();
  }
};

TEST_F(Timetable, IsShownAndListed) {
  EXPECT_EQ(shown().get("kind"), Value("every"));
  EXPECT_EQ(shown().get("paused"), Value(false));
  const auto count = [&](const char* query) {
    return office.call("vic", "GET", std::string("/api/v1/schedules") + query)
        .json()
        .get("items")
        .size();
  };
  EXPECT_EQ(count("?kind=every&paused=false&namespace=test"), 1U);
  EXPECT_EQ(count("?kind=cron"), 0U);
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/schedules/test/alpha").reason(), "schedule-unknown");
}

TEST_F(Timetable, StartsOnRequestAndKeepsItsTimes) {
  const Value next = shown().get("nextTime");
  const Answer answer =
      office.call("olga", "POST", "/api/v1/schedules/test/tick/trigger", R"({"input":{"x":1}})");
  ASSERT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("Location"), "/api/v1/instances/" + to_json(answer.json().get("id")));
  EXPECT_EQ(shown().get("nextTime"), next);
  EXPECT_EQ(shown().get("started"), Value(0));
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/schedules/test/alpha/trigger").status, 404);
  EXPECT_EQ(office.call("vic", "POST", "/api/v1/schedules/test/tick/trigger").status, 403);
}

TEST_F(Timetable, StartsNothingWhilePaused) {
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/schedules/test/tick/pause").json().get("paused"),
            Value(true));
  fire();
  EXPECT_EQ(shown().get("started"), Value(0));
  EXPECT_EQ(shown().get("missed"), Value(1));
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/schedules/test/tick/trigger").status, 201);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/schedules/test/tick/resume").status, 200);
  fire();
  EXPECT_EQ(shown().get("started"), Value(1));
}

TEST_F(Timetable, StartsNothingForADisabledWorkflow) {
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/workflows/test/tick/disable").status, 200);
  EXPECT_EQ(shown().get("paused"), Value(true));
  fire();
  EXPECT_EQ(shown().get("missed"), Value(1));
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/schedules/test/tick/trigger").reason(),
            "workflow-disabled");
}

}  // namespace
}  // namespace stepwell::api::test
