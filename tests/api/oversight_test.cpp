// Who uses what, who did what, and what a key may do: usage, audit, scopes, the test of a
// credential.
#include <gtest/gtest.h>

#include "tests/api/office.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::MisbehavingServer;

constexpr const char* kCredentialsPath = "/api/v1/credentials";

std::string bearer_value(const std::string& name, const std::string& value = "tok-9f8e7d6c5b4a",
                         const std::string& origin = "https://crm.example.com") {
  return R"({"name":")" + name + R"(","kind":"bearer","origins":[")" + origin + R"("],"value":")" +
         value + R"("})";
}

std::string id_of(const std::string& key) { return key.substr(0, key.find('.')); }

// The last record about this action.
Value last_record(const Office& office, const std::string& action) {
  const Value items =
      office.call("ana", "GET", "/api/v1/audit?limit=500&action=" + action).json().get("items");
  return items.size() == 0 ? Value() : items.elements().back();
}

constexpr const char* kCallsCrm =
    "do: [{a: {try: [{get: {call: http, with: {method: get, endpoint: {uri: "
    "'https://crm.example.com/', authentication: {use: crm}}}}}], catch: {}}}]\n";

TEST(Usage, SeesWhatOpenApiCallsAuthenticateBy) {
  Office office;
  for (const char* name : {"crm", "docs", "other"})
    ASSERT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value(name)).status, 201);
  office.add_workflow("pets",
                      "use: {secrets: [other], authentications: {o: {bearer: {use: other}}}}\n"
                      "do: [{a: {call: openapi, with: {operationId: x, authentication: {use: crm}, "
                      "document: {endpoint: {uri: 'https://crm.example.com/', authentication: "
                      "{use: docs}}}}}}, {b: {call: openapi, with: {operationId: x, document: "
                      "{endpoint: 'https://crm.example.com/'}}}}]\n");
  for (const auto& [name, tasks] : {std::pair{"crm", R"(["/do/0/a"])"},
                                    {"docs", R"(["/do/0/a"])"},
                                    {"other", R"(["/do/1/b"])"}}) {
    const Value usage =
        office.call("vic", "GET", std::string(kCredentialsPath) + "/" + name + "/usage").json();
    ASSERT_EQ(usage.get("workflows").size(), 1U) << name;
    EXPECT_EQ(to_json(usage.get("workflows").elements()[0].get("tasks")), tasks);
  }
}

TEST(Usage, SeesWhatScriptsAreFetchedBy) {
  Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value("crm")).status, 201);
  office.add_workflow("tool",
                      "do: [{a: {run: {script: {language: python, source: {endpoint: {uri: "
                      "'https://crm.example.com/', authentication: {use: crm}}}}}}}, {b: {run: "
                      "{shell: {command: 'true'}}}}]\n");
  const Value usage =
      office.call("vic", "GET", std::string(kCredentialsPath) + "/crm/usage").json();
  ASSERT_EQ(usage.get("workflows").size(), 1U);
  EXPECT_EQ(to_json(usage.get("workflows").elements()[0].get("tasks")), R"(["/do/0/a"])");
}

TEST(Usage, NamesWorkflowsTasksAndInstancesAndGuardsAgainstEndingThem) {
  Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value("crm")).status, 201);
  office.add_workflow("sync", kCallsCrm);
  const std::string one = std::string(kCredentialsPath) + "/crm";
  Value usage = office.call("vic", "GET", one + "/usage").json();
  ASSERT_EQ(usage.get("workflows").size(), 1U);
  EXPECT_EQ(to_json(usage.get("workflows").elements()[0].get("tasks")), R"(["/do/0/a/try/0/get"])");
  EXPECT_EQ(usage.get("instances").get("count"), Value(0));
  const Answer started =
      office.call("olga", "POST", "/api/v1/instances", R"({"workflow":"test/sync"})");
  ASSERT_EQ(started.status, 201) << started.body;
  usage = office.call("vic", "GET", one + "/usage").json();
  EXPECT_EQ(usage.get("instances").get("ids").elements()[0], started.json().get("id"));

  for (const auto& [method, path] :
       {std::pair("POST", one + "/revoke"), std::pair("DELETE", one)}) {
    const Answer refused = office.call("ana", method, path);
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_EQ(refused.reason(), "in-use");
    EXPECT_EQ(refused.json().get("usage").get("instances").get("count"), Value(1));
  }
  EXPECT_EQ(office.call("vic", "GET", one).json().get("state"), Value("active"));
  const std::string key_of_olga = "/api/v1/keys/" + id_of(office.key("olga"));
  EXPECT_EQ(office.call("ana", "POST", key_of_olga + "/revoke").reason(), "in-use");
  EXPECT_EQ(office.call("ana", "POST", one + "/revoke?force=yes").reason(), "parameter-invalid");
  const Answer revoked = office.call("ana", "POST", one + "/revoke?force=true");
  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_EQ(revoked.json().get("affected").get("instances").get("count"), Value(1));
}

TEST(Usage, AKeyIsInUseWhereACredentialHoldsIt) {
  const Office office;
  ASSERT_EQ(
      office.call("ana", "POST", kCredentialsPath, bearer_value("ours", office.key("olga"))).status,
      201);
  const std::string key = "/api/v1/keys/" + id_of(office.key("olga"));
  EXPECT_EQ(to_json(office.call("ana", "GET", key + "/usage").json().get("credentials")),
            R"(["ours"])");
  EXPECT_EQ(
      office.call("vic", "GET", std::string(kCredentialsPath) + "/ours").json().get("linkedKey"),
      Value(id_of(office.key("olga"))));
  EXPECT_EQ(to_json(office.call("ana", "GET", "/api/v1/keys/olga/usage").json().get("credentials")),
            R"(["ours"])");
  ASSERT_EQ(office.call("ana", "POST", "/api/v1/keys", R"({"name":"olga","user":"olga"})").status,
            201);
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/keys/olga").reason(), "key-ambiguous");
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/keys/nobody").reason(), "key-unknown");
  EXPECT_EQ(office.call("ana", "DELETE", key).reason(), "in-use");
  EXPECT_EQ(office.call("ana", "DELETE", key + "?force=true").status, 200);
}

TEST(Change, DescriptionOriginsNamespacesAndOnRevokeInOneGo) {
  const Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value("crm")).status, 201);
  const std::string one = std::string(kCredentialsPath) + "/crm";
  const Answer changed = office.call(
      "ana", "PATCH", one,
      R"({"description":"d","origins":["https://b.example.com"],"namespaces":["sales"],"onRevoke":"abort"})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(to_json(changed.json().get("origins")), R"(["https://b.example.com"])");
  EXPECT_EQ(changed.json().get("onRevoke"), Value("abort"));
  EXPECT_EQ(changed.json().get("version"), Value(1));
  for (const char* body : {"{}", R"({"origins":[]})", R"({"onRevoke":"explode"})",
                           R"({"value":"x"})", R"({"kind":"basic"})"})
    EXPECT_EQ(office.call("ana", "PATCH", one, body).status, 400) << body;
}

TEST(Audit, ListsWhatWasDoneAndWhatWasRefused) {
  const Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value("crm")).status, 201);
  EXPECT_EQ(last_record(office, "credential.add").get("result"), Value("done"));
  EXPECT_EQ(office.call("ana", "POST", kCredentialsPath, bearer_value("crm")).status, 409);
  EXPECT_EQ(last_record(office, "credential.add").get("result"), Value("credential-exists"));
  EXPECT_EQ(office.call("ana", "POST", std::string(kCredentialsPath) + "/none/revoke").status, 404);
  const Value refused = last_record(office, "credential.revoke");
  EXPECT_EQ(refused.get("target"), Value("none"));
  EXPECT_EQ(refused.get("user"), Value("ana"));
  EXPECT_EQ(refused.get("from"), Value("127.0.0.1"));
  EXPECT_EQ(refused.get("result"), Value("credential-unknown"));
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/audit/verify").json().get("intact"), Value(true));
  const Value page = office.call("ana", "GET", "/api/v1/audit?first=2&limit=3").json();
  ASSERT_EQ(page.get("items").size(), 3U);
  EXPECT_EQ(page.get("items").elements()[0].get("number"), Value(2));
  const std::string next(page.get("next").as_string());
  const Value rest = office.call("ana", "GET", "/api/v1/audit?limit=3&cursor=" + next).json();
  EXPECT_EQ(rest.get("items").elements()[0].get("number"), Value(5));
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/audit?limit=0").reason(), "parameter-invalid");
}

TEST(Audit, AnAttemptWithoutThePermissionIsRecorded) {
  Office office;
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/keys/sw_x/revoke").status, 403);
  // It is written by another thread of the pool that answers this question.
  Value record;
  while (record.is_null()) record = last_record(office, "POST%20");
  EXPECT_EQ(record.get("action"), Value("POST /api/v1/keys/{id}/revoke"));
  EXPECT_EQ(record.get("user"), Value("olga"));
  EXPECT_EQ(record.get("target"), Value("sw_x"));
  EXPECT_EQ(record.get("result"), Value("permission-denied"));
  // Once a minute: whoever repeats it fills no log.
  const Value before = office.call("ana", "GET", "/api/v1/audit?limit=500").json().get("items");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(office.call("olga", "POST", "/api/v1/keys/sw_x/revoke").status, 403);
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/audit?limit=500").json().get("items").size(),
            before.size());
}

TEST(Audit, ARefusalThatCannotBeRecordedIsAFailure) {
  Office office;
  office.store.set_failing(true);
  EXPECT_EQ(office.call("ana", "POST", std::string(kCredentialsPath) + "/none/revoke").reason(),
            "disk-full");
}

TEST(Scopes, NarrowAKeyAndNeverWidenIt) {
  const Office office;
  const auto call_with = [&](const std::string& key, const char* method, const char* target) {
    Wire wire(office.address());
    wire.send(std::string(method) + " " + target +
              " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nAuthorization: Api-Key " + key +
              "\r\n\r\n");
    return wire.read();
  };
  const auto issue = [&](const char* user) {
    return office.call("ana", "POST", "/api/v1/keys",
                       std::string(R"({"name":"k","user":")") + user +
                           R"(","scopes":["view-workflows","manage-keys"]})");
  };
  const Answer of_admin = issue("ana");
  ASSERT_EQ(of_admin.status, 201) << of_admin.body;
  const std::string admin_key(of_admin.json().get("key").as_string());
  EXPECT_EQ(call_with(admin_key, "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(call_with(admin_key, "GET", "/api/v1/keys").status, 200);
  const Answer narrowed = call_with(admin_key, "GET", "/api/v1/credentials");
  EXPECT_EQ(narrowed.status, 403);
  EXPECT_NE(narrowed.body.find("scopes"), std::string::npos) << narrowed.body;
  const std::string viewer_key(issue("vic").json().get("key").as_string());
  EXPECT_EQ(call_with(viewer_key, "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(call_with(viewer_key, "GET", "/api/v1/keys").status, 403);
  // Nor is it a way to a wider one.
  const auto post_with = [&](const std::string& body) {
    Wire wire(office.address());
    wire.send(
        "POST /api/v1/keys HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\nAuthorization: Api-Key " + admin_key + "\r\n\r\n" +
        body);
    return wire.read();
  };
  EXPECT_EQ(post_with(R"({"name":"k","user":"ana"})").reason(), "permission-denied");
  EXPECT_EQ(post_with(R"({"name":"k","user":"ana","scopes":["manage-users"]})").reason(),
            "permission-denied");
  EXPECT_EQ(post_with(R"({"name":"k","user":"ana","scopes":["view-workflows"]})").status, 201);
  const Answer usher = office.call("ana", "POST", "/api/v1/keys",
                                   R"({"name":"k","user":"ana","scopes":["manage-users"]})");
  const std::string users_key(usher.json().get("key").as_string());
  Wire wire(office.address());
  const std::string promotion = R"({"role":"admin"})";
  wire.send(
      "PATCH /api/v1/users/vic HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(promotion.size()) + "\r\nAuthorization: Api-Key " + users_key + "\r\n\r\n" +
      promotion);
  EXPECT_EQ(wire.read().reason(), "permission-denied");
  const std::string path = "/api/v1/keys/" + id_of(admin_key);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"scopes":[]})").status, 200);
  EXPECT_EQ(call_with(admin_key, "GET", "/api/v1/credentials").status, 200);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"scopes":["everything"]})").status, 400);
}

TEST(CredentialTest, TellsWhetherTheSystemAcceptsIt) {
  Office office;
  int status = 200;
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    while (!connection.read_request().empty())
      connection.send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n");
  });
  const std::string origin = "http://127.0.0.1:" + std::to_string(server.port());
  ASSERT_EQ(
      office.call("ana", "POST", kCredentialsPath, bearer_value("crm", "tok-9f8e7d6c5b4a", origin))
          .status,
      201);
  const std::string test = std::string(kCredentialsPath) + "/crm/test";
  Answer answer = office.call("ana", "POST", test);
  EXPECT_EQ(answer.json().get("accepted"), Value(true)) << answer.body;
  EXPECT_EQ(answer.json().get("status"), Value(200));
  EXPECT_NE(server.received().at(0).find("Authorization: Bearer tok-9f8e7d6c5b4a"),
            std::string::npos);
  status = 401;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(office.call("ana", "POST", test).json().get("accepted"), Value(false));
  EXPECT_EQ(office.call("ana", "POST", test).reason(), "credential-rejected");
  ASSERT_EQ(office.call("ana", "POST", std::string(kCredentialsPath) + "/crm/enable").status, 200);
  EXPECT_EQ(office.call("ana", "POST", test, R"({"url":"http://127.0.0.1:1/"})").reason(),
            "origin-not-allowed");
  status = 200;
  EXPECT_EQ(office.call("ana", "POST", test).json().get("accepted"), Value(true));
  EXPECT_EQ(office.call("ana", "POST", std::string(kCredentialsPath) + "/none/test").reason(),
            "credential-unknown");
}

}  // namespace
}  // namespace stepwell::api::test
