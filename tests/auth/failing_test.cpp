// The rows of the table "How a step fails" that keys and credentials bring about: each problem
// says what happened, to what, who did it and when, and what to do.
#include <gtest/gtest.h>

#include <functional>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

constexpr const char* kValue = "zzz-tok-0123456789";

// What a step meets: when it asks, or at the last moment with the grant of before.
enum class At { asking, sending };

struct Row {
  const char* code;
  ErrorKind kind;
  int status;
  bool retryable;
  At at;
  std::vector<const char*> says;  // parts of the detail, in order
  std::function<void(House&)> happens;
  const char* name = "crm-key";
  const char* url = kOrigin;
  const char* space = "default";
};

void revoke(House& h) { ASSERT_TRUE(h.credentials().revoke({"bob", "offline"}, "crm-key")); }
void remove(House& h) { ASSERT_TRUE(h.credentials().remove({"bob", "offline"}, "crm-key")); }
void disable(House& h) { ASSERT_TRUE(h.credentials().disable({"bob", "offline"}, "crm-key")); }
void expire(House& h) { h.clock.advance(hours(2)); }
void reject(House& h) { h.reject("crm-key"); }
void rotate(House& h) {
  ASSERT_TRUE(h.credentials().rotate(kAna, "crm-key", rotation_to("zzz-second-value")));
}
void nothing(House&) {}

const std::vector<Row>& rows() {
  using Kind = ErrorKind;
  const std::vector<const char*> revoked{"credential crm-key was revoked", "by bob",
                                         "on 2025-11-21 at 14:01 UTC",
                                         "with: stepwell credentials add"};
  const std::vector<const char*> deleted{"credential crm-key was deleted", "by bob",
                                         "on 2025-11-21 at 14:01 UTC",
                                         "with: stepwell credentials add crm-key"};
  const std::vector<const char*> disabled{"credential crm-key was disabled", "by bob",
                                          "on 2025-11-21 at 14:01 UTC",
                                          "with: stepwell credentials enable crm-key"};
  const std::vector<const char*> expired{"credential crm-key expired", "on 2025-11-21 at 15:00 UTC",
                                         "with: stepwell credentials rotate crm-key --expires"};
  const std::vector<const char*> rejected{
      "credential crm-key was refused three times in a row by the system it is for",
      "on 2025-11-21 at 14:01 UTC", "with: stepwell credentials rotate crm-key"};
  static const std::vector<Row> all = {
      {"credential-revoked", Kind::authentication, 401, false, At::asking, revoked, revoke},
      {"credential-revoked", Kind::authentication, 401, false, At::sending, revoked, revoke},
      {"credential-expired", Kind::authentication, 401, false, At::asking, expired, expire},
      {"credential-expired", Kind::authentication, 401, false, At::sending, expired, expire},
      {"credential-disabled", Kind::authentication, 401, false, At::asking, disabled, disable},
      {"credential-disabled", Kind::authentication, 401, false, At::sending, disabled, disable},
      {"credential-rejected", Kind::authentication, 401, false, At::asking, rejected, reject},
      {"credential-rejected", Kind::authentication, 401, false, At::sending, rejected, reject},
      {"credential-deleted", Kind::authorization, 403, false, At::asking, deleted, remove},
      {"credential-deleted", Kind::authorization, 403, false, At::sending, deleted, remove},
      {"credential-unknown",
       Kind::authorization,
       403,
       false,
       At::asking,
       {"there is no credential other-key", "with: stepwell credentials add other-key"},
       nothing,
       "other-key"},
      {"origin-not-allowed",
       Kind::authorization,
       403,
       false,
       At::asking,
       {"credential crm-key may not be sent to https://evil.example", "https://crm.example.com",
        "with: stepwell credentials change crm-key --origin"},
       nothing,
       "crm-key",
       "https://evil.example/"},
      {"credential-not-permitted",
       Kind::authorization,
       403,
       false,
       At::asking,
       {"the namespace sales may not use the credential crm-key",
        "with: stepwell credentials change crm-key --namespace"},
       nothing,
       "crm-key",
       kOrigin,
       "sales"},
      {"credential-rotated",
       Kind::authentication,
       401,
       true,
       At::sending,
       {"credential crm-key was rotated", "the next attempt uses the new version"},
       rotate},
  };
  return all;
}

void expect_says(const std::string& detail, const std::vector<const char*>& parts) {
  std::size_t at = 0;
  for (const char* part : parts) {
    const std::size_t found = detail.find(part, at);
    EXPECT_NE(found, std::string::npos) << '"' << part << "\" is not in: " << detail;
    if (found != std::string::npos) at = found;
  }
  EXPECT_EQ(detail.find("zzz"), std::string::npos) << detail;
}

TEST(HowAStepFails, SaysWhatHappenedByWhomWhenAndWhatToDo) {
  for (const Row& row : rows()) {
    House house;
    NewCredential credential = bearer("crm-key", kValue);
    credential.namespaces = {"default", "crm"};
    credential.expires_at = house.clock.now() + hours(1);
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const Grant grant = house.granted("crm-key");
    house.clock.advance(Milliseconds(60'000));
    row.happens(house);
    const Status refused = row.at == At::sending ? grant.guard->acquire() : [&]() -> Status {
      Result<Grant> asked_for = house.gate().authorize(use_of(row.name, row.url, row.space));
      return asked_for ? Status() : Status(fail(asked_for.error()));
    }();
    ASSERT_FALSE(refused) << row.code;
    const Problem& problem = refused.error();
    EXPECT_EQ(problem.code, row.code);
    EXPECT_EQ(problem.type, error_type_uri(row.kind)) << row.code;
    EXPECT_EQ(problem.title, error_title(row.kind)) << row.code;
    EXPECT_EQ(problem.status, row.status) << row.code;
    EXPECT_EQ(problem.retryable, row.retryable) << row.code;
    EXPECT_FALSE(problem.retry_if_named) << row.code;
    EXPECT_EQ(problem.extensions.get("credential"), Value(row.name)) << row.code;
    const bool known = problem.code != "credential-unknown";
    EXPECT_EQ(problem.extensions.get("credentialVersion"), known ? Value(1) : Value()) << row.code;
    expect_says(problem.detail, row.says);
    const Value shown = problem.to_value();
    EXPECT_EQ(shown.get("reason"), Value(row.code));
    EXPECT_EQ(shown.get("status"), Value(row.status));
    EXPECT_NE(house.metrics->text().find("stepwell_credential_denials_total{reason=\"" +
                                         std::string(row.code) + "\"} 1"),
              std::string::npos)
        << row.code;
  }
}

// Nobody learns from a refusal whether another one would have followed.
TEST(HowAStepFails, TellsTheFirstThatStandsInTheWay) {
  House house;
  NewCredential credential = bearer("crm-key", kValue);
  credential.namespaces = {"crm"};
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  const auto code = [&](const char* url, const char* space) {
    return code_of(house.gate().authorize(use_of("crm-key", url, space)));
  };
  EXPECT_EQ(code("https://evil.example", "sales"), "credential-not-permitted");
  disable(house);
  EXPECT_EQ(code(kOrigin, "sales"), "credential-not-permitted");
  EXPECT_EQ(code("https://evil.example", "crm"), "origin-not-allowed");
  EXPECT_EQ(code(kOrigin, "crm"), "credential-disabled");
  remove(house);
  EXPECT_EQ(code("https://evil.example", "sales"), "credential-deleted");
}

TEST(HowAStepFails, KeepsTheEndOfAnEarlierVersionApartFromItsRotation) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key", kValue)));
  const Grant old = house.granted("crm-key");
  rotate(house);
  EXPECT_EQ(asked(*old.guard), "credential-rotated");
  disable(house);
  EXPECT_EQ(asked(*old.guard), "credential-rotated") << "a repetition learns the rest";
  revoke(house);
  EXPECT_EQ(asked(*old.guard), "credential-revoked");
  remove(house);
  EXPECT_EQ(asked(*old.guard), "credential-deleted");
}

TEST(HowAStepFails, RefusesASecretOutsideOfHeaders) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key", kValue)));
  test::FakeEntropy entropy(5);
  const std::string key(generate_key(entropy).reveal());
  struct Case {
    const char* where;  // null: nothing is wrong
    std::string url;
    std::optional<std::string> body;
  };
  const Case cases[] = {
      {nullptr, "https://crm.example.com/a?b=c", "body"},
      {nullptr, "https://crm.example.com/a", std::nullopt},
      {"URL", std::string("https://crm.example.com/?t=") + kValue, std::nullopt},
      {"URL", std::string("https://crm.example.com/") + kValue, "body"},
      {"body", "https://crm.example.com/", std::string(R"({"token":")") + kValue + "\"}"},
      {"body", "https://crm.example.com/", "enp6LXRvay0wMTIzNDU2Nzg5"},  // base64
      {"URL", "https://crm.example.com/?key=" + key, std::nullopt},
      {"body", "https://crm.example.com/", key},
  };
  int refusals = 0;
  for (const Case& c : cases) {
    http::Request request;
    request.url = c.url;
    request.body = c.body;
    const Status clean = house.gate().check_content(request);
    ASSERT_EQ(clean.has_value(), c.where == nullptr) << c.url << ' ' << c.body.value_or("");
    if (clean) continue;
    ++refusals;
    const Problem& problem = clean.error();
    EXPECT_EQ(problem.code, "secret-in-request");
    EXPECT_EQ(problem.type, error_type_uri(ErrorKind::authorization));
    EXPECT_EQ(problem.status, 403);
    EXPECT_FALSE(problem.retryable);
    expect_says(problem.detail, {"the ", c.where, "name the credential in the call's"});
    EXPECT_EQ(problem.detail.find(key.substr(16)), std::string::npos);
  }
  EXPECT_NE(house.metrics->text().find(
                "stepwell_credential_denials_total{reason=\"secret-in-request\"} " +
                std::to_string(refusals)),
            std::string::npos);
}

// The key under which an instance runs, or a client's.
TEST(HowAStepFails, SaysWhatIsWrongWithTheKey) {
  struct KeyRow {
    const char* code;
    std::vector<const char*> says;
    std::function<void(House&, const std::string& id)> happens;
  };
  const KeyRow key_rows[] = {
      {"key-revoked",
       {"was revoked by bob on 2025-11-21 at 14:01 UTC, which is final",
        "with: stepwell keys create"},
       [](House& h, const std::string& id) {
         ASSERT_TRUE(h.keys().revoke({"bob", ""}, id));
       }},
      {"key-revoked",
       {"was deleted by bob on 2025-11-21 at 14:01 UTC, which is final",
        "with: stepwell keys create"},
       [](House& h, const std::string& id) {
         ASSERT_TRUE(h.keys().remove({"bob", ""}, id));
       }},
      {"key-expired",
       {"expired on 2025-11-21 at 15:00 UTC", "with: stepwell keys set-expiry"},
       [](House& h, const std::string&) { h.clock.advance(hours(2)); }},
      {"user-deactivated",
       {"belongs to the user deploy, who is deactivated", "with: stepwell keys assign"},
       [](House& h, const std::string&) {
         ASSERT_TRUE(h.users().deactivate({"bob", ""}, "deploy"));
       }},
  };
  for (const KeyRow& row : key_rows) {
    House house;
    ASSERT_TRUE(house.users().create({"init", ""}, "ana", Role::admin));
    ASSERT_TRUE(house.users().create(kAna, "deploy", Role::operator_));
    Result<IssuedKey> issued =
        house.keys().create(kAna, {"ci", "deploy", {}, house.clock.now() + hours(1)});
    ASSERT_TRUE(issued);
    const std::string& id = issued->key.id;
    EXPECT_TRUE(house.keys().stands(id));
    house.clock.advance(Milliseconds(60'000));
    row.happens(house, id);
    for (const bool whole : {false, true}) {
      const Result<Principal> checked = house.keys().check(id);
      const Status refused = whole ? Status(fail(checked.error())) : house.keys().stands(id);
      ASSERT_FALSE(refused) << row.code;
      const Problem& problem = refused.error();
      EXPECT_EQ(problem.code, row.code);
      EXPECT_EQ(problem.type, error_type_uri(ErrorKind::authentication));
      EXPECT_EQ(problem.status, 401);
      EXPECT_FALSE(problem.retryable);
      EXPECT_EQ(problem.extensions.get("key"), Value(id));
      EXPECT_TRUE(problem.detail.starts_with("API key " + id)) << problem.detail;
      expect_says(problem.detail, row.says);
    }
  }
  House house;
  const Status unknown = house.keys().stands("sw_aaaaaaaaaaaa");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "key-unknown");
  EXPECT_EQ(unknown.error().status, 401);
  EXPECT_EQ(unknown.error().extensions.get("key"), Value("sw_aaaaaaaaaaaa"));
}

}  // namespace
}  // namespace stepwell::auth
