#include "store/sqlite_secret_store.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "auth/authority.h"
#include "base/encoding.h"
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

  static auth::CredentialValue value_of(std::string_view token) {
    auth::CredentialValue value;
    value.secret = Secret(token);
    return value;
  }
  static auth::Rotation rotation_to(std::string_view token) {
    auth::Rotation rotation;
    rotation.value = value_of(token);
    return rotation;
  }
  static auth::NewKey new_key(std::string name, std::optional<WallTime> expires_at = {}) {
    auth::NewKey key;
    key.name = std::move(name);
    key.user = "ana";
    key.expires_at = expires_at;
    return key;
  }
  void add(const std::string& name, const std::string& token) {
    NewCredential credential;
    credential.name = name;
    credential.description = "of \"" + name + "\"; DROP TABLE credentials; --";
    credential.origins = {"https://crm.example.com", "https://*.example.org:8443"};
    credential.namespaces = {"crm"};
    credential.expires_at = clock_.now() + hours(24);
    credential.value = value_of(token);
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
  ASSERT_TRUE(authority_->credentials().rotate(kAna, "other", rotation_to("token-2")));
  ASSERT_TRUE(authority_->credentials().disable(kAna, "other"));
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  ASSERT_TRUE(authority_->users().create(kAna, "vic", auth::Role::viewer));
  ASSERT_TRUE(authority_->users().deactivate(kAna, "vic"));
  Result<auth::IssuedKey> issued =
      authority_->keys().create(kAna, new_key("laptop", clock_.now() + hours(1)));
  ASSERT_TRUE(issued);
  const std::string header = "Api-Key " + std::string(issued->secret.reveal());
  auth::KeyChange slow;
  slow.change_rate = true;
  slow.rate = auth::KeyRate{7, Milliseconds(90'000), 3};
  ASSERT_TRUE(authority_->keys().change(kAna, issued->key.id, slow));
  const std::string before = described();
  EXPECT_NE(before.find(R"("rateLimit":{"requests":7,"per":"90s","burst":3})"), std::string::npos)
      << before;
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
  Result<auth::IssuedKey> issued = authority_->keys().create(kAna, new_key("laptop"));
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
  Result<auth::IssuedKey> issued = authority_->keys().create(kAna, new_key("laptop"));
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
    close();
  }
  // What was merged is in the database from then on.
  std::filesystem::remove(data_ + "/tombstones");
  EXPECT_EQ(open(), "store-damaged");
  Result<std::size_t> restored = store_->restore_tombstones();
  ASSERT_TRUE(restored) << restored.error().one_line();
  EXPECT_EQ(*restored, 3U);
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(use("revoked"), "credential-revoked");
}

TEST_F(SqliteSecretStoreTest, RefusesATombstoneFileThatWasCutChangedOrTakenAway) {
  ASSERT_EQ(open(), "done");
  for (const char* name : {"a", "b", "c"}) add(name, "token");
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(authority_->credentials().revoke(kAna, name));
  close();
  const std::string path = data_ + "/tombstones";
  const std::string whole = read_file(path);
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    write_file(path, whole.substr(0, size));
    EXPECT_EQ(open(), "store-damaged") << size;
  }
  // A line taken from anywhere, also together with its row.
  const std::size_t second = whole.find('\n') + 1;
  const std::size_t third = whole.find('\n', second) + 1;
  const std::string without[] = {
      whole.substr(second), whole.substr(0, second) + whole.substr(third), whole.substr(0, third),
      whole.substr(0, third - 1) + "#cut\n" + whole.substr(third)};
  for (const std::string& text : without) {
    write_file(path, text);
    EXPECT_EQ(open(), "store-damaged") << text;
  }
  write_file(path, whole);
  EXPECT_EQ(open(), "done");
}

TEST_F(SqliteSecretStoreTest, RefusesAGapInTheTombstonesOfAnOlderDatabase) {
  ASSERT_EQ(open(), "done");
  for (const char* name : {"a", "b"}) add(name, "token");
  close();
  const std::string backup = read_file(data_ + "/stepwell.db");
  ASSERT_EQ(open(), "done");
  for (const char* name : {"a", "b"}) ASSERT_TRUE(authority_->credentials().revoke(kAna, name));
  close();
  write_file(data_ + "/stepwell.db", backup);
  const std::string path = data_ + "/tombstones";
  const std::string whole = read_file(path);
  write_file(path, whole.substr(whole.find('\n') + 1));
  EXPECT_EQ(open(), "store-damaged");
  // A line made up, its checksum right.
  std::string forged = whole;
  forged.replace(forged.find("ana"), 3, "bob");
  const std::size_t end = forged.find('\n');
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x",
                crc32(std::string_view(forged).substr(9, end - 9)));
  write_file(path, digits.data() + forged.substr(8));
  EXPECT_EQ(open(), "store-damaged");
  write_file(path, whole);
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(use("a"), "credential-revoked");
}

TEST_F(SqliteSecretStoreTest, RefusesADatabaseThatWasCutOrOverwritten) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  close();
  const std::string path = data_ + "/stepwell.db";
  const std::string whole = read_file(path);
  std::vector<std::string> spoilt{"", "garbage", std::string(8192, 'g'),
                                  std::string(whole.size(), '\0')};
  for (std::size_t size = 1; size < whole.size(); size += 1021)
    spoilt.push_back(whole.substr(0, size));
  for (std::size_t pages = 1; pages * 4096 < whole.size(); ++pages)
    spoilt.push_back(whole.substr(0, pages * 4096));
  for (const std::string& bytes : spoilt) {
    write_file(path, bytes);
    EXPECT_EQ(open(), "store-damaged") << bytes.size();
    close();
    EXPECT_TRUE(read_file(path) == bytes) << bytes.size();
  }
  write_file(path, whole);
  EXPECT_EQ(open(), "done");
}

TEST_F(SqliteSecretStoreTest, RefusesADatabaseOfBeforeTheFirstRelease) {
  {
    std::filesystem::create_directory(data_);
    Result<Database> database = Database::open(data_ + "/stepwell.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute(
        "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;"
        "INSERT INTO schema_version VALUES (1); CREATE TABLE credentials (id TEXT)"));
  }
  EXPECT_EQ(open(), "store-older");
}

// What version 3 wrote has no rate limits, and a seal that is good all the same.
TEST_F(SqliteSecretStoreTest, TakesOverADatabaseWithoutRateLimits) {
  ASSERT_EQ(open(), "done");
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  Result<auth::IssuedKey> issued = authority_->keys().create(kAna, new_key("laptop"));
  ASSERT_TRUE(issued);
  const std::string before = described();
  close();
  tamper(
      "ALTER TABLE api_keys DROP COLUMN rate_requests; ALTER TABLE api_keys DROP COLUMN rate_per; "
      "ALTER TABLE api_keys DROP COLUMN rate_burst; DELETE FROM schema_version WHERE version = 4");
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(described(), before);
  auth::KeyChange slow;
  slow.change_rate = true;
  slow.rate = auth::KeyRate{7, Milliseconds(1'000), 0};
  ASSERT_TRUE(authority_->keys().change(kAna, issued->key.id, slow));
  ASSERT_EQ(open(), "done");
  EXPECT_EQ(authority_->keys().find(issued->key.id)->rate->requests, 7U);
}

// Every column of every table that the seal covers, one after the other.
TEST_F(SqliteSecretStoreTest, RefusesAnyRowThatWasChangedAddedOrTakenAway) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  add("two", "token-of-two");
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  ASSERT_TRUE(authority_->users().create(kAna, "vic", auth::Role::viewer));
  for (const char* name : {"laptop", "phone"})
    ASSERT_TRUE(authority_->keys().create(kAna, new_key(name)));
  ASSERT_TRUE(authority_->credentials().revoke(kAna, "two"));
  for (const char* workflow : {"shop/order", "shop/other"})
    ASSERT_TRUE(authority_->switches().set_disabled(kAna, workflow, true));
  close();
  const std::string good = read_file(data_ + "/stepwell.db");
  const std::pair<const char*, std::vector<std::string>> tables[] = {
      {"credentials",
       {"name = 'x' || name", "description = 'x'", "kind = 'apiKey'", "prefix = 'x'",
        "header = 'x'", "settings = '{}'", "origins = '[\"https://evil.example\"]'",
        "namespaces = '[]'", "expires_at = NULL", "expires_at = expires_at + 1",
        "on_revoke = 'abort'", "linked_key = 'x'", "version = version + 1", "state = 'active'",
        "state = 'disabled'", "created_by = 'x'", "created_at = 1", "changed_by = 'x'",
        "changed_at = 1"}},
      {"credential_values",
       {"field = 'x'", "sealed = CAST(sealed || x'00' AS BLOB)", "version = 9"}},
      {"users",
       {"role = 'admin'", "role = 'viewer'", "active = 0", "created_by = 'x'", "created_at = 1"}},
      {"api_keys",
       {"name = 'x'", "user = 'vic'",
        "hash = (SELECT k.hash FROM api_keys k WHERE "
        "k.id <> api_keys.id)",
        "scopes = '[\"view-audit\"]'", "expires_at = 1", "state = 'revoked'", "created_by = 'x'",
        "created_at = 1", "changed_by = 'x'", "changed_at = 1",
        "rate_requests = 1000, rate_per = 1000, rate_burst = 0", "rate_requests = 5"}},
      {"tombstones",
       {"id = 'x'", "what = 'deleted'", "by_whom = 'x'", "at = 1", "number = 7", "mac = 'x'"}},
      {"wrapped_keys",
       {"purpose = 'x'", "master = 'x' WHERE id = 1", "wrapped = x'00'", "id = id + 10"}},
      {"workflow_switches",
       {"workflow = 'x' || workflow", "disabled = 0", "paused = 1", "by_whom = 'x'", "at = 1"}},
      {"clock_mark", {"at = at - 1"}},
      {"state_seal", {"digest = 'x'"}},
  };
  std::vector<std::string> tampers{
      "DROP TRIGGER audit_is_not_deleted; DELETE FROM audit WHERE number = (SELECT max(number) "
      "FROM audit)",
      "DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'x' WHERE number = (SELECT "
      "max(number) FROM audit)",
      "DROP TRIGGER audit_is_not_deleted; DELETE FROM audit",
      "INSERT INTO users VALUES ('eve', 'admin', 1, 'ana', 1)",
      "INSERT INTO audit SELECT number + 1, at, actor, origin, action, target, result, detail, "
      "hash FROM audit ORDER BY number DESC LIMIT 1",
  };
  for (const auto& [table, changes] : tables) {
    for (const std::string& change : changes)
      tampers.push_back("UPDATE " + std::string(table) + " SET " + change);
    tampers.push_back("PRAGMA foreign_keys=OFF; DELETE FROM " + std::string(table));
    tampers.push_back("PRAGMA foreign_keys=OFF; DELETE FROM " + std::string(table) +
                      " WHERE rowid = (SELECT max(rowid) FROM " + std::string(table) + ")");
  }
  for (const std::string& sql : tampers) {
    write_file(data_ + "/stepwell.db", good);
    tamper("PRAGMA foreign_keys=OFF; " + sql);
    EXPECT_EQ(open(), "store-damaged") << sql;
    close();
  }
  write_file(data_ + "/stepwell.db", good);
  EXPECT_EQ(open(), "done");
}

// Single rows of an older copy, put into the newer database.
TEST_F(SqliteSecretStoreTest, RefusesARowOfAnOlderCopy) {
  ASSERT_EQ(open(), "done");
  add("one", "token-of-one");
  ASSERT_TRUE(authority_->users().create(kAna, "ana", auth::Role::admin));
  close();
  std::filesystem::copy_file(data_ + "/stepwell.db", scratch_ / "old.db");
  ASSERT_EQ(open(), "done");
  clock_.advance(Milliseconds(1'000));
  ASSERT_TRUE(authority_->credentials().rotate(kAna, "one", rotation_to("new")));
  ASSERT_TRUE(authority_->users().create(kAna, "bob", auth::Role::admin));
  ASSERT_TRUE(authority_->users().deactivate(kAna, "ana"));
  close();
  const std::string good = read_file(data_ + "/stepwell.db");
  for (const std::string table : {"credentials", "users", "clock_mark", "state_seal"}) {
    write_file(data_ + "/stepwell.db", good);
    tamper("PRAGMA foreign_keys=OFF; ATTACH '" + (scratch_ / "old.db") +
           "' AS old; REPLACE INTO main." + table + " SELECT * FROM old." + table);
    EXPECT_EQ(open(), "store-damaged") << table;
    close();
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
  EXPECT_TRUE((*authority)->keys().create(kAna, new_key("k")));
}

}  // namespace
}  // namespace stepwell::store
