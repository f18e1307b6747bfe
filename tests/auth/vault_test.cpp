#include "auth/vault.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

class VaultTest : public testing::Test {
 protected:
  std::unique_ptr<Vault> open(const Secret& master) {
    Result<StoredState> stored = store_.load();
    EXPECT_TRUE(stored);
    Result<std::unique_ptr<Vault>> vault = Vault::open(master, *stored, store_, entropy_);
    EXPECT_TRUE(vault) << vault.error().one_line();
    return vault ? std::move(*vault) : nullptr;
  }

  test::MemorySecretStore store_;
  test::FakeEntropy entropy_;
  const Secret master_{std::string_view("0123456789abcdef0123456789abcdef")};
  const FieldPlace place_{"credential_values", "row-1", "secret", 3};
};

TEST_F(VaultTest, OpensWhatItSealedAlsoAfterARestart) {
  const std::string blob = open(master_)->seal(place_, "the value");
  EXPECT_EQ(blob.find("the value"), std::string::npos);
  Result<Secret> plain = open(master_)->unseal(place_, blob);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->reveal(), "the value");
}

TEST_F(VaultTest, SealsTheSameValueDifferentlyEachTime) {
  const auto vault = open(master_);
  EXPECT_NE(vault->seal(place_, "v"), vault->seal(place_, "v"));
  Result<Secret> empty = vault->unseal(place_, vault->seal(place_, ""));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

TEST_F(VaultTest, RefusesABlobInAnyOtherPlace) {
  const auto vault = open(master_);
  const std::string blob = vault->seal(place_, "the value");
  for (const FieldPlace& other : {FieldPlace{"other", "row-1", "secret", 3},
                                  FieldPlace{"credential_values", "row-2", "secret", 3},
                                  FieldPlace{"credential_values", "row-1", "username", 3},
                                  FieldPlace{"credential_values", "row-1", "secret", 2},
                                  // The pieces' borders count.
                                  FieldPlace{"credential_valuesr", "ow-1", "secret", 3}}) {
    EXPECT_EQ(code_of(vault->unseal(other, blob)), "store-damaged");
  }
}

TEST_F(VaultTest, RefusesABlobThatWasCutOrChangedAnywhere) {
  const auto vault = open(master_);
  const std::string blob = vault->seal(place_, "the value");
  for (std::size_t size = 0; size < blob.size(); ++size)
    EXPECT_FALSE(vault->unseal(place_, blob.substr(0, size))) << size;
  EXPECT_FALSE(vault->unseal(place_, blob + "x"));
  for (std::size_t i = 0; i < blob.size(); ++i) {
    std::string changed = blob;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(vault->unseal(place_, changed)) << i;
  }
}

TEST_F(VaultTest, RefusesAWrongMasterKeyAndWritesNothing) {
  open(master_);
  const int commits = store_.commits();
  const Secret wrong{std::string_view("0123456789abcdef0123456789abcdeX")};
  Result<StoredState> stored = store_.load();
  ASSERT_TRUE(stored);
  Result<std::unique_ptr<Vault>> vault = Vault::open(wrong, *stored, store_, entropy_);
  ASSERT_FALSE(vault);
  EXPECT_EQ(vault.error().code, "master-key-wrong");
  EXPECT_EQ(vault.error().type, error_type_uri(ErrorKind::configuration));
  EXPECT_EQ(store_.commits(), commits);
}

TEST_F(VaultTest, RefusesAStoreWhoseOwnKeysAreGoneOrChanged) {
  open(master_);
  const StoredState good = store_.state();
  const auto try_open = [&] {
    return code_of(Vault::open(master_, store_.state(), store_, entropy_));
  };
  store_.state().wrapped_keys.pop_back();
  EXPECT_EQ(try_open(), "store-damaged");
  store_.state() = good;
  std::swap(store_.state().wrapped_keys[0].wrapped, store_.state().wrapped_keys[1].wrapped);
  EXPECT_EQ(try_open(), "store-damaged");
  store_.state() = good;
  store_.state().wrapped_keys[0].wrapped.pop_back();
  EXPECT_EQ(try_open(), "store-damaged");
  store_.state() = good;
  store_.state().wrapped_keys.clear();
  store_.state().credentials.emplace_back();
  EXPECT_EQ(try_open(), "store-damaged");
  EXPECT_TRUE(store_.state().wrapped_keys.empty());
  // Nothing but tombstones is left.
  store_.state() = StoredState();
  store_.state().tombstones_beside.push_back({"credential", "c", "revoked", "ana", {}, 1, ""});
  EXPECT_EQ(try_open(), "store-damaged");
}

TEST_F(VaultTest, TakesTheCandidateThatWrapsItsKeys) {
  open(master_);
  std::vector<Secret> candidates;
  candidates.emplace_back("an interrupted rotation's new key");
  candidates.back() = Secret("fedcba9876543210fedcba9876543210");
  candidates.push_back(master_.duplicate());
  Result<std::unique_ptr<Vault>> vault = Vault::open(candidates, store_.state(), store_, entropy_);
  ASSERT_TRUE(vault);
  EXPECT_EQ((*vault)->opened_with(), 1U);
  EXPECT_TRUE((*vault)->is_under(master_));
  EXPECT_FALSE((*vault)->is_under(candidates[0]));
}

TEST_F(VaultTest, PutsKeysAndValuesUnderNewOnes) {
  const auto vault = open(master_);
  const FieldPlace place{"credential_values", "c", "secret", 1};
  StoredState stored = store_.state();
  stored.values.push_back({"c", 1, "secret", vault->seal(place, "the value")});
  SealedValue late{"c", 1, "secret", vault->seal(place, "late")};
  const Secret next{std::string_view("fedcba9876543210fedcba9876543210")};
  Result<std::vector<Change>> changes = vault->rewrap(next, stored);
  ASSERT_TRUE(changes);
  ASSERT_TRUE(store_.commit(*changes));
  vault->follow(store_.state().wrapped_keys);
  EXPECT_TRUE(vault->is_under(next));
  // Sealed before, committed after: under the key that is gone from the store.
  ASSERT_TRUE(vault->renew(late));
  const auto reopened = open(next);
  for (const auto& [value, text] : {std::pair(&store_.state().values.at(0), "the value"),
                                    std::pair<SealedValue*, const char*>(&late, "late")}) {
    Result<Secret> plain = reopened->unseal(place, value->sealed);
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->reveal(), text);
  }
  // What the old data key sealed does not open with the new keys.
  EXPECT_FALSE(reopened->unseal(place, stored.values[0].sealed));
  EXPECT_EQ(code_of(Vault::open(master_, store_.state(), store_, entropy_)), "master-key-wrong");
}

TEST(Authority, RefusesSwappedAndRolledBackValues) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("one", "token-of-one")));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("two", "token-of-two")));
  const std::vector<SealedValue> first = house.store.state().values;
  Rotation rotation;
  rotation.value = value_of("token-new");
  ASSERT_TRUE(house.credentials().rotate(kAna, "one", std::move(rotation)));
  const StoredState good = house.store.state();
  const auto opened = [&] { return code_of(house.try_open()); };
  EXPECT_EQ(opened(), "granted");
  // Two rows exchanged.
  std::swap(house.store.state().values[0].sealed, house.store.state().values[1].sealed);
  EXPECT_EQ(opened(), "store-damaged");
  // The value of version 1 put in the place of version 2.
  house.store.state() = good;
  for (SealedValue& value : house.store.state().values) {
    if (value.version == 2) value.sealed = first[0].sealed;
  }
  EXPECT_EQ(opened(), "store-damaged");
  // Cut, and gone.
  house.store.state() = good;
  house.store.state().values[0].sealed.resize(20);
  EXPECT_EQ(opened(), "store-damaged");
  house.store.state() = good;
  house.store.state().values.pop_back();
  EXPECT_EQ(opened(), "store-damaged");
}

}  // namespace
}  // namespace stepwell::auth
