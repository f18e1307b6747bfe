#include "api/administration.h"

#include <gtest/gtest.h>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kToken = "tok-9f8e7d6c5b4a";
constexpr const char* kCredentials = "/api/v1/credentials";

std::string bearer(const std::string& name) {
  return R"({"name":")" + name + R"(","kind":"bearer","origins":["https://crm.example.com"],)" +
         R"("expiresAt":"2027-01-31T12:00:00Z","value":")" + kToken + R"("})";
}

TEST(Administration, CredentialsLiveTheirLife) {
  const Office office;
  const Answer added = office.call("ana", "POST", kCredentials, bearer("crm"));
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.header("Location"), "/api/v1/credentials/crm");
  EXPECT_EQ(added.json().get("expiresAt"), Value("2027-01-31T12:00:00Z"));
  EXPECT_EQ(added.json().get("createdBy"), Value("ana"));
  EXPECT_EQ(office.call("ana", "POST", kCredentials, bearer("crm")).status, 409);

  struct Step {
    const char* method;
    const char* path;
    const char* body;
    const char* state;
  };
  const std::string one = std::string(kCredentials) + "/crm";
  for (const Step& step : {Step{"POST", "/disable", "", "disabled"},
                           {"POST", "/enable", "", "active"},
                           {"PATCH", "", R"({"expiresAt":"2020-01-01T00:00:00Z"})", "expired"},
                           {"PATCH", "", R"({"expiresAt":null})", "active"},
                           {"POST", "/rotate", R"({"value":"tok-new-0123456"})", "active"},
                           {"POST", "/revoke", "", "revoked"}}) {
    const Answer answer = office.call("ana", step.method, one + step.path, step.body);
    EXPECT_EQ(answer.status, 200) << step.path << answer.body;
    EXPECT_EQ(answer.json().get("state"), Value(step.state)) << step.path;
  }
  EXPECT_EQ(office.call("vic", "GET", one).json().get("version"), Value(2));
  EXPECT_EQ(office.call("ana", "POST", one + "/enable").status, 409);
  EXPECT_EQ(office.call("ana", "DELETE", one).status, 200);
  EXPECT_EQ(office.call("ana", "POST", std::string(kCredentials) + "/none/revoke").reason(),
            "credential-unknown");
}

TEST(Administration, BadCredentialsAreRefusedWithoutQuotingTheirValue) {
  const Office office;
  const std::string value = std::string(R"("value":")") + kToken + R"("})";
  for (const std::string& body :
       {R"({"name":"crm","kind":"bearer",)" + value,
        R"({"name":"CRM!","kind":"bearer","origins":["https://a.example.com"],)" + value,
        R"({"name":"crm","kind":"token","origins":["https://a.example.com"],)" + value,
        R"({"name":"crm","kind":"bearer","origins":["ftp://a.example.com"],)" + value,
        R"({"name":"crm","kind":"bearer","orgins":["https://a.example.com"],)" + value,
        R"({"name":"crm","kind":"bearer","origins":["https://a.example.com"],"expiresAt":"x",)" +
            value,
        std::string(R"({"name":"crm","kind":"bearer","origins":["https://a.example.com"]})")}) {
    const Answer answer = office.call("ana", "POST", kCredentials, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.body.find(kToken), std::string::npos) << answer.body;
  }
  EXPECT_EQ(office.call("ana", "GET", kCredentials).json().get("items").size(), 0U);
}

TEST(Administration, SecretsAreInNoAnswerAndNoLogLine) {
  Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentials, bearer("crm")).status, 201);
  // Even an instance that carries the value of a credential shows it masked.
  office.add_workflow("echo", "do: [{s: {set: {x: \"${ .secret }\"}}}]");
  const Answer echoed = office.call(
      "ana", "POST", "/api/v1/instances?wait=1m",
      std::string(R"({"workflow":"test/echo","input":{"secret":")") + kToken + R"("}})");
  ASSERT_EQ(echoed.status, 201) << echoed.body;
  const std::string everything =
      echoed.body + office.call("ana", "GET", kCredentials).body +
      office.call("ana", "GET", "/api/v1/credentials/crm").body +
      office.call("ana", "POST", "/api/v1/credentials/crm/rotate", R"({"value":7})").body +
      office.call("ana", "GET", "/api/v1/keys").body +
      office.call("ana", "GET", "/nothing/" + office.key("vic")).body +
      office.call("ana", "GET", "/metrics").body;
  EXPECT_EQ(everything.find(kToken), std::string::npos);
  const std::string key = office.key("vic");
  const std::string secret = key.substr(key.find('.') + 1);
  EXPECT_EQ(everything.find(secret), std::string::npos);
  office.server.reset();
  for (const std::string& line : office.log_lines) {
    EXPECT_EQ(line.find(kToken), std::string::npos) << line;
  }
  EXPECT_FALSE(office.log_lines.empty());
}

TEST(Administration, AKeyIsShownOnceAndWorksUntilItIsRevoked) {
  const Office office;
  const Answer created =
      office.call("ana", "POST", "/api/v1/keys", R"({"name":"ci","user":"vic","expiresAt":null})");
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string key(created.json().get("key").as_string());
  const std::string id(created.json().get("id").as_string());
  EXPECT_TRUE(key.starts_with(id + "."));
  const std::string path = "/api/v1/keys/" + id;
  EXPECT_EQ(created.header("Location"), path);
  EXPECT_FALSE(office.call("ana", "GET", path).json().contains("key"));
  const auto status_with_key = [&] {
    Wire wire(office.address());
    wire.send("GET /api/v1/workflows HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + key +
              "\r\n\r\n");
    return wire.read().status;
  };
  EXPECT_EQ(status_with_key(), 200);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"expiresAt":"2020-01-01T00:00:00Z"})")
                .json()
                .get("state"),
            Value("expired"));
  EXPECT_EQ(status_with_key(), 401);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"expiresAt":null})").status, 200);
  EXPECT_EQ(status_with_key(), 200);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"user":"olga"})").json().get("user"),
            Value("olga"));
  const Answer both =
      office.call("ana", "PATCH", path, R"({"user":"ana","expiresAt":"2030-01-01T00:00:00Z"})");
  EXPECT_EQ(both.json().get("user"), Value("ana"));
  EXPECT_EQ(both.json().get("expiresAt"), Value("2030-01-01T00:00:00Z"));
  EXPECT_EQ(office.call("ana", "PATCH", path, "{}").status, 400);
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"user":"nobody"})").reason(), "user-unknown");
  EXPECT_EQ(office.call("ana", "POST", path + "/revoke").status, 200);
  EXPECT_EQ(status_with_key(), 401);
  EXPECT_EQ(office.call("ana", "DELETE", path).status, 200);
}

TEST(Administration, UsersAreCreatedPromotedAndDeactivated) {
  const Office office;
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/users", R"({"name":"bob","role":"boss"})").status,
            400);
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/users", R"({"name":"bob","role":"viewer"})").status,
            201);
  const std::string path = "/api/v1/users/bob";
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"role":"operator"})").json().get("role"),
            Value("operator"));
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"active":false})").json().get("active"),
            Value(false));
  EXPECT_EQ(office.call("ana", "PATCH", path, R"({"active":true,"role":"admin"})").status, 400);
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/users").json().get("items").size(), 4U);
  EXPECT_EQ(office.call("ana", "PATCH", "/api/v1/users/ana", R"({"active":false})").reason(),
            "last-admin");
}

TEST(Administration, AFailingDiskIsAnErrorAndNoCrash) {
  Office office;
  ASSERT_EQ(office.call("ana", "POST", kCredentials, bearer("crm")).status, 201);
  office.store.set_failing(true);
  const Answer answer = office.call("ana", "POST", std::string(kCredentials) + "/crm/revoke");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.reason(), "disk-full");
}

TEST(Administration, WorksOfflineByTheSameRoutes) {
  Office office;
  const auto offline = api::Administration::make({*office.authority, office.catalog, {}}).value();
  EXPECT_EQ(offline->call("POST", kCredentials, bearer("crm"), "root").status, 201);
  const Response listed = offline->call("GET", kCredentials, "", "root");
  EXPECT_EQ(listed.body, office.call("vic", "GET", kCredentials).body);
  EXPECT_EQ(offline->call("POST", "/api/v1/instances", "{}", "root").status, 404);
  EXPECT_EQ(office.store.audit_records().back().from, "offline");
}

}  // namespace
}  // namespace stepwell::api::test
