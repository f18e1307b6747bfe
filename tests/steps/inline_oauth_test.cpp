// oauth2 and oidc written out in the definition, against token endpoints that tests play.
#include <gtest/gtest.h>

#include <atomic>

#include "auth/jwt.h"
#include "base/encoding.h"
#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;

// Answers each request by its path with what `answer` says.
MisbehavingServer::Script serving(std::function<std::string(const std::string& request)> answer) {
  return [answer = std::move(answer)](Connection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty() || !connection.send(answer(request))) return;
    }
  };
}

MisbehavingServer::Script issuing(const std::string& token = "token-0123456789") {
  return MisbehavingServer::always(ok_answer(
      R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":3600})", kJson));
}

std::string with_policy(const MisbehavingServer& api, const std::string& policy) {
  return call("get", "{uri: '" + api.url("/x") + "', authentication: {" + policy + "}}",
              ", output: response");
}

std::string client(const std::string& more = "") {
  return "client: {id: our-client, secret: client-secret-0123" + more + "}";
}

struct PolicyCase {
  const char* name;
  std::string policy;              // behind the authority
  std::vector<std::string> sent;   // what the token endpoint must be sent
  std::vector<std::string> never;  // and what not
};

TEST(InlineOAuth2, SendsWhatEachGrantNeeds) {
  const std::string basic = "Authorization: Basic " + to_base64("our-client:client-secret-0123");
  const PolicyCase table[] = {
      {"client_credentials",
       "grant: client_credentials, " + client() + ", scopes: [a, b], audiences: [one, two]",
       {"POST /oauth2/token HTTP/1.1", "grant_type=client_credentials", "scope=a+b", "audience=one",
        "audience=two", "client_id=our-client", "client_secret=client-secret-0123"},
       {"Authorization"}},
      {"basic",
       "grant: client_credentials, " + client(", authentication: client_secret_basic") +
           ", endpoints: {token: /auth/token}",
       {"POST /auth/token HTTP/1.1", basic},
       {"client_secret"}},
      {"password",
       "grant: password, username: ada, password: 'pw-0123456789 &', "
       "client: {id: our-client, authentication: none}",
       {"grant_type=password", "username=ada", "password=pw-0123456789+%26"},
       {"client_secret", "Authorization"}},
      {"refresh_token",
       "grant: refresh_token, subject: {token: refresh-0123, type: x}, " + client(),
       {"grant_type=refresh_token", "refresh_token=refresh-0123"},
       {"subject_token"}},
      {"exchange",
       "grant: 'urn:ietf:params:oauth:grant-type:token-exchange', subject: {token: subject-0123, "
       "type: jwt}, actor: {token: actor-0123, type: access_token}, " +
           client(),
       {"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
        "subject_token=subject-0123",
        "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt",
        "actor_token=actor-0123"},
       {}},
      {"json",
       "grant: client_credentials, " + client() +
           ", request: {encoding: application/json}, audiences: [one]",
       {"Content-Type: application/json", R"("grant_type":"client_credentials")",
        R"("audience":"one")"},
       {"grant_type="}},
      {"private_key_jwt",
       "grant: client_credentials, client: {id: our-client, assertion: aaa.bbb.ccc, "
       "authentication: private_key_jwt}",
       {"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        "client_assertion=aaa.bbb.ccc"},
       {"client_secret"}},
      {"client_secret_jwt",
       "grant: client_credentials, " + client(", authentication: client_secret_jwt"),
       {"client_assertion=eyJ"},
       {"client-secret-0123"}}};
  for (const PolicyCase& expected : table) {
    MisbehavingServer tokens(issuing());
    MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
    World world;
    const auto view = world.run(with_policy(
        api, "oauth2: {authority: '" + origin_of(tokens) + "/', " + expected.policy + "}"));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed)
        << expected.name << view.problem->one_line();
    for (const std::string& part : expected.sent)
      EXPECT_NE(all(tokens).find(part), std::string::npos) << expected.name << ": " << part << "\n"
                                                           << all(tokens);
    for (const std::string& part : expected.never)
      EXPECT_EQ(all(tokens).find(part), std::string::npos) << expected.name << ": " << part;
    EXPECT_NE(all(api).find("Authorization: Bearer token-0123456789\r\n"), std::string::npos);
    EXPECT_EQ(to_json(view.output).find("0123"), std::string::npos) << to_json(view.output);
  }
}

TEST(InlineOAuth2, EqualPoliciesShareATokenAndOthersDoNot) {
  std::atomic<int> issued{0};
  MisbehavingServer tokens(serving([&issued](const std::string&) {
    return ok_answer(
        R"({"access_token":"token-)" + std::to_string(++issued) + R"(","token_type":"Bearer"})",
        kJson);
  }));
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  const auto policy = [&](const std::string& secret) {
    return with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                "', grant: client_credentials, client: {id: a, secret: '${ \"" +
                                secret + "\" }'}}");
  };
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(world.run(policy("one-0123456789")).status, engine::InstanceStatus::completed);
  EXPECT_EQ(issued.load(), 1);
  EXPECT_EQ(world.run(policy("two-0123456789")).status, engine::InstanceStatus::completed);
  EXPECT_EQ(issued.load(), 2);
}

TEST(InlineOAuth2, EchoedValuesAndTokensAreMasked) {
  MisbehavingServer tokens(issuing());
  MisbehavingServer api(
      MisbehavingServer::always(ok_answer(R"(["token-0123456789", "client-secret-0123"])", kJson)));
  World world;
  const auto view =
      world.run(with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                     "', grant: client_credentials, " + client() + "}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(to_json(view.output.get("content")), R"(["***","***"])");
}

TEST(InlineOAuth2, ARefusalNamesThePolicyAndQuotesNoSecret) {
  const std::string refusal =
      R"({"error":"invalid_client","error_description":"client-secret-0123"})";
  MisbehavingServer tokens(MisbehavingServer::always(
      "HTTP/1.1 400 X\r\n" + kJson + "Content-Length: " + std::to_string(refusal.size()) +
      "\r\n\r\n" + refusal));
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  const auto view =
      world.run(with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                     "', grant: client_credentials, " + client() + "}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "token-refused");
  EXPECT_NE(view.problem->detail.find("the definition's own policy"), std::string::npos)
      << view.problem->detail;
  EXPECT_EQ(to_json(view.problem->to_value()).find("client-secret"), std::string::npos);
  EXPECT_EQ(api.connections(), 0U);
}

// Whoever writes a definition must not get a stored value out of the store by a policy of his own.
TEST(InlineOAuth2, AStoredValueIsNotSentByIt) {
  MisbehavingServer tokens(issuing());
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  world.add_bearer("crm", "client-secret-0123", "https://crm.example.com");
  const auto view =
      world.run(with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                     "', grant: client_credentials, " + client() + "}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "secret-in-request");
  EXPECT_EQ(tokens.connections(), 0U);
}

TEST(InlineOAuth2, IssuersAreCheckedWhereTheyAreListed) {
  const std::string from_good(
      auth::sign_client_assertion("https://good", "k", "a", {}, "1").reveal());
  const std::vector<std::tuple<std::string, std::string, bool>> table{
      {from_good, "https://good", true},
      {from_good, "https://other", false},
      {"opaque-token-01234", "https://good", false}};
  for (const auto& [token, issuer, good] : table) {
    MisbehavingServer tokens(issuing(token));
    MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
    World world;
    const auto view = world.run(with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                                     "', grant: client_credentials, " + client() +
                                                     ", issuers: ['" + issuer + "']}"));
    EXPECT_EQ(view.status == engine::InstanceStatus::completed, good) << token << issuer;
    if (!good) {
      EXPECT_EQ(view.problem->code, "token-refused");
    }
  }
}

std::string configuration(const std::string& issuer, const std::string& endpoint) {
  return ok_answer(R"({"issuer":")" + issuer + R"(","token_endpoint":")" + endpoint + R"("})",
                   kJson);
}

TEST(InlineOidc, FindsTheTokenEndpointOnce) {
  std::atomic<int> asked{0};
  std::string self;
  MisbehavingServer tokens(serving([&](const std::string& request) {
    if (request.starts_with("GET /realm/.well-known/openid-configuration ")) {
      ++asked;
      return configuration(self + "/realm", self + "/found");
    }
    return request.starts_with("POST /found ")
               ? ok_answer(
                     R"({"access_token":"t-0123456789","token_type":"Bearer","expires_in":1})",
                     kJson)
               : std::string("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n");
  }));
  self = origin_of(tokens);
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  for (const char* path : {"/realm", "/realm/", "/realm/.well-known/openid-configuration"}) {
    World world;
    asked = 0;
    const std::string workflow =
        with_policy(api, "oidc: {authority: '" + self + path + "', grant: client_credentials, " +
                             client() + "}");
    for (int i = 0; i < 3; ++i) {
      const auto view = world.run(workflow);
      ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
    }
    EXPECT_EQ(asked.load(), 1) << path;
  }
}

TEST(InlineOidc, AConfigurationThatIsNotItsOwnIsNotFollowed) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"https://someone-else.example.com", "http://127.0.0.1:1/token"},
      {"", "http://127.0.0.1:1/token"},
      {"{self}", "ftp://127.0.0.1/token"},
      {"{self}", "http://user@127.0.0.1/token"}};
  for (const auto& [issuer, endpoint] : table) {
    std::string self;
    MisbehavingServer tokens(serving([&, issuer = issuer, endpoint = endpoint](const std::string&) {
      return configuration(issuer == "{self}" ? self : issuer, endpoint);
    }));
    self = origin_of(tokens);
    MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
    World world;
    const auto view = world.run(with_policy(
        api, "oidc: {authority: '" + self + "', grant: client_credentials, " + client() + "}"));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << issuer << endpoint;
    EXPECT_EQ(view.problem->code, "token-unavailable") << view.problem->one_line();
    EXPECT_EQ(all(tokens).find("client-secret"), std::string::npos);
  }
}

TEST(InlineOidc, ObeysTheEgressRules) {
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  const auto view = world.run(with_policy(
      api, "oidc: {authority: 'http://10.0.0.1/', grant: client_credentials, " + client() + "}"));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "egress-denied") << view.problem->one_line();
}

TEST(InlineOAuth2, StoppingAnInstanceThatWaitsForATokenEndsItAtOnce) {
  MisbehavingServer tokens(MisbehavingServer::silent());
  MisbehavingServer api(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  auto ended = world.start(with_policy(api, "oauth2: {authority: '" + origin_of(tokens) +
                                                "', grant: client_credentials, " + client() + "}"));
  ASSERT_TRUE(tokens.wait_for_requests(1));
  ASSERT_TRUE(world.engine->stop(world.last_started.get()));
  EXPECT_EQ(ended.get().status, engine::InstanceStatus::stopped);
}

}  // namespace
}  // namespace stepwell::steps::test
