#include "auth/oauth2.h"

#include <gtest/gtest.h>

#include "auth/jwt.h"
#include "base/json.h"

namespace stepwell::auth {
namespace {

using std::chrono::seconds;

constexpr const char* kUrl = "https://login.example.com/oauth2/token";
const TokenContext kContext{"crm", 3, kUrl};

Value json(std::string_view text) {
  const Result<Value> parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Value();
}

OAuth2Settings settings(OAuth2Grant grant = OAuth2Grant::client_credentials,
                        ClientAuthentication way = ClientAuthentication::basic) {
  OAuth2Settings out;
  out.grant = grant;
  out.token_url = kUrl;
  out.client_authentication = way;
  return out;
}

using More = std::vector<std::pair<std::string, std::string_view>>;
CredentialValue value(std::string id, std::string_view secret, const More& more = {}) {
  CredentialValue out;
  out.username = std::move(id);
  out.secret = Secret(secret);
  for (const auto& [name, text] : more) out.more.emplace(name, Secret(text));
  return out;
}

// ---- settings ----

TEST(OAuth2Settings, NeedOnlyTheTokenUrl) {
  const auto parsed = OAuth2Settings::parse(Value::object({{"tokenUrl", kUrl}}));
  ASSERT_TRUE(parsed) << parsed.error().one_line();
  EXPECT_EQ(parsed->grant, OAuth2Grant::client_credentials);
  EXPECT_EQ(parsed->client_authentication, ClientAuthentication::basic);
  EXPECT_EQ(parsed->token_url, kUrl);
  EXPECT_EQ(parsed->subject_token_type, "urn:ietf:params:oauth:token-type:access_token");
}

TEST(OAuth2Settings, ReadBackWhatTheyWrote) {
  for (const char* text :
       {R"({"grant":"client_credentials","tokenUrl":"https://a/t","clientAuthentication":"basic"})",
        R"({"grant":"refresh_token","tokenUrl":"http://127.0.0.1:8080/t?x=y",
            "clientAuthentication":"none","scopes":["a","https://b/c"],"audience":"my api"})",
        R"({"grant":"token_exchange","tokenUrl":"http://localhost/t","clientAuthentication":"post",
            "resource":"https://api.example.com/x?y",
            "subjectTokenType":"urn:ietf:params:oauth:token-type:jwt",
            "actorTokenType":"urn:ietf:params:oauth:token-type:id_token",
            "requestedTokenType":"urn:ietf:params:oauth:token-type:access_token"})"}) {
    const auto parsed = OAuth2Settings::parse(json(text));
    ASSERT_TRUE(parsed) << parsed.error().one_line();
    EXPECT_EQ(parsed->to_value(), json(text));
  }
}

TEST(OAuth2Settings, RefuseWhatIsWrongAndNameTheMember) {
  const struct {
    const char* settings;
    const char* named;
  } cases[] = {
      {R"("https://a/t")", "tokenUrl"},
      {R"({})", "tokenUrl is missing"},
      {R"({"tokenUrl":"https://a/t","tokenURL":"x"})", "\"tokenURL\""},
      {R"({"tokenUrl":"https://a/t","scope\u0007\"":"x"})", "\"scope?\"\""},
      {R"({"tokenUrl":5})", "tokenUrl is a number instead of a string"},
      {R"({"tokenUrl":""})", "tokenUrl"},
      {R"({"tokenUrl":"https://a/t#f"})", "tokenUrl has a fragment"},
      {R"({"tokenUrl":"https://u:p@a/t"})", "tokenUrl"},
      {R"({"tokenUrl":"/t"})", "tokenUrl"},
      {R"({"tokenUrl":"http://a/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.evil.com/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.0.0.1.evil.com/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.0.0.1./t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.0.0.01/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.0.0.256/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://127.1/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://[::2]/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"http://localhost.evil.com/t"})", "tokenUrl is not https"},
      {R"({"tokenUrl":"https://a/t","grant":"password"})", "grant is none of client_credentials,"},
      {R"({"tokenUrl":"https://a/t","grant":null})", "grant is a null"},
      {R"({"tokenUrl":"https://a/t","clientAuthentication":"jwt"})", "basic, post or none"},
      {R"({"tokenUrl":"https://a/t","scopes":"a b"})", "scopes is a string"},
      {R"({"tokenUrl":"https://a/t","scopes":["a b"]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","scopes":[""]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","scopes":["a\"b"]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","scopes":["a\\b"]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","scopes":["ä"]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","scopes":[1]})", "scopes"},
      {R"({"tokenUrl":"https://a/t","audience":"a\nb"})", "audience"},
      {R"({"tokenUrl":"https://a/t","resource":"api"})", "resource"},
      {R"({"tokenUrl":"https://a/t","resource":"https://a/#b"})", "resource"},
      {R"({"tokenUrl":"https://a/t","subjectTokenType":"urn:x:y"})", "grant token_exchange only"},
      {R"({"tokenUrl":"https://a/t","grant":"token_exchange","actorTokenType":"jwt"})",
       "actorTokenType"},
  };
  for (const auto& one : cases) {
    const auto parsed = OAuth2Settings::parse(json(one.settings));
    ASSERT_FALSE(parsed) << one.settings;
    EXPECT_EQ(parsed.error().code, "credential-invalid");
    EXPECT_EQ(parsed.error().status, 400);
    EXPECT_NE(parsed.error().detail.find(one.named), std::string::npos) << one.settings << "\n"
                                                                        << parsed.error().detail;
  }
}

TEST(OAuth2Settings, LetPlainHttpGoToThisMachineAlone) {
  for (const char* url : {"http://localhost/t", "http://LOCALHOST:80/t", "http://127.0.0.1/t",
                          "http://127.255.0.9:1234/t", "http://[::1]:80/t"})
    EXPECT_TRUE(OAuth2Settings::parse(Value::object({{"tokenUrl", url}}))) << url;
}

TEST(OAuth2Value, MustHaveWhatTheGrantNeedsAndNothingElse) {
  const auto cc = OAuth2Grant::client_credentials;
  const auto refresh = OAuth2Grant::refresh_token;
  const auto exchange = OAuth2Grant::token_exchange;
  const auto basic = ClientAuthentication::basic;
  const auto none = ClientAuthentication::none;
  const struct {
    OAuth2Grant grant;
    ClientAuthentication way;
    const char* id;
    const char* secret;
    More more;
    const char* fault;  // nullptr: none
  } cases[] = {
      {cc, basic, "id", "secret", {}, nullptr},
      {cc, ClientAuthentication::post, "id", "secret", {}, nullptr},
      {cc, none, "id", "", {}, nullptr},
      {cc, none, "id", "secret", {}, "none"},
      {cc, basic, "", "secret", {}, "id is missing"},
      {cc, basic, "id", "", {}, "secret is missing"},
      {cc, basic, "id", "sec\nret", {}, "secret"},
      {cc, basic, "i\nd", "secret", {}, "id"},
      {cc, basic, "id", "secret", {{"refreshToken", "tops3cret"}}, "further values"},
      {refresh, basic, "id", "secret", {{"refreshToken", "r"}}, nullptr},
      {refresh, none, "id", "", {{"refreshToken", "r"}}, nullptr},
      {refresh, basic, "id", "", {{"refreshToken", "r"}}, nullptr},
      {refresh, basic, "id", "secret", {}, "refreshToken"},
      {refresh, basic, "id", "secret", {{"refreshToken", ""}}, "refreshToken"},
      {refresh, basic, "id", "secret", {{"refreshToken", "tops3cret\r\n"}}, "refreshToken"},
      {exchange, basic, "id", "secret", {{"subjectToken", "s"}}, nullptr},
      {exchange, basic, "id", "", {{"subjectToken", "s"}, {"actorToken", "a"}}, nullptr},
      {exchange, basic, "id", "secret", {{"actorToken", "tops3cret"}}, "subjectToken"},
      {exchange,
       basic,
       "id",
       "secret",
       {{"subjectToken", "s"}, {"refreshToken", "tops3cret"}},
       "further values"},
  };
  for (const auto& one : cases) {
    const Status status = check(settings(one.grant, one.way), value(one.id, one.secret, one.more));
    EXPECT_EQ(status.has_value(), one.fault == nullptr) << one.id << one.secret;
    if (status || one.fault == nullptr) continue;
    EXPECT_EQ(status.error().code, "credential-invalid");
    EXPECT_NE(status.error().detail.find(one.fault), std::string::npos) << status.error().detail;
    EXPECT_EQ(status.error().detail.find("tops3cret"), std::string::npos);
  }
  OAuth2Settings with_actor = settings(exchange);
  with_actor.actor_token_type = "urn:x:y";
  EXPECT_FALSE(check(with_actor, value("id", "s", {{"subjectToken", "s"}})));
  EXPECT_TRUE(check(with_actor, value("id", "s", {{"subjectToken", "s"}, {"actorToken", "a"}})));
}

// ---- the request ----

TEST(TokenRequest, CarriesTheGrantInItsForm) {
  OAuth2Settings full = settings();
  full.scopes = {"read", "write:all"};
  full.audience = "https://api.example.com/";
  full.resource = "https://api.example.com/r";
  OAuth2Settings exchange = settings(OAuth2Grant::token_exchange);
  exchange.requested_token_type = "urn:x:y";
  exchange.audience = "a";
  const struct {
    OAuth2Settings settings;
    More more;
    const char* body;
  } cases[] = {
      {settings(), {}, "grant_type=client_credentials"},
      {full,
       {},
       "grant_type=client_credentials&scope=read+write%3Aall"
       "&audience=https%3A%2F%2Fapi.example.com%2F&resource=https%3A%2F%2Fapi.example.com%2Fr"},
      {settings(OAuth2Grant::refresh_token),
       {{"refreshToken", "r/1+2="}},
       "grant_type=refresh_token&refresh_token=r%2F1%2B2%3D"},
      {settings(OAuth2Grant::client_credentials, ClientAuthentication::post),
       {},
       "grant_type=client_credentials&client_id=my+id&client_secret=s%26t"},
      {settings(OAuth2Grant::refresh_token, ClientAuthentication::none),
       {{"refreshToken", "r"}},
       "grant_type=refresh_token&refresh_token=r&client_id=my+id"},
      {settings(OAuth2Grant::token_exchange),
       {{"subjectToken", "s"}},
       "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=s"
       "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"},
      {exchange,
       {{"subjectToken", "s"}, {"actorToken", "a"}},
       "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=s"
       "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&actor_token=a"
       "&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
       "&requested_token_type=urn%3Ax%3Ay&audience=a"},
  };
  for (const auto& one : cases) {
    const http::Request request = token_request(one.settings, value("my id", "s&t", one.more));
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, kUrl);
    EXPECT_EQ(request.body, one.body);
    ASSERT_EQ(request.headers.size(), 2U);
    EXPECT_EQ(request.headers[0].name, "Accept");
    EXPECT_EQ(request.headers[0].value, "application/json");
    EXPECT_EQ(request.headers[1].name, "Content-Type");
    EXPECT_EQ(request.headers[1].value, "application/x-www-form-urlencoded");
  }
}

TEST(TokenRequest, EncodesAsAppendixBOfTheStandardShows) {
  const http::Request request =
      token_request(settings(OAuth2Grant::client_credentials, ClientAuthentication::post),
                    value("id", " %&+\u00a3\u20ac"));
  EXPECT_TRUE(request.body->ends_with("&client_secret=+%25%26%2B%C2%A3%E2%82%AC")) << *request.body;
}

TEST(ClientLine, IsTheExampleOfTheStandard) {  // RFC 6749 §2.3.1
  const Secret line = client_line(settings(), value("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"));
  EXPECT_TRUE(line.reveal().ends_with('\0'));
  EXPECT_STREQ(line.reveal().data(),
               "Authorization: Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
}

TEST(ClientLine, EncodesBothPartsBeforeTheyAreJoined) {
  const Secret line = client_line(settings(), value("a:b", "c d"));
  EXPECT_STREQ(line.reveal().data(), "Authorization: Basic YSUzQWI6Yytk");  // a%3Ab:c+d
}

TEST(ClientLine, IsEmptyWhereTheClientSaysItOtherwise) {
  for (const auto way : {ClientAuthentication::post, ClientAuthentication::none})
    EXPECT_TRUE(
        client_line(settings(OAuth2Grant::client_credentials, way), value("a", "b")).empty());
}

// ---- the answer ----

http::Response answer(int status, std::string body) {
  http::Response out;
  out.status = status;
  out.body = std::move(body);
  return out;
}

TEST(TokenAnswer, GivesTheTokenItsRefreshTokenAndItsLife) {
  const struct {
    const char* expires;
    std::optional<seconds> lifetime;
  } cases[] = {
      {R"(,"expires_in":3600)", seconds(3600)},
      {R"(,"expires_in":"3600")", seconds(3600)},
      {R"(,"expires_in":59.9)", seconds(59)},
      {R"(,"expires_in":0)", seconds(0)},
      {R"(,"expires_in":-5)", seconds(0)},
      {R"(,"expires_in":1e300)", seconds(10LL * 365 * 24 * 3600)},
      {R"(,"expires_in":99999999999999999999)", seconds(10LL * 365 * 24 * 3600)},
      {R"(,"expires_in":"nan")", std::nullopt},
      {R"(,"expires_in":"soon")", std::nullopt},
      {R"(,"expires_in":"")", std::nullopt},
      {R"(,"expires_in":null)", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& one : cases) {
    http::Response response =
        answer(200, std::string(R"({"access_token":"at-1","token_type":"bEARER",)") +
                        R"("refresh_token":"rt-1","scope":"x")" + one.expires + "}");
    const auto issued = parse_token_answer(response, kContext);
    ASSERT_TRUE(issued) << issued.error().one_line();
    EXPECT_EQ(issued->access_token.reveal(), "at-1");
    EXPECT_EQ(issued->refresh_token.reveal(), "rt-1");
    EXPECT_EQ(issued->lifetime, one.lifetime) << one.expires;
    EXPECT_EQ(response.body, "");
  }
}

TEST(TokenAnswer, WithARefreshTokenThatCannotBeSentBackIsOneWithout) {
  for (const char* refresh : {"null", "5", "\"\"", "\"a\\nb\""}) {
    http::Response response =
        answer(200, std::string(R"({"access_token":"at","token_type":"Bearer","refresh_token":)") +
                        refresh + "}");
    const auto issued = parse_token_answer(response, kContext);
    ASSERT_TRUE(issued);
    EXPECT_TRUE(issued->refresh_token.empty());
  }
}

struct AnswerCase {
  int status;
  const char* body;
  const char* code;
  int problem_status;
  bool retryable;
  const char* said;
};

TEST(TokenAnswer, ThatIsNoTokenSaysWhyAndWhetherARepetitionHelps) {
  const AnswerCase cases[] = {
      {400, R"({"error":"invalid_grant","error_description":"it is gone"})", "token-refused", 401,
       false, "invalid_grant (it is gone)"},
      {401, R"({"error":"invalid_client"})", "token-refused", 401, false, ": invalid_client;"},
      {403, R"({"error":"access_denied","error_description":7})", "token-refused", 401, false,
       ": access_denied;"},
      {400, R"({"error":"invalid_request"})", "token-refused", 401, false, "invalid_request"},
      {200, R"({"error":"bad_code"})", "token-refused", 401, false, "bad_code"},
      {401, "<html>", "token-refused", 401, false, "status 401"},
      {400, "<html>SECRET</html>", "token-unavailable", 503, true, "status 400, but not with"},
      {403, "", "token-unavailable", 503, true, "status 403, but not with"},
      {400, R"({"error":"temporarily_unavailable"})", "token-unavailable", 503, true,
       "temporarily_unavailable"},
      {408, "", "token-unavailable", 503, true, "status 408"},
      {429, R"({"error":"slow"})", "token-unavailable", 503, true, "status 429: slow"},
      {500, R"({"error":"invalid_grant"})", "token-unavailable", 503, true, "status 500"},
      {503, "SECRET", "token-unavailable", 503, true, "status 503"},
      {302, "", "token-unavailable", 503, true, "redirects are not followed"},
      {404, "", "token-unavailable", 503, true, "status 404"},
      {204, "", "token-unavailable", 503, true, "status 204, but not with"},
      {200, "SECRET", "token-unavailable", 503, true, "status 200, but not with"},
      {200, R"(["SECRET"])", "token-unavailable", 503, true, "status 200, but not with"},
      {200, R"({"token":"SECRET"})", "token-unavailable", 503, true, "status 200, but not with"},
      {200, R"({"access_token":"SECRET"})", "token-unavailable", 503, false, "another type"},
      {200, R"({"access_token":"SECRET","token_type":"N_A"})", "token-unavailable", 503, false,
       "another type"},
      {200, R"({"access_token":"SECRET","token_type":"mac"})", "token-unavailable", 503, false,
       "another type"},
      {200, R"({"access_token":"SECRET\r\nX: y","token_type":"Bearer"})", "token-unavailable", 503,
       false, "cannot stand in a header"},
      {200, R"({"access_token":"SEC RET","token_type":"Bearer"})", "token-unavailable", 503, false,
       "cannot stand in a header"},
      {200, R"({"access_token":"","token_type":"Bearer"})", "token-unavailable", 503, false,
       "empty"},
      {200, R"({"access_token":7,"token_type":"Bearer"})", "token-unavailable", 503, false,
       "empty"},
  };
  for (const AnswerCase& one : cases) {
    http::Response response = answer(one.status, one.body);
    const auto issued = parse_token_answer(response, kContext);
    ASSERT_FALSE(issued) << one.body;
    const Problem& problem = issued.error();
    EXPECT_EQ(problem.code, one.code) << one.status << one.body;
    EXPECT_EQ(problem.status, one.problem_status);
    EXPECT_EQ(problem.retryable, one.retryable) << one.status << one.body;
    EXPECT_NE(problem.detail.find(one.said), std::string::npos) << problem.detail;
    EXPECT_NE(problem.detail.find(kUrl), std::string::npos);
    EXPECT_EQ(problem.extensions.get("credential").as_string(), "crm");
    EXPECT_EQ(problem.extensions.get("credentialVersion").as_integer(), 3);
    EXPECT_EQ(to_json(problem.to_value()).find("SEC"), std::string::npos);
    EXPECT_EQ(response.body, "");
    if (problem.code == "token-refused") {
      EXPECT_NE(problem.detail.find("stepwell credentials rotate crm"), std::string::npos);
    }
  }
}

TEST(TokenAnswer, ShowsErrorTextsMaskedPrintableAndShort) {
  http::Response response =
      answer(400, R"({"error":"bad\u001b[31m","error_description":"\u00fc hunter22 )" +
                      std::string(300, 'x') + R"("})");
  const Mask mask = [](std::string text) {
    const std::size_t at = text.find("hunter22");
    if (at != std::string::npos) text.replace(at, 8, "***");
    return text;
  };
  const auto issued = parse_token_answer(response, kContext, mask);
  ASSERT_FALSE(issued);
  const std::string& detail = issued.error().detail;
  EXPECT_NE(detail.find(": bad?[31m (?? *** xxx"), std::string::npos) << detail;
  EXPECT_NE(detail.find("xxx...)"), std::string::npos) << detail;
  EXPECT_EQ(detail.find("hunter22"), std::string::npos);
  EXPECT_LT(detail.size(), 550U);
}

TEST(TokenAnswer, HandsOnHowLongTheEndpointWantsToBeLeftAlone) {
  const struct {
    const char* header;
    Value seconds;
  } cases[] = {{"120", 120}, {"soon", Value()}, {"Sat, 21 Nov 2026 14:02:00 GMT", Value()}};
  for (const auto& one : cases) {
    http::Response response = answer(429, "");
    response.headers = {{"retry-after", one.header}};
    const auto issued = parse_token_answer(response, kContext);
    ASSERT_FALSE(issued);
    EXPECT_EQ(issued.error().extensions.get("retryAfter"), one.seconds) << one.header;
  }
}

TEST(TokenProblems, SayWhatHappenedOnTheWayAndKeepItAsTheirCause) {
  const Problem problem =
      token_unavailable(kContext, make_problem(ErrorKind::communication, "dns", "no such host"));
  EXPECT_EQ(problem.code, "token-unavailable");
  EXPECT_EQ(problem.status, 503);
  EXPECT_TRUE(problem.retryable);
  EXPECT_NE(problem.detail.find("could not be asked: no such host"), std::string::npos);
  ASSERT_TRUE(problem.cause);
  EXPECT_EQ(problem.cause->code, "dns");
}

TEST(TokenProblems, AnExpiredTokenIsWorthARetry) {
  const Problem problem = token_expired(kContext);
  EXPECT_EQ(problem.code, "token-expired");
  EXPECT_EQ(problem.status, 401);
  EXPECT_TRUE(problem.retryable);
  EXPECT_EQ(problem.extensions.get("credential").as_string(), "crm");
}

// Held against another implementation of HS256.
TEST(ClientAssertion, IsSignedByTheClientsSecret) {
  const Secret assertion = sign_client_assertion("app", "secret-0123", "https://h/token",
                                                 WallTime(std::chrono::seconds(1000)), "one");
  EXPECT_EQ(assertion.reveal(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
            ".eyJpc3MiOiJhcHAiLCJzdWIiOiJhcHAiLCJhdWQiOiJodHRwczovL2gvdG9rZW4iLCJpYXQiOjEwMDAsImV4c"
            "CI6MTA2MCwianRpIjoib25lIn0"
            ".wtx9AWrcgxccGv-jluQUPqVtx027QMyp8nRIKn8qYbM");
  EXPECT_EQ(issuer_of(assertion.reveal()), "app");
}

TEST(IssuerOf, IsNothingWhereATextIsNoToken) {
  for (const char* text :
       {"", "opaque", "a.b", "a.!!.c", "a.eyJ.c", "a.e30.c", "a.W10.c", "..", "a.eyJpc3MiOjV9.c"})
    EXPECT_FALSE(issuer_of(text)) << text;
}

}  // namespace
}  // namespace stepwell::auth
