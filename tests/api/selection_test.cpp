// What people say of instances, how they are selected by it, and how they are deleted.
#include <gtest/gtest.h>

#include <thread>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::ReadyResult;
using Ids = std::vector<std::string>;

constexpr const char* kInstancesPath = "/api/v1/instances";

class Selecting : public testing::Test {
 protected:
  Selecting() {
    office.add_workflow("quick", "do: [{a: {set: {x: 1}}}]");
    office.add_workflow("slow",
                        "do: [{first: {set: {x: 1}}}, {ask: {call: http, with: {method: "
                        "get, endpoint: 'http://h/a'}}}]");
  }
  ~Selecting() override { office.engine->refuse_new(); }

  std::string start(const std::string& workflow, const std::string& more = "",
                    const std::string& user = "olga") {
    office.clock.advance(std::chrono::seconds(1));
    const Answer created = office.call(user, "POST", kInstancesPath,
                                       "{\"workflow\":\"test/" + workflow + "\"" + more + "}");
    EXPECT_EQ(created.status, 201) << created.body;
    const std::string id = to_json(created.json().get("id"));
    while (workflow == "quick" && show(id).get("status") != Value("completed"))
      std::this_thread::yield();
    while (workflow == "slow" && show(id).get("activeSteps").empty()) std::this_thread::yield();
    return id;
  }
  Value show(const std::string& id) {
    return office.call("vic", "GET", std::string(kInstancesPath) + "/" + id).json();
  }
  Answer call(const std::string& method, const std::string& path, const std::string& body = "") {
    return office.call("olga", method, kInstancesPath + path, body);
  }
  Ids list(const std::string& query) {
    const Answer answer = office.call("vic", "GET", kInstancesPath + query);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    Ids ids;
    const Value body = answer.json();
    for (const Value& item : body.get("items").elements()) ids.push_back(to_json(item.get("id")));
    return ids;
  }

  Office office;
};

TEST_F(Selecting, WhatIsSaidAtTheStartIsShownAndFound) {
  const std::string plain = start("quick");
  const std::string rush = start(
      "slow", R"(,"name":"Order 1","tags":["red","big"],"priority":"V","deadline":"2099-01-01")");
  const std::string calm = start("slow", R"(,"name":"parcel","tags":["blue"],"priority":"H")");
  const Value shown = show(rush);
  EXPECT_EQ(shown.get("name"), Value("Order 1"));
  EXPECT_EQ(shown.get("priority"), Value("V"));
  EXPECT_EQ(to_json(shown.get("tags")), R"(["red","big"])");
  EXPECT_EQ(shown.get("deadline"), Value("2099-01-01T00:00:00Z"));
  EXPECT_EQ(shown.get("progress"), Value(50));
  EXPECT_EQ(show(plain).get("progress"), Value(100));
  EXPECT_EQ(show(plain).get("priority"), Value("regular"));
  EXPECT_TRUE(show(plain).get("deadline").is_null());

  EXPECT_EQ(list("?name=order"), (Ids{rush}));
  EXPECT_EQ(list("?priority=H,V"), (Ids{rush, calm}));
  EXPECT_EQ(list("?priority=regular"), (Ids{plain}));
  EXPECT_EQ(list("?tag=blue,red"), (Ids{rush, calm}));
  EXPECT_EQ(list("?tag=big"), (Ids{rush}));
  EXPECT_EQ(list("?status=running,completed"), (Ids{plain, rush, calm}));
  EXPECT_EQ(list("?step=ask"), (Ids{rush, calm}));
  EXPECT_EQ(list("?step=%2Fdo%2F1%2Fask&workflow=test/slow"), (Ids{rush, calm}));
  EXPECT_EQ(list("?step=first"), (Ids{}));
  EXPECT_EQ(list("?deadlineBefore=2100-01-01"), (Ids{rush}));
  EXPECT_EQ(list("?overdue=true"), (Ids{}));
  EXPECT_EQ(list("?parent=77"), (Ids{}));
  EXPECT_EQ(list("?credential=crm"), (Ids{}));
  EXPECT_EQ(list("?completedAfter=2000-01-01"), (Ids{plain}));
  EXPECT_EQ(list("?stoppedAfter=2000-01-01"), (Ids{}));
  EXPECT_EQ(list("?ordering=-priority"), (Ids{rush, calm, plain}));
  EXPECT_EQ(list("?ordering=-startedTime"), (Ids{calm, rush, plain}));
  EXPECT_EQ(list("?ordering=deadline"), (Ids{rush, plain, calm}));
  EXPECT_EQ(list("?ordering=name"), (Ids{plain, rush, calm}));
  EXPECT_EQ(list("?ordering=-status"), (Ids{plain, calm, rush}));
  const Value page =
      office.call("vic", "GET", std::string(kInstancesPath) + "?ordering=-id&limit=2").json();
  const std::string next(page.get("next").as_string());
  EXPECT_EQ(list("?ordering=-id&limit=2&cursor=" + next), (Ids{plain}));
  EXPECT_EQ(office.call("vic", "GET", std::string(kInstancesPath) + "?cursor=" + next).reason(),
            "parameter-invalid");
}

// One table for the list, and for what is done to many.
TEST_F(Selecting, EachFilterPicksOpenAndEndedOnes) {
  office.add_workflow("bad",
                      "use: {secrets: [crm], authentications: {a: {bearer: {use: crm}}}}\n"
                      "do: [{maybe: {if: '${ false }', call: http, with: {method: get, endpoint: "
                      "{uri: 'http://h/', authentication: {use: a}}}}}, {r: {raise: {error: {type: "
                      "'https://example.com/e', status: 400}}}}]");
  office.add_workflow("held",
                      "use: {secrets: [crm], authentications: {a: {bearer: {use: crm}}}}\n"
                      "do: [{ask: {call: http, with: {method: get, endpoint: {uri: 'http://h/', "
                      "authentication: {use: a}}}}}]");
  const auto id_of_key = [&](const char* user) {
    return office.key(user).substr(0, office.key(user).find('.'));
  };
  Ids all;  // A to E below
  Ids times;
  const auto add = [&](const std::string& workflow, const std::string& more, const char* user) {
    all.push_back(start(workflow, more, user));
    times.push_back(std::string(show(all.back()).get("startedTime").as_string()));
  };
  add("quick", R"(,"name":"Order 1","tags":["red"],"priority":"H")", "olga");
  add("slow", R"(,"name":"order 2","tags":["red","blue"],"priority":"V","deadline":"2099-01-01")",
      "olga");
  add("slow", R"(,"name":"parcel","tags":["blue"],"deadline":"2098-01-01")", "ana");
  add("bad", "", "ana");
  while (show(all[3]).get("status") != Value("faulted")) std::this_thread::yield();
  add("held", "", "ana");
  while (show(all[4]).get("activeSteps").empty()) std::this_thread::yield();
  office.clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(call("POST", "/" + all[2] + "/stop").status, 200);
  const std::string stopped(show(all[2]).get("stoppedTime").as_string());
  const std::string faulted(show(all[3]).get("completedTime").as_string());

  const std::pair<std::string, std::string> table[] = {
      {"open=true", "BE"},
      {"open=false", "ABCDE"},
      {"workflow=test/slow", "BC"},
      {"workflow=test/quick:1.0.0", "A"},
      {"workflow=test/quick:1.0.1", ""},
      {"status=stopped,faulted", "CD"},
      {"status=running", "BE"},
      {"status=completed,running", "ABE"},
      {"name=ORDER", "AB"},
      {"name=parcel", "C"},
      {"priority=H,V", "AB"},
      {"priority=regular", "CDE"},
      {"tag=red", "AB"},
      {"tag=blue,red", "ABC"},
      {"tag=green", ""},
      {"step=ask", "BE"},
      {"step=first", ""},
      {"credential=crm", "DE"},
      {"credential=other", ""},
      {"runAs=olga", "AB"},
      {"runAs=" + id_of_key("olga"), "AB"},
      {"runAs=" + id_of_key("ana") + ",olga", "ABCDE"},
      {"runAs=vic", ""},
      {"runAs=nobody", ""},
      {"runAs=ana&open=true", "E"},
      {"parent=" + all[0], ""},
      {"startedAfter=" + times[2], "CDE"},
      {"startedBefore=" + times[2], "AB"},
      {"startedAfter=" + times[1] + "&startedBefore=" + times[3], "BC"},
      {"completedAfter=2000-01-01", "AD"},
      {"completedBefore=" + faulted, "A"},
      {"completedAfter=" + faulted, "D"},
      {"stoppedAfter=" + stopped, "C"},
      {"stoppedBefore=" + stopped, ""},
      {"endedAfter=" + faulted, "CD"},
      {"endedBefore=" + stopped, "AD"},
      {"lastUpdatedAfter=" + stopped, "C"},
      {"lastUpdatedBefore=" + times[1], "A"},
      {"deadlineAfter=2098-06-01", "B"},
      {"deadlineBefore=2098-06-01", "C"},
      {"overdue=true", ""},
      {"overdue=false&status=faulted", "D"},
  };
  for (const auto& [query, letters] : table) {
    Ids expected;
    for (const char letter : letters)
      expected.push_back(all.at(static_cast<std::size_t>(letter - 'A')));
    EXPECT_EQ(list("?" + query), expected) << query;
    const Ids reversed(expected.rbegin(), expected.rend());
    EXPECT_EQ(list("?ordering=-id&" + query), reversed) << query;
    Value body = Value::object({{"dryRun", true}, {"stop", true}, {"all", query == "open=false"}});
    for (std::size_t at = 0; at < query.size();) {
      const std::size_t end = std::min(query.find('&', at), query.size());
      const std::string part = query.substr(at, end - at);
      const std::size_t equals = part.find('=');
      Value texts = Value::array();
      for (std::size_t from = equals + 1; from <= part.size();) {
        const std::size_t comma = std::min(part.find(',', from), part.size());
        texts.push_back(part.substr(from, comma - from));
        from = comma + 1;
      }
      body.set(part.substr(0, equals), texts.size() == 1 ? texts.at(0) : texts);
      at = end + 1;
    }
    const Value dry = call("POST", "/bulk/delete", to_json(body)).json();
    Ids meant;
    for (const Value& item : dry.get("items").elements()) meant.push_back(to_json(item.get("id")));
    EXPECT_EQ(meant, expected) << to_json(body) << to_json(dry);
  }
}

TEST_F(Selecting, WhatIsSaidWrongIsNamed) {
  for (const char* query : {"priority=X", "status=completed,", "tag=", "parent=x", "overdue=1",
                            "ordering=size", "deadlineAfter=soon", "step=", "credential="}) {
    const Answer answer = office.call("vic", "GET", std::string(kInstancesPath) + "?" + query);
    EXPECT_EQ(answer.reason(), "parameter-invalid") << query;
  }
  for (const char* more : {R"(,"priority":"high")", R"(,"deadline":"tomorrow")", R"(,"runAs":7)"}) {
    const Answer answer = call("POST", "", std::string(R"({"workflow":"test/quick")") + more + "}");
    EXPECT_EQ(answer.status, 400) << more;
  }
}

TEST_F(Selecting, RunAsTakesAKeyOfOnesOwnAndAnAdminTakesAny) {
  const std::string olga = std::string(office.key("olga")).substr(0, office.key("olga").find('.'));
  const std::string vic = std::string(office.key("vic")).substr(0, office.key("vic").find('.'));
  const std::string own = start("quick", ",\"runAs\":\"" + olga + "\"");
  EXPECT_EQ(show(own).get("runAs"), Value(olga));
  const std::string body = R"({"workflow":"test/quick","runAs":")";
  EXPECT_EQ(call("POST", "", body + vic + "\"}").reason(), "permission-denied");
  EXPECT_EQ(call("POST", "", body + "sw_nobody\"}").reason(), "permission-denied");
  EXPECT_EQ(office.call("ana", "POST", kInstancesPath, body + "sw_nobody\"}").reason(),
            "key-unknown");
  const std::string others = start("quick", ",\"runAs\":\"" + vic + "\"", "ana");
  EXPECT_EQ(show(others).get("runAs"), Value(vic));
  ASSERT_EQ(office.call("ana", "POST", "/api/v1/keys/" + vic + "/revoke").status, 200);
  const Answer revoked = office.call("ana", "POST", kInstancesPath, body + vic + "\"}");
  EXPECT_EQ(revoked.status, 409);
  EXPECT_EQ(revoked.reason(), "key-revoked");
}

TEST_F(Selecting, WhatIsSaidChangesWhileItIsOpen) {
  const std::string id = start("slow", R"(,"name":"old","tags":["red"],"deadline":"2099-01-01")");
  const Answer changed =
      call("PATCH", "/" + id, R"({"name":"new","tags":null,"priority":"H","deadline":null})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  for (const Value& shown : {changed.json(), show(id)}) {
    EXPECT_EQ(shown.get("name"), Value("new"));
    EXPECT_EQ(to_json(shown.get("tags")), "[]");
    EXPECT_EQ(shown.get("priority"), Value("H"));
    EXPECT_TRUE(shown.get("deadline").is_null());
  }
  const Value record =
      office.call("ana", "GET", "/api/v1/audit?action=instance.change").json().get("items").at(0);
  EXPECT_EQ(record.get("target"), Value(id));
  EXPECT_EQ(record.get("detail"),
            Value(R"({"name":"new","tags":null,"priority":"H","deadline":null})"));
  for (const char* body : {"{}", R"({"status":"completed"})", R"({"priority":"X"})", "[]"})
    EXPECT_EQ(call("PATCH", "/" + id, body).status, 400) << body;
  EXPECT_EQ(office.call("vic", "PATCH", kInstancesPath + ("/" + id), R"({"name":"x"})").status,
            403);
  EXPECT_EQ(call("PATCH", "/" + start("quick"), R"({"name":"x"})").reason(), "instance-ended");
  EXPECT_EQ(call("PATCH", "/77", R"({"name":"x"})").reason(), "instance-unknown");
}

TEST_F(Selecting, OneIsDeletedOnceItHasEnded) {
  const std::string done = start("quick");
  const std::string open = start("slow");
  EXPECT_EQ(office.call("vic", "DELETE", kInstancesPath + ("/" + done)).status, 403);
  EXPECT_EQ(call("DELETE", "/" + done).status, 204);
  EXPECT_EQ(call("DELETE", "/" + done).reason(), "instance-unknown");
  EXPECT_EQ(call("DELETE", "/" + open + "?stop=maybe").reason(), "parameter-invalid");
  const Answer refused = call("DELETE", "/" + open);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "instance-open");
  EXPECT_EQ(show(open).get("status"), Value("running"));
  EXPECT_EQ(call("DELETE", "/" + open + "?stop=true").status, 204);
  EXPECT_EQ(list(""), (Ids{}));
  EXPECT_EQ(
      office.call("ana", "GET", "/api/v1/audit?action=instance.delete").json().get("items").size(),
      2U);
}

TEST_F(Selecting, ManyAreShownFirstAndThenDeleted) {
  Ids done;
  for (int i = 0; i < 5; ++i) done.push_back(start("quick", R"(,"tags":["old"])"));
  const std::string open = start("slow", R"(,"tags":["old"])");
  const std::string other = start("quick");
  const std::string body = R"({"tag":["old"],"limit":2)";
  const Value dry = call("POST", "/bulk/delete", body + R"(,"dryRun":true})").json();
  EXPECT_EQ(dry.get("matched"), Value(5)) << to_json(dry);
  EXPECT_EQ(dry.get("items").size(), 2U);
  EXPECT_EQ(list("").size(), 7U) << "nothing is gone";

  Value answer = call("POST", "/bulk/delete", body + "}").json();
  EXPECT_EQ(answer.get("taken"), Value(2)) << to_json(answer);
  answer = call("POST", "/bulk/delete",
                R"({"tag":["old"],"cursor":)" + to_json(answer.get("next")) + "}")
               .json();
  EXPECT_EQ(answer.get("taken"), Value(3));
  EXPECT_FALSE(answer.contains("next"));
  EXPECT_EQ(list(""), (Ids{open, other}));
  EXPECT_EQ(call("POST", "/bulk/delete", R"({"tag":["old"],"status":"running"})").status, 400);
  const Value refused =
      call("POST", "/bulk/delete", "{\"ids\":[" + open + "," + other + ",5]}").json();
  EXPECT_EQ(refused.get("taken"), Value(1));
  EXPECT_EQ(refused.get("problems").at(0).get("reason"), Value("instance-unknown"));
  EXPECT_EQ(refused.get("problems").at(1).get("reason"), Value("instance-open"));
  EXPECT_EQ(call("POST", "/bulk/delete", R"({"all":true,"stop":true})").json().get("taken"),
            Value(1));
  EXPECT_EQ(list(""), (Ids{}));
  const Value records =
      office.call("ana", "GET", "/api/v1/audit?action=instance.delete").json().get("items");
  ASSERT_EQ(records.size(), 4U);
  const Value stop = call("POST", "/bulk/stop", R"({"all":true,"dryRun":true})").json();
  EXPECT_EQ(to_json(stop), R"({"matched":0,"items":[]})");
  EXPECT_EQ(call("POST", "/bulk/delete", "{}").reason(), "request-invalid");
}

}  // namespace
}  // namespace stepwell::api::test
