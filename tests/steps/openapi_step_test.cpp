// `call: openapi` from the definition to the server and back.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using engine::InstanceStatus;
using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

const std::string kDocument = R"({"openapi": "3.0.3",
  "components": {"securitySchemes": {
    "api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
  "paths": {
    "/pets/{id}": {
      "get": {"operationId": "getPet", "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]},
      "post": {"operationId": "feedPet", "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}},
    "/far": {"get": {"operationId": "far", "servers": [{"url": "http://192.0.2.1/"}]}},
    "/safe": {"get": {"operationId": "safe", "security": [{"api_key": []}]}}}})";

// Gives `document` (a whole answer) for /doc and 1 for everything else.
MisbehavingServer::Script serving(std::string answer) {
  return [answer = std::move(answer)](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const bool wanted = request.starts_with("GET /doc");
      connection.send(wanted ? answer : ok_answer(R"({"id":1})", kJson));
    }
  };
}

std::string openapi(const MisbehavingServer& server, const std::string& operation,
                    const std::string& more = "") {
  return "do: [{get: {call: openapi, with: {document: {endpoint: '" + server.url("/doc") +
         "'}, operationId: " + operation + more + "}}}]\n";
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++found;
  return found;
}

TEST(OpenApi, CallsTheOperationThatTheDocumentDescribes) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  const std::string task = openapi(server, "getPet", ", parameters: {id: '${ .pet }'}");
  const auto view = world.run(task, R"({"pet": 1})");
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(to_json(view.output), R"({"id":1})");
  EXPECT_EQ(count(all(server), "GET /pets/1 "), 1U);
  ASSERT_EQ(world.run(task, R"({"pet": 2})").status, InstanceStatus::completed);
  EXPECT_EQ(count(all(server), "GET /doc "), 1U);
  EXPECT_EQ(count(all(server), "GET /pets/2 "), 1U);
}

TEST(OpenApi, OutputAndRedirectAreThoseOfHttpCalls) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  const auto view = world.run(openapi(server, "getPet", ", parameters: {id: 1}, output: response"));
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(view.output.get("statusCode"), Value(200));
  EXPECT_EQ(view.output.get("request").get("uri"), Value(server.url("/pets/1")));
  const auto raw = world.run(openapi(server, "getPet", ", parameters: {id: 1}, output: raw"));
  EXPECT_EQ(raw.output, Value("eyJpZCI6MX0="));
}

// Answers every request but those for the document at once, and these once `go` says so.
auto document_held_back(std::atomic<bool>& go) {
  return [&go](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const bool wanted = request.starts_with("GET /doc");
      if (wanted) connection.wait_until(go);
      connection.send(wanted ? ok_answer(kDocument, kJson) : ok_answer("1", kJson));
    }
  };
}

TEST(OpenApi, AHundredStepsWaitForOneFetch) {
  std::atomic<bool> go{false};
  MisbehavingServer server(document_held_back(go));
  World world;
  std::vector<std::future<engine::InstanceView>> runs;
  for (int i = 0; i < 100; ++i)
    runs.push_back(world.start(openapi(server, "getPet", ", parameters: {id: 1}")));
  ASSERT_TRUE(server.wait_for_requests(1));
  go = true;
  for (auto& run : runs) EXPECT_EQ(run.get().status, InstanceStatus::completed);
  EXPECT_EQ(count(all(server), "GET /doc "), 1U);
  EXPECT_EQ(count(all(server), "GET /pets/1 "), 100U);
}

TEST(OpenApi, AStepThatIsStoppedWhileItWaitsLeavesTheOthersAlone) {
  std::atomic<bool> go{false};
  MisbehavingServer server(document_held_back(go));
  World world;
  const std::string task = openapi(server, "getPet", ", parameters: {id: 1}");
  auto first = world.start(task);
  const InstanceId stopped = world.last_started.get();
  ASSERT_TRUE(server.wait_for_requests(1));
  auto second = world.start(task);
  (void)world.last_started.get();
  ASSERT_TRUE(world.engine->stop(stopped));
  EXPECT_EQ(first.get().status, InstanceStatus::stopped);
  go = true;
  EXPECT_EQ(second.get().status, InstanceStatus::completed);
}

TEST(OpenApi, TheLastToLeaveEndsTheFetch) {
  std::atomic<int> closed{0};
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    (void)connection.read_request();
    connection.wait_for_close();
    ++closed;
  });
  World world;
  auto run = world.start(openapi(server, "getPet", ", parameters: {id: 1}"));
  const InstanceId id = world.last_started.get();
  ASSERT_TRUE(server.wait_for_requests(1));
  ASSERT_TRUE(world.engine->stop(id));
  EXPECT_EQ(run.get().status, InstanceStatus::stopped);
  while (closed == 0) std::this_thread::yield();
  EXPECT_EQ(world.openapi->documents().kept(), 0U);
}

TEST(OpenApi, ADocumentThatCannotBeHadIsTheTasksProblem) {
  struct Case {
    std::string answer;
    const char* code;
    int status;
  };
  const std::string large(300'000, ' ');
  const Case cases[] = {
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "http-status", 404},
      {"HTTP/1.1 204 No Content\r\n\r\n", "http-status", 204},
      {"HTTP/1.1 206 Partial Content\r\n" + kJson +
           "Content-Length: " + std::to_string(kDocument.size()) + "\r\n\r\n" + kDocument,
       "http-status", 206},
      {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "http-status", 302},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", "http-status", 304},
      {ok_answer("<html>", "Content-Type: text/html\r\n"), "openapi-invalid", 400},
      {ok_answer(kDocument + large, kJson), "too-large", 500},
  };
  OpenApiOptions options;
  options.document = Bytes{200'000};
  for (const Case& each : cases) {
    MisbehavingServer server(serving(each.answer));
    World world(0, options);
    const auto view = world.run(openapi(server, "getPet", ", parameters: {id: 1}"));
    ASSERT_EQ(view.status, InstanceStatus::faulted);
    EXPECT_EQ(view.problem->code, each.code) << view.problem->one_line();
    EXPECT_EQ(view.problem->status, each.status);
    EXPECT_NE(view.problem->detail.find("OpenAPI document"), std::string::npos);
    EXPECT_EQ(view.problem->extensions.get("sent"), Value("no"));
  }
}

TEST(OpenApi, RedirectsOfTheDocumentAreFollowedAndServersAreSeenFromThere) {
  MisbehavingServer other(serving(ok_answer(kDocument, kJson)));
  MisbehavingServer server(MisbehavingServer::always(
      "HTTP/1.1 302 Found\r\nLocation: " + other.url("/doc") + "\r\nContent-Length: 0\r\n\r\n"));
  World world;
  const auto view = world.run(openapi(server, "getPet", ", parameters: {id: 1}"));
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(count(all(other), "GET /pets/1 "), 1U);
}

TEST(OpenApi, AServerThatTheDocumentNamesIsBoundByTheEgressRules) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  auto rules = world.run(openapi(server, "far"));
  ASSERT_EQ(rules.status, InstanceStatus::faulted);
  EXPECT_EQ(rules.problem->code, "egress-denied") << rules.problem->one_line();
}

TEST(OpenApi, AStaleDocumentIsAskedForAgainAndKeptWhereItIsTheSame) {
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      if (!request.starts_with("GET /doc"))
        connection.send(ok_answer("1", kJson));
      else if (request.find("If-None-Match: \"v1\"") != std::string::npos)
        connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n");
      else
        connection.send(
            ok_answer(kDocument, kJson + "ETag: \"v1\"\r\nCache-Control: max-age=0\r\n"));
    }
  });
  World world;
  const std::string task = openapi(server, "getPet", ", parameters: {id: 1}");
  for (int i = 0; i < 2; ++i) {
    const auto view = world.run(task);
    ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  }
  EXPECT_EQ(count(all(server), "GET /doc "), 2U);
  EXPECT_EQ(world.openapi->documents().kept(), 1U);
}

TEST(OpenApi, OnlySoManyDocumentsAreKept) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  OpenApiOptions options;
  options.count = 3;
  World world(0, options);
  for (int i = 0; i < 8; ++i) {
    const std::string task = "do: [{get: {call: openapi, with: {document: {endpoint: '" +
                             server.url("/doc?" + std::to_string(i)) +
                             "'}, operationId: getPet, parameters: {id: 1}}}}]\n";
    ASSERT_EQ(world.run(task).status, InstanceStatus::completed);
  }
  EXPECT_EQ(world.openapi->documents().kept(), 3U);
}

void add_key(World& world, const MisbehavingServer& server, const std::string& name,
             const std::string& value) {
  auth::NewCredential credential;
  credential.name = name;
  credential.kind = auth::CredentialKind::api_key;
  credential.header = "X-Key";
  credential.origins = {origin_of(server)};
  credential.value.secret = Secret(value);
  ASSERT_TRUE(world.authority->credentials().add(kAna, std::move(credential)));
}

TEST(OpenApi, TheSchemesCredentialGoesAlongAndShowsNowhere) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  add_key(world, server, "api-key", "key-0123456789");
  const auto view = world.run(openapi(server, "safe", ", output: response"));
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(count(all(server), "X-Key: key-0123456789"), 1U);
  EXPECT_EQ(to_json(view.output).find("key-0123456789"), std::string::npos);
  EXPECT_EQ(view.output.get("request").get("headers").get("X-Key"), Value("***"));
}

TEST(OpenApi, WithoutACredentialTheUpstreamDecidesAndARefusalSaysWhatToDo) {
  for (const int status : {200, 401, 403}) {
    MisbehavingServer server([status](MisbehavingServer::Connection& connection) {
      while (true) {
        const std::string request = connection.read_request();
        if (request.empty()) return;
        const bool wanted = request.starts_with("GET /doc");
        connection.send(wanted ? ok_answer(kDocument, kJson)
                               : "HTTP/1.1 " + std::to_string(status) +
                                     " X\r\nContent-Length: 0\r\n\r\n");
      }
    });
    World world;
    const auto view = world.run(openapi(server, "safe"));
    EXPECT_EQ(view.status == InstanceStatus::completed, status == 200);
    if (status == 200) continue;
    EXPECT_EQ(view.problem->status, status);
    EXPECT_NE(view.problem->detail.find("`api_key` (apiKey in the header `X-Key`): store a "
                                        "credential under the name `api-key`"),
              std::string::npos)
        << view.problem->detail;
  }
}

// Whoever writes the document says where its servers are, and what its schemes are called.
TEST(OpenApi, ADocumentCannotAskForWhatStandsInTheDefinition) {
  MisbehavingServer thief(MisbehavingServer::always(ok_answer("1", kJson)));
  MisbehavingServer server(
      serving(ok_answer(R"({"openapi": "3.0.3", "servers": [{"url": ")" + thief.url() + R"("}],
          "components": {"securitySchemes": {"payments": {"type": "http", "scheme": "bearer"}}},
          "paths": {"/x": {"get": {"operationId": "x", "security": [{"payments": []}]}}}})",
                        kJson)));
  World world;
  const std::string use = "use: {authentications: {payments: {bearer: {token: '${ .token }'}}}}\n";
  const char* const input = R"({"token": "inline-0123456789"})";
  const auto view = world.run(use + openapi(server, "x"), input);
  ASSERT_EQ(view.status, InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "security-unmet") << view.problem->one_line();
  EXPECT_EQ(thief.requests(), 0U);
  // The author of the task may.
  const auto meant =
      world.run(use + openapi(server, "x", ", authentication: {use: payments}"), input);
  ASSERT_EQ(meant.status, InstanceStatus::completed) << meant.problem->one_line();
  EXPECT_EQ(count(all(thief), "Authorization: Bearer inline-0123456789"), 1U);
}

TEST(OpenApi, TheTasksOwnAuthenticationComesFirstAndTheDocumentHasItsOwn) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  add_key(world, server, "api-key", "key-0123456789");
  add_key(world, server, "mine", "mine-0123456789");
  add_key(world, server, "docs", "docs-0123456789");
  const std::string task =
      "do: [{get: {call: openapi, with: {operationId: safe, authentication: {use: mine}, "
      "document: {endpoint: {uri: '" +
      server.url("/doc") + "', authentication: {use: docs}}}}}}]\n";
  const auto view = world.run(task);
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(count(all(server), "mine-0123456789"), 1U);
  EXPECT_EQ(count(all(server), "docs-0123456789"), 1U);
  EXPECT_EQ(count(all(server), "key-0123456789"), 0U);
  // What was fetched with a credential is not for those whose credential is revoked.
  ASSERT_TRUE(world.authority->credentials().revoke(kAna, "docs"));
  const auto after = world.run(task);
  ASSERT_EQ(after.status, InstanceStatus::faulted);
  EXPECT_EQ(after.problem->code, "credential-revoked");
}

// What is kept needs no fetch, and so nobody but us asks whether it might still be made.
TEST(OpenApi, ADocumentIsKeptForThoseWhoMightFetchItNow) {
  auth::CredentialChange elsewhere;
  elsewhere.origins = {"https://docs.example.com"};
  auth::CredentialChange others;
  others.namespaces = {"others"};
  const std::pair<auth::CredentialChange, const char*> changes[] = {
      {elsewhere, "origin-not-allowed"}, {others, "credential-not-permitted"}};
  for (const auto& [change, code] : changes) {
    MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
    World world;
    add_key(world, server, "docs", "docs-0123456789");
    const std::string task =
        "do: [{get: {call: openapi, with: {operationId: getPet, parameters: {id: 1}, document: "
        "{endpoint: {uri: '" +
        server.url("/doc") + "', authentication: {use: docs}}}}}}]\n";
    const auto view = world.run(task);
    ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
    ASSERT_TRUE(world.authority->credentials().change(kAna, "docs", change));
    const auto after = world.run(task);
    ASSERT_EQ(after.status, InstanceStatus::faulted);
    EXPECT_EQ(after.problem->code, code);
    EXPECT_EQ(count(all(server), "GET /pets/1 "), 1U);
    EXPECT_EQ(count(all(server), "GET /doc "), 1U);
  }
}

TEST(OpenApi, AProblemQuotesNoStoredValueOfTheDocumentsUrl) {
  MisbehavingServer server(serving(ok_answer(kDocument, kJson)));
  World world;
  add_key(world, server, "api-key", "key-0123456789");
  const auto view = world.run(
      "do: [{get: {call: openapi, with: {document: {endpoint: '${ .u }'}, operationId: a}}}]\n",
      R"({"u": ")" + server.url("/doc/key-0123456789") + R"("})");
  ASSERT_EQ(view.status, InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "secret-in-request");
  EXPECT_EQ(to_json(view.problem->to_value()).find("key-0123456789"), std::string::npos);
  EXPECT_EQ(server.requests(), 0U);
}

// The engine does not know the method; the call does.
TEST(OpenApi, AGetIsRepeatedAfterAReset) {
  std::atomic<int> tries{0};
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      if (request.starts_with("GET /doc")) {
        connection.send(ok_answer(kDocument, kJson));
        continue;
      }
      if (tries++ == 0) return connection.reset();
      connection.send(ok_answer("1", kJson));
    }
  });
  World world;
  const auto retried = [&](const std::string& operation) {
    tries = 0;
    return "do: [{t: {try: [{get: {call: openapi, with: {document: {endpoint: '" +
           server.url("/doc") + "'}, operationId: " + operation +
           ", parameters: {id: 1}}}}], catch: {retry: {limit: {attempt: {count: 3}}}}}}]\n";
  };
  const auto view = world.run(retried("getPet"));
  ASSERT_EQ(view.status, InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(tries, 2);
  const auto post = world.run(retried("feedPet"));
  ASSERT_EQ(post.status, InstanceStatus::faulted);
  EXPECT_EQ(post.problem->code, "outcome-unknown");
  EXPECT_EQ(tries, 1);
}

}  // namespace
}  // namespace stepwell::steps::test
