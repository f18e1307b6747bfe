#include "auth/credentials.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

struct FaultCase {
  const char* code;
  const char* detail;  // a part of it
  std::function<void(NewCredential&)> spoil;
};

TEST(Credentials, RefusesWhatIsWrongAndNeverQuotesTheValue) {
  const FaultCase cases[] = {
      {"credential-invalid", "a-z, 0-9", [](auto& c) { c.name = ""; }},
      {"credential-invalid", "a-z, 0-9", [](auto& c) { c.name = "Crm"; }},
      {"credential-invalid", "a-z, 0-9", [](auto& c) { c.name = "-crm"; }},
      {"credential-invalid", "a-z, 0-9", [](auto& c) { c.name = "crm/1"; }},
      {"credential-invalid", "a-z, 0-9", [](auto& c) { c.name = std::string(64, 'a'); }},
      {"credential-invalid", "origins are required", [](auto& c) { c.origins.clear(); }},
      {"origin-invalid", "has a path", [](auto& c) { c.origins = {"https://a.example/x"}; }},
      {"credential-invalid", "namespace", [](auto& c) { c.namespaces = {"A b"}; }},
      {"credential-invalid", "is empty", [](auto& c) { c.value = value_of(""); }},
      {"credential-invalid", "printf %s", [](auto& c) { c.value = value_of("zzz-secret\n"); }},
      {"credential-invalid", "control", [](auto& c) { c.value = value_of("zzz-secret\r\nX: y"); }},
      {"credential-invalid", "8 KiB",
       [](auto& c) { c.value = value_of("zzz-secret" + std::string(8192, 'x')); }},
      {"credential-invalid", "space", [](auto& c) { c.value = value_of(" zzz-secret"); }},
      {"credential-invalid", "a token has no user name",
       [](auto& c) { c.value = value_of("zzz-secret", "ana"); }},
      {"credential-invalid", "user name is missing",
       [](auto& c) { c.kind = CredentialKind::basic; }},
      {"credential-invalid", "colon",
       [](auto& c) {
         c.kind = CredentialKind::basic;
         c.value = value_of("zzz-secret", "a:b");
       }},
      {"credential-invalid", "kind apiKey only", [](auto& c) { c.prefix = "Token"; }},
      {"credential-invalid", "either a prefix", [](auto& c) { c.kind = CredentialKind::api_key; }},
      {"credential-invalid", "either a prefix",
       [](auto& c) {
         c.kind = CredentialKind::api_key;
         c.prefix = "Token";
         c.header = "X-Key";
       }},
      {"credential-invalid", "authentication scheme",
       [](auto& c) {
         c.kind = CredentialKind::api_key;
         c.prefix = "To ken";
       }},
      {"credential-invalid", "cannot be the header",
       [](auto& c) {
         c.kind = CredentialKind::api_key;
         c.header = "Content-LENGTH";
       }},
      {"credential-invalid", "cannot be the header",
       [](auto& c) {
         c.kind = CredentialKind::api_key;
         c.header = "X:Y";
       }},
  };
  House house;
  const int commits = house.store.commits();
  for (const FaultCase& c : cases) {
    NewCredential credential = bearer("crm-key", "zzz-secret");
    c.spoil(credential);
    Result<Credential> added = house.credentials().add(kAna, std::move(credential));
    ASSERT_FALSE(added) << c.detail;
    EXPECT_EQ(added.error().code, c.code) << added.error().detail;
    EXPECT_NE(added.error().detail.find(c.detail), std::string::npos) << added.error().detail;
    EXPECT_EQ(added.error().detail.find("zzz-secret"), std::string::npos);
  }
  EXPECT_EQ(house.store.commits(), commits);
  EXPECT_TRUE(house.credentials().list().empty());
}

TEST(Credentials, AcceptsTheLongestName) {
  House house;
  EXPECT_TRUE(house.credentials().add(kAna, bearer(std::string(63, 'a'))));
  EXPECT_TRUE(house.credentials().add(kAna, bearer("a")));
  EXPECT_EQ(code_of(house.credentials().add(kAna, bearer("a"))), "credential-exists");
}

// Every state with every operation: the state after it, or the error's code.
TEST(Credentials, MovesBetweenStatesAsTheTableSays) {
  using State = CredentialState;
  using Operation = std::function<Result<Credential>(House&)>;
  const auto rotate = [](House& h) {
    return h.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1"));
  };
  const auto enable = [](House& h) { return h.credentials().enable(kAna, "crm-key"); };
  const auto disable = [](House& h) { return h.credentials().disable(kAna, "crm-key"); };
  const auto extend = [](House& h) {
    return h.credentials().set_expiry(kAna, "crm-key", h.clock.now() + hours(1));
  };
  const auto expire = [](House& h) {
    return h.credentials().set_expiry(kAna, "crm-key", h.clock.now());
  };
  const auto revoke = [](House& h) { return h.credentials().revoke(kAna, "crm-key"); };
  const auto remove = [](House& h) { return h.credentials().remove(kAna, "crm-key"); };
  const auto reject = [](House& h) -> Result<Credential> {
    const Grant grant = h.granted("crm-key");
    for (int i = 0; i < 3; ++i) h.gate().note_upstream_result(grant, 401);
    h.authority().maintain();
    return h.credentials().find("crm-key");
  };
  const auto nothing = [](House& h) { return h.credentials().find("crm-key"); };
  struct Row {
    State from;
    Operation arrange;
    const char* rotate;
    const char* enable;
    const char* disable;
    const char* extend;
    const char* expire;
    const char* revoke;
    const char* remove;
  };
  const char* final = "credential-final";
  const char* gone = "credential-unknown";
  const Row rows[] = {
      {State::active, nothing, "active", "active", "disabled", "active", "expired", "revoked",
       "deleted"},
      {State::expired, expire, "expired", "expired", "disabled", "active", "expired", "revoked",
       "deleted"},
      {State::disabled, disable, "disabled", "active", "disabled", "disabled", "disabled",
       "revoked", "deleted"},
      {State::rejected, reject, "active", "active", "disabled", "rejected", "rejected", "revoked",
       "deleted"},
      {State::revoked, revoke, final, final, final, final, final, "revoked", "deleted"},
      {State::deleted, remove, gone, gone, gone, gone, gone, gone, gone},
  };
  for (const Row& row : rows) {
    const std::pair<Operation, const char*> operations[] = {
        {rotate, row.rotate}, {enable, row.enable}, {disable, row.disable}, {extend, row.extend},
        {expire, row.expire}, {revoke, row.revoke}, {remove, row.remove}};
    int column = 0;
    for (const auto& [operation, expected] : operations) {
      House house;
      ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
      ASSERT_TRUE(row.arrange(house));
      Result<Credential> done = operation(house);
      const std::string where =
          std::string(to_string(row.from)) + ", operation " + std::to_string(column++);
      const auto seen = [&](const Credential& c) {
        return std::string(to_string(state_at(c, house.clock.now())));
      };
      EXPECT_EQ(done ? seen(*done) : done.error().code, expected) << where;
      // Memory and store agree, also after a restart.
      const std::optional<Credential> before = house.gate().find("crm-key");
      house.reopen();
      const std::optional<Credential> after = house.gate().find("crm-key");
      ASSERT_TRUE(before && after) << where;
      EXPECT_EQ(seen(*before), seen(*after)) << where;
      EXPECT_EQ(before->version, after->version) << where;
    }
  }
}

TEST(Credentials, KeepEverythingOverARestart) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.kind = CredentialKind::basic;
  credential.description = "The CRM's account";
  credential.origins = {"https://crm.example.com", "https://*.example.org:8443"};
  credential.namespaces = {"crm", "default"};
  credential.expires_at = house.clock.now() + hours(24);
  credential.value = value_of("pass word", "ana");
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  const Grant before = house.granted("crm-key");
  const std::string described =
      to_json(describe(*house.credentials().find("crm-key"), house.clock.now()));
  const std::string line = line_of(before);
  const std::string pool = before.pool;
  house.reopen();
  EXPECT_EQ(to_json(describe(*house.credentials().find("crm-key"), house.clock.now())), described);
  EXPECT_EQ(line_of(house.granted("crm-key")), line);
  EXPECT_EQ(house.granted("crm-key").pool, pool);
}

TEST(Credentials, DescribeThemselvesWithoutTheirValue) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.expires_at = house.clock.now() + hours(24);
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  EXPECT_EQ(to_json(describe(*house.credentials().find("crm-key"), house.clock.now())),
            R"({"name":"crm-key","kind":"bearer","description":"","state":"active","version":1,)"
            R"("origins":["https://crm.example.com"],"namespaces":[],)"
            R"("onRevoke":"finish","expiresAt":"2025-11-22T14:00:00Z","createdBy":"ana",)"
            R"("createdAt":"2025-11-21T14:00:00Z","changedBy":"ana",)"
            R"("changedAt":"2025-11-21T14:00:00Z"})");
}

TEST(Credentials, EraseValuesThatAreNotUsedAnyMore) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1")));
  ASSERT_EQ(house.store.state().values.size(), 1U);
  EXPECT_EQ(house.store.state().values[0].version, 2U);
  ASSERT_TRUE(house.credentials().remove(kAna, "crm-key"));
  EXPECT_TRUE(house.store.state().values.empty());
}

TEST(Credentials, ChangeNothingWhenTheCommitFails) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  house.store.set_failing(true);
  EXPECT_EQ(code_of(house.credentials().add(kAna, bearer("other"))), "disk-full");
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "crm-key")), "disk-full");
  EXPECT_EQ(code_of(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1"))),
            "disk-full");
  EXPECT_EQ(house.granted("crm-key").version, 1U);
  EXPECT_EQ(code_of(house.gate().authorize(use_of("other"))), "credential-unknown");
  house.store.set_failing(false);
  ASSERT_TRUE(house.credentials().disable(kAna, "crm-key"));
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST(Credentials, TombstonesWinOverAnOlderCopyOfTheStore) {
  for (const bool remove : {false, true}) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    const StoredState backup = house.store.state();
    ASSERT_TRUE(remove ? house.credentials().remove(kAna, "crm-key")
                       : house.credentials().revoke(kAna, "crm-key"));
    const std::vector<Tombstone> stones = house.store.state().tombstones;
    house.store.state() = backup;
    house.store.state().tombstones_beside = stones;  // from the file beside it
    house.reopen();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))),
              remove ? "credential-deleted" : "credential-revoked");
    EXPECT_EQ(house.gate().find("crm-key")->changed_by, "ana");
    EXPECT_EQ(house.store.state().credentials[0].state,
              remove ? CredentialState::deleted : CredentialState::revoked);
    EXPECT_EQ(house.store.state().values.empty(), remove);
  }
}

TEST(Credentials, TellTheSecondsToTheNearestExpiry) {
  House house;
  const auto line = [&] {
    const std::string text = house.metrics->text();
    const std::size_t at = text.find("\nstepwell_credentials_nearest_expiry_seconds ");
    return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  };
  EXPECT_EQ(line(), "stepwell_credentials_nearest_expiry_seconds +Inf");
  NewCredential credential = bearer("crm-key");
  credential.expires_at = house.clock.now() + hours(1);
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  EXPECT_EQ(line(), "stepwell_credentials_nearest_expiry_seconds 3600");
  house.clock.advance(hours(1));
  house.authority().maintain();
  EXPECT_EQ(line(), "stepwell_credentials_nearest_expiry_seconds +Inf");
}

}  // namespace
}  // namespace stepwell::auth
