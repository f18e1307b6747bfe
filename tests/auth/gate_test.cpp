#include "auth/gate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "base/encoding.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

TEST(Gate, GrantsAnActiveCredentialToAnAllowedOrigin) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  EXPECT_EQ(grant.credential, "crm-key");
  EXPECT_EQ(grant.version, 1U);
  EXPECT_EQ(grant.pool.rfind("cred/crm-key/1/", 0), 0U) << grant.pool;
  EXPECT_EQ(line_of(grant), "Authorization: Bearer tok-0123456789");
  EXPECT_TRUE(grant.guard->acquire());
  grant.guard->written();
}

TEST(Gate, BuildsTheHeaderLineOfEachKind) {
  struct Case {
    CredentialKind kind;
    const char* prefix;
    const char* header;
    const char* username;
    const char* line;
  };
  const Case cases[] = {
      {CredentialKind::bearer, "", "", "", "Authorization: Bearer s3cret!"},
      {CredentialKind::basic, "", "", "ana", "Authorization: Basic YW5hOnMzY3JldCE="},
      {CredentialKind::api_key, "Token", "", "", "Authorization: Token s3cret!"},
      {CredentialKind::api_key, "", "X-Api-Key", "", "X-Api-Key: s3cret!"},
  };
  House house;
  int number = 0;
  for (const Case& c : cases) {
    NewCredential credential = bearer("c" + std::to_string(++number));
    credential.kind = c.kind;
    credential.prefix = c.prefix;
    credential.header = c.header;
    credential.value = value_of("s3cret!", c.username);
    const std::string name = credential.name;
    Result<Credential> added = house.credentials().add(kAna, std::move(credential));
    ASSERT_TRUE(added) << added.error().one_line();
    EXPECT_EQ(line_of(house.granted(name)), c.line);
  }
}

struct DenialCase {
  const char* code;
  int status;
  const char* detail;  // a part of it
  std::function<void(House&)> arrange;
  const char* name = "crm-key";
  const char* url = kOrigin;
  const char* space = "default";
};

// The table "How a step fails".
TEST(Gate, DeniesWithTheReasonAndWhatToDo) {
  const DenialCase cases[] = {
      {"credential-revoked", 401,
       "credential crm-key was revoked by ana on 2025-11-21 at 14:00 UTC, which is final; add a "
       "new credential under another name with: stepwell credentials add",
       [](House& h) { ASSERT_TRUE(h.credentials().revoke(kAna, "crm-key")); }},
      {"credential-expired", 401,
       "credential crm-key expired on 2025-11-21 at 14:00 UTC; rotate it, or give it a new expiry "
       "with: stepwell credentials rotate crm-key --expires TIME",
       [](House& h) { ASSERT_TRUE(h.credentials().set_expiry(kAna, "crm-key", h.clock.now())); }},
      {"credential-disabled", 401, "enable it again with: stepwell credentials enable crm-key",
       [](House& h) { ASSERT_TRUE(h.credentials().disable(kAna, "crm-key")); }},
      {"credential-rejected", 401, "rotate it with: stepwell credentials rotate crm-key",
       [](House& h) {
         const Grant grant = h.granted("crm-key");
         for (int i = 0; i < 3; ++i) h.gate().note_upstream_result(grant, 401);
       }},
      {"credential-deleted", 403, "credential crm-key was deleted by ana",
       [](House& h) { ASSERT_TRUE(h.credentials().remove(kAna, "crm-key")); }},
      {"credential-unknown", 403, "add it with: stepwell credentials add other-key", [](House&) {},
       "other-key"},
      {"origin-not-allowed", 403,
       "may not be sent to https://evil.example; its allowed origins are: "
       "https://crm.example.com",
       [](House&) {}, "crm-key", "https://evil.example/"},
      {"credential-not-permitted", 403, "workflows of the namespace sales may not use",
       [](House&) {}, "crm-key", kOrigin, "sales"},
  };
  for (const DenialCase& c : cases) {
    House house;
    NewCredential credential = bearer("crm-key");
    credential.namespaces = {"default", "crm"};
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    c.arrange(house);
    Result<Grant> grant = house.gate().authorize(use_of(c.name, c.url, c.space));
    ASSERT_FALSE(grant) << c.code;
    const Problem& problem = grant.error();
    EXPECT_EQ(problem.code, c.code);
    EXPECT_EQ(problem.status, c.status) << c.code;
    EXPECT_EQ(problem.type, error_type_uri(c.status == 401 ? ErrorKind::authentication
                                                           : ErrorKind::authorization));
    EXPECT_FALSE(problem.retryable) << c.code;
    EXPECT_NE(problem.detail.find(c.detail), std::string::npos) << problem.detail;
    EXPECT_EQ(problem.extensions.get("credential"), Value(c.name));
    const bool known = problem.code != "credential-unknown";
    EXPECT_EQ(problem.extensions.get("credentialVersion"), known ? Value(1) : Value()) << c.code;
    EXPECT_EQ(problem.detail.find("tok-0123456789"), std::string::npos);
    EXPECT_NE(house.metrics->text().find("stepwell_credential_denials_total{reason=\"" +
                                         std::string(c.code) + "\"} 1"),
              std::string::npos)
        << c.code;
  }
}

TEST(Gate, DeniesAtTheLastMomentWhatWasGrantedBefore) {
  struct Case {
    const char* code;
    std::function<void(House&)> happens;
    bool retryable = false;
  };
  const Case cases[] = {
      {"credential-revoked",
       [](House& h) { ASSERT_TRUE(h.credentials().revoke(kAna, "crm-key")); }},
      {"credential-deleted",
       [](House& h) { ASSERT_TRUE(h.credentials().remove(kAna, "crm-key")); }},
      {"credential-disabled",
       [](House& h) { ASSERT_TRUE(h.credentials().disable(kAna, "crm-key")); }},
      {"credential-expired", [](House& h) { h.clock.advance(hours(1)); }},
      {"credential-rotated",
       [](House& h) {
         ASSERT_TRUE(h.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1")));
       },
       true},
  };
  for (const Case& c : cases) {
    House house;
    NewCredential credential = bearer("crm-key");
    credential.expires_at = house.clock.now() + hours(1);
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const Grant grant = house.granted("crm-key");
    c.happens(house);
    Status permit = grant.guard->acquire();
    ASSERT_FALSE(permit) << c.code;
    EXPECT_EQ(permit.error().code, c.code);
    EXPECT_EQ(permit.error().retryable, c.retryable) << c.code;
    EXPECT_EQ(permit.error().extensions.get("credential"), Value("crm-key"));
  }
}

TEST(Gate, HoldsACredentialValidUntilRightBeforeItsExpiry) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.expires_at = house.clock.now() + Milliseconds(1'000);
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  const Grant grant = house.granted("crm-key");
  house.clock.advance(Milliseconds(999));
  EXPECT_EQ(code_of(grant.guard->acquire()), "granted");
  grant.guard->written();
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "granted");
  house.clock.advance(Milliseconds(1));
  EXPECT_EQ(code_of(grant.guard->acquire()), "credential-expired");
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-expired");
}

TEST(Gate, DoesNotReviveWhenTheClockIsSetBack) {
  for (const hours back : {hours(1), hours(24)}) {
    House house;
    NewCredential credential = bearer("crm-key");
    credential.expires_at = house.clock.now() + Milliseconds(1'000);
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const Grant grant = house.granted("crm-key");
    house.clock.advance(Milliseconds(1'000));
    EXPECT_EQ(code_of(grant.guard->acquire()), "credential-expired");
    house.clock.set_wall(house.clock.now() - back);
    EXPECT_EQ(code_of(grant.guard->acquire()), "credential-expired");
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-expired");
    // Nor after a restart: the mark is in the store.
    house.clock.set_wall(house.clock.now() + back);
    house.clock.advance(Milliseconds(61'000));
    house.authority().maintain();
    house.clock.set_wall(house.clock.now() - back);
    house.reopen();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-expired");
  }
}

TEST(Gate, LetsAnExpiredCredentialWorkAgainWithANewExpiry) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.expires_at = house.clock.now();
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-expired");
  ASSERT_TRUE(house.credentials().set_expiry(kAna, "crm-key", house.clock.now() + hours(1)));
  const Grant grant = house.granted("crm-key");
  EXPECT_EQ(code_of(grant.guard->acquire()), "granted");
  grant.guard->written();
  house.clock.advance(hours(1));
  EXPECT_EQ(code_of(grant.guard->acquire()), "credential-expired");
  ASSERT_TRUE(house.credentials().set_expiry(kAna, "crm-key", std::nullopt));
  EXPECT_EQ(code_of(grant.guard->acquire()), "granted");
  grant.guard->written();
}

TEST(Gate, UsesANewVersionAtOnceAndNeverSharesItsConnections) {
  House house;
  std::vector<std::string> dropped;
  house.gate().connect({{}, [&](const std::string& pool) { dropped.push_back(pool); }, {}, {}});
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant first = house.granted("crm-key");
  Result<Credential> rotated =
      house.credentials().rotate(kAna, "crm-key", rotation_to("tok-second"));
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotated->version, 2U);
  const Grant second = house.granted("crm-key");
  EXPECT_EQ(line_of(second), "Authorization: Bearer tok-second");
  EXPECT_NE(first.pool, second.pool);
  EXPECT_EQ(dropped, std::vector<std::string>{first.pool});
}

TEST(Gate, GivesAReAddedNameAnotherPool) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant first = house.granted("crm-key");
  ASSERT_TRUE(house.credentials().remove(kAna, "crm-key"));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant second = house.granted("crm-key");
  EXPECT_EQ(second.version, 1U);
  EXPECT_NE(first.pool, second.pool);
  EXPECT_EQ(code_of(first.guard->acquire()), "credential-deleted");
  EXPECT_EQ(code_of(second.guard->acquire()), "granted");
  second.guard->written();
}

TEST(Gate, RejectsAfterThreeRefusalsInARow) {
  struct Case {
    std::vector<int> statuses;
    const char* code;
  };
  const Case cases[] = {
      {{401, 401}, "granted"},
      {{401, 407, 401}, "credential-rejected"},
      {{401, 401, 200, 401, 401}, "granted"},
      {{401, 401, 304, 401, 401, 401}, "credential-rejected"},
      {{401, 500, 401, 503, 401}, "credential-rejected"},  // a failure is no success
      {{403, 403, 403, 404, 500}, "granted"},
  };
  for (const Case& c : cases) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    const Grant grant = house.granted("crm-key");
    for (const int status : c.statuses) house.gate().note_upstream_result(grant, status);
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), c.code);
  }
}

TEST(Gate, WritesARejectionDownAndLiftsItByRotatingOrEnabling) {
  for (const bool rotate : {false, true}) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    const Grant grant = house.granted("crm-key");
    for (int i = 0; i < 3; ++i) house.gate().note_upstream_result(grant, 401);
    house.store.set_failing(true);
    house.authority().maintain();
    house.store.set_failing(false);
    house.authority().maintain();
    house.reopen();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-rejected");
    ASSERT_TRUE(rotate ? house.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1"))
                       : house.credentials().enable(kAna, "crm-key"));
    house.gate().note_upstream_result(house.granted("crm-key"), 200);  // it works
    // A late answer to the old version says nothing about the new one; and the count is new.
    if (rotate) house.gate().note_upstream_result(grant, 401);
    for (int i = 0; i < 2; ++i) house.gate().note_upstream_result(house.granted("crm-key"), 401);
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "granted");
  }
}

TEST(Gate, AuthorizesInlinePoliciesWithPoolsByValue) {
  House house;
  Gate& gate = house.gate();
  Result<Grant> ana = gate.authorize_inline({CredentialKind::basic, "ana", "pass-1"});
  Result<Grant> again = gate.authorize_inline({CredentialKind::basic, "ana", "pass-1"});
  Result<Grant> other = gate.authorize_inline({CredentialKind::basic, "ana", "pass-2"});
  Result<Grant> token = gate.authorize_inline({CredentialKind::bearer, "", "pass-1"});
  ASSERT_TRUE(ana && again && other && token);
  EXPECT_EQ(line_of(*ana), "Authorization: Basic YW5hOnBhc3MtMQ==");
  EXPECT_EQ(line_of(*token), "Authorization: Bearer pass-1");
  EXPECT_EQ(ana->guard, again->guard);
  EXPECT_EQ(ana->pool, again->pool);
  EXPECT_NE(ana->pool, other->pool);
  EXPECT_NE(ana->pool, token->pool);
  EXPECT_EQ(ana->pool.find("pass-1"), std::string::npos);
  EXPECT_TRUE(ana->guard->acquire());
  ana->guard->written();
  EXPECT_EQ(gate.mask(*ana, "echo pass-1 pass-2"), "echo *** pass-2");
  for (int i = 0; i < 5; ++i) gate.note_upstream_result(*ana, 401);
  EXPECT_TRUE(ana->guard->acquire());
  ana->guard->written();
}

TEST(Gate, RefusesInlineValuesThatWouldSmuggleHeaders) {
  House house;
  for (const char* secret : {"", "a\r\nX-Evil: 1", "a\nb", "tab\tbed"}) {
    EXPECT_EQ(code_of(house.gate().authorize_inline({CredentialKind::bearer, "", secret})),
              "credential-invalid");
  }
  EXPECT_EQ(code_of(house.gate().authorize_inline({CredentialKind::basic, "a:b", "secret"})),
            "credential-invalid");
}

// Whoever writes a definition must not get a stored value out of the store by a policy of his own,
// in whatever part of it.
TEST(Gate, RefusesStoredValuesInEveryPartOfAnInlinePolicy) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  constexpr std::string_view kStored = "tok-0123456789";
  Gate& gate = house.gate();
  EXPECT_EQ(code_of(gate.authorize_inline({CredentialKind::bearer, "", kStored})),
            "secret-in-request");
  for (const CredentialKind kind : {CredentialKind::basic, CredentialKind::digest})
    EXPECT_EQ(code_of(gate.authorize_inline({kind, kStored, "password"})), "secret-in-request");
  const Value policy = Value::object({{"grant", "client_credentials"}});
  for (const bool oidc : {false, true}) {
    const std::string authority = "https://" + std::string(kStored) + ".example.com";
    EXPECT_EQ(code_of(gate.authorize_inline(InlineTokenPolicy{policy, authority, oidc}, {})),
              "secret-in-request");
    const Value holding = Value::object({{"grant", kStored}});
    EXPECT_EQ(code_of(gate.authorize_inline(
                  InlineTokenPolicy{holding, "https://login.example.com", oidc}, {})),
              "secret-in-request");
  }
}

TEST(Gate, ForgetsTheOldestInlineValues) {
  House house;
  Result<Grant> first = house.gate().authorize_inline({CredentialKind::bearer, "", "token-first"});
  ASSERT_TRUE(first);
  for (int i = 0; i < 1024; ++i)
    ASSERT_TRUE(
        house.gate().authorize_inline({CredentialKind::bearer, "", "token-" + std::to_string(i)}));
  Result<Grant> again = house.gate().authorize_inline({CredentialKind::bearer, "", "token-first"});
  ASSERT_TRUE(again);
  EXPECT_NE(first->guard, again->guard);
  EXPECT_EQ(first->pool, again->pool);
  EXPECT_EQ(house.gate().mask(*first, "echo token-first"), "echo ***") << "as long as it is in use";
}

TEST(Gate, MasksAnInlineValueNowhereButInItsOwnAnswers) {
  House house;
  Result<Grant> grant =
      house.gate().authorize_inline({CredentialKind::bearer, "", "instance-status"});
  ASSERT_TRUE(grant);
  EXPECT_EQ(house.gate().mask(*grant, "instance-status"), "***");
  EXPECT_EQ(house.authority().redactor().mask("instance-status"), "instance-status");
}

TEST(Gate, TellsALoaderWhetherANameIsUsable) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  EXPECT_EQ(code_of(house.gate().check_loaded("crm-key")), "granted");
  EXPECT_EQ(code_of(house.gate().check_loaded("other")), "credential-unknown");
  ASSERT_TRUE(house.credentials().disable(kAna, "crm-key"));
  EXPECT_EQ(code_of(house.gate().check_loaded("crm-key")), "credential-disabled");
}

// As a step's request would be judged, and without granting anything.
TEST(Gate, JudgesAUseOfWhatWasFetchedEarlier) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.namespaces = {"sales"};
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  const auto check = [&](std::string_view name, std::string_view url, std::string_view space) {
    return house.gate().check_use(use_of(name, url, space));
  };
  EXPECT_EQ(code_of(check("other", kOrigin, "sales")), "credential-unknown");
  EXPECT_EQ(code_of(check("crm-key", kOrigin, "default")), "credential-not-permitted");
  EXPECT_EQ(code_of(check("crm-key", "https://evil.example.com", "sales")), "origin-not-allowed");
  const Result<std::string> first = check("crm-key", kOrigin, "sales");
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->starts_with("cred/crm-key/1/")) << *first;
  EXPECT_FALSE(house.gate().last_used("crm-key"));
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-0123")));
  EXPECT_NE(*first, check("crm-key", kOrigin, "sales").value());
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  EXPECT_EQ(code_of(check("crm-key", kOrigin, "sales")), "credential-revoked");
}

TEST(Gate, GivesTextsThatNobodyCanGuess) {
  House house;
  const std::string mark = house.gate().unguessable("trace-1");
  EXPECT_EQ(mark.size(), 32U);
  EXPECT_EQ(mark.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(mark, house.gate().unguessable("trace-1"));
  EXPECT_NE(mark, house.gate().unguessable("trace-2"));
}

// Every secret of every kind, in `more` as well; what is no secret stays readable.
TEST(Gate, MasksEachSecretOfEachKind) {
  for (const CredentialKind kind : kAllKinds) {
    House house;
    NewCredential credential = of_kind(kind);
    const auto put = [&](const char* name, std::string_view secret) {
      credential.value.more.emplace(name, Secret(secret));
    };
    if (kind == CredentialKind::aws_sigv4) put("sessionToken", "zzz-session-token");
    if (kind == CredentialKind::client_certificate) put("passphrase", "zzz-passphrase");
    if (kind == CredentialKind::oauth2) {
      credential.settings.set("grant", "token_exchange");
      put("subjectToken", "zzz-subject-token");
      put("actorToken", "zzz-actor-token");
    }
    std::vector<std::string> secrets{std::string(credential.value.secret.reveal())};
    for (const auto& [name, secret] : credential.value.more)
      if (name != kCertificate) secrets.emplace_back(secret.reveal());
    const std::string username = credential.value.username;
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    for (const bool reopened : {false, true}) {
      if (reopened) house.reopen();
      const Redactor& redactor = house.authority().redactor();
      for (const std::string& secret : secrets) {
        EXPECT_EQ(redactor.mask("<" + secret + ">"), "<***>") << to_string(kind);
        EXPECT_EQ(redactor.mask_for("crm-key", 1, "<" + secret + ">"), "<***>");
        EXPECT_TRUE(house.gate().knows_part_of("x" + to_base64(secret))) << to_string(kind);
        if (!username.empty()) {
          EXPECT_EQ(redactor.mask(username), username);
        }
      }
      EXPECT_EQ(redactor.mask("zzzcert"), "zzzcert") << "a certificate is no secret";
    }
  }
}

TEST(Gate, MasksTheValueInAnEcho) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key", "very-secret-token")));
  EXPECT_EQ(house.gate().mask(house.granted("crm-key"), R"({"auth":"Bearer very-secret-token"})"),
            R"({"auth":"Bearer ***"})");
}

}  // namespace
}  // namespace stepwell::auth
