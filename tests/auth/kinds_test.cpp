// What each kind of credential consists of, what is refused, and what goes onto a request.
#include <gtest/gtest.h>

#include <functional>

#include "auth/cipher.h"
#include "base/json.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using Kind = CredentialKind;
using Spoil = std::function<void(NewCredential&)>;

void set_more(NewCredential& credential, const char* name, std::string_view secret) {
  credential.value.more.insert_or_assign(name, Secret(secret));
}

TEST(CredentialKinds, AreAcceptedAndKeptOverARestart) {
  for (const Kind kind : kAllKinds) {
    House house;
    Result<Credential> added = house.credentials().add(kAna, of_kind(kind));
    ASSERT_TRUE(added) << to_string(kind) << ": " << added.error().one_line();
    EXPECT_EQ(parse_credential_kind(to_string(kind)), kind);
    const std::string described = to_json(describe(*added, house.clock.now()));
    EXPECT_EQ(described.find("zzz"), std::string::npos) << described;
    house.reopen();
    EXPECT_EQ(to_json(describe(*house.credentials().find("crm-key"), house.clock.now())),
              described);
    EXPECT_EQ(code_of(house.gate().check_loaded("crm-key")), "granted");
  }
  EXPECT_FALSE(parse_credential_kind("Basic"));
}

struct Fault {
  const char* detail;  // a part of it
  Spoil spoil;
};

// Each fault of each kind, with what the refusal has to say.
void expect_refusals(Kind kind, const std::vector<Fault>& faults) {
  House house;
  const int commits = house.store.commits();
  for (const Fault& fault : faults) {
    NewCredential credential = of_kind(kind);
    fault.spoil(credential);
    Result<Credential> added = house.credentials().add(kAna, std::move(credential));
    ASSERT_FALSE(added) << to_string(kind) << ": " << fault.detail;
    const Problem& problem = added.error();
    EXPECT_EQ(problem.code, "credential-invalid") << problem.detail;
    EXPECT_EQ(problem.status, 400);
    EXPECT_NE(problem.detail.find(fault.detail), std::string::npos)
        << to_string(kind) << ": \"" << problem.detail << "\" has no \"" << fault.detail << '"';
    EXPECT_EQ(problem.one_line().find("zzz"), std::string::npos) << problem.detail;
  }
  EXPECT_EQ(house.store.commits(), commits);
}

const std::vector<Fault> kPasswordFaults = {
    {"user name is missing", [](auto& c) { c.value.username.clear(); }},
    {"colon", [](auto& c) { c.value.username = "zzz:ana"; }},
    {"control character", [](auto& c) { c.value.username = "zzz\r\nX: y"; }},
    {"too long", [](auto& c) { c.value.username = std::string(8193, 'z'); }},
    {"the password is empty", [](auto& c) { c.value.secret = Secret(); }},
    {"printf %s", [](auto& c) { c.value.secret = Secret(std::string_view("zzz\n")); }},
    {"control character", [](auto& c) { c.value.secret = Secret(std::string_view("zz\tz")); }},
    {"control character", [](auto& c) { c.value.secret = Secret(std::string_view("zzz\0a", 5)); }},
    {"8 KiB", [](auto& c) { c.value.secret = Secret(std::string(8193, 'z')); }},
    {"kind apiKey only", [](auto& c) { c.prefix = "Token"; }},
    {"kind apiKey only", [](auto& c) { c.header = "X-Key"; }},
    {"has no sessionToken", [](auto& c) { set_more(c, "sessionToken", "zzz"); }},
};

const std::vector<Fault> kTokenFaults = {
    {"a token has no user name", [](auto& c) { c.value.username = "ana"; }},
    {"the token is empty", [](auto& c) { c.value.secret = Secret(); }},
    {"printf %s", [](auto& c) { c.value.secret = Secret(std::string_view("zzz\n")); }},
    {"space", [](auto& c) { c.value.secret = Secret(std::string_view(" zzz")); }},
    {"space", [](auto& c) { c.value.secret = Secret(std::string_view("zzz ")); }},
    {"8 KiB", [](auto& c) { c.value.secret = Secret(std::string(8193, 'z')); }},
    {"has no refreshToken", [](auto& c) { set_more(c, "refreshToken", "zzz"); }},
};

TEST(CredentialKinds, RefuseWhatIsWrongWithAUserNameOrPassword) {
  expect_refusals(Kind::basic, kPasswordFaults);
  expect_refusals(Kind::digest, kPasswordFaults);
}

TEST(CredentialKinds, RefuseWhatIsWrongWithAToken) {
  expect_refusals(Kind::bearer, kTokenFaults);
  expect_refusals(Kind::bearer, {{"kind apiKey only", [](auto& c) { c.prefix = "Token"; }}});
  expect_refusals(Kind::api_key, kTokenFaults);
}

TEST(CredentialKinds, RefuseAnApiKeyWithoutOneRightPlace) {
  expect_refusals(Kind::api_key, {{"either a prefix", [](auto& c) { c.header.clear(); }},
                                  {"either a prefix", [](auto& c) { c.prefix = "Token"; }},
                                  {"no authentication scheme",
                                   [](auto& c) {
                                     c.header.clear();
                                     c.prefix = "To ken";
                                   }},
                                  {"cannot be the header", [](auto& c) { c.header = "X Key"; }},
                                  {"cannot be the header", [](auto& c) { c.header = "X-Key:"; }}});
  for (const char* reserved :
       {"Host", "content-length", "Content-Type", "Transfer-Encoding", "TE", "Connection", "Expect",
        "Upgrade", "Trailer", "traceparent", "tracestate", "Idempotency-Key"})
    expect_refusals(Kind::api_key,
                    {{"cannot be the header", [&](auto& c) { c.header = reserved; }}});
}

TEST(CredentialKinds, RefuseWhatIsWrongWithAnOAuth2Client) {
  const auto settings = [](std::string_view json) {
    return [json = std::string(json)](NewCredential& c) { c.settings = *parse_json(json); };
  };
  expect_refusals(
      Kind::oauth2,
      {{"are an object", settings("null")},
       {"are an object", settings("\"https://login.example.com/token\"")},
       {"tokenUrl is missing", settings("{}")},
       {"not https", settings(R"({"tokenUrl":"http://login.example.com/token"})")},
       {"no setting", settings(R"({"tokenUrl":"https://l.example/t","colour":"red"})")},
       {"grant is none of", settings(R"({"tokenUrl":"https://l.example/t","grant":"password"})")},
       {"needs a refreshToken",
        settings(R"({"tokenUrl":"https://l.example/t","grant":"refresh_token"})")},
       {"needs a subjectToken",
        settings(R"({"tokenUrl":"https://l.example/t","grant":"token_exchange"})")},
       {"client's id is missing", [](auto& c) { c.value.username.clear(); }},
       {"client's secret is missing", [](auto& c) { c.value.secret = Secret(); }},
       {"printf %s", [](auto& c) { c.value.secret = Secret(std::string_view("zzz\n")); }},
       {"takes none of the further values", [](auto& c) { set_more(c, "refreshToken", "zzz"); }},
       {"kind apiKey only", [](auto& c) { c.header = "X-Key"; }}});
}

TEST(CredentialKinds, RefuseWhatIsWrongWithAnAwsKey) {
  const auto settings = [](std::string_view json) {
    return [json = std::string(json)](NewCredential& c) { c.settings = *parse_json(json); };
  };
  expect_refusals(Kind::aws_sigv4,
                  {{"are an object", settings("null")},
                   {"region", settings(R"({"service":"s3"})")},
                   {"service", settings(R"({"region":"eu-central-1"})")},
                   {"region", settings(R"({"region":"EU/1","service":"s3"})")},
                   {"region and service, and no others",
                    settings(R"({"region":"eu-central-1","service":"s3","more":1})")},
                   {"id of the access key is missing", [](auto& c) { c.value.username.clear(); }},
                   {"secret access key is missing", [](auto& c) { c.value.secret = Secret(); }},
                   {"sessionToken is empty", [](auto& c) { set_more(c, "sessionToken", "zzz\n"); }},
                   {"has no refreshToken", [](auto& c) { set_more(c, "refreshToken", "zzz"); }},
                   {"kind apiKey only", [](auto& c) { c.prefix = "AWS4"; }}});
}

TEST(CredentialKinds, RefuseWhatIsWrongWithACertificate) {
  expect_refusals(
      Kind::client_certificate,
      {{"no user name", [](auto& c) { c.value.username = "ana"; }},
       {"certificate is not in PEM", [](auto& c) { c.value.more.clear(); }},
       {"certificate is not in PEM", [](auto& c) { set_more(c, "certificate", "zzz"); }},
       // Taken for one another.
       {"certificate is not in PEM",
        [](auto& c) { set_more(c, "certificate", c.value.secret.reveal()); }},
       {"private key is not in PEM",
        [](auto& c) { c.value.secret = Secret(c.value.reveal("certificate")); }},
       {"private key is not in PEM", [](auto& c) { c.value.secret = Secret(); }},
       {"certificate is too long",
        [](auto& c) { set_more(c, "certificate", std::string(65'537, 'z')); }},
       {"has no password", [](auto& c) { set_more(c, "password", "zzz"); }},
       {"kind apiKey only", [](auto& c) { c.prefix = "Token"; }}});
  NewCredential with_passphrase = of_kind(Kind::client_certificate);
  set_more(with_passphrase, "passphrase", "zzz passphrase");
  EXPECT_TRUE(check_new_credential(with_passphrase));
}

TEST(CredentialKinds, HaveSettingsOnlyWhereTheyMeanSomething) {
  for (const Kind kind : kAllKinds) {
    if (kind == Kind::oauth2 || kind == Kind::aws_sigv4) continue;
    for (const char* settings : {R"({"region":"eu-central-1"})", R"("zzz")", "[1]", "true"})
      expect_refusals(kind, {{"only the kinds oauth2 and awsSigV4 have settings",
                              [&](auto& c) { c.settings = *parse_json(settings); }}});
  }
}

TEST(CredentialKinds, AreCheckedAgainWhenTheyAreRotated) {
  for (const Kind kind : kAllKinds) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, of_kind(kind)));
    const int commits = house.store.commits();
    Rotation wrong;
    wrong.value = of_kind(kind).value;
    wrong.value.secret = Secret(std::string_view("zzz\n"));
    const Result<Credential> refused =
        house.credentials().rotate(kAna, "crm-key", std::move(wrong));
    EXPECT_EQ(code_of(refused), "credential-invalid") << to_string(kind);
    EXPECT_EQ(refused.error().detail.find("zzz"), std::string::npos);
    Rotation odd;
    odd.value = of_kind(kind).value;
    odd.settings = Value::object({{"colour", "red"}});
    EXPECT_EQ(code_of(house.credentials().rotate(kAna, "crm-key", std::move(odd))),
              "credential-invalid")
        << to_string(kind);
    EXPECT_EQ(house.store.commits(), commits);
    EXPECT_EQ(house.credentials().find("crm-key")->version, 1U);
    Rotation right;
    right.value = of_kind(kind).value;
    ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", std::move(right))) << to_string(kind);
    EXPECT_EQ(house.credentials().find("crm-key")->settings, of_kind(kind).settings);
  }
}

TEST(CredentialKinds, TakeNewSettingsWithANewValue) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, of_kind(Kind::aws_sigv4)));
  Rotation rotation;
  rotation.value = of_kind(Kind::aws_sigv4).value;
  rotation.settings = Value::object({{"region", "us-east-1"}, {"service", "s3"}});
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", std::move(rotation)));
  house.reopen();
  EXPECT_EQ(house.credentials().find("crm-key")->settings.get("region"), Value("us-east-1"));
  http::Request request;
  request.url = "https://crm.example.com/";
  Use use = use_of("crm-key");
  use.request = &request;
  Result<Grant> grant = house.gate().authorize(use);
  ASSERT_TRUE(grant);
  const std::string line(grant->guard->secret_headers().back().reveal().data());
  EXPECT_NE(line.find("/us-east-1/s3/aws4_request"), std::string::npos) << line;
}

// What present() makes of each kind, seen through a grant.
TEST(CredentialKinds, ShowThemselvesInTheWayOfTheirKind) {
  struct Row {
    Kind kind;
    Spoil change;
    const char* line;  // the only header line, or none
  };
  const Row rows[] = {
      {Kind::basic, {}, "Authorization: Basic YW5hOnp6eiBwYXNzOndvcmQ="},
      {Kind::bearer, {}, "Authorization: Bearer zzz-token-1"},
      {Kind::api_key, {}, "X-Api-Key: zzz-token-1"},
      {Kind::api_key,
       [](auto& c) {
         c.header.clear();
         c.prefix = "Token";
       },
       "Authorization: Token zzz-token-1"},
      {Kind::api_key, [](auto& c) { c.header = "Authorization"; }, "Authorization: zzz-token-1"},
      {Kind::digest, {}, nullptr},
      {Kind::client_certificate, [](auto& c) { set_more(c, "passphrase", "zzz pass"); }, nullptr},
  };
  for (const Row& row : rows) {
    House house;
    NewCredential credential = of_kind(row.kind);
    if (row.change) row.change(credential);
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const Grant grant = house.granted("crm-key");
    EXPECT_EQ(asked(*grant.guard), "granted");
    EXPECT_FALSE(grant.has_token());
    EXPECT_EQ(grant.guard->secret_headers().size(), row.line ? 1U : 0U);
    if (row.line) {
      EXPECT_EQ(line_of(grant), row.line);
    }
    const http::DigestLogin* login = grant.guard->digest();
    EXPECT_EQ(login != nullptr, row.kind == Kind::digest);
    if (login) {
      EXPECT_EQ(login->username, "ana");
      EXPECT_EQ(login->password.reveal(), "zzz pass:word");
    }
    const http::TlsIdentity* identity = grant.guard->identity();
    EXPECT_EQ(identity != nullptr, row.kind == Kind::client_certificate);
    if (identity) {
      EXPECT_NE(identity->certificate.reveal().find("zzzcert"), std::string_view::npos);
      EXPECT_NE(identity->key.reveal().find("zzzkey"), std::string_view::npos);
      EXPECT_EQ(identity->passphrase.reveal(), "zzz pass");
    }
  }
}

TEST(CredentialKinds, SignEachRequestForItself) {
  House house;
  NewCredential credential = of_kind(Kind::aws_sigv4);
  set_more(credential, "sessionToken", "zzz-session");
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  const auto lines = [&](const char* url) {
    http::Request request;
    request.url = url;
    Use use = use_of("crm-key", url);
    use.request = &request;
    Result<Grant> grant = house.gate().authorize(use);
    EXPECT_TRUE(grant) << grant.error().one_line();
    EXPECT_EQ(asked(*grant->guard), "granted");
    std::vector<std::string> all;
    for (const Secret& line : grant->guard->secret_headers())
      all.emplace_back(line.reveal().data());
    return all;
  };
  const std::vector<std::string> first = lines("https://crm.example.com/a");
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0], "X-Amz-Date: 20251121T140000Z");
  EXPECT_EQ(first[2], "X-Amz-Security-Token: zzz-session");
  EXPECT_TRUE(first[3].starts_with("Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
  EXPECT_EQ(first[3].find("zzz"), std::string::npos);
  EXPECT_EQ(lines("https://crm.example.com/a"), first);
  EXPECT_NE(lines("https://crm.example.com/b"), first);
  house.clock.advance(Milliseconds(1'000));
  EXPECT_NE(lines("https://crm.example.com/a"), first);
}

// A permit of a signed request is one of the credential's: it is denied and drained with it.
TEST(CredentialKinds, DenyASignedRequestAtItsLastMoment) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, of_kind(Kind::aws_sigv4)));
  http::Request request;
  request.url = "https://crm.example.com/";
  Use use = use_of("crm-key");
  use.request = &request;
  Result<Grant> grant = house.gate().authorize(use);
  ASSERT_TRUE(grant && grant->guard->acquire());
  EXPECT_EQ(code_of(house.credentials().revoke(kAna, "crm-key")), "revocation-incomplete");
  grant->guard->written();
  EXPECT_EQ(code_of(house.credentials().revoke(kAna, "crm-key")), "granted");
  EXPECT_EQ(asked(*grant->guard), "credential-revoked");
}

std::string mac_by(std::string_view key, std::string_view message) {
  Mac mac;
  hmac_sha256(key, message, mac);
  return std::string(mac.view());
}

TEST(HmacCredentials, CheckSignaturesAndAreNeverSent) {
  House house;
  NewCredential added = of_kind(Kind::hmac, "hooks");
  added.namespaces = {"shop"};
  ASSERT_TRUE(house.credentials().add(kAna, std::move(added)));
  const std::string mac = mac_by("zzz-token-1", "message");
  const auto verify = [&](std::string_view space, std::string_view message, std::string_view by) {
    return house.gate().verify_hmac({"hooks", space, message, by});
  };
  EXPECT_FALSE(house.gate().last_used("hooks"));
  EXPECT_EQ(verify("shop", "message", mac.substr(1)).value(), false);
  EXPECT_EQ(verify("shop", "message ", mac).value(), false);
  EXPECT_FALSE(house.gate().last_used("hooks"));
  EXPECT_EQ(verify("shop", "message", mac).value(), true);
  EXPECT_TRUE(house.gate().last_used("hooks"));
  EXPECT_EQ(verify("other", "message", mac).error().code, "credential-not-permitted");
  EXPECT_EQ(house.gate().authorize({"hooks", {}, "shop"}).error().code, "origin-not-allowed");
  house.reopen();
  EXPECT_EQ(verify("shop", "message", mac).value(), true);
  ASSERT_TRUE(house.credentials().revoke(kAna, "hooks"));
  EXPECT_EQ(verify("shop", "message", mac).error().code, "credential-revoked");
}

TEST(HmacCredentials, AreOfTheirOwnKind) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm", "zzz-token-1")));
  EXPECT_EQ(house.gate()
                .verify_hmac({"crm", "shop", "message", mac_by("zzz-token-1", "message")})
                .error()
                .code,
            "credential-not-permitted");
  EXPECT_EQ(house.gate().verify_hmac({"none", "shop", "", ""}).error().code, "credential-unknown");
  expect_refusals(Kind::hmac,
                  {{"has no origins", [](auto& c) { c.origins = {"https://a.test"}; }},
                   {"shorter than 8 bytes", [](auto& c) { c.value = value_of("zzz7777"); }},
                   {"no user name", [](auto& c) { c.value.username = "ana"; }}});
}

}  // namespace
}  // namespace stepwell::auth
