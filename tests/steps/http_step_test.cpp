// `call: http` over real sockets: what goes out, what comes back, and how it fails.
#include <gtest/gtest.h>

#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

std::string status_answer(int status, const std::string& headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers + "Content-Length: 0\r\n\r\n";
}

TEST(HttpStep, SendsTheCredentialAndGivesTheContent) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer(R"({"a":1})", kJson)));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const auto view =
      world.run(call("get", with_credential(server.url("/x"), "crm"), ", query: {q: '${ .n }'}"),
                R"({"n":5})");
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(to_json(view.output), R"({"a":1})");
  const std::string request = server.received().at(0);
  EXPECT_TRUE(request.starts_with("GET /x?q=5 HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nAuthorization: Bearer tok-0123456789\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\ntraceparent: 00-"), std::string::npos);
  EXPECT_EQ(request.find("Idempotency-Key"), std::string::npos);
}

TEST(HttpStep, APostCarriesAnIdempotencyKeyThatRetriesRepeat) {
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    int answers = 0;
    while (!connection.read_request().empty())
      connection.send(answers++ == 0 ? status_answer(503) : ok_answer("{}", kJson));
  });
  World world;
  const auto view =
      world.run("do: [{t: {try: [{p: {call: http, with: {method: post, endpoint: '" + server.url() +
                "', body: {a: 1}}}}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: "
                "{count: 2}}}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  const std::string received = server.received().at(0);
  const std::size_t first = received.find("Idempotency-Key: ");
  const std::size_t second = received.find("Idempotency-Key: ", first + 1);
  ASSERT_NE(second, std::string::npos) << received;
  EXPECT_EQ(received.substr(first, 60), received.substr(second, 60));
}

TEST(HttpStep, FailsCleanlyWhenTheCredentialIsRevoked) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  ASSERT_TRUE(world.authority->credentials().revoke(kAna, "crm"));
  const auto view = world.run(call("get", with_credential(server.url(), "crm")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  const Value problem = view.problem->to_value();
  EXPECT_EQ(problem.get("type"), Value(error_type_uri(ErrorKind::authentication)));
  EXPECT_EQ(problem.get("status"), Value(401));
  EXPECT_EQ(problem.get("reason"), Value("credential-revoked"));
  EXPECT_EQ(problem.get("instance"), Value("/do/0/get"));
  EXPECT_EQ(problem.get("credential"), Value("crm"));
  EXPECT_EQ(problem.get("credentialVersion"), Value(1));
  EXPECT_EQ(problem.get("attempt"), Value(1));
  EXPECT_EQ(problem.get("sent"), Value("no"));
  EXPECT_EQ(problem.get("retryable"), Value(false));
  EXPECT_NE(problem.get("detail").as_string().find("ana"), std::string::npos);
  EXPECT_EQ(server.connections(), 0U);
}

TEST(HttpStep, OtherRefusalsOfTheGate) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  world.add_bearer("elsewhere", "tok-0123456789", "https://crm.example.com");
  world.add_bearer("off", "tok-0123456789", origin_of(server));
  ASSERT_TRUE(world.authority->credentials().disable(kAna, "off"));
  const std::vector<std::tuple<std::string, std::string, int>> table{
      {"elsewhere", "origin-not-allowed", 403},
      {"off", "credential-disabled", 401},
      {"nobody", "credential-unknown", 403}};
  for (const auto& [name, code, status] : table) {
    const auto view = world.run(call("get", with_credential(server.url(), name)));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << name;
    EXPECT_EQ(view.problem->code, code);
    EXPECT_EQ(view.problem->status, status);
    EXPECT_FALSE(view.problem->retryable);
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(HttpStep, ARefusedCredentialIsNeverRetriedWhateverThePolicySays) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  const auto view = world.run("do: [{t: {try: [{p: {call: http, with: {method: get, endpoint: " +
                              with_credential(server.url(), "nobody") +
                              "}}}], catch: {retry: {when: 'true', delay: PT1H, limit: {attempt: "
                              "{count: 9}}}, do: [{h: {set: {reason: '${ "
                              "$error.reason }'}}}]}}}]\n");
  EXPECT_EQ(to_json(view.output), R"({"reason":"credential-unknown"})");
}

TEST(HttpStep, TheKeyOfTheInstanceIsCheckedAtEveryStep) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  ASSERT_TRUE(world.authority->users().create(kAna, "bob", auth::Role::operator_));
  const auto issued = world.authority->keys().create(kAna, {"bobs", "bob"});
  ASSERT_TRUE(issued);
  const std::string id = issued->key.id;
  EXPECT_EQ(world.run(call("get", server.url()), "{}", id).status,
            engine::InstanceStatus::completed);
  ASSERT_TRUE(world.authority->keys().revoke(kAna, id));
  const auto view = world.run(call("get", server.url()), "{}", id);
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "key-revoked");
  EXPECT_EQ(view.problem->status, 401);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(HttpStep, AnswersOfTheUpstreamBecomeProblems) {
  const std::vector<std::tuple<int, std::string, bool>> table{{401, "rejected-by-upstream", false},
                                                              {403, "forbidden-by-upstream", false},
                                                              {404, "http-status", true},
                                                              {503, "http-status", true}};
  for (const auto& [status, code, retryable] : table) {
    MisbehavingServer server(MisbehavingServer::always(status_answer(status)));
    World world;
    const auto view = world.run(call("get", server.url()));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
    EXPECT_EQ(view.problem->code, code);
    EXPECT_EQ(view.problem->status, status);
    EXPECT_EQ(view.problem->retryable, retryable);
    EXPECT_EQ(view.problem->type, error_type_uri(ErrorKind::communication));
  }
}

TEST(HttpStep, ThreeRefusalsInARowRejectTheCredential) {
  MisbehavingServer server(MisbehavingServer::always(status_answer(401)));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(world.run(call("get", with_credential(server.url(), "crm"))).problem->code,
              "rejected-by-upstream");
  EXPECT_EQ(world.run(call("get", with_credential(server.url(), "crm"))).problem->code,
            "credential-rejected");
  EXPECT_EQ(server.requests(), 3U);
}

TEST(HttpStep, APostWhoseAnswerNeverCameHasAnUnknownOutcome) {
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    connection.read_request();
    connection.reset();
  });
  World world;
  const auto view =
      world.run("do: [{t: {try: [{p: {call: http, with: {method: post, endpoint: '" + server.url() +
                "', body: {a: 1}}}}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: "
                "{count: 5}}}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "outcome-unknown");
  EXPECT_FALSE(view.problem->retryable);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(HttpStep, AGetWhoseAnswerNeverCameIsRetried) {
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    if (connection.read_request().empty()) return;
    if (connection.number() == 0)
      connection.reset();
    else
      connection.send(ok_answer("7", kJson));
  });
  World world;
  const auto view = world.run(
      "do: [{t: {try: [{p: {call: http, with: {method: get, endpoint: '" + server.url() +
      "'}}}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: {count: 5}}}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(view.output, Value(7));
}

TEST(HttpStep, BadAnswersAreProblemsAndTheEngineGoesOn) {
  const std::vector<std::string> answers{
      "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ok_answer("{", kJson),
      ok_answer("\"\xff\"", kJson), ok_answer(std::string(3000, '['), kJson)};
  World world;
  for (const std::string& answer : answers) {
    MisbehavingServer server(MisbehavingServer::once(answer));
    const auto view = world.run(call("get", server.url()));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << answer.substr(0, 30);
    EXPECT_EQ(view.problem->type, error_type_uri(ErrorKind::communication))
        << view.problem->one_line();
  }
  MisbehavingServer good(MisbehavingServer::always(ok_answer("1", kJson)));
  EXPECT_EQ(world.run(call("get", good.url())).output, Value(1));
}

TEST(HttpStep, AnAnswerLargerThanTheTaskAllowsIsCutOff) {
  MisbehavingServer server(
      MisbehavingServer::always(ok_answer(std::string(5000, 'x'), "Content-Type: text/plain\r\n")));
  World world;
  const auto view =
      world.run("do: [{get: {call: http, with: {method: get, endpoint: '" + server.url() +
                "'}, metadata: {stepwell: {maxResponseBytes: 1000}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "too-large");
}

TEST(HttpStep, SecretsThatAnUpstreamEchoesAreMasked) {
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      connection.send(ok_answer(request, "Content-Type: text/plain\r\nX-Echo: tok-0123456789\r\n"));
    }
  });
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const auto view =
      world.run(call("get", with_credential(server.url(), "crm"), ", output: response"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  const std::string shown = to_json(view.output);
  EXPECT_EQ(shown.find("tok-0123456789"), std::string::npos) << shown;
  EXPECT_EQ(view.output.get("headers").get("X-Echo"), Value("***"));
  EXPECT_EQ(view.output.get("request").get("headers").get("Authorization"), Value("***"));
}

TEST(HttpStep, StopCutsTheRequestOff) {
  MisbehavingServer server(MisbehavingServer::silent());
  World world;
  auto ended = world.start(call("get", server.url()));
  ASSERT_TRUE(server.wait_for_requests(1));
  ASSERT_TRUE(world.engine->stop(world.last_started.get()));
  EXPECT_EQ(ended.get().status, engine::InstanceStatus::stopped);
}

}  // namespace
}  // namespace stepwell::steps::test
