// Redirects are followed by our own loop: the credential goes to its own origin only.
#include <gtest/gtest.h>

#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

std::string redirect(int status, const std::string& location) {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + location +
         "\r\nContent-Length: 0\r\n\r\n";
}

// Answers /start with a redirect and everything else with 1.
MisbehavingServer::Script redirecting(int status, std::string location) {
  return [status, location](MisbehavingServer::Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const bool start = request.find(" /start ") != std::string::npos;
      connection.send(start ? redirect(status, location) : ok_answer("1", kJson));
    }
  };
}

TEST(Redirect, IsAnErrorUnlessAsked) {
  MisbehavingServer server(redirecting(302, "/next"));
  World world;
  const auto view = world.run(call("get", server.url("/start")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->status, 302);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(Redirect, WithinTheOriginTheCredentialGoesAlong) {
  for (const int status : {301, 302, 303, 307, 308}) {
    MisbehavingServer server(redirecting(status, "/next"));
    World world;
    world.add_bearer("crm", "tok-0123456789", origin_of(server));
    const auto view =
        world.run(call("get", with_credential(server.url("/start"), "crm"), ", redirect: true"));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
    const std::string received = all(server);
    EXPECT_NE(received.find("tok-0123456789", received.find("GET /next")), std::string::npos)
        << status;
  }
}

TEST(Redirect, ToAnotherOriginTheCredentialStaysBehind) {
  for (const int status : {301, 302, 303, 307, 308}) {
    MisbehavingServer other(MisbehavingServer::always(ok_answer("2", kJson)));
    MisbehavingServer server(redirecting(status, other.url("/there")));
    World world;
    auth::NewCredential credential;
    credential.name = "crm";
    credential.kind = auth::CredentialKind::api_key;
    credential.header = "X-Api-Key";
    credential.origins = {origin_of(server),
                          origin_of(other)};  // allowed there, and still not sent
    credential.value.secret = Secret("tok-0123456789");
    ASSERT_TRUE(world.authority->credentials().add(kAna, std::move(credential)));
    const auto view =
        world.run(call("get", with_credential(server.url("/start"), "crm"), ", redirect: true"));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
    EXPECT_EQ(view.output, Value(2));
    EXPECT_NE(all(server).find("X-Api-Key: tok-0123456789"), std::string::npos);
    EXPECT_EQ(all(other).find("tok-0123456789"), std::string::npos) << status;
  }
}

TEST(Redirect, AnAuthorsOwnAuthorizationStaysBehindAsWell) {
  MisbehavingServer other(MisbehavingServer::always(ok_answer("2", kJson)));
  MisbehavingServer server(redirecting(307, other.url("/there")));
  World world;
  const auto view = world.run(
      call("get", "'" + server.url("/start") + "'",
           ", redirect: true, headers: {Authorization: 'Bearer mine-123', Cookie: 'c=mine-123'}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(all(other).find("mine-123"), std::string::npos);
}

TEST(Redirect, MethodsChangeAsRfc9110Says) {
  const std::vector<std::tuple<int, std::string, bool>> table{{301, "GET", false},
                                                              {302, "GET", false},
                                                              {303, "GET", false},
                                                              {307, "POST", true},
                                                              {308, "POST", true}};
  for (const auto& [status, method, body] : table) {
    MisbehavingServer server(redirecting(status, "/next"));
    World world;
    const auto view =
        world.run(call("post", server.url("/start"), ", redirect: true, body: {payload: 1}"));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
    const std::string received = all(server);
    const std::size_t second = received.find(method + " /next");
    ASSERT_NE(second, std::string::npos) << status << received;
    EXPECT_EQ(received.find("payload", second) != std::string::npos, body) << status;
  }
}

// A POST that was answered by a redirect has been executed: the step once began again with it.
TEST(Redirect, APostThatWasRedirectedIsNotRepeatedWhenTheNextHopFails) {
  for (const std::string& answer : {std::string("garbage\r\n\r\n"),
                                    std::string("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")}) {
    MisbehavingServer server([answer](MisbehavingServer::Connection& connection) {
      while (true) {
        const std::string request = connection.read_request();
        if (request.empty()) return;
        const bool start = request.find(" /start ") != std::string::npos;
        if (!connection.send(start ? redirect(303, "/next") : answer)) return;
      }
    });
    World world;
    const auto view = world.run(
        "do: [{t: {try: [{p: {call: http, with: {method: post, endpoint: '" + server.url("/start") +
        "', body: {a: 1}, redirect: true}}}], catch: {retry: {delay: {milliseconds: 1}, limit: "
        "{attempt: {count: 3}}}}}}]\n");
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
    EXPECT_FALSE(view.problem->retryable);
    const std::string received = all(server);
    EXPECT_EQ(received.find("POST /start", received.find("POST /start") + 1), std::string::npos);
  }
}

TEST(Redirect, ASecretEchoedInALocationIsNotFollowed) {
  MisbehavingServer server(redirecting(302, "/next?echo=tok-0123456789"));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const auto view = world.run(call("get", with_credential(server.url("/start"), "crm"),
                                   ", redirect: true, output: response"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  const Value problem = view.problem->to_value();
  EXPECT_EQ(problem.get("reason"), Value("redirect-refused"));
  EXPECT_EQ(problem.get("sent"), Value("yes"));
  EXPECT_EQ(to_json(problem).find("tok-0123456789"), std::string::npos) << to_json(problem);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(Redirect, EndsAfterFiveHops) {
  MisbehavingServer server(redirecting(302, "/start"));
  World world;
  const auto view = world.run(call("get", server.url("/start"), ", redirect: true"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "redirect-refused");
  EXPECT_EQ(server.requests(), 6U);
}

TEST(Redirect, GoesToNoOtherSchemeAndPastNoEgressRule) {
  for (const char* location :
       {"file:///etc/passwd", "gopher://x/", "http://10.0.0.1/", "http://[::1]:1/"}) {
    MisbehavingServer server(redirecting(302, location));
    World world;
    const auto view = world.run(call("get", server.url("/start"), ", redirect: true"));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << location;
    EXPECT_TRUE(view.problem->code == "redirect-refused" || view.problem->code == "egress-denied")
        << view.problem->code;
  }
}

TEST(Redirect, ARevocationBetweenTwoHopsStopsTheSecond) {
  World world;
  std::atomic<World*> revoker{&world};
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    while (!connection.read_request().empty()) {
      if (World* owner = revoker.exchange(nullptr)) {
        EXPECT_TRUE(owner->authority->credentials().revoke(kAna, "crm"));
      }
      connection.send(redirect(302, "/next"));
    }
  });
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const auto view =
      world.run(call("get", with_credential(server.url("/start"), "crm"), ", redirect: true"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "credential-revoked");
  EXPECT_EQ(server.requests(), 1U);
}

}  // namespace
}  // namespace stepwell::steps::test
