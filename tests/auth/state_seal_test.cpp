#include "auth/state_seal.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

Rotation rotation_to(std::string_view token) {
  Rotation rotation;
  rotation.value = value_of(token);
  return rotation;
}

NewKey new_key(std::string name) {
  NewKey key;
  key.name = std::move(name);
  key.user = "ana";
  return key;
}

Secret key() { return Secret("0123456789abcdef0123456789abcdef"); }

// A house with at least one row of every kind.
void furnish(House& house) {
  ASSERT_TRUE(house.users().create(kAna, "ana", Role::admin));
  ASSERT_TRUE(house.users().create(kAna, "vic", Role::viewer));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("one", "token-of-one")));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("two", "token-of-two")));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("gone", "token-of-gone")));
  ASSERT_TRUE(house.keys().create(kAna, new_key("laptop")));
  ASSERT_TRUE(house.credentials().revoke(kAna, "gone"));
}

TEST(StateSeal, IsTheSameWhetherCarriedAlongOrLoaded) {
  House house;
  furnish(house);
  ASSERT_TRUE(house.credentials().rotate(kAna, "one", rotation_to("token-2")));
  ASSERT_TRUE(house.credentials().remove(kAna, "two"));
  house.authority().maintain();
  ASSERT_TRUE(house.store.state().seal);
  house.reopen();
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST(StateSeal, CoversEveryRowOfEveryKind) {
  House house;
  furnish(house);
  const StoredState good = house.store.state();
  using Spoil = std::function<void(StoredState&)>;
  const std::pair<const char*, Spoil> spoils[] = {
      {"origins", [](auto& s) { s.credentials[0].origins.clear(); }},
      {"state", [](auto& s) { s.credentials[0].state = CredentialState::disabled; }},
      {"expiry", [](auto& s) { s.credentials[0].expires_at = WallTime(Milliseconds(0)); }},
      {"settings", [](auto& s) { s.credentials[0].settings = Value::object({}); }},
      {"on revoke", [](auto& s) { s.credentials[0].on_revoke = OnRevoke::abort; }},
      {"linked key", [](auto& s) { s.credentials[0].linked_key = "sw_x"; }},
      {"namespaces", [](auto& s) { s.credentials[0].namespaces = {""}; }},
      {"credential gone", [](auto& s) { s.credentials.pop_back(); }},
      {"credential twice",
       [](auto& s) {
         s.credentials.push_back(s.credentials[0]);
         s.credentials.back().id += "x";
       }},
      {"swapped values", [](auto& s) { std::swap(s.values[0].sealed, s.values[1].sealed); }},
      {"value gone", [](auto& s) { s.values.pop_back(); }},
      {"role", [](auto& s) { s.users[1].role = Role::admin; }},
      {"user active", [](auto& s) { s.users[1].active = false; }},
      {"user gone", [](auto& s) { s.users.pop_back(); }},
      {"key's user", [](auto& s) { s.keys[0].user = "vic"; }},
      {"key's hash", [](auto& s) { s.keys[0].hash[0] = static_cast<char>(s.keys[0].hash[0] ^ 1); }},
      {"key's scopes", [](auto& s) { s.keys[0].scopes = {Permission::view_audit}; }},
      {"key's expiry", [](auto& s) { s.keys[0].expires_at = WallTime(Milliseconds(1)); }},
      {"key's rate limit", [](auto& s) { s.keys[0].rate = KeyRate{}; }},
      {"key gone", [](auto& s) { s.keys.clear(); }},
      {"tombstone gone", [](auto& s) { s.tombstones.clear(); }},
      {"wrapped key", [](auto& s) { s.wrapped_keys[0].wrapped += "x"; }},
      {"clock mark", [](auto& s) { s.clock_mark -= Milliseconds(1); }},
      {"audit's end", [](auto& s) { s.last_audit->actor = "bob"; }},
      {"audit cut", [](auto& s) { s.last_audit.reset(); }},
      {"seal", [](auto& s) { s.seal->digest[0] ^= 1; }},
      {"seal gone", [](auto& s) { s.seal.reset(); }},
  };
  for (const auto& [what, spoil] : spoils) {
    house.store.state() = good;
    spoil(house.store.state());
    EXPECT_EQ(code_of(house.try_open()), "store-damaged") << what;
  }
  house.store.state() = good;
  EXPECT_EQ(code_of(house.try_open()), "granted");
  // Last uses decide nothing.
  house.store.state().last_uses.push_back({"key", "x", {}});
  EXPECT_EQ(code_of(house.try_open()), "granted");
}

TEST(StateSeal, DiffersForRowsWhosePiecesOnlyMoved) {
  std::set<std::string> seals;
  const User users[] = {{"ab", Role::viewer, true, "c", {}},
                        {"a", Role::viewer, true, "bc", {}},
                        {"abc", Role::viewer, true, "", {}}};
  for (const User& user : users) {
    StateDigest digest(key());
    digest.apply({user});
    seals.insert(digest.seal());
  }
  EXPECT_EQ(seals.size(), 3U);
}

TEST(StateSeal, AnErasureTakesOneCredentialsValuesOnly) {
  StateDigest kept(key());
  kept.apply({SealedValue{"ab", 1, "secret", "x"}});
  StateDigest erased(key());
  erased.apply({SealedValue{"a", 1, "secret", "x"}, SealedValue{"a", 2, "secret", "y"},
                SealedValue{"ab", 1, "secret", "x"}, EraseValues{"a"}});
  EXPECT_EQ(erased.seal(), kept.seal());
}

TEST(StateSeal, GoesOnAfterACommitThatFailed) {
  House house;
  furnish(house);
  house.store.set_failing(true);
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "disk-full");
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "disk-full");
  house.store.set_failing(false);
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "granted");
  EXPECT_TRUE(house.authority().audit().verify());
  EXPECT_EQ(code_of(house.try_open()), "granted");
}

TEST(StateSeal, RefusesToGoOnWhereTheStoreHoldsSomethingElseAfterAFailure) {
  House house;
  furnish(house);
  const StoredState older = house.store.state();
  ASSERT_TRUE(house.users().create(kAna, "new", Role::viewer));
  house.store.set_failing(true);
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "disk-full");
  house.store.set_failing(false);
  const StoredState good = house.store.state();
  house.store.state().users[1].role = Role::admin;
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "store-damaged");
  // Well sealed, but not what was there when the commit failed.
  house.store.state() = older;
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "store-damaged");
  house.store.state() = good;
  EXPECT_EQ(code_of(house.credentials().disable(kAna, "one")), "granted");
}

TEST(Tombstones, OfTheFileAreCheckedAndNumbered) {
  House house;
  furnish(house);
  ASSERT_TRUE(house.credentials().revoke(kAna, "one"));
  ASSERT_TRUE(house.credentials().revoke(kAna, "two"));
  const StoredState good = house.store.state();
  ASSERT_EQ(good.tombstones_beside.size(), 3U);
  using Spoil = std::function<void(std::vector<Tombstone>&)>;
  const std::pair<const char*, Spoil> spoils[] = {
      {"changed", [](auto& s) { s[1].by = "x"; }},
      {"renumbered", [](auto& s) { s[2].number = 2; }},
      {"made up",
       [](auto& s) {
         s.push_back({"key", "k", "revoked", "x", {}, 4, "mac"});
       }},
      {"twice", [](auto& s) { s.push_back(s[0]); }},
      {"first gone", [](auto& s) { s.erase(s.begin()); }},
      {"middle gone", [](auto& s) { s.erase(s.begin() + 1); }},
      {"last gone", [](auto& s) { s.pop_back(); }},
      {"all gone", [](auto& s) { s.clear(); }},
  };
  for (const auto& [what, spoil] : spoils) {
    house.store.state() = good;
    spoil(house.store.state().tombstones_beside);
    EXPECT_EQ(code_of(house.try_open()), "store-damaged") << what;
  }
  house.store.state() = good;
  std::swap(house.store.state().tombstones_beside[0], house.store.state().tombstones_beside[2]);
  EXPECT_EQ(code_of(house.try_open()), "granted");  // as when the database's are written back
}

}  // namespace
}  // namespace stepwell::auth
