// What changes a credential and what that does to grants that were given before.
#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;
using Make = std::function<void(CredentialChange&)>;

// As the API shows it, without the members named.
std::string described_without(House& house, std::initializer_list<std::string_view> names) {
  Value value = describe(*house.credentials().find("crm-key"), house.clock.now());
  for (const std::string_view name : names) value.erase(name);
  return to_json(value);
}

Result<Credential> change(House& house, const Make& make) {
  CredentialChange wanted;
  make(wanted);
  return house.credentials().change(kAna, "crm-key", wanted);
}

NewCredential full() {
  NewCredential credential = bearer("crm-key");
  credential.description = "The CRM";
  credential.namespaces = {"default", "crm"};
  credential.on_revoke = OnRevoke::abort;
  return credential;
}

TEST(CredentialChange, ChangesWhatIsGivenAndNothingElse) {
  struct Row {
    const char* member;
    const char* becomes;  // its JSON afterwards; null where it is gone
    const char* detail;   // of the audit record
    Make make;
  };
  const Row rows[] = {
      {"description", R"("new")", R"({"description":"new"})",
       [](auto& c) { c.description = "new"; }},
      {"description", R"("")", R"({"description":""})", [](auto& c) { c.description = ""; }},
      {"origins", R"(["https://a.example:8443","https://*.b.example"])",
       R"({"origins":["https://a.example:8443","https://*.b.example"]})",
       [](auto& c) {
         c.origins = std::vector<std::string>{"https://a.example:8443", "https://*.b.example"};
       }},
      {"namespaces", R"(["sales"])", R"({"namespaces":["sales"]})",
       [](auto& c) { c.namespaces = std::vector<std::string>{"sales"}; }},
      {"namespaces", "[]", R"({"namespaces":[]})",
       [](auto& c) { c.namespaces = std::vector<std::string>{}; }},
      {"onRevoke", R"("finish")", R"({"onRevoke":"finish"})",
       [](auto& c) { c.on_revoke = OnRevoke::finish; }},
      {"expiresAt", R"("2025-11-22T14:00:00Z")", R"({"expiresAt":"2025-11-22T14:00:00Z"})",
       [](auto& c) {
         c.change_expiry = true;
         c.expires_at = test::ManualClock().now() + hours(24);
       }},
      {"expiresAt", nullptr, R"({"expiresAt":null})", [](auto& c) { c.change_expiry = true; }},
  };
  for (const Row& row : rows) {
    House house;
    NewCredential credential = full();
    credential.expires_at = house.clock.now() + hours(1);
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const std::string rest = described_without(house, {row.member});
    const std::size_t records = house.store.audit_records().size();
    const Result<Credential> changed = change(house, row.make);
    ASSERT_TRUE(changed) << changed.error().one_line();
    EXPECT_EQ(described_without(house, {row.member}), rest) << row.detail;
    const Value after = describe(*changed, house.clock.now());
    EXPECT_EQ(after.contains(row.member), row.becomes != nullptr) << row.detail;
    if (row.becomes) {
      EXPECT_EQ(to_json(after.get(row.member)), row.becomes);
    }
    ASSERT_EQ(house.store.audit_records().size(), records + 1);
    const AuditRecord& record = house.store.audit_records().back();
    EXPECT_EQ(record.action, "credential.change");
    EXPECT_EQ(record.target, "crm-key");
    EXPECT_EQ(record.actor, "ana");
    EXPECT_EQ(record.detail, row.detail);
    house.reopen();
    EXPECT_EQ(to_json(describe(*house.credentials().find("crm-key"), house.clock.now())),
              to_json(after));
  }
}

TEST(CredentialChange, IsOneActionHoweverMuchItChanges) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const std::size_t records = house.store.audit_records().size();
  const int commits = house.store.commits();
  ASSERT_TRUE(change(house, [](auto& c) {
    c.description = "d";
    c.origins = std::vector<std::string>{"https://a.example"};
    c.namespaces = std::vector<std::string>{"sales"};
    c.on_revoke = OnRevoke::abort;
    c.change_expiry = true;
  }));
  EXPECT_EQ(house.store.commits(), commits + 1);
  ASSERT_EQ(house.store.audit_records().size(), records + 1);
  EXPECT_EQ(house.store.audit_records().back().detail,
            R"({"description":"d","origins":["https://a.example"],"namespaces":["sales"],)"
            R"("onRevoke":"abort","expiresAt":null})");
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key", "https://a.example", "sales"))),
            "granted");
}

TEST(CredentialChange, HappensAsAWholeOrNotAtAll) {
  const std::pair<const char*, Make> rows[] = {
      {"origin-invalid",
       [](auto& c) {
         c.description = "new";
         c.namespaces = std::vector<std::string>{"sales"};
         c.origins = std::vector<std::string>{"https://a.example", "ftp://b.example"};
       }},
      {"credential-invalid",
       [](auto& c) {
         c.description = std::string(1001, 'd');
         c.origins = std::vector<std::string>{"https://a.example"};
       }},
      {"credential-invalid",
       [](auto& c) {
         c.origins = std::vector<std::string>{};
         c.change_expiry = true;
       }},
      {"credential-invalid",
       [](auto& c) {
         c.on_revoke = OnRevoke::finish;
         c.namespaces = std::vector<std::string>{"A b"};
       }},
      {"disk-full", [](auto& c) { c.origins = std::vector<std::string>{"https://a.example"}; }},
  };
  for (const auto& [code, make] : rows) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, full()));
    const Grant grant = house.granted("crm-key");
    const std::string before = described_without(house, {});
    const int commits = house.store.commits();
    house.store.set_failing(code == std::string_view("disk-full"));
    EXPECT_EQ(code_of(change(house, make)), code);
    house.store.set_failing(false);
    EXPECT_EQ(house.store.commits(), commits);
    EXPECT_EQ(described_without(house, {}), before);
    EXPECT_EQ(code_of(house.gate().still_holds(grant)), "granted");
    house.reopen();
    EXPECT_EQ(described_without(house, {}), before);
  }
}

TEST(CredentialChange, IsRefusedForWhatIsFinalOrUnknown) {
  House house;
  const Make describe_it = [](auto& c) { c.description = "new"; };
  EXPECT_EQ(code_of(change(house, describe_it)), "credential-unknown");
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  const Result<Credential> refused = change(house, describe_it);
  EXPECT_EQ(code_of(refused), "credential-final");
  EXPECT_EQ(refused.error().status, 409);
  EXPECT_EQ(house.credentials().find("crm-key")->description, "");
  ASSERT_TRUE(house.credentials().remove(kAna, "crm-key"));
  EXPECT_EQ(code_of(change(house, describe_it)), "credential-unknown");
}

TEST(CredentialChange, TakesBackGrantsOfEarlierRules) {
  struct Row {
    bool holds;
    Make make;
  };
  const Row rows[] = {
      {false, [](auto& c) { c.origins = std::vector<std::string>{"https://other.example"}; }},
      {false, [](auto& c) { c.namespaces = std::vector<std::string>{"sales"}; }},
      // Also where the request would be allowed all the same: it is asked about anew.
      {false,
       [](auto& c) {
         c.origins = std::vector<std::string>{kOrigin, "https://other.example"};
       }},
      {true, [](auto& c) { c.origins = std::vector<std::string>{kOrigin}; }},
      {true, [](auto& c) { c.description = "new"; }},
      {true, [](auto& c) { c.on_revoke = OnRevoke::abort; }},
      {true, [](auto& c) { c.change_expiry = true; }},
  };
  int number = 0;
  for (const Row& row : rows) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    const Grant before = house.granted("crm-key");
    EXPECT_EQ(code_of(house.gate().still_holds(before)), "granted");
    ASSERT_TRUE(change(house, row.make));
    const Status holds = house.gate().still_holds(before);
    EXPECT_EQ(holds.has_value(), row.holds) << number;
    if (!holds) {
      const Problem& problem = holds.error();
      EXPECT_EQ(problem.code, "credential-rotated");
      EXPECT_EQ(problem.status, 401);
      EXPECT_TRUE(problem.retryable);
      EXPECT_EQ(problem.extensions.get("credential"), Value("crm-key"));
      EXPECT_EQ(problem.extensions.get("credentialVersion"), Value(1));
    }
    ++number;
  }
}

TEST(CredentialChange, JudgesTheNextRequestByTheNewRules) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant before = house.granted("crm-key");
  ASSERT_TRUE(change(
      house, [](auto& c) { c.origins = std::vector<std::string>{"https://other.example"}; }));
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "origin-not-allowed");
  Result<Grant> other = house.gate().authorize(use_of("crm-key", "https://other.example"));
  ASSERT_TRUE(other);
  EXPECT_EQ(code_of(house.gate().still_holds(*other)), "granted");
  // And back again: what was given under the first rules went through a change nevertheless.
  ASSERT_TRUE(change(house, [](auto& c) { c.origins = std::vector<std::string>{kOrigin}; }));
  EXPECT_EQ(code_of(house.gate().still_holds(before)), "credential-rotated");
  EXPECT_EQ(code_of(house.gate().still_holds(house.granted("crm-key"))), "granted");
  // An inline grant has no rules.
  Result<Grant> inline_grant = house.gate().authorize_inline({CredentialKind::bearer, "", "tok-1"});
  ASSERT_TRUE(inline_grant);
  EXPECT_EQ(code_of(house.gate().still_holds(*inline_grant)), "granted");
  EXPECT_EQ(code_of(house.gate().still_holds(Grant{})), "granted");
}

TEST(CredentialChange, LeavesTheStateAsItIs) {
  const std::pair<const char*, std::function<void(House&)>> rows[] = {
      {"credential-disabled",
       [](House& h) { ASSERT_TRUE(h.credentials().disable(kAna, "crm-key")); }},
      {"credential-rejected", [](House& h) { h.reject("crm-key"); }},
      {"credential-expired",
       [](House& h) { ASSERT_TRUE(h.credentials().set_expiry(kAna, "crm-key", h.clock.now())); }},
  };
  for (const auto& [code, arrange] : rows) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    arrange(house);
    ASSERT_TRUE(change(house, [](auto& c) { c.description = "new"; }));
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), code);
    house.reopen();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), code);
    EXPECT_EQ(house.credentials().find("crm-key")->description, "new");
  }
}

TEST(CredentialChange, DoesNotMakeTheGateForgetRefusals) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  for (int i = 0; i < 2; ++i) house.gate().note_upstream_result(grant, 401);
  ASSERT_TRUE(change(house, [](auto& c) { c.description = "new"; }));
  house.gate().note_upstream_result(grant, 401);
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-rejected");
}

// The upstream rejects it while an admin's change is on its way to the disk.
TEST(CredentialChange, DoesNotUndoARejectionThatCameMeanwhile) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  Credential changed = *house.gate().find("crm-key");
  changed.description = "new";
  house.reject("crm-key");
  house.gate().update(changed);
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-rejected");
  EXPECT_EQ(house.gate().find("crm-key")->description, "new");
  EXPECT_EQ(house.gate().find("crm-key")->changed_by, "upstream");
  house.authority().maintain();
  house.reopen();
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-rejected");
}

// Two ends at the same time: one has read the state before the other has changed it.
TEST(CredentialEnd, StaysDeletedWhenARevocationComesLate) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  Credential late = *house.gate().find("crm-key");
  late.state = CredentialState::revoked;
  ASSERT_TRUE(house.credentials().remove(kAna, "crm-key"));
  house.gate().deny_for_good(late);
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-deleted");
}

TEST(CredentialEnd, OfARemovalThatWasIncompleteMayBeRepeated) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  ASSERT_TRUE(grant.guard->acquire());
  EXPECT_EQ(code_of(house.credentials().remove(kAna, "crm-key")), "revocation-incomplete");
  EXPECT_EQ(code_of(house.credentials().remove(kAna, "crm-key")), "revocation-incomplete");
  grant.guard->written();
  EXPECT_EQ(code_of(house.credentials().remove(kAna, "crm-key")), "credential-unknown");
  EXPECT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
}

// ---- onRevoke ----

struct Aborted {
  std::string pool;
  std::string code;
  bool operator==(const Aborted&) const = default;
};

std::vector<Aborted> aborted_by(House& house, const std::function<void()>& end) {
  std::vector<Aborted> aborted;
  Gate::Connections connections;
  connections.abort_pool = [&](const std::string& pool, const Problem& why) {
    aborted.push_back({pool, why.code});
    EXPECT_EQ(why.extensions.get("credential"), Value("crm-key"));
  };
  house.gate().connect(std::move(connections));
  end();
  house.gate().connect({});
  return aborted;
}

TEST(OnRevoke, AbortsWhatIsFullySentInEveryVersionWhereItSaysSo) {
  for (const bool remove : {false, true}) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, full()));
    const Grant first = house.granted("crm-key");
    ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-second")));
    const Grant second = house.granted("crm-key");
    const std::vector<Aborted> aborted = aborted_by(house, [&] {
      ASSERT_TRUE(remove ? house.credentials().remove(kAna, "crm-key")
                         : house.credentials().revoke(kAna, "crm-key"));
    });
    const char* code = remove ? "credential-deleted" : "credential-revoked";
    EXPECT_EQ(aborted, (std::vector<Aborted>{{first.pool, code}, {second.pool, code}}));
  }
}

TEST(OnRevoke, LetsWhatIsFullySentFinishElse) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  EXPECT_TRUE(
      aborted_by(house, [&] { ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key")); }).empty());
}

TEST(OnRevoke, IsWhatWasSaidLast) {
  for (const OnRevoke last : {OnRevoke::finish, OnRevoke::abort}) {
    House house;
    NewCredential credential = bearer("crm-key");
    credential.on_revoke = last == OnRevoke::abort ? OnRevoke::finish : OnRevoke::abort;
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    ASSERT_TRUE(change(house, [&](auto& c) { c.on_revoke = last; }));
    ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-second")));
    house.reopen();
    const Grant grant = house.granted("crm-key");
    EXPECT_EQ(
        aborted_by(house, [&] { ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key")); }).size(),
        last == OnRevoke::abort ? 1U : 0U);
  }
}

TEST(OnRevoke, IsNotForWhatIsReversible) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, full()));
  const Grant grant = house.granted("crm-key");
  EXPECT_TRUE(aborted_by(house, [&] {
                ASSERT_TRUE(house.credentials().disable(kAna, "crm-key"));
                ASSERT_TRUE(house.credentials().enable(kAna, "crm-key"));
                ASSERT_TRUE(house.credentials().set_expiry(kAna, "crm-key", house.clock.now()));
              }).empty());
}

}  // namespace
}  // namespace stepwell::auth
