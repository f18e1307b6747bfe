#include "store/sqlite_secret_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "auth/authority.h"
#include "base/json.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::store {
namespace {

using auth::Actor;
using auth::Authority;
using auth::NewCredential;
using std::chrono::hours;

const Actor kAna{"ana", "offline"};

class SqliteSecretStoreTest : public testing::Test {
 protected:
  ~SqliteSecretStoreTest() override { close(); }

  // Opens store and authority with `key`; the answer is "done" or the problem's code.
  std::string open(const Secret& key) {
    close();
    Result<std::unique_ptr<SqliteSecretStore>> store = SqliteSecretStore::open(data_);
    if (!store) return store.error().code;
    store_ = std::move(*store);
    metrics_ = std::make_unique<Metrics>();
    Result<std::unique_ptr<Authority>> opened =
        Authority::open(key, {*store_, clock_, entropy_, *metrics_, Log::null()});
    if (!opened) return opened.error().code;
    authority_ = std::move(*opened);
    return "done";
  }
  std::string open() { return open(master_); }
  void close() {
    authority_.reset();
    store_.reset();
  }

  void add(const std::string& name, const std::string& token) {
    NewCredential credential;
    credential.name = name;
    credential.description = "of \"" + name + "\"; DROP TABLE credentials; --";
    credential.origins = {"https://crm.example.com", "https://*.example.org:8443"};
    credential.namespaces = {"crm"};
    credential.expires_at = clock_.now() + hours(24);
    credential.value = {"", Secret(token)};
    auto added = authority_->credentials().add(kAna, std::move(credential));
    ASSERT_TRUE(added) << added.error().one_line();
  }
  std::string use(const std::string& name) {
    return code_of(authority_->gate().authorize({name, {"https", "crm.example.com", 443}, "crm"}));
  }
  std::string described() {
    Value all = Value::array();
    for (const auto& credential : authority_->credentials().list())
      all.push_back(describe(credential, clock_.now()));
    for (const auto& key : authority_->keys().list()) all.push_back(describe(key, clock_.now()));
    for (const auto& user : authority_->users().list()) all.push_back(describe(user));
    return to_json(all);
  }
  // Runs `sql` beside the store, as an intruder would.
  void tamper(const std::string& sql) {
    close();
    Result<Database> database = Database::open(data_ + "/stepwell.db");
    ASSERT_TRUE(database);
    Status done = database->execute(sql);
    ASSERT_TRUE(done) << done.error().one_line();
  }

  const ScratchDirectory scratch_;
  const std::string data_ = scratch_ / "data";
  const Secret master_{std::string_view("0123456789abcdef0123456789abcdef")};
  test::ManualClock clock_;
  test::FakeEntropy entropy_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<SqliteSecretStore> store_;
  std::unique_ptr<Authority> authority_;
};

TEST_F(SqliteSecretStoreTest, KeepsEverythingOverARestart) {
  ASSERT_EQ(open(), "done");
  add("crm-key", "token-of-crm");
  add("other", "token-of-other");
  ASSERT_TRUE(
      authority_->credentials().rotate(kAna, "other", {{"", Secret("token-2")}, false, {}}));
  ASSERT_TRUE(authority_->credentials().disable(kAna, "other"));
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  ASSERT_TRUE(authority_->users().create(kAna, "vic", auth::Role::viewer));
  ASSERT_TRUE(authority_->users().deactivate(kAna, "vic"));
  Result<auth::IssuedKey> issued =
      authority_->keys().create(kAna, {"laptop", "ana", clock_.now() + hours(1)});
  ASSERT_TRUE(issued);
  const std::string header = "Api-Key " + std::string(issued->secret.reveal());
  const std::string before = described();
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(described(), before);
  EXPECT_EQ(use("crm-key"), "done");
  EXPECT_EQ(use("other"), "credential-disabled");
  EXPECT_EQ(code_of(authority_->keys().verify(header)), "done");
  EXPECT_TRUE(authority_->audit().verify());
  clock_.advance(hours(1));
  EXPECT_EQ(code_of(authority_->keys().verify(header)), "key-expired");
}

TEST_F(SqliteSecretStoreTest, MakesFilesForItsOwnerAlone) {
  ASSERT_EQ(open(), "done");
  add("crm-key", "token-of-crm");
  ASSERT_TRUE(authority_->credentials().revoke(kAna, "crm-key"));
  EXPECT_EQ(mode_of(data_), 0700U);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_)) {
    EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 3);  // the database, its log, the tombstones
}

TEST_F(SqliteSecretStoreTest, HoldsNoSecretInClear) {
  ASSERT_EQ(open(), "done");
  add("crm-key", "token-of-crm-0123456789");
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  Result<auth::IssuedKey> issued = authority_->keys().create(kAna, {"laptop", "ana", {}});
  ASSERT_TRUE(issued);
  const std::string key(issued->secret.reveal().substr(16));
  for (const auto& entry : std::filesystem::directory_iterator(data_)) {
    const std::string bytes = read_file(entry.path());
    EXPECT_EQ(bytes.find("token-of-crm"), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find(key), std::string::npos) << entry.path();
  }
}

TEST_F(SqliteSecretStoreTest, RefusesAWrongMasterKeyAndLeavesEveryByte) {
  ASSERT_EQ(open(), "done");
  add("crm-key", "token-of-crm");
  ASSERT_TRUE(authority_->credentials().revoke(kAna, "crm-key"));
  close();
  const std::string database = read_file(data_ + "/stepwell.db");
  const std::string tombstones = read_file(data_ + "/tombstones");
  clock_.advance(hours(1));
  EXPECT_EQ(open(Secret("0123456789abcdef0123456789abcdeX")), "master-key-wrong");
  close();
  EXPECT_EQ(read_file(data_ + "/stepwell.db"), database);
  EXPECT_EQ(read_file(data_ + "/tombstones"), tombstones);
  EXPECT_EQ(open(), "done");
}

TEST_F(SqliteSecretStoreTest, KeepsRevocationsWhenAnOlderDatabaseIsRestored) {
  ASSERT_EQ(open(), "done");
  add("revoked", "token-of-revoked");
  add("deleted", "token-of-deleted");
  add("kept", "token-of-kept");
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  Result<auth::IssuedKey> issued = authority_->keys().create(kAna, {"laptop", "ana", {}});
  ASSERT_TRUE(issued);
  const std::string header = "Api-Key " + std::string(issued->secret.reveal());
  close();
  const std::string backup = read_file(data_ + "/stepwell.db");
  ASSERT_EQ(open(), "done");
  ASSERT_TRUE(authority_->credentials().revoke(kAna, "revoked"));
  ASSERT_TRUE(authority_->credentials().remove(kAna, "deleted"));
  ASSERT_TRUE(authority_->keys().revoke(kAna, issued->key.id));
  close();
  write_file(data_ + "/stepwell.db", backup);
  for (int start = 0; start < 2; ++start) {
    ASSERT_EQ(open(), "done");
    EXPECT_EQ(use("revoked"), "credential-revoked");
    EXPECT_EQ(use("deleted"), "credential-deleted");
    EXPECT_EQ(use("kept"), "done");
    EXPECT_EQ(code_of(authority_->keys().verify(header)), "key-revoked");
    EXPECT_TRUE(authority_->audit().verify());
    // What was merged is in the database from then on.
    close();
    std::filesystem::remove(data_ + "/tombstones");
  }
}

TEST_F(SqliteSecretStoreTest, RefusesSwappedRolledBackAndCutValues) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  add("two", "token-of-two");
  close();
  const std::string good = read_file(data_ + "/stepwell.db");
  const char* const tampers[] = {
      "UPDATE credential_values SET sealed = (SELECT v.sealed FROM credential_values v WHERE "
      "v.rowid <> credential_values.rowid)",
      "UPDATE credential_values SET sealed = substr(sealed, 1, 50)",
      "UPDATE credential_values SET sealed = x''",
      "UPDATE credential_values SET version = 2; UPDATE credentials SET version = 2",
      "DELETE FROM credential_values",
      "UPDATE wrapped_keys SET wrapped = substr(wrapped, 2)",
      "DELETE FROM wrapped_keys",
      "UPDATE credentials SET origins = '[\"nonsense\"]'",
      "UPDATE credentials SET origins = '[1'",
      "UPDATE credentials SET namespaces = '[{}]'",
      "UPDATE credentials SET state = 'perhaps'",
  };
  for (const char* sql : tampers) {
    write_file(data_ + "/stepwell.db", good);
    ASSERT_EQ(open(), "done") << sql;
    tamper(sql);
    EXPECT_EQ(open(), "store-damaged") << sql;
    close();
  }
}

TEST_F(SqliteSecretStoreTest, LetsNobodyRewriteTheAuditLog) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  close();
  Result<Database> database = Database::open(data_ + "/stepwell.db");
  ASSERT_TRUE(database);
  EXPECT_EQ(code_of(database->execute("UPDATE audit SET actor = 'bob'")), "store-failed");
  EXPECT_EQ(code_of(database->execute("DELETE FROM audit")), "store-failed");
}

TEST_F(SqliteSecretStoreTest, CommitsAllOrNothing) {
  ASSERT_EQ(open(), "done");
  const auth::User user{"eve", auth::Role::viewer, true, "ana", clock_.now()};
  auth::ApiKey orphan;
  orphan.id = "sw_x";
  orphan.user = "nobody";  // violates the foreign key
  EXPECT_EQ(code_of(store_->commit({user, orphan})), "store-failed");
  Result<auth::StoredState> state = store_->load();
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->users.empty());
  EXPECT_TRUE(store_->commit({user}));
}

TEST_F(SqliteSecretStoreTest, KeepsDenyingWhenTheTombstoneCannotBeWritten) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  std::filesystem::remove(data_ + "/tombstones");
  std::filesystem::create_directory(data_ + "/tombstones");  // nothing can be appended to it
  EXPECT_EQ(code_of(authority_->credentials().revoke(kAna, "one")), "store-failed");
  EXPECT_EQ(use("one"), "credential-revoked");
  std::filesystem::remove(data_ + "/tombstones");
  EXPECT_EQ(code_of(authority_->credentials().revoke(kAna, "one")), "done");
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(use("one"), "credential-revoked");
}

TEST_F(SqliteSecretStoreTest, WorksInMemoryToo) {
  Result<std::unique_ptr<SqliteSecretStore>> store = SqliteSecretStore::open_in_memory();
  ASSERT_TRUE(store);
  Metrics metrics;
  Result<std::unique_ptr<Authority>> authority = Authority::open(
      auth::random_master_key(entropy_), {**store, clock_, entropy_, metrics, Log::null()});
  ASSERT_TRUE(authority);
  ASSERT_TRUE((*authority)->users().create(kAna, "ana", auth::Role::admin));
  EXPECT_TRUE((*authority)->keys().create(kAna, {"k", "ana", {}}));
}

}  // namespace
}  // namespace stepwell::store
