#include "auth/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <span>

#include "base/encoding.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

class KeysTest : public testing::Test {
 protected:
  KeysTest() { EXPECT_TRUE(house.users().create({"init", ""}, "ana", Role::admin)); }

  // The text of a new key of ana's; its id in `id`.
  std::string issue(std::optional<WallTime> expires_at = std::nullopt) {
    Result<IssuedKey> issued = house.keys().create(kAna, {"laptop", "ana", {}, expires_at});
    EXPECT_TRUE(issued);
    if (!issued) return "";
    id = issued->key.id;
    return std::string(issued->secret.reveal());
  }
  std::string verify(const std::string& text) {
    return code_of(house.keys().verify("Api-Key " + text));
  }

  House house;
  std::string id;
};

TEST(KeyText, HasItsPartsAndReadsBack) {
  test::FakeEntropy entropy;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string text(generate_key(entropy).reveal());
    ASSERT_EQ(text.size(), 3U + 12 + 1 + 32 + 6);
    const std::optional<std::string_view> key_id = key_id_of(text);
    ASSERT_TRUE(key_id) << text;
    EXPECT_EQ(*key_id, text.substr(0, 15));
    EXPECT_TRUE(seen.insert(text).second);
    EXPECT_TRUE(seen.insert(std::string(*key_id)).second);
  }
}

TEST(KeyText, HasTheChecksumThatTheHeaderDocuments) {
  test::FakeEntropy entropy;
  const std::string text(generate_key(entropy).reveal());
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);  // the check value of CRC-32/ISO-HDLC
  std::uint64_t number = 0;
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (const char c : text.substr(text.size() - 6)) number = number * 62 + digits.find(c);
  EXPECT_EQ(number, crc32(text.substr(0, text.size() - 6)));
}

TEST(KeyText, IsNotTakenForOneAfterAnySingleChange) {
  test::FakeEntropy entropy;
  const std::string text(generate_key(entropy).reveal());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'a', 'b', '7', '_', '.', ' ', '\0', '\xff'}) {
      std::string changed = text;
      if (changed[i] == c) continue;
      changed[i] = c;
      EXPECT_FALSE(key_id_of(changed)) << i;
    }
    EXPECT_FALSE(key_id_of(text.substr(0, i)));
  }
  EXPECT_FALSE(key_id_of(text + "0"));
}

TEST_F(KeysTest, OpensForItsUserWithThatUsersRole) {
  const std::string text = issue();
  for (const char* scheme : {"Api-Key ", "api-key ", "Bearer ", "BEARER  "}) {
    Result<Principal> principal = house.keys().verify(scheme + text);
    ASSERT_TRUE(principal) << scheme;
    EXPECT_EQ(principal->key_id, id);
    EXPECT_EQ(principal->user, "ana");
    EXPECT_EQ(principal->role, Role::admin);
    EXPECT_TRUE(principal->may(Permission::manage_keys));
  }
}

TEST_F(KeysTest, AnswersEverythingUnknownWithTheSameWords) {
  const std::string text = issue();
  test::FakeEntropy other(99);
  const std::string stranger(generate_key(other).reveal());
  // The id of a real key with another one's secret, its checksum right.
  std::string forged = text.substr(0, 16) + stranger.substr(16, 32);
  std::uint32_t rest = crc32(forged);
  std::string checksum(6, '0');
  for (std::size_t i = 6; i-- > 0; rest /= 62)
    checksum[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[rest % 62];
  forged += checksum;
  ASSERT_TRUE(key_id_of(forged));
  std::set<std::string> answers;
  for (const std::string& header :
       {"Api-Key " + stranger, "Api-Key " + forged, "Api-Key " + text + "x", "Basic " + text, text,
        std::string("Api-Key"), std::string("Api-Key "), std::string("Bearer"),
        "Api-Key " + std::string(100'000, 'a'), std::string("\0\xff", 2)}) {
    Result<Principal> principal = house.keys().verify(header);
    ASSERT_FALSE(principal) << header.substr(0, 80);
    EXPECT_EQ(principal.error().status, 401);
    answers.insert(principal.error().one_line());
  }
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_EQ(code_of(house.keys().verify("")), "key-missing");
}

TEST_F(KeysTest, StoresOnlyAHash) {
  const std::string text = issue();
  const ApiKey& row = house.store.state().keys.at(0);
  EXPECT_EQ(row.hash.size(), 32U);
  const std::string secret = text.substr(16);
  for (const std::string& field : {row.id, row.name, row.hash, row.user})
    EXPECT_EQ(field.find(secret), std::string::npos);
  for (const AuditRecord& record : house.store.audit_records())
    EXPECT_EQ(record.detail.find(secret), std::string::npos);
}

TEST_F(KeysTest, ExpiresAtItsMomentAndWorksAgainWithANewExpiry) {
  const std::string text = issue(house.clock.now() + Milliseconds(1'000));
  house.clock.advance(Milliseconds(999));
  EXPECT_EQ(verify(text), "granted");
  house.clock.advance(Milliseconds(1));
  EXPECT_EQ(verify(text), "key-expired");
  EXPECT_EQ(code_of(house.keys().check(id)), "key-expired");
  house.clock.set_wall(house.clock.now() - hours(24));
  EXPECT_EQ(verify(text), "key-expired");
  house.clock.set_wall(house.clock.now() + hours(24));
  ASSERT_TRUE(house.keys().set_expiry(kAna, id, house.clock.now() + hours(1)));
  EXPECT_EQ(verify(text), "granted");
  ASSERT_TRUE(house.keys().set_expiry(kAna, id, std::nullopt));
  house.clock.advance(hours(24 * 365));
  EXPECT_EQ(verify(text), "granted");
}

TEST_F(KeysTest, StaysRevokedWhateverIsTried) {
  const std::string text = issue();
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  Result<Principal> principal = house.keys().verify("Api-Key " + text);
  ASSERT_FALSE(principal);
  EXPECT_EQ(principal.error().code, "key-revoked");
  EXPECT_EQ(principal.error().status, 401);
  EXPECT_EQ(principal.error().detail, "API key " + id +
                                          " was revoked by ana on 2025-11-21 at 14:00 UTC, which "
                                          "is final; an admin can issue another one with: "
                                          "stepwell keys create");
  EXPECT_EQ(code_of(house.keys().set_expiry(kAna, id, std::nullopt)), "key-final");
  EXPECT_EQ(code_of(house.keys().assign(kAna, id, "ana")), "key-final");
  EXPECT_EQ(code_of(house.keys().revoke(kAna, id)), "granted");
  house.reopen();
  EXPECT_EQ(verify(text), "key-revoked");
  ASSERT_TRUE(house.keys().remove(kAna, id));
  EXPECT_EQ(verify(text), "key-unknown");
  EXPECT_EQ(code_of(house.keys().check(id)), "key-revoked");
  EXPECT_EQ(code_of(house.keys().find(id)), "key-unknown");
  EXPECT_EQ(code_of(house.keys().remove(kAna, id)), "key-unknown");
  EXPECT_TRUE(house.keys().list().empty());
}

TEST_F(KeysTest, KeepsDenyingWhenTheCommitFails) {
  for (const bool remove : {false, true}) {
    const std::string text = issue();
    const auto end = [&] {
      return code_of(remove ? house.keys().remove(kAna, id) : house.keys().revoke(kAna, id));
    };
    house.store.set_failing(true);
    EXPECT_EQ(end(), "disk-full");
    EXPECT_EQ(verify(text), remove ? "key-unknown" : "key-revoked");
    house.store.set_failing(false);
    EXPECT_EQ(end(), "granted");
    house.reopen();
    EXPECT_EQ(verify(text), remove ? "key-unknown" : "key-revoked");
  }
}

TEST_F(KeysTest, TombstonesWinOverAnOlderCopyOfTheStore) {
  const std::string text = issue();
  const StoredState backup = house.store.state();
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  const std::vector<Tombstone> stones = house.store.state().tombstones;
  house.store.state() = backup;
  house.store.state().tombstones_beside = stones;
  house.reopen();
  EXPECT_EQ(verify(text), "key-revoked");
}

TEST_F(KeysTest, ActsAsTheUserThatItIsAssignedTo) {
  const std::string text = issue();
  ASSERT_TRUE(house.users().create(kAna, "vic", Role::viewer));
  EXPECT_EQ(code_of(house.keys().assign(kAna, id, "nobody")), "user-unknown");
  ASSERT_TRUE(house.keys().assign(kAna, id, "vic"));
  house.reopen();
  Result<Principal> principal = house.keys().verify("Api-Key " + text);
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->user, "vic");
  EXPECT_FALSE(principal->may(Permission::start_instances));
}

TEST_F(KeysTest, StopsAtOnceWhenItsUserIsDeactivated) {
  ASSERT_TRUE(house.users().create(kAna, "bob", Role::admin));
  const std::string text = issue();
  ASSERT_TRUE(house.users().deactivate({"bob", ""}, "ana"));
  EXPECT_EQ(verify(text), "user-deactivated");
  EXPECT_EQ(code_of(house.keys().check(id)), "user-deactivated");
  EXPECT_EQ(code_of(house.keys().create(kAna, {"x", "ana", {}})), "user-unknown");
  ASSERT_TRUE(house.users().activate({"bob", ""}, "ana"));
  EXPECT_EQ(verify(text), "granted");
}

// ---- scopes ----

TEST_F(KeysTest, AreNarrowedByScopesAndNeverWidened) {
  constexpr int kPermissions = static_cast<int>(Permission::manage_master_key) + 1;
  int allowed = 0;
  for (const Role role : {Role::viewer, Role::operator_, Role::admin}) {
    const std::string user(to_string(role));
    ASSERT_TRUE(house.users().create(kAna, user + "-1", role));
    for (int i = 0; i <= kPermissions; ++i) {
      std::vector<Permission> scopes;  // first none, then each by itself
      if (i > 0) scopes = {static_cast<Permission>(i - 1)};
      Result<IssuedKey> issued = house.keys().create(kAna, {"k", user + "-1", scopes});
      ASSERT_TRUE(issued);
      Result<Principal> principal =
          house.keys().verify("Api-Key " + std::string(issued->secret.reveal()));
      ASSERT_TRUE(principal);
      EXPECT_EQ(principal->scopes, scopes);
      for (int p = 0; p < kPermissions; ++p) {
        const auto permission = static_cast<Permission>(p);
        const bool in_scope = scopes.empty() || scopes[0] == permission;
        EXPECT_EQ(principal->may(permission), in_scope && allows(role, permission))
            << user << ", " << to_string(permission);
        allowed += principal->may(permission) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(allowed, kPermissions);
}

TEST_F(KeysTest, FollowTheRoleOfTheirUserWithinTheirScopes) {
  ASSERT_TRUE(house.users().create(kAna, "vic", Role::viewer));
  Result<IssuedKey> issued = house.keys().create(
      kAna, {"k", "vic", {Permission::start_instances, Permission::view_instances}});
  ASSERT_TRUE(issued);
  const auto may = [&](Permission permission) {
    return house.keys().check(issued->key.id)->may(permission);
  };
  EXPECT_FALSE(may(Permission::start_instances)) << "a scope gives nothing that the role has not";
  EXPECT_TRUE(may(Permission::view_instances));
  ASSERT_TRUE(house.users().set_role(kAna, "vic", Role::admin));
  EXPECT_TRUE(may(Permission::start_instances));
  EXPECT_FALSE(may(Permission::manage_keys)) << "a role gives nothing that is out of scope";
}

// ---- change ----

TEST_F(KeysTest, ChangeInOneAuditedAction) {
  issue(house.clock.now() + hours(1));
  ASSERT_TRUE(house.users().create(kAna, "vic", Role::viewer));
  const std::size_t records = house.store.audit_records().size();
  const int commits = house.store.commits();
  KeyChange wanted;
  wanted.user = "vic";
  wanted.scopes = {Permission::view_instances, Permission::view_metrics};
  wanted.change_expiry = true;
  const Result<ApiKey> changed = house.keys().change(kAna, id, wanted);
  ASSERT_TRUE(changed);
  EXPECT_EQ(house.store.commits(), commits + 1);
  ASSERT_EQ(house.store.audit_records().size(), records + 1);
  const AuditRecord& record = house.store.audit_records().back();
  EXPECT_EQ(record.actor, "ana");
  EXPECT_EQ(record.action, "key.assign");
  EXPECT_EQ(record.target, id);
  EXPECT_EQ(record.detail, R"({"from":"ana","to":"vic","scopes":["view-instances","view-metrics"],)"
                           R"("expiresAt":null})");
  house.reopen();
  const Result<ApiKey> found = house.keys().find(id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "vic");
  EXPECT_EQ(found->scopes, *wanted.scopes);
  EXPECT_FALSE(found->expires_at);
  EXPECT_EQ(found->name, "laptop");
  EXPECT_EQ(found->created_by, "ana");
}

TEST_F(KeysTest, ChangeOnlyWhatIsGiven) {
  const std::string text = issue(house.clock.now() + hours(1));
  KeyChange wanted;
  wanted.scopes = {Permission::view_instances};
  ASSERT_TRUE(house.keys().change(kAna, id, wanted));
  EXPECT_EQ(house.store.audit_records().back().action, "key.change");
  EXPECT_EQ(house.store.audit_records().back().detail, R"({"scopes":["view-instances"]})");
  const Result<ApiKey> key = house.keys().find(id);
  EXPECT_EQ(key->user, "ana");
  EXPECT_EQ(key->expires_at, house.clock.now() + hours(1));
  wanted.scopes = std::vector<Permission>{};
  ASSERT_TRUE(house.keys().change(kAna, id, wanted));
  EXPECT_TRUE(house.keys().check(id)->may(Permission::manage_keys)) << "narrowed no more";
  EXPECT_EQ(verify(text), "granted");
}

TEST_F(KeysTest, ChangeAsAWholeOrNotAtAll) {
  issue();
  KeyChange wanted;
  wanted.scopes = {Permission::view_instances};
  wanted.user = "nobody";
  EXPECT_EQ(code_of(house.keys().change(kAna, id, wanted)), "user-unknown");
  EXPECT_TRUE(house.keys().find(id)->scopes.empty());
  wanted.user = std::nullopt;
  house.store.set_failing(true);
  EXPECT_EQ(code_of(house.keys().change(kAna, id, wanted)), "disk-full");
  house.store.set_failing(false);
  EXPECT_TRUE(house.keys().find(id)->scopes.empty());
  EXPECT_EQ(code_of(house.keys().change(kAna, "sw_aaaaaaaaaaaa", wanted)), "key-unknown");
}

// ---- use and end ----

TEST_F(KeysTest, TellWhenTheyWereLastUsedAlsoAfterARestart) {
  const std::string text = issue();
  EXPECT_FALSE(house.keys().last_used(id));
  EXPECT_EQ(verify(text + "x"), "key-unknown");
  EXPECT_FALSE(house.keys().last_used(id));
  house.clock.advance(hours(1));
  const WallTime used = house.clock.now();
  EXPECT_EQ(verify(text), "granted");
  house.clock.advance(hours(1));
  EXPECT_EQ(house.keys().last_used(id), used);
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  EXPECT_EQ(verify(text), "key-revoked");
  EXPECT_EQ(house.keys().last_used(id), used) << "a refusal is no use";
  EXPECT_FALSE(house.keys().last_used("sw_aaaaaaaaaaaa"));
  house.authority().maintain();
  house.reopen();
  EXPECT_EQ(house.keys().last_used(id), used);
}

TEST_F(KeysTest, AreWrittenDownAsUsedOnlyWhereThatIsNews) {
  const std::string text = issue();
  EXPECT_EQ(verify(text), "granted");
  const auto news = [&] {
    std::vector<Change> changes;
    house.keys().append_last_uses(changes);
    return changes.size();
  };
  EXPECT_EQ(news(), 1U);
  EXPECT_EQ(news(), 0U);
  house.clock.advance(Milliseconds(1));
  EXPECT_EQ(verify(text), "granted");
  EXPECT_EQ(news(), 1U);
}

TEST_F(KeysTest, WorkAgainWhenTheirExpiryIsMovedOrTakenAway) {
  for (const bool moved : {false, true}) {
    const std::string text = issue(house.clock.now() + hours(1));
    house.clock.advance(hours(2));
    house.authority().maintain();
    house.reopen();
    EXPECT_EQ(verify(text), "key-expired");
    KeyChange wanted;
    wanted.change_expiry = true;
    if (moved) wanted.expires_at = house.clock.now() + hours(1);
    ASSERT_TRUE(house.keys().change(kAna, id, wanted));
    EXPECT_EQ(verify(text), "granted");
    EXPECT_EQ(code_of(house.keys().stands(id)), "granted");
    house.reopen();
    EXPECT_EQ(verify(text), "granted");
    house.clock.advance(hours(1));
    EXPECT_EQ(verify(text), moved ? "key-expired" : "granted");
  }
}

TEST_F(KeysTest, StayEndedInEveryOrderOfCalls) {
  const std::vector<std::string> calls{"revoke", "delete", "expiry", "assign", "scopes", "reopen"};
  std::vector<std::string> order = calls;
  std::sort(order.begin(), order.end());
  int orders = 0;
  do {
    const std::string text = issue(house.clock.now() + hours(1));
    bool revoked = false;
    bool deleted = false;
    std::string story;
    for (const std::string& call : order) {
      story += call + " ";
      KeyChange wanted;
      wanted.change_expiry = call == "expiry";
      if (call == "assign") wanted.user = "ana";
      if (call == "scopes") wanted.scopes = {Permission::view_instances};
      const std::string final = deleted ? "key-unknown" : revoked ? "key-final" : "granted";
      const std::string ending = deleted ? "key-unknown" : "granted";
      if (call == "revoke") {
        EXPECT_EQ(code_of(house.keys().revoke(kAna, id)), ending) << story;
        revoked = true;
      } else if (call == "delete") {
        EXPECT_EQ(code_of(house.keys().remove(kAna, id)), ending) << story;
        deleted = true;
      } else if (call == "reopen") {
        if (orders % 24 == 0) house.reopen();
      } else {
        EXPECT_EQ(code_of(house.keys().change(kAna, id, wanted)), final) << story;
      }
      EXPECT_EQ(verify(text), deleted   ? "key-unknown"
                              : revoked ? "key-revoked"
                                        : "granted")
          << story;
      EXPECT_EQ(code_of(house.keys().stands(id)), deleted || revoked ? "key-revoked" : "granted")
          << story;
    }
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(orders, 720);
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST_F(KeysTest, AreRecognisedByTheirWholeTextAlone) {
  const std::string text = issue();
  EXPECT_EQ(house.keys().id_of(text), id);
  EXPECT_EQ(house.keys().id_of(id), "");
  EXPECT_EQ(house.keys().id_of(text + "x"), "");
  EXPECT_EQ(house.keys().id_of(""), "");
  test::FakeEntropy other(99);
  EXPECT_EQ(house.keys().id_of(generate_key(other).reveal()), "");
  // Also when it has ended: whoever holds it shares its fate.
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  EXPECT_EQ(house.keys().id_of(text), id);
  house.reopen();
  EXPECT_EQ(house.keys().id_of(text), id);
}

// Randomness that gives always the same bytes.
class StuckEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte{7};
  }
};

TEST(KeysWithBrokenRandomness, NeverGiveOneIdToTwoKeys) {
  test::MemorySecretStore store;
  const test::ManualClock clock;
  StuckEntropy entropy;
  Metrics metrics;
  const Secret master{std::string_view("0123456789abcdef0123456789abcdef")};
  Result<std::unique_ptr<Authority>> authority =
      Authority::open(master, {store, clock, entropy, metrics, Log::null()});
  ASSERT_TRUE(authority);
  ASSERT_TRUE((*authority)->users().create(kAna, "ana", Role::admin));
  ASSERT_TRUE((*authority)->keys().create(kAna, {"one", "ana", {}}));
  EXPECT_EQ(code_of((*authority)->keys().create(kAna, {"two", "ana", {}})), "entropy-broken");
}

TEST_F(KeysTest, ListsKeysWithTheirStateOldestFirst) {
  issue();
  const std::string first = id;
  house.clock.advance(Milliseconds(10));
  issue(house.clock.now() + hours(1));
  const std::vector<ApiKey> keys = house.keys().list();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].id, first);
  EXPECT_EQ(keys[1].id, id);
  const Value described = describe(keys[1], house.clock.now());
  EXPECT_EQ(described.get("state"), Value("active"));
  EXPECT_EQ(described.get("user"), Value("ana"));
  EXPECT_FALSE(described.contains("hash"));
  const std::string text = house.metrics->text();
  EXPECT_NE(text.find("stepwell_keys{state=\"active\"} 2"), std::string::npos);
  EXPECT_NE(text.find("stepwell_keys_nearest_expiry_seconds 3600"), std::string::npos);
}

TEST_F(KeysTest, KeepsOneActiveAdmin) {
  EXPECT_EQ(code_of(house.users().deactivate(kAna, "ana")), "last-admin");
  EXPECT_EQ(code_of(house.users().set_role(kAna, "ana", Role::viewer)), "last-admin");
  ASSERT_TRUE(house.users().create(kAna, "bob", Role::admin));
  ASSERT_TRUE(house.users().set_role(kAna, "ana", Role::operator_));
  EXPECT_EQ(code_of(house.users().create(kAna, "bob", Role::viewer)), "user-exists");
  EXPECT_EQ(code_of(house.users().create(kAna, "B b", Role::viewer)), "user-invalid");
  EXPECT_EQ(code_of(house.users().deactivate(kAna, "eve")), "user-unknown");
  house.reopen();
  EXPECT_EQ(house.users().find("ana")->role, Role::operator_);
}

}  // namespace
}  // namespace stepwell::auth
