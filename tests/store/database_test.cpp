#include "store/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "store/schema.h"
#include "tests/store/scratch_directory.h"

namespace stepwell::store {
namespace {

constexpr std::array kOne = {Migration{1, "CREATE TABLE a (x INTEGER) STRICT"}};
constexpr std::array kTwo = {Migration{1, "CREATE TABLE a (x INTEGER) STRICT"},
                             Migration{2, "ALTER TABLE a ADD COLUMN y TEXT"}};
constexpr std::array kBroken = {Migration{1, "CREATE TABLE a (x INTEGER) STRICT"},
                                Migration{2, "ALTER TABLE a ADD COLUMN y TEXT; NONSENSE"}};

TEST(Database, RunsSynchronouslyWithAWriteAheadLogAndForeignKeys) {
  const ScratchDirectory directory;
  Result<Database> database = Database::open(directory / "x.db");
  ASSERT_TRUE(database);
  const std::pair<const char*, const char*> settings[] = {{"PRAGMA journal_mode", "wal"},
                                                          {"PRAGMA synchronous", "2"},
                                                          {"PRAGMA foreign_keys", "1"},
                                                          {"PRAGMA secure_delete", "1"}};
  for (const auto& [pragma, expected] : settings) {
    Result<Statement> statement = database->prepare(pragma);
    ASSERT_TRUE(statement);
    Result<bool> row = statement->step();
    ASSERT_TRUE(row && *row) << pragma;
    EXPECT_EQ(statement->text(0), expected) << pragma;
  }
}

// It would cost a twentieth of a commit.
TEST(Database, NobodyCountsWhatSqliteAllocates) {
  const ScratchDirectory directory;
  const Result<Database> database = Database::open(directory / "x.db");
  ASSERT_TRUE(database);
  EXPECT_EQ(sqlite3_memory_used(), 0);
}

TEST(Database, BindsAndReadsEveryKindOfValue) {
  Result<Database> database = Database::open_in_memory();
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("CREATE TABLE t (a TEXT, b BLOB, c INTEGER, d INTEGER) STRICT"));
  Result<Statement> insert = database->prepare("INSERT INTO t VALUES (?,?,?,?)");
  ASSERT_TRUE(insert);
  const std::string bytes("\0\xff\n", 3);
  insert->bind("text").bind(Blob{bytes}).bind(std::int64_t{-5}).bind(std::optional<std::int64_t>());
  ASSERT_TRUE(insert->run());
  insert->bind("").bind(Blob{}).bind(INT64_MAX).bind(std::optional<std::int64_t>(7));
  ASSERT_TRUE(insert->run());
  Result<Statement> select = database->prepare("SELECT a, b, c, d FROM t ORDER BY c");
  ASSERT_TRUE(select);
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->text(0), "text");
  EXPECT_EQ(select->text(1), bytes);
  EXPECT_EQ(select->number(2), -5);
  EXPECT_EQ(select->optional_number(3), std::nullopt);
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->text(0), "");
  EXPECT_EQ(select->text(1), "");
  EXPECT_EQ(select->number(2), INT64_MAX);
  EXPECT_EQ(select->optional_number(3), 7);
  EXPECT_FALSE(*select->step());
}

TEST(Database, ReportsStatementsThatCannotBeRun) {
  Result<Database> database = Database::open_in_memory();
  ASSERT_TRUE(database);
  EXPECT_EQ(code_of(database->prepare("SELECT nonsense")), "store-failed");
  EXPECT_EQ(code_of(database->execute("NONSENSE")), "store-failed");
  Result<Statement> statement = database->prepare("SELECT 1");
  ASSERT_TRUE(statement);
  statement->bind("one too many");
  EXPECT_EQ(code_of(statement->step()), "store-failed");
}

TEST(Database, AStatementThatFailedCanBeUsedAgain) {
  Result<Database> database = Database::open_in_memory();
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT"));
  Result<Statement> insert = database->prepare("INSERT INTO t VALUES (?, ?)");
  ASSERT_TRUE(insert);
  ASSERT_TRUE(insert->bind(std::int64_t{1}).bind("one").run());
  EXPECT_FALSE(insert->bind(std::int64_t{1}).bind("again").run());
  EXPECT_TRUE(insert->bind(std::int64_t{2}).bind("two").run());
}

TEST(Database, MigratesOnceAndInWholeSteps) {
  const ScratchDirectory directory;
  {
    Result<Database> database = Database::open(directory / "x.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->migrate(kOne));
    ASSERT_TRUE(database->execute("INSERT INTO a VALUES (1)"));
    EXPECT_EQ(code_of(database->migrate(kBroken)), "store-failed");
    ASSERT_TRUE(database->migrate(kOne));
  }
  Result<Database> database = Database::open(directory / "x.db");
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate(kTwo));
  ASSERT_TRUE(database->migrate(kTwo));
  ASSERT_TRUE(database->execute("INSERT INTO a (x, y) VALUES (2, 'two')"));
  EXPECT_EQ(code_of(database->migrate(kOne)), "store-newer");
}

TEST(Database, KeepsItsSchemaUpToDate) {
  Result<Database> database = Database::open_in_memory();
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate(schema_migrations()));
  int last = 0;
  for (const Migration& migration : schema_migrations()) {
    EXPECT_GT(migration.version, last);
    last = migration.version;
  }
}

// Does any process but the caller hold SQLite's shared lock on the file?
bool is_locked(const std::string& path) {
  constexpr off_t kSharedFirst =
      0x40000002;  // SQLite's file format: 510 bytes behind the pending byte
  constexpr off_t kSharedSize = 510;
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = kSharedFirst;
    lock.l_len = kSharedSize;
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    const bool asked = file >= 0 && ::fcntl(file, F_GETLK, &lock) == 0;
    ::_exit(asked && lock.l_type != F_UNLCK ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

// Without its lock the next program that looks at the database takes the log away that this one
// writes to.
TEST(Database, KeepsItsLockWhenTheFileIsOpenedASecondTime) {
  const ScratchDirectory directory;
  const std::string path = directory / "x.db";
  auto first = Database::open(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->execute("CREATE TABLE t (a INTEGER) STRICT"));
  ASSERT_TRUE(is_locked(path));
  auto second = Database::open(path);
  ASSERT_TRUE(second);
  EXPECT_TRUE(is_locked(path));
  second = Database::open(path);
  EXPECT_TRUE(is_locked(path));
}

// What a daemon that was killed has left: a reader neither loses it nor needs to write it.
TEST(Database, IsReadWithALogThatNobodyCopied) {
  ScratchDirectory directory;
  const std::string path = directory / "left.db";
  {
    auto database = Database::open(directory / "x.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER) STRICT"));
    ASSERT_TRUE(database->execute("INSERT INTO t VALUES (7)"));
    for (const char* suffix : {"", "-wal"})
      std::filesystem::copy_file(directory / "x.db" + suffix, path + suffix);
  }
  const auto log = std::filesystem::file_size(path + "-wal");
  EXPECT_GT(log, 0U);
  for (int time = 0; time < 2; ++time) {
    const std::string copy = directory / "copy" + std::to_string(time);
    {
      auto database = Database::open_to_read(path);
      ASSERT_TRUE(database);
      EXPECT_FALSE(database->execute("INSERT INTO t VALUES (8)"));
      ASSERT_TRUE(database->prepare("VACUUM INTO ?")->bind(copy).run());
    }
    EXPECT_EQ(std::filesystem::file_size(path + "-wal"), log);
    auto database = Database::open(copy);
    ASSERT_TRUE(database);
    auto row = database->prepare("SELECT sum(a) FROM t");
    ASSERT_TRUE(row && row->step());
    EXPECT_EQ(row->number(0), 7);
  }
}

TEST(Database, IsMadeAnewWhateverAnEarlierBeginningLeft) {
  const ScratchDirectory directory;
  const std::string path = directory / "x.db";
  for (const char* left : {"x.db.new", "x.db.new-wal", "x.db.new-journal", "x.db-wal", "x.db-shm"})
    write_file(directory / left, left);
  {
    auto database = Database::open(path, "PRAGMA auto_vacuum=INCREMENTAL");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->migrate(kOne));
    auto vacuum = database->prepare("PRAGMA auto_vacuum");
    ASSERT_TRUE(vacuum && vacuum->step());
    EXPECT_EQ(vacuum->number(0), 2);
    EXPECT_EQ(mode_of(path), 0600U);
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory / ""))
    names.push_back(entry.path().filename());
  EXPECT_EQ(names, std::vector<std::string>{"x.db"});
  EXPECT_TRUE(Database::open(path));
}

TEST(Database, RefusesWhatIsNoDatabase) {
  const ScratchDirectory directory;
  write_file(directory / "x.db", std::string(8192, 'x'));
  EXPECT_EQ(code_of(Database::open(directory / "x.db")), "store-damaged");
  EXPECT_EQ(code_of(Database::open(directory / "missing/x.db")), "store-unusable");
}

}  // namespace
}  // namespace stepwell::store
