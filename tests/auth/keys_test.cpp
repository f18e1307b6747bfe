#include "auth/keys.h"

#include <gtest/gtest.h>

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
    Result<IssuedKey> issued = house.keys().create(kAna, {"laptop", "ana", expires_at});
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
  house.store.state().tombstones = stones;
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
