// Steps under credentials of every kind, and under what happens to them meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;

constexpr std::size_t kAtOnce = 4;  // requests to one host, where a test limits them
std::string answer(int status, const std::string& body = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + kJson +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

auth::NewCredential oauth2(const MisbehavingServer& api, const std::string& token_url) {
  auth::NewCredential credential;
  credential.name = "ledger";
  credential.kind = auth::CredentialKind::oauth2;
  credential.settings = Value::object({{"tokenUrl", token_url}, {"scopes", Value::array()}});
  credential.origins = {origin_of(api)};
  credential.value.username = "our-client";
  credential.value.secret = Secret("client-secret-0123456789");
  return credential;
}

// Issues token-1, token-2 and so on, each for an hour.
MisbehavingServer::Script token_endpoint(std::atomic<int>& issued) {
  return [&issued](Connection& connection) {
    while (!connection.read_request().empty())
      connection.send(answer(200, R"({"access_token":"token-)" + std::to_string(++issued) +
                                      R"(-abcdef","token_type":"Bearer","expires_in":3600})"));
  };
}

// Answers 401 to requests with a token below `good`, else 200.
MisbehavingServer::Script api_from(int good) {
  return [good](Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const std::size_t at = request.find("Authorization: Bearer token-");
      const bool accepted = at != std::string::npos && request[at + 28] - '0' >= good;
      connection.send(accepted ? answer(200, R"({"ok":true})") : answer(401));
    }
  };
}

TEST(OAuth2Step, FetchesOneTokenForAllAndUsesItAgain) {
  std::atomic<int> issued{0};
  MisbehavingServer tokens(token_endpoint(issued));
  MisbehavingServer api(api_from(1));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  std::vector<std::future<engine::InstanceView>> views;
  for (int i = 0; i < 20; ++i)
    views.push_back(world.start(call("get", with_credential(api.url("/x"), "ledger"))));
  for (auto& view : views) {
    const auto ended = view.get();
    ASSERT_EQ(ended.status, engine::InstanceStatus::completed) << ended.problem->one_line();
  }
  EXPECT_EQ(issued.load(), 1);
  EXPECT_EQ(count(all(api), "Authorization: Bearer token-1-abcdef\r\n"), 20U);
  EXPECT_EQ(count(all(api), "client-secret"), 0U);
  EXPECT_EQ(count(all(tokens), "grant_type=client_credentials"), 1U);
}

TEST(OAuth2Step, ARefusedTokenIsRenewedAndTheRequestRepeatedOnceEvenAPost) {
  std::atomic<int> issued{0};
  MisbehavingServer tokens(token_endpoint(issued));
  MisbehavingServer api(api_from(2));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  const auto view =
      world.run(call("post", with_credential(api.url("/x"), "ledger"), ", body: {a: 1}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(issued.load(), 2);
  EXPECT_EQ(api.requests(), 2U);
}

TEST(OAuth2Step, ATokenEchoedInALocationIsNotFollowed) {
  std::atomic<int> issued{0};
  MisbehavingServer tokens(token_endpoint(issued));
  MisbehavingServer other(MisbehavingServer::always(ok_answer("2", kJson)));
  MisbehavingServer api(MisbehavingServer::always(
      "HTTP/1.1 307 Moved\r\nLocation: " + other.url("/?t=token-1-abcdef") +
      "\r\nContent-Length: 0\r\n\r\n"));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  const auto view =
      world.run(call("get", with_credential(api.url("/x"), "ledger"), ", redirect: true"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "redirect-refused");
  EXPECT_EQ(other.connections(), 0U);
}

TEST(OAuth2Step, ASecond401IsTheUpstreamsAnswer) {
  std::atomic<int> issued{0};
  MisbehavingServer tokens(token_endpoint(issued));
  MisbehavingServer api(api_from(9));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  const auto view = world.run(call("get", with_credential(api.url("/x"), "ledger")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "rejected-by-upstream");
  EXPECT_EQ(view.problem->extensions.get("sent"), Value("yes"));
  EXPECT_EQ(api.requests(), 2U);
}

TEST(OAuth2Step, ARefusalByTheTokenEndpointFailsTheStepWithNothingSent) {
  MisbehavingServer tokens(MisbehavingServer::always(
      answer(400, R"({"error":"invalid_grant","error_description":"client-secret-0123456789"})")));
  MisbehavingServer api(api_from(1));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  const auto view = world.run(call("get", with_credential(api.url("/x"), "ledger")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  const Value problem = view.problem->to_value();
  EXPECT_EQ(problem.get("reason"), Value("token-refused"));
  EXPECT_EQ(problem.get("status"), Value(401));
  EXPECT_EQ(problem.get("sent"), Value("no"));
  EXPECT_EQ(problem.get("credential"), Value("ledger"));
  EXPECT_EQ(to_json(problem).find("client-secret"), std::string::npos) << to_json(problem);
  EXPECT_EQ(api.connections(), 0U);
}

TEST(OAuth2Step, StoppingAnInstanceThatWaitsForATokenEndsItAtOnce) {
  MisbehavingServer tokens(MisbehavingServer::silent());
  MisbehavingServer api(api_from(1));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  auto ended = world.start(call("get", with_credential(api.url("/x"), "ledger")));
  ASSERT_TRUE(tokens.wait_for_requests(1));
  ASSERT_TRUE(world.engine->stop(world.last_started.get()));
  EXPECT_EQ(ended.get().status, engine::InstanceStatus::stopped);
}

TEST(OAuth2Step, RevokingWhileATokenIsFetchedFailsWhoeverWaitsForIt) {
  MisbehavingServer tokens(MisbehavingServer::silent());
  MisbehavingServer api(api_from(1));
  World world;
  ASSERT_TRUE(world.authority->credentials().add(kAna, oauth2(api, tokens.url("/token"))));
  auto ended = world.start(call("get", with_credential(api.url("/x"), "ledger")));
  ASSERT_TRUE(tokens.wait_for_requests(1));
  ASSERT_TRUE(world.authority->credentials().revoke(kAna, "ledger"));
  const auto view = ended.get();
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "credential-revoked");
  EXPECT_EQ(api.connections(), 0U);
}

TEST(SigV4Step, SignsEveryRequestAndNeverSendsTheKey) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  auth::NewCredential credential;
  credential.name = "bucket";
  credential.kind = auth::CredentialKind::aws_sigv4;
  credential.settings = Value::object({{"region", "eu-central-1"}, {"service", "execute-api"}});
  credential.origins = {origin_of(server)};
  credential.value.username = "AKIDEXAMPLE";
  credential.value.secret = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  credential.value.more.emplace("sessionToken", Secret("session-token-0123456789"));
  ASSERT_TRUE(world.authority->credentials().add(kAna, std::move(credential)));
  const auto view =
      world.run(call("put", with_credential(server.url("/a%20b?x=1"), "bucket"), ", body: {a: 1}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  const std::string request = all(server);
  EXPECT_NE(request.find("\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
            std::string::npos)
      << request;
  EXPECT_NE(request.find("\r\nX-Amz-Security-Token: session-token-0123456789\r\n"),
            std::string::npos);
  EXPECT_EQ(request.find("wJalrXUtn"), std::string::npos);
}

TEST(InlineDigest, AnswersTheChallengeAndNeverSendsThePassword) {
  MisbehavingServer server([](Connection& connection) {
    for (int number = 0; true; ++number) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const bool answered =
          request.find("Authorization: Digest username=\"ada\"") != std::string::npos;
      connection.send(answered ? answer(200, "1")
                               : "HTTP/1.1 401 X\r\nWWW-Authenticate: Digest realm=\"r\", "
                                 "nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n");
    }
  });
  World world;
  const auto view = world.run(call("get", "{uri: '" + server.url() +
                                              "', authentication: {digest: {username: ada, "
                                              "password: a-password-0123}}}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(view.output, Value(1));
  EXPECT_EQ(all(server).find("a-password-0123"), std::string::npos);
  EXPECT_EQ(server.requests(), 2U);
}

TEST(SecretInRequest, AStoredValueThatTheGateDidNotPutThereIsNotSent) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("{}", kJson)));
  World world;
  world.add_bearer("crm", "tok-0123456789/ä", origin_of(server));
  const std::vector<std::string> calls{
      call("get", "'" + server.url() + "'", ", query: {key: '${ .t }'}"),
      call("post", "'" + server.url() + "'", ", body: {deep: ['${ .t }']}"),
      call("post", "'" + server.url() + "'", ", body: '${ .t | @base64 }'"),
      call("get", "'" + server.url("/{t}") + "'"),
      call("get", "'" + server.url() + "'", ", headers: {X-Api-Key: '${ .t | @base64 }'}"),
      call("get", "{uri: '" + server.url() + "', authentication: {bearer: {token: '${ .t }'}}}")};
  for (const std::string& text : calls) {
    const auto view = world.run(text, R"({"t":"tok-0123456789/ä"})");
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << text;
    const Value problem = view.problem->to_value();
    EXPECT_EQ(problem.get("reason"), Value("secret-in-request")) << text;
    EXPECT_EQ(problem.get("status"), Value(403));
    EXPECT_EQ(problem.get("retryable"), Value(false));
    EXPECT_EQ(to_json(problem).find("tok-0123456789"), std::string::npos);
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(OnRevoke, AbortCutsOffWhatWaitsForItsAnswerAndFinishDoesNot) {
  for (const auto choice : {auth::OnRevoke::abort, auth::OnRevoke::finish}) {
    std::atomic<bool> revoked{false};
    MisbehavingServer server([&](Connection& connection) {
      connection.read_request();
      connection.wait_until(revoked);
      connection.send(answer(200, "1"));
    });
    World world;
    world.add_bearer("crm", "tok-0123456789", origin_of(server));
    auth::CredentialChange change;
    change.on_revoke = choice;
    ASSERT_TRUE(world.authority->credentials().change(kAna, "crm", change));
    auto ended = world.start(call("get", with_credential(server.url(), "crm")));
    ASSERT_TRUE(server.wait_for_requests(1));
    ASSERT_TRUE(world.authority->credentials().revoke(kAna, "crm"));
    if (choice == auth::OnRevoke::finish) revoked = true;
    const auto view = ended.get();
    revoked = true;
    if (choice == auth::OnRevoke::finish) {
      EXPECT_EQ(view.status, engine::InstanceStatus::completed);
      continue;
    }
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
    EXPECT_EQ(view.problem->code, "credential-revoked");
    EXPECT_EQ(view.problem->extensions.get("sent"), Value("yes"));
    EXPECT_FALSE(view.problem->retryable);
  }
}

// Reads requests, and answers each of them once `go` is set.
MisbehavingServer::Script answering_from(const std::atomic<bool>& go) {
  return [&go](Connection& connection) {
    while (!connection.read_request().empty()) {
      connection.wait_until(go);
      connection.send(answer(200, "1"));
    }
  };
}

TEST(Rotation, ARequestThatWaitedWithTheOldVersionGoesOutWithTheNewOne) {
  std::atomic<bool> go{false};
  MisbehavingServer server(answering_from(go));
  World world(kAtOnce);
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  // More than are sent to a host at once, so that some wait for their turn.
  std::vector<std::future<engine::InstanceView>> views;
  for (std::size_t i = 0; i < 4 * kAtOnce; ++i)
    views.push_back(world.start(call("get", with_credential(server.url(), "crm"))));
  ASSERT_TRUE(server.wait_for_requests(kAtOnce));
  ASSERT_TRUE(world.authority->credentials().rotate(
      kAna, "crm", {{"", Secret("tok-new-0123456789"), {}}, {}, false, {}}));
  go = true;
  for (auto& view : views) {
    const auto ended = view.get();
    ASSERT_EQ(ended.status, engine::InstanceStatus::completed) << ended.problem->one_line();
  }
  EXPECT_EQ(count(all(server), "tok-new-0123456789"), 3 * kAtOnce);
  EXPECT_EQ(count(all(server), "tok-0123456789"), kAtOnce);
}

TEST(RevokedKey, StopsARequestThatWaitsForItsTurn) {
  std::atomic<bool> go{false};
  MisbehavingServer server(answering_from(go));
  World world(kAtOnce);
  ASSERT_TRUE(world.authority->users().create(kAna, "bob", auth::Role::operator_));
  const auto issued = world.authority->keys().create(kAna, {"bobs", "bob"});
  ASSERT_TRUE(issued);
  std::vector<std::future<engine::InstanceView>> views;
  for (std::size_t i = 0; i < 4 * kAtOnce; ++i)
    views.push_back(world.start(call("get", server.url()), "{}", issued->key.id));
  ASSERT_TRUE(server.wait_for_requests(kAtOnce));
  ASSERT_TRUE(world.authority->keys().revoke(kAna, issued->key.id));
  go = true;
  std::size_t refused = 0;
  for (auto& view : views) {
    const auto ended = view.get();
    if (ended.status == engine::InstanceStatus::completed) continue;
    EXPECT_EQ(ended.problem->code, "key-revoked");
    EXPECT_EQ(ended.problem->extensions.get("sent"), Value("no"));
    ++refused;
  }
  EXPECT_EQ(refused, 3 * kAtOnce);
  EXPECT_EQ(server.requests(), kAtOnce);
}

TEST(Probe, OneRequestTriesAnEnabledCredentialAndTheOthersFollowItsSuccess) {
  std::atomic<bool> good{false};
  std::atomic<bool> answer_probe{false};
  std::atomic<int> at_once{0};
  MisbehavingServer server([&](Connection& connection) {
    while (true) {
      if (connection.read_request().empty()) return;
      if (!good) {
        connection.send(answer(401));
        continue;
      }
      if (!answer_probe) ++at_once;
      connection.wait_until(answer_probe);
      connection.send(answer(200, "1"));
    }
  });
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const std::string get = call("get", with_credential(server.url(), "crm"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.run(get).problem->code, "rejected-by-upstream");
  EXPECT_EQ(world.run(get).problem->code, "credential-rejected");
  ASSERT_TRUE(world.authority->credentials().enable(kAna, "crm"));
  good = true;
  std::vector<std::future<engine::InstanceView>> views;
  for (int i = 0; i < 10; ++i) views.push_back(world.start(get));
  ASSERT_TRUE(server.wait_for_requests(4));
  while (at_once == 0) std::this_thread::yield();
  answer_probe = true;
  for (auto& view : views) EXPECT_EQ(view.get().status, engine::InstanceStatus::completed);
  EXPECT_EQ(at_once.load(), 1) << "before the first one's answer";
}

TEST(Probe, OneRefusalRejectsItAgainForAll) {
  MisbehavingServer server(MisbehavingServer::always(answer(401)));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  const std::string get = call("get", with_credential(server.url(), "crm"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.run(get).problem->code, "rejected-by-upstream");
  ASSERT_TRUE(world.authority->credentials().enable(kAna, "crm"));
  std::vector<std::future<engine::InstanceView>> views;
  for (int i = 0; i < 10; ++i) views.push_back(world.start(get));
  std::vector<std::string> codes;
  for (auto& view : views) codes.push_back(view.get().problem->code);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), "rejected-by-upstream"), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), "credential-rejected"), 9);
  EXPECT_EQ(server.requests(), 4U);
}

}  // namespace
}  // namespace stepwell::steps::test
