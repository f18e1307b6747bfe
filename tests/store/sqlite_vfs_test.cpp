// How the files of a database are written: what becomes one write, and what is synced when.
#include "store/sqlite_vfs.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "store/database.h"
#include "tests/store/failing_disk.h"
#include "tests/store/scratch_directory.h"

namespace stepwell::store::test {
namespace {

class SqliteVfs : public testing::Test {
 protected:
  Database open() {
    Result<Database> database = Database::open(directory_ / "x.db");
    EXPECT_TRUE(database);
    return std::move(*database);
  }
  // So many rows of a page each.
  static void add(Database& database, std::int64_t rows, char letter) {
    Result<Statement> insert = database.prepare("INSERT INTO t VALUES (?)");
    ASSERT_TRUE(insert);
    const std::string text(3'000, letter);
    for (std::int64_t i = 0; i < rows; ++i) ASSERT_TRUE(insert->bind(text).run());
  }
  static std::int64_t count(Database& database, char letter) {
    Result<Statement> statement =
        database.prepare("SELECT count(*) FROM t WHERE x = replace(hex(zeroblob(1500)), '0', ?)");
    EXPECT_TRUE(statement);
    statement->bind(std::string(1, letter));
    return statement->one_number().value().value_or(-1);
  }
  static void expect_sound(Database& database) {
    Result<Statement> statement = database.prepare("PRAGMA integrity_check");
    ASSERT_TRUE(statement);
    ASSERT_TRUE(*statement->step());
    EXPECT_EQ(statement->text(0), "ok");
  }

  FailingDisk disk_;
  ScratchDirectory directory_;
};

TEST_F(SqliteVfs, ACommitIsOneWriteAndOneSync) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (x TEXT)"));
  for (const std::int64_t rows : {1, 10, 20}) {
    disk_.fail_at(0, DiskFault::none, false);
    ASSERT_TRUE(database.begin());
    add(database, rows, 'a');
    ASSERT_TRUE(database.commit());
    EXPECT_EQ(disk_.operations(), 2U) << rows;
  }
  // More than SQLite writes at once.
  disk_.fail_at(0, DiskFault::none, false);
  ASSERT_TRUE(database.begin());
  add(database, 60, 'b');
  ASSERT_TRUE(database.commit());
  EXPECT_GE(disk_.operations(), 3U);
  EXPECT_LE(disk_.operations(), 4U);
  EXPECT_EQ(count(database, 'a'), 31);
  EXPECT_EQ(count(database, 'b'), 60);
}

TEST_F(SqliteVfs, WhatDoesNotFitIntoTheCacheIsReadBackAndSeenByNobodyElse) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (x TEXT); PRAGMA cache_size=10"));
  Database other = open();
  for (const bool kept : {false, true, false, true}) {
    const std::int64_t before = count(other, 'c');
    ASSERT_TRUE(database.begin());
    add(database, 100, 'c');
    EXPECT_EQ(count(database, 'c'), before + 100);
    ASSERT_TRUE(database.execute("UPDATE t SET x = replace(x, 'c', 'd') WHERE rowid % 2 = 0"));
    ASSERT_TRUE(database.execute("UPDATE t SET x = replace(x, 'd', 'c')"));
    EXPECT_EQ(count(database, 'c'), before + 100);
    EXPECT_EQ(count(other, 'c'), before);
    if (kept)
      ASSERT_TRUE(database.commit());
    else
      database.rollback();
    EXPECT_EQ(count(other, 'c'), before + (kept ? 100 : 0));
    EXPECT_EQ(count(database, 'c'), before + (kept ? 100 : 0));
  }
  expect_sound(other);
  ASSERT_TRUE(database.checkpoint());
  expect_sound(database);
}

TEST_F(SqliteVfs, WhatWasTakenBackDoesNotComeOverWhatOthersCommit) {
  Database database = open();
  Database other = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (x TEXT); PRAGMA cache_size=10"));
  for (std::int64_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(
        database.checkpoint());  // so that nothing is read from the log when it is taken back
    ASSERT_TRUE(database.begin());
    add(database, 100, 'h');
    database.rollback();
    ASSERT_TRUE(other.begin());
    add(other, 100, 'i');
    ASSERT_TRUE(other.commit());
    EXPECT_EQ(count(database, 'i'), round * 100);
    ASSERT_TRUE(database.begin());
    add(database, 1, 'k');
    ASSERT_TRUE(database.commit());
    EXPECT_EQ(count(other, 'k'), round);
  }
  Database later = open();
  EXPECT_EQ(count(later, 'i'), 300);
  EXPECT_EQ(count(later, 'h'), 0);
  expect_sound(later);
}

// A transaction whose pages could not be written is not committed without them.
TEST_F(SqliteVfs, WhatCouldNotBeSpilledFailsTheWholeTransaction) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (x TEXT); PRAGMA cache_size=10"));
  for (std::uint64_t k = 1; k <= 3; ++k) {
    ASSERT_TRUE(database.begin());
    disk_.fail_at(k, DiskFault::full, false);
    Result<Statement> insert = database.prepare("INSERT INTO t VALUES (?)");
    ASSERT_TRUE(insert);
    const std::string text(3'000, 'l');
    for (int i = 0; i < 200 && !disk_.has_failed(); ++i) (void)insert->bind(text).run();
    ASSERT_TRUE(disk_.has_failed());
    EXPECT_FALSE(database.commit());
    database.rollback();
    EXPECT_EQ(count(database, 'l'), 0);
    expect_sound(database);
  }
}

TEST_F(SqliteVfs, ACommitThatCannotBeWrittenIsTakenBackAndCanBeTriedAgain) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (x TEXT)"));
  std::int64_t kept = 0;
  for (const DiskFault fault : {DiskFault::io_error, DiskFault::full, DiskFault::short_write}) {
    for (const std::int64_t rows : {1, 20, 60}) {
      ASSERT_TRUE(database.begin());
      add(database, rows, 'e');
      disk_.fail_at(1, fault, false);
      const Status done = database.commit();
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().code, fault == DiskFault::io_error ? "store-failed" : "disk-full");
      database.rollback();
      disk_.fail_at(0, DiskFault::none, false);
      EXPECT_EQ(count(database, 'e'), kept);
      ASSERT_TRUE(database.begin());
      add(database, 3, 'e');
      ASSERT_TRUE(database.commit());
      kept += 3;
      EXPECT_EQ(count(database, 'e'), kept);
    }
  }
  Database other = open();
  EXPECT_EQ(count(other, 'e'), kept);
  expect_sound(other);
}

TEST_F(SqliteVfs, WhatIsCopiedIsSyncedPieceByPieceWhereThatIsAskedFor) {
  Database database = open();
  ASSERT_TRUE(database.execute("PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x TEXT)"));
  ASSERT_TRUE(database.checkpoint());
  Database beside = open();
  std::vector<std::uint64_t> operations;
  for (const Bytes every : {0_KiB, 256_KiB, 64_KiB}) {
    ASSERT_TRUE(beside.sync_every(every));
    ASSERT_TRUE(database.execute("DELETE FROM t"));
    ASSERT_TRUE(database.begin());
    add(database, 200, 'f');
    ASSERT_TRUE(database.commit());
    disk_.fail_at(0, DiskFault::none, false);
    ASSERT_TRUE(beside.checkpoint());
    operations.push_back(disk_.operations());
  }
  // Some 800 KiB, and the same pages each time but for a few.
  EXPECT_NEAR(static_cast<double>(operations[1]), static_cast<double>(operations[0]) + 3, 1);
  EXPECT_NEAR(static_cast<double>(operations[2]), static_cast<double>(operations[0]) + 13, 2);
  // A sync in between that fails is one.
  ASSERT_TRUE(database.execute("UPDATE t SET x = replace(x, 'f', 'g')"));
  disk_.fail_sync(directory_ / "x.db", 2);
  const Status copied = beside.checkpoint();
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, "store-in-doubt");
  EXPECT_EQ(count(database, 'g'), 200);
}

}  // namespace
}  // namespace stepwell::store::test
