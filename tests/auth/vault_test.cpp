#include "auth/vault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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
}

TEST(Authority, RefusesSwappedAndRolledBackValues) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("one", "token-of-one")));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("two", "token-of-two")));
  const std::vector<SealedValue> first = house.store.state().values;
  ASSERT_TRUE(house.credentials().rotate(kAna, "one", {value_of("token-new"), false, {}}));
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

class MasterKeyFile : public testing::Test {
 protected:
  MasterKeyFile() {
    std::string pattern = testing::TempDir() + "stepwell-key-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/master.key";
  }
  ~MasterKeyFile() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& bytes, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << bytes;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  std::string directory_;
  std::string path_;
  test::FakeEntropy entropy_;
};

TEST_F(MasterKeyFile, IsMadeForItsOwnerAloneAndReadBack) {
  ASSERT_TRUE(create_master_key(path_, entropy_));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_size, 32);
  Result<Secret> key = load_master_key(path_);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->size(), 32U);
  EXPECT_EQ(code_of(create_master_key(path_, entropy_)), "master-key-exists");
  Result<Secret> again = load_master_key(path_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->equals(key->reveal()));
}

TEST_F(MasterKeyFile, IsRefusedWhenItIsNotFit) {
  EXPECT_EQ(code_of(load_master_key(path_)), "master-key-missing");
  EXPECT_EQ(code_of(load_master_key(directory_)), "master-key-invalid");
  for (const mode_t mode : {0640, 0604, 0660, 0610}) {
    write(std::string(32, 'k'), mode);
    Result<Secret> key = load_master_key(path_);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, "master-key-mode");
    EXPECT_NE(key.error().detail.find("chmod 600 " + path_), std::string::npos);
  }
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    write(std::string(size, 'k'), 0600);
    EXPECT_EQ(code_of(load_master_key(path_)), "master-key-invalid") << size;
  }
  write(std::string(32, 'k'), 0400);
  EXPECT_TRUE(load_master_key(path_));
}

}  // namespace
}  // namespace stepwell::auth
