// `stepwell backup` and `stepwell restore`, through the functions behind them.
#include "daemon/backup.h"

#include <gtest/gtest.h>

#include <optional>

#include "daemon/doctor_store.h"
#include "daemon/restore.h"
#include "daemon/restore_staging.h"
#include "store/lock.h"
#include "tests/daemon/durable_site.h"

namespace stepwell::daemon::test {
namespace {

namespace fs = std::filesystem;
using engine::InstanceStatus;
using store::code_of;
using store::mode_of;
using store::read_file;
using store::write_file;

class Backup : public testing::Test {
 protected:
  // Issues a key, whose id it gives, in a node of its own.
  std::string issue(const std::string& name) {
    auto house = site.open({});
    auth::Authority& authority = house->node().authority();
    const auto issued = authority.keys().create(kAda, {name, "admin", {}, {}});
    EXPECT_TRUE(issued);
    return issued->key.id;
  }
  void revoke(const std::string& id) {
    auto house = site.open({});
    EXPECT_TRUE(house->node().authority().keys().revoke(kAda, id));
  }
  auth::KeyState state_of(const std::string& id) {
    auto house = site.open({});
    const auto key = house->node().authority().keys().find(id);
    EXPECT_TRUE(key);
    return key ? key->state : auth::KeyState::deleted;
  }
  bool is_there(const std::string& id) {
    return site.open({})->node().authority().keys().find(id).has_value();
  }
  std::string backup(const std::string& name = "copy") {
    const auto made = make_backup(site.settings(), site.beside(name), clock);
    EXPECT_TRUE(made) << made.error().one_line();
    return site.beside(name);
  }
  Restored restore(const std::string& folder, bool resume = false) {
    const auto restored = restore_backup(site.settings(), {folder, resume}, clock);
    EXPECT_TRUE(restored) << restored.error().one_line();
    return restored ? *restored : Restored();
  }

  SystemClock clock;
  DurableSite site;
};

TEST_F(Backup, IsForItsOwnerAndTellsWhatIsInIt) {
  revoke(issue("one"));
  const std::string folder = backup();
  EXPECT_EQ(mode_of(folder), 0700U);
  const auto manifest = read_manifest(folder);
  ASSERT_TRUE(manifest);
  std::vector<std::string> names;
  for (const Manifest::File& file : manifest->files) {
    names.push_back(file.name);
    EXPECT_EQ(mode_of(folder + "/" + file.name), 0600U) << file.name;
    EXPECT_EQ(file.bytes, fs::file_size(folder + "/" + file.name)) << file.name;
    EXPECT_EQ(file.sha256, measure(folder, file.name)->sha256) << file.name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"journal.db", "files.db", "stepwell.db", "tombstones"}));
  EXPECT_EQ(mode_of(folder + "/manifest.json"), 0600U);
  const std::string key = read_file(site.settings().master_key_file);
  for (const std::string& name : names)
    EXPECT_EQ(read_file(folder + "/" + name).find(key), std::string::npos) << name;
}

TEST_F(Backup, IsMadeWhileANodeWorksOnTheData) {
  auto house = site.open(kListening);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  const std::string folder = backup();
  house->node().engine().events().publish(event_of("go"));
  EXPECT_EQ(house->end_of(id).status, InstanceStatus::completed);
  house.reset();
  EXPECT_EQ(restore(folder).open, 1U);
}

TEST_F(Backup, TakesNoFolderThatIsThere) {
  fs::create_directory(site.beside("copy"));
  EXPECT_EQ(code_of(make_backup(site.settings(), site.beside("copy"), clock)), "backup-exists");
  EXPECT_TRUE(fs::is_empty(site.beside("copy")));
}

TEST_F(Backup, LeavesNothingBehindWhereItFails) {
  write_file(site.in_data("stepwell.db"), std::string(4096, 'x'));
  EXPECT_EQ(code_of(make_backup(site.settings(), site.beside("copy"), clock)), "store-damaged");
  EXPECT_FALSE(fs::exists(site.beside("copy")));
}

TEST_F(Backup, BringsBackWhatWasThere) {
  const std::string before = issue("before");
  const std::string folder = backup();
  const std::string after = issue("after");
  const Restored restored = restore(folder);
  EXPECT_TRUE(is_there(before));
  EXPECT_FALSE(is_there(after));
  EXPECT_TRUE(fs::exists(restored.aside + "/stepwell.db"));
  EXPECT_EQ(mode_of(restored.aside), 0700U);
  EXPECT_FALSE(fs::exists(staging_of(site.settings().data)));
}

TEST_F(Backup, RevivesNoKeyThatWasRevokedAfterIt) {
  const std::string before = issue("before");
  const std::string after = issue("after");
  revoke(before);
  const std::string folder = backup();
  revoke(after);
  EXPECT_EQ(restore(folder).kept, 1U);
  EXPECT_EQ(state_of(before), auth::KeyState::revoked);
  EXPECT_EQ(state_of(after), auth::KeyState::revoked);
}

// The tombstones of the two copies have the same numbers, and cannot be joined as they are.
TEST_F(Backup, RevivesNoKeyWhereTwoCopiesWentTheirOwnWays) {
  const std::string first = issue("first");
  const std::string second = issue("second");
  const std::string old = backup("old");
  revoke(first);
  const std::string with_first = backup("with_first");
  fs::remove(site.in_data("tombstones"));  // as on a new machine
  for (const char* name : {"stepwell.db", "stepwell.db-wal", "stepwell.db-shm"})
    fs::remove(site.in_data(name));
  EXPECT_EQ(restore(old).kept, 0U);
  EXPECT_EQ(state_of(first), auth::KeyState::active);
  revoke(second);
  EXPECT_EQ(restore(with_first).kept, 1U);
  EXPECT_EQ(state_of(first), auth::KeyState::revoked);
  EXPECT_EQ(state_of(second), auth::KeyState::revoked);
  EXPECT_EQ(restore(old).kept, 2U);
  EXPECT_EQ(state_of(first), auth::KeyState::revoked);
  EXPECT_EQ(state_of(second), auth::KeyState::revoked);
}

TEST_F(Backup, DoesNotSetTheClocksMarkBack) {
  const std::string folder = backup();
  const WallTime ahead = clock.now() + std::chrono::hours(24);
  {
    auto house = site.open({});
    house->node().authority().expiry_clock().raise_to(ahead);
    ASSERT_TRUE(house->node().authority().audit().commit({kAda, "test", "", ""}, {}));
  }
  ASSERT_GE(clock_mark_of(site.settings()), ahead);
  restore(folder);
  EXPECT_GE(clock_mark_of(site.settings()), ahead);
}

TEST_F(Backup, SuspendsInstancesThatHadNotEnded) {
  auto house = site.open(kListening);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  house.reset();
  const Restored restored = restore(backup());
  EXPECT_EQ(restored.open, 1U);
  EXPECT_EQ(restored.suspended, 1U);

  house = site.open(kListening);
  wait_for(*house, id, InstanceStatus::suspended);
  house->node().engine().request(engine::Engine::Operation::resume, id,
                                 [](const Status& status) { EXPECT_TRUE(status); });
  wait_for(*house, id, InstanceStatus::waiting);
  house->node().engine().events().publish(event_of("go"));
  EXPECT_EQ(to_json(house->end_of(id).output), R"({"heard":true})");
}

TEST_F(Backup, LetsInstancesGoOnWhereThatIsWanted) {
  auto house = site.open(kListening);
  const InstanceId id = house->start("listens", R"({"n": 1})");
  wait_for(*house, id, InstanceStatus::waiting);
  house.reset();
  const Restored restored = restore(backup(), true);
  EXPECT_EQ(restored.open, 1U);
  EXPECT_EQ(restored.suspended, 0U);

  house = site.open(kListening);
  wait_for(*house, id, InstanceStatus::waiting);
  house->node().engine().events().publish(event_of("go"));
  EXPECT_EQ(to_json(house->end_of(id).output), R"({"heard":true})");
}

TEST_F(Backup, IsRefusedWhereAnythingInItWasChanged) {
  revoke(issue("one"));
  const std::string folder = backup();
  const auto before = site.content();
  for (const char* name : {"journal.db", "stepwell.db", "tombstones", "manifest.json"}) {
    const std::string path = folder + "/" + name;
    const std::string whole = read_file(path);
    std::string changed = whole;
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 4);
    for (const std::string& damaged : {changed, whole.substr(0, whole.size() / 2), std::string()}) {
      write_file(path, damaged);
      const auto restored = restore_backup(site.settings(), {folder, false}, clock);
      // What was changed in the manifest's own words may be the time, or the version.
      if (std::string(name) == "manifest.json" && damaged == changed) continue;
      EXPECT_EQ(code_of(restored), "backup-damaged") << name;
      EXPECT_EQ(site.content(), before) << name;
    }
    write_file(path, whole);
  }
  restore(folder);
}

// The daemon itself would find it only where it reads that page.
TEST_F(Backup, IsRefusedWhereAPageOfItsJournalWasDamagedBeforeItWasMeasured) {
  auto house = site.open(kListening);
  wait_for(*house, house->start("listens", R"({"n": 1})"), InstanceStatus::waiting);
  house.reset();
  const std::string folder = backup();
  auto manifest = read_manifest(folder);
  ASSERT_TRUE(manifest);
  std::string journal = read_file(folder + "/journal.db");
  journal.replace(journal.size() - 4096, 8, 8, '\xff');
  write_file(folder + "/journal.db", journal);
  for (Manifest::File& file : manifest->files) file = *measure(folder, file.name);
  fs::remove(folder + "/manifest.json");
  ASSERT_TRUE(write_manifest(folder, *manifest));
  const auto before = site.content();
  EXPECT_EQ(code_of(restore_backup(site.settings(), {folder, false}, clock)), "store-damaged");
  EXPECT_EQ(site.content(), before);
}

TEST_F(Backup, SaysWhereNothingIsKnownOfRevocationsSince) {
  const std::string id = issue("one");
  const std::string folder = backup();
  revoke(id);
  EXPECT_TRUE(restore(folder).remembered);
  write_file(site.in_data("stepwell.db"), std::string(8192, 'x'));
  const Restored by_file = restore(folder);
  EXPECT_TRUE(by_file.remembered);
  EXPECT_EQ(by_file.kept, 1U);
  fs::remove(site.in_data("tombstones"));
  const Restored by_database = restore(folder);
  EXPECT_TRUE(by_database.remembered);
  EXPECT_EQ(by_database.kept, 1U);
  fs::remove(site.in_data("tombstones"));
  write_file(site.in_data("stepwell.db"), std::string(8192, 'x'));
  EXPECT_FALSE(restore(folder).remembered);
  EXPECT_EQ(state_of(id), auth::KeyState::active);
}

TEST_F(Backup, IsRefusedUnderAnotherMasterKey) {
  const std::string folder = backup();
  const auto before = site.content();
  const std::string key = read_file(site.settings().master_key_file);
  write_file(site.settings().master_key_file, std::string(key.rbegin(), key.rend()));
  EXPECT_EQ(code_of(restore_backup(site.settings(), {folder, false}, clock)), "master-key-wrong");
  EXPECT_EQ(site.content(), before);
}

TEST_F(Backup, IsNotPutUnderANodeThatRuns) {
  const std::string folder = backup();
  auto house = site.open({});
  EXPECT_EQ(code_of(restore_backup(site.settings(), {folder, false}, clock)),
            "data-directory-locked");
}

// Every moment at which the last part can be cut off, by what is in its place already.
TEST(RestoreStaging, IsEndedWhereverItWasCutOff) {
  for (int done = 0; done <= 7; ++done) {
    store::ScratchDirectory scratch;
    const std::string data = scratch / "data";
    fs::create_directories(data + "/restore.new");
    for (const char* name : {"stepwell.db", "stepwell.db-wal", "journal.db", "tombstones"})
      write_file(data + "/" + name, std::string("old ") + name);
    for (const char* name : {"stepwell.db", "journal.db", "tombstones"})
      write_file(data + "/restore.new/" + name, std::string("new ") + name);
    ASSERT_TRUE(make_ready(data, "aside"));
    const std::string aside = data + "/aside/";
    const std::string ready = data + "/restore.ready/";
    auto step = [&, at = 0](const std::string& from, const std::string& to) mutable {
      if (at++ < done) fs::rename(from, to);
    };
    fs::create_directory(aside);
    if (done > 0) fs::create_hard_link(data + "/tombstones", aside + "tombstones");
    step(ready + "tombstones", data + "/tombstones");
    step(data + "/stepwell.db-wal", aside + "stepwell.db-wal");
    step(data + "/stepwell.db", aside + "stepwell.db");
    step(ready + "stepwell.db", data + "/stepwell.db");
    step(data + "/journal.db", aside + "journal.db");
    step(ready + "journal.db", data + "/journal.db");
    if (done == 7) fs::remove(ready + "aside");

    EXPECT_EQ(code_of(no_restore_is_pending(data)), "restore-unfinished");
    ASSERT_TRUE(finish_restore(data)) << done;
    ASSERT_TRUE(finish_restore(data)) << done;
    EXPECT_TRUE(no_restore_is_pending(data)) << done;
    for (const std::string name : {"stepwell.db", "journal.db", "tombstones"}) {
      EXPECT_EQ(read_file(data + "/" + name), "new " + name) << done;
      EXPECT_EQ(read_file(aside + name), "old " + name) << done;
    }
    EXPECT_FALSE(fs::exists(data + "/stepwell.db-wal")) << done;
    EXPECT_FALSE(fs::exists(ready)) << done;
  }
}

// A restore that waits to be ended, in a data directory with older files.
class PendingRestore : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(staging_of(data));
    for (const char* name : {"stepwell.db", "journal.db"}) {
      write_file(data + "/" + name, "old");
      write_file(staging_of(data) + "/" + name, "new");
    }
  }
  store::ScratchDirectory scratch;
  const std::string data = scratch / "data";
  const std::string ready = data + "/restore.ready";
};

TEST_F(PendingRestore, IsNotMadeReadyWhereALogWasNotCopied) {
  for (const std::string name : {"stepwell.db-wal", "journal.db-wal"}) {
    write_file(staging_of(data) + "/" + name, "what is not in the database");
    EXPECT_EQ(code_of(make_ready(data, "aside")), "restore-failed") << name;
    EXPECT_FALSE(fs::exists(ready)) << name;
    write_file(staging_of(data) + "/" + name, "");
  }
  write_file(staging_of(data) + "/stepwell.db-shm", "of no use");
  ASSERT_TRUE(make_ready(data, "aside"));
  for (const char* name : {"stepwell.db-wal", "stepwell.db-shm", "journal.db-wal"})
    EXPECT_FALSE(fs::exists(ready + "/" + name)) << name;
}

TEST_F(PendingRestore, StaysPendingWhereItsNoteCannotBeRead) {
  ASSERT_TRUE(make_ready(data, "aside"));
  const std::string note = ready + "/aside";
  const auto stays_pending = [&](const char* why) {
    EXPECT_EQ(code_of(finish_restore(data)), "restore-failed") << why;
    EXPECT_EQ(code_of(no_restore_is_pending(data)), "restore-unfinished") << why;
    EXPECT_EQ(read_file(ready + "/stepwell.db"), "new") << why;
    EXPECT_EQ(read_file(data + "/stepwell.db"), "old") << why;
  };
  fs::remove(note);
  stays_pending("gone");
  fs::create_directory(note);
  stays_pending("unreadable");
  fs::remove(note);
  write_file(note, "");
  stays_pending("empty");
  write_file(note, "aside");
  ASSERT_TRUE(finish_restore(data));
  EXPECT_EQ(read_file(data + "/stepwell.db"), "new");
}

TEST_F(PendingRestore, LeavesNothingOfItsFolder) {
  ASSERT_TRUE(make_ready(data, "aside"));
  write_file(ready + "/journal.db-shm", "");
  write_file(ready + "/stepwell.db-wal", "");
  ASSERT_TRUE(finish_restore(data));
  EXPECT_FALSE(fs::exists(ready));
  EXPECT_EQ(read_file(data + "/journal.db"), "new");
}

}  // namespace
}  // namespace stepwell::daemon::test
