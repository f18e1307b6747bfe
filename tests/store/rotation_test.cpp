// The master key's rotation over a real store, cut off at every step.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auth/authority.h"
#include "store/sqlite_secret_store.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::store {
namespace {

namespace fs = std::filesystem;
using auth::Authority;
using auth::MasterKeySource;

const auth::Actor kAna{"ana", "offline"};

// Calls `look` before and after each commit; fails a commit before it is made, or after.
class WatchedStore final : public auth::SecretStore {
 public:
  enum class Failure { none, before, after };
  explicit WatchedStore(auth::SecretStore& inner) : inner_(inner) {}
  Result<auth::StoredState> load() override { return inner_.load(); }
  Status commit(const std::vector<auth::Change>& changes) override {
    const auto lost = [] {
      return fail(make_problem(ErrorKind::runtime, "store-failed", "the answer was lost"));
    };
    if (look) look();
    if (failure == Failure::before) return lost();
    Status done = inner_.commit(changes);
    if (look) look();
    if (failure == Failure::after) return lost();
    return done;
  }
  Result<std::optional<auth::AuditRecord>> last_audit() override { return inner_.last_audit(); }
  Result<std::vector<auth::AuditRecord>> audit(std::uint64_t first, std::size_t limit) override {
    return inner_.audit(first, limit);
  }

  std::function<void()> look;
  Failure failure = Failure::none;

 private:
  auth::SecretStore& inner_;
};

// A directory with a store in data/ and its key in master.key, opened as the daemon does.
class Site {
 public:
  explicit Site(std::string directory) : directory_(std::move(directory)) {
    source.where = directory_ + "/master.key";
    if (fs::exists(source.where)) return;
    EXPECT_TRUE(auth::create_master_key(source.where, entropy_));
  }

  std::string open() { return open(source); }
  std::string open(const MasterKeySource& from) {
    close();
    Result<std::unique_ptr<SqliteSecretStore>> inner =
        SqliteSecretStore::open(directory_ + "/data");
    if (!inner) return inner.error().code;
    inner_ = std::move(*inner);
    store = std::make_unique<WatchedStore>(*inner_);
    metrics_ = std::make_unique<Metrics>();
    Result<std::unique_ptr<Authority>> opened =
        Authority::open(from, {*store, clock_, entropy_, *metrics_, Log::null()});
    if (!opened) return opened.error().code;
    authority = std::move(*opened);
    return "done";
  }
  void close() {
    authority.reset();
    store.reset();
    inner_.reset();
  }
  std::string rotate() { return code_of(authority->rotate_master_key(kAna, source)); }
  void add(const std::string& name) {
    auth::NewCredential credential;
    credential.name = name;
    credential.origins = {"https://crm.example.com"};
    credential.value.secret = Secret("token-of-" + name);
    Result<auth::Credential> added = authority->credentials().add(kAna, std::move(credential));
    ASSERT_TRUE(added) << added.error().one_line();
  }
  std::string header(const std::string& name) {
    Result<auth::Grant> grant =
        authority->gate().authorize({name, {"https", "crm.example.com", 443}, "default"});
    if (!grant) return grant.error().code;
    return grant->guard->secret_headers().at(0).reveal().data();
  }
  // Opens, reads every value, rotates to the end, and opens again.
  void expect_whole(std::size_t credentials) {
    ASSERT_EQ(open(), "done");
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < credentials; ++i) {
        const std::string name = "c" + std::to_string(i);
        EXPECT_EQ(header(name), "Authorization: Bearer token-of-" + name);
      }
      EXPECT_TRUE(authority->audit().verify());
      EXPECT_EQ(rotate(), "done");
      EXPECT_FALSE(fs::exists(source.where + ".new"));
      ASSERT_EQ(open(), "done");
    }
  }

  MasterKeySource source;
  std::unique_ptr<WatchedStore> store;
  std::unique_ptr<Authority> authority;

 private:
  const std::string directory_;
  test::ManualClock clock_;
  test::FakeEntropy entropy_{std::hash<std::string>()(directory_)};
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<SqliteSecretStore> inner_;
};

class MasterKeyRotationTest : public testing::Test {
 protected:
  MasterKeyRotationTest() { fs::create_directory(live_); }
  std::string copy_of_now() {
    const std::string copy = scratch_ / ("copy" + std::to_string(++copies_));
    fs::copy(live_, copy, fs::copy_options::recursive);
    return copy;
  }

  const ScratchDirectory scratch_;
  const std::string live_ = scratch_ / "live";
  int copies_ = 0;
};

TEST_F(MasterKeyRotationTest, PutsEverythingUnderANewKey) {
  Site site(live_);
  ASSERT_EQ(site.open(), "done");
  site.add("c0");
  site.add("c1");
  const std::string old_key = read_file(site.source.where);
  ASSERT_EQ(site.rotate(), "done");
  site.add("c2");  // goes on without a restart
  EXPECT_NE(read_file(site.source.where), old_key);
  EXPECT_EQ(mode_of(site.source.where), 0600U);
  Result<std::vector<auth::AuditRecord>> records = site.authority->audit().list(3, 1);
  ASSERT_TRUE(records && records->size() == 1);
  EXPECT_EQ(records->at(0).action, "master-key.rotate");
  write_file(scratch_ / "old.key", old_key);
  fs::permissions(scratch_ / "old.key", fs::perms(0600));
  MasterKeySource old = site.source;
  old.where = scratch_ / "old.key";
  EXPECT_EQ(site.open(old), "master-key-wrong");
  site.expect_whole(3);
}

TEST_F(MasterKeyRotationTest, GoesOnFromWhereverItWasCutOff) {
  std::vector<std::string> copies;
  {
    Site site(live_);
    ASSERT_EQ(site.open(), "done");
    site.add("c0");
    site.add("c1");
    copies.push_back(copy_of_now());
    site.store->look = [&] { copies.push_back(copy_of_now()); };
    ASSERT_EQ(site.rotate(), "done");
    copies.push_back(copy_of_now());
  }
  ASSERT_EQ(copies.size(), 4U);
  // Cut off while the new key was written.
  copies.push_back(scratch_ / "half");
  fs::copy(copies[0], copies.back(), fs::copy_options::recursive);
  write_file(copies.back() + "/master.key.new.part", "half");
  for (const std::string& copy : copies) {
    SCOPED_TRACE(copy);
    Site site(copy);
    site.expect_whole(2);
  }
}

TEST_F(MasterKeyRotationTest, GoesOnInTheSameProcessWhereTheAnswerOfACommitWasLost) {
  for (const auto failure : {WatchedStore::Failure::before, WatchedStore::Failure::after}) {
    const std::string directory = scratch_ / std::to_string(static_cast<int>(failure));
    fs::create_directory(directory);
    Site site(directory);
    ASSERT_EQ(site.open(), "done");
    site.add("c0");
    site.store->failure = failure;
    EXPECT_EQ(site.rotate(), "store-failed");
    site.store->failure = WatchedStore::Failure::none;
    site.add("c1");
    EXPECT_EQ(site.rotate(), "done");
    site.add("c2");
    site.expect_whole(3);
  }
}

TEST_F(MasterKeyRotationTest, LosesNoValueThatIsSealedMeanwhile) {
  Site site(live_);
  ASSERT_EQ(site.open(), "done");
  constexpr int kCredentials = 40;
  std::thread writer([&] {
    for (int i = 0; i < kCredentials; ++i) site.add("c" + std::to_string(i));
  });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(site.rotate(), "done");
  writer.join();
  site.expect_whole(kCredentials);
}

TEST_F(MasterKeyRotationTest, OfACommandLeavesTheNewKeyToTheOperator) {
  Site site(live_);
  ASSERT_EQ(site.open(), "done");
  site.add("c0");
  MasterKeySource source;
  source.kind = MasterKeySource::Kind::command;
  source.where = "/bin/cat " + live_ + "/master.key";
  EXPECT_EQ(code_of(site.authority->rotate_master_key(kAna, source)), "master-key-target-missing");
  source.new_file = live_ + "/next.key";
  Result<auth::MasterKeyRotation> rotation = site.authority->rotate_master_key(kAna, source);
  ASSERT_TRUE(rotation) << rotation.error().one_line();
  EXPECT_EQ(rotation->file, live_ + "/next.key");
  EXPECT_FALSE(rotation->in_place);
  EXPECT_EQ(rotation->values, 1U);
  // Repeated, it is done already.
  rotation = site.authority->rotate_master_key(kAna, source);
  ASSERT_TRUE(rotation);
  EXPECT_EQ(rotation->values, 0U);
  // With the file named it opens; without, only when the operator has put it in place.
  EXPECT_EQ(site.open(source), "done");
  MasterKeySource without = source;
  without.new_file.clear();
  EXPECT_EQ(site.open(without), "master-key-wrong");
  site.close();
  fs::rename(live_ + "/next.key", live_ + "/master.key");
  EXPECT_EQ(site.open(without), "done");
  EXPECT_EQ(site.header("c0"), "Authorization: Bearer token-of-c0");
}

}  // namespace
}  // namespace stepwell::store
