// The journal on a disk that fails: whichever write, sync, truncation or opening it is, what was
// acknowledged is there after a crash, what was refused is not, and the file is sound.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/journal_schema.h"
#include "store/sqlite_journal.h"
#include "tests/store/failing_disk.h"
#include "tests/store/journal_answers.h"
#include "tests/store/journal_suite.h"
#include "tests/store/scratch_directory.h"

namespace stepwell::store::test {
namespace {

using engine::Record;
using Kind = Record::Kind;
using Key = JournalAnswers::Key;

struct FaultCase {
  const char* name;
  DiskFault fault;
  bool lasts;
};

class JournalFaults : public testing::TestWithParam<FaultCase> {
 protected:
  Result<std::unique_ptr<SqliteJournal>> open() {
    JournalOptions options;
    options.retry_after = Milliseconds(1);
    options.checkpoint_pages = 20;
    options.checkpoint_beside = false;  // the writes stand in one order
    // What is behind is moved with each commit, and all of it in between and at the end; not at
    // moments of its own, since the disk is copied while nothing is written.
    options.log_records = 4;
    options.fold_records = 2;
    options.fold_after = std::chrono::hours(1);
    options.fold_retry_after = Milliseconds(1);
    return SqliteJournal::open(path_, options, metrics_, log_);
  }

  // Until all is answered, or nothing will be as long as the disk is as it is.
  static void settle(SqliteJournal& journal, JournalAnswers& answers) {
    answers.wait([&] {
      return journal.state() == JournalState::in_doubt ||
             (GetParam().lasts && journal.state() == JournalState::held_up);
    });
  }

  // Four instances with their steps; the second one's steps are not waited for, the third is
  // retried, the last one stays open.
  static void run(SqliteJournal& journal, JournalAnswers& answers) {
    for (std::uint64_t instance = 1; instance <= 4; ++instance) {
      Record first = started(instance);
      first.payload.set("input", Value(std::string(3'000, 'i')));
      answers.append(journal, first);
      if (instance == 2) answers.append(journal, record(Kind::step_started, instance, 2));
      settle(journal, answers);
      if (!answers.kept().contains({instance, 1})) continue;
      answers.append(journal, record(Kind::step_finished, instance, 3,
                                     Value(std::string(9'000, static_cast<char>('a' + instance)))));
      if (instance == 4) answers.append(journal, record(Kind::snapshot, instance, 4));
      settle(journal, answers);
      if (instance == 4) continue;
      answers.append(journal, ended(instance, 5, "faulted"));
      settle(journal, answers);
      if (instance == 3) answers.append(journal, record(Kind::retried, instance, 6));
      if (instance != 2) (void)journal.prune({.keep = 3}, 10);  // nothing is beyond that
      settle(journal, answers);
    }
  }

  // What is at `path`, as instance and number.
  static std::set<Key> there(const std::string& path) {
    std::set<Key> keys;
    auto database = Database::open(path);
    if (!database) {
      ADD_FAILURE() << database.error().one_line();
      return keys;
    }
    auto sound = database->prepare("PRAGMA integrity_check");
    EXPECT_TRUE(sound && sound->step());
    if (sound) {
      EXPECT_EQ(sound->text(0), "ok");
    }
    auto rows = JournalRows::prepare(std::move(*database));
    if (!rows) return keys;  // it was not made yet
    auto tables = Database::open_to_read(path);
    if (!tables) {
      ADD_FAILURE() << tables.error().one_line();
      return keys;
    }
    JournalReader reader(std::move(*tables), rows->overlay());
    for (std::uint64_t instance = 1; instance <= 4; ++instance) {
      const auto records = reader.read(InstanceId{instance});
      EXPECT_TRUE(records) << records.error().one_line();
      if (!records) continue;
      std::uint32_t last = 0;
      for (const Record& each : *records) {
        EXPECT_GT(each.number, last) << "twice, or out of order, of instance " << instance;
        last = each.number;
        keys.emplace(instance, each.number);
      }
    }
    return keys;
  }

  void check(FailingDisk& disk, const JournalAnswers& answers, FailingDisk::Crash crash) {
    SCOPED_TRACE(crash == FailingDisk::Crash::power ? "power" : "process");
    disk.crash(path_, copy_, crash);
    const std::set<Key> found = there(copy_);
    for (const Key& key : answers.kept()) {
      // What stands before a snapshot goes, and what belongs to an instance that was refused.
      if (key != Key{4, 3} && answers.kept().contains({key.first, 1})) {
        EXPECT_TRUE(found.contains(key)) << key.first << "." << key.second;
      }
    }
    for (const auto& [key, problem] : answers.refused())
      EXPECT_FALSE(found.contains(key)) << key.first << "." << key.second;
  }

  ScratchDirectory directory_;
  const std::string path_ = directory_ / "journal.db";
  const std::string copy_ = directory_ / "copy.db";
  Metrics metrics_;
  Log log_{LogLevel::off, LogFormat::logfmt};
};

TEST_P(JournalFaults, NothingAcknowledgedIsLostAndNothingRefusedStays) {
  FailingDisk disk;
  const FaultCase& fault = GetParam();
  std::uint64_t k = 1;
  std::size_t held_up = 0;
  std::size_t in_doubt = 0;
  for (bool failed = true; failed; ++k) {
    ASSERT_LT(k, 2'000U);
    SCOPED_TRACE("at " + std::to_string(k));
    disk.remove(path_);
    JournalAnswers answers;
    disk.fail_at(k, fault.fault, fault.lasts);
    if (auto opened = open()) {
      SqliteJournal& journal = **opened;
      run(journal, answers);
      (void)journal.fold();  // comes behind what follows the last group
      failed = disk.has_failed();
      const JournalState state = journal.state();
      in_doubt += state == JournalState::in_doubt ? 1 : 0;
      held_up += state == JournalState::held_up ? 1 : 0;
      if (state == JournalState::in_doubt) {
        disk.fail_at(0, DiskFault::none, false);
        check(disk, answers, FailingDisk::Crash::process);
        check(disk, answers, FailingDisk::Crash::power);
      }
      disk.fail_at(0, DiskFault::none, false);
      if (state != JournalState::in_doubt) {
        // It goes on by itself once the disk does.
        answers.wait();
        while (journal.state() == JournalState::held_up) std::this_thread::yield();
        JournalAnswers more;
        more.append(journal, started(9));
        more.wait();
        EXPECT_TRUE(more.kept().contains({9, 1}));
        EXPECT_EQ(journal.state(), JournalState::working);
        check(disk, answers, FailingDisk::Crash::process);
        check(disk, answers, FailingDisk::Crash::power);
      }
    } else {
      failed = disk.has_failed();
    }
    disk.fail_at(0, DiskFault::none, false);
    // And a new start finds everything.
    auto again = open();
    ASSERT_TRUE(again) << again.error().one_line();
    JournalAnswers more;
    more.append(**again, started(10));
    more.wait();
    EXPECT_TRUE(more.kept().contains({10, 1}));
    again->reset();
    check(disk, answers, FailingDisk::Crash::process);
    if (HasFailure()) return;
  }
  EXPECT_GT(k, 50U);
  if (fault.lasts) {
    EXPECT_GT(held_up, 10U);
  }
  RecordProperty("operations", static_cast<int>(k));
  RecordProperty("held_up", static_cast<int>(held_up));
  RecordProperty("in_doubt", static_cast<int>(in_doubt));
}

// A journal on such a disk.
class OnFailingDisk {
 protected:
  std::unique_ptr<SqliteJournal> open(const JournalOptions& options) {
    auto opened = SqliteJournal::open(path_, options, metrics_, log_);
    EXPECT_TRUE(opened) << opened.error().one_line();
    return opened ? std::move(*opened) : nullptr;
  }

  FailingDisk disk_;
  ScratchDirectory directory_;
  const std::string path_ = directory_ / "journal.db";
  Metrics metrics_;
  Log log_{LogLevel::off, LogFormat::logfmt};
};

// SQLite syncs the database only behind the whole of a checkpoint, and counts what it copied before
// as copied.
class FailingCheckpoint : public testing::Test, protected OnFailingDisk {
 protected:
  std::unique_ptr<SqliteJournal> open() {
    JournalOptions options;
    options.checkpoint_pages = 30;
    options.log_records = 4;
    options.fold_after = std::chrono::hours(1);
    return OnFailingDisk::open(options);
  }
};

TEST_F(FailingCheckpoint, LosesNothingWhereTheSyncOfTheDatabaseFails) {
  constexpr std::uint64_t kMost = 100'000;  // instances; a few hundred do where nobody is slow
  for (std::uint64_t k = 1; k <= 12; ++k) {
    SCOPED_TRACE("at " + std::to_string(k));
    disk_.remove(path_);
    JournalAnswers answers;
    auto journal = open();
    ASSERT_TRUE(journal);
    disk_.fail_sync(path_, k);
    const auto doubtful = [&] { return journal->state() == JournalState::in_doubt; };
    for (std::uint64_t instance = 1; instance <= kMost && !doubtful(); ++instance) {
      Record first = started(instance);
      first.payload.set("input", Value(std::string(3'000, 'i')));
      answers.append(*journal, first);
      answers.append(*journal, ended(instance, 2, "completed"));
      answers.wait(doubtful);
    }
    EXPECT_TRUE(doubtful());
    EXPECT_TRUE(disk_.has_failed());
    journal.reset();
    disk_.fail_sync(path_, 0);
    const std::string copy = directory_ / "copy.db";
    disk_.crash(path_, copy, FailingDisk::Crash::power);
    auto found = SqliteJournal::open(copy, {}, metrics_, log_);
    ASSERT_TRUE(found) << found.error().one_line();
    for (const Key& key : answers.kept()) {
      const auto records = (*found)->read(InstanceId{key.first});
      ASSERT_TRUE(records) << records.error().one_line();
      EXPECT_GE(records->size(), key.second) << "of instance " << key.first;
    }
    if (HasFailure()) return;
  }
}

// A writer whose disk fails in a job of its own, while records wait.
class FailingJob : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    writer_.reset();
    disk_.fail_at(0, DiskFault::none, false);
    disk_.remove(path_);
    metrics_.emplace();
    answers_.emplace();
    auto database = Database::open(path_);
    ASSERT_TRUE(database && database->migrate(journal_migrations()));
    auto rows = JournalRows::prepare(std::move(*database));
    ASSERT_TRUE(rows);
    JournalOptions options;
    options.retry_after = Milliseconds(1);
    options.fold_after = std::chrono::hours(1);
    writer_.emplace(std::move(*rows), std::nullopt, options, *metrics_, log_);
    append(started(1));
    answers_->wait();
  }
  void append(const Record& given) {
    writer_->append(given, answers_->one({given.instance.number, given.number}));
  }
  // The writer finds these records and the job together, on a disk that fails from then on.
  Status fail_at(std::uint64_t k, DiskFault fault, bool lasts, const std::vector<Record>& records) {
    const auto reached = std::make_shared<std::promise<void>>();
    std::promise<void> released;
    writer_->append(record(Kind::timer_fired, 1, 2),
                    [reached, gate = released.get_future().share()](const Status&) {
                      reached->set_value();
                      gate.wait();
                    });
    reached->get_future().wait();
    for (const Record& each : records) append(each);
    std::future<Status> job = writer_->submit([](JournalRows& rows) { return rows.touch(); });
    disk_.fail_at(k, fault, lasts);
    released.set_value();
    return job.get();
  }

  FailingDisk disk_;
  ScratchDirectory directory_;
  const std::string path_ = directory_ / "journal.db";
  Log log_{LogLevel::off, LogFormat::logfmt};
  std::optional<Metrics> metrics_;
  std::optional<JournalAnswers> answers_;
  std::optional<JournalWriter> writer_;
};

TEST_F(FailingJob, OnAFullDiskRefusesTheAdmissionsThatWaitAndKeepsAllElse) {
  Record child = started(3);
  child.payload.set("parent", Value::object({{"id", 1}}));
  const Status job = fail_at(1, DiskFault::full, true,
                             {started(2), record(Kind::step_finished, 1, 3), child, started(4)});
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code, "disk-full");
  disk_.fail_at(0, DiskFault::none, false);
  answers_->wait();
  EXPECT_EQ(answers_->kept(), (std::set<Key>{{1, 1}, {1, 3}, {3, 1}}));
  ASSERT_EQ(answers_->refused().size(), 2U);
  EXPECT_EQ(answers_->refused().at({2, 1}).code, "journal-failing");
  EXPECT_EQ(answers_->refused().at({4, 1}).code, "journal-failing");
  EXPECT_EQ(writer_->state(), JournalState::working);
  EXPECT_TRUE(writer_->run([](JournalRows& rows) { return rows.touch(); }));
}

TEST_F(FailingJob, RefusesTheOnlyAdmissionThatWaitsUntilTheDiskHasRoomAgain) {
  EXPECT_FALSE(fail_at(1, DiskFault::full, true, {started(2)}));
  answers_->wait();
  // Nothing waits now, and whether the disk has room is tried out again and again.
  const Counter failures = metrics_->counter("stepwell_journal_failures_total", "");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (failures.value() < 4 && std::chrono::steady_clock::now() < patience)
    std::this_thread::yield();
  EXPECT_GE(failures.value(), 4);
  EXPECT_EQ(writer_->state(), JournalState::held_up);
  ASSERT_EQ(answers_->refused().size(), 1U);
  EXPECT_EQ(answers_->refused().at({2, 1}).code, "journal-failing");
  disk_.fail_at(0, DiskFault::none, false);
  append(record(Kind::step_finished, 1, 3));
  answers_->wait();
  EXPECT_TRUE(answers_->kept().contains({1, 3}));
}

// Wherever it fails: once it is in doubt what the disk holds, that stays so.
TEST_F(FailingJob, LeavesTheJournalInDoubtForGoodWhereItsSyncFails) {
  std::size_t in_doubt = 0;
  bool failed = true;
  for (std::uint64_t k = 1; failed; ++k) {
    ASSERT_LT(k, 100U);
    SCOPED_TRACE("at " + std::to_string(k));
    begin();
    const Status job = fail_at(k, DiskFault::io_error, false, {record(Kind::step_finished, 1, 3)});
    answers_->wait([&] { return writer_->state() == JournalState::in_doubt; });
    failed = disk_.has_failed();
    const JournalState state = writer_->state();
    writer_.reset();
    if (job || job.error().code != "store-in-doubt") continue;
    ++in_doubt;
    EXPECT_EQ(state, JournalState::in_doubt);
    EXPECT_FALSE(answers_->kept().contains({1, 3}));
    EXPECT_EQ(metrics_->gauge("stepwell_journal_failing", "").value(), 1);
  }
  EXPECT_GT(in_doubt, 0U);
}

// A journal whose log can be written, while nothing can be moved from there into the tables.
class FailingFold : public testing::TestWithParam<bool>, protected OnFailingDisk {
 protected:
  // Either the disk has no room for that much, or the tables refuse it.
  void fail(bool fails) {
    if (GetParam())
      disk_.crowd(fails ? 50'000 : 0);
    else
      execute(fails ? "CREATE TRIGGER held BEFORE DELETE ON log BEGIN "
                      "SELECT RAISE(ABORT, 'held'); END"
                    : "DROP TRIGGER held");
  }
  void execute(const std::string& sql) {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    const Status done = database->execute(sql);
    ASSERT_TRUE(done) << done.error().one_line();
  }
  std::int64_t count(const std::string& table) {
    auto database = Database::open(path_);
    auto rows = database->prepare("SELECT count(*) FROM " + table);
    EXPECT_TRUE(rows && rows->step());
    return rows->number(0);
  }
  // Waits for its answer.
  static void admit(SqliteJournal& journal, JournalAnswers& answers, std::uint64_t instance) {
    Record first = started(instance);
    first.payload.set("input", Value(std::string(3'000, 'i')));
    answers.append(journal, first);
    answers.wait();
  }
};

TEST_P(FailingFold, HoldsUpNothingThatIsAppendedAndIsMadeUpForLater) {
  JournalOptions options;
  options.log_records = 20;
  options.fold_records = 20;
  options.fold_after = std::chrono::hours(1);
  options.fold_retry_after = Milliseconds(0);
  JournalAnswers answers;
  auto journal = open(options);
  fail(true);
  for (std::uint64_t instance = 1; instance <= 100; ++instance) admit(*journal, answers, instance);
  EXPECT_EQ(answers.kept().size(), 100U);
  EXPECT_GE(metrics_.counter("stepwell_journal_failures_total", "").value(), 80);
  EXPECT_FALSE(journal->fold());
  EXPECT_EQ(journal->state(), JournalState::working);
  journal.reset();  // which tries it as well
  EXPECT_EQ(count("instances"), 0);
  // With nothing to do it is tried now and then.
  options.fold_after = Milliseconds(1);
  options.fold_retry_after = Milliseconds(1);
  const double before = metrics_.counter("stepwell_journal_failures_total", "").value();
  journal = open(options);
  admit(*journal, answers, 101);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto waits = [&] { return std::chrono::steady_clock::now() < patience; };
  while (metrics_.counter("stepwell_journal_failures_total", "").value() < before + 3 && waits())
    std::this_thread::yield();
  EXPECT_GE(metrics_.counter("stepwell_journal_failures_total", "").value(), before + 3);
  EXPECT_EQ(journal->state(), JournalState::working);
  EXPECT_EQ(metrics_.gauge("stepwell_journal_failing", "").value(), 0);
  journal.reset();
  fail(false);
  options.fold_after = std::chrono::hours(1);
  options.log_records = 100;
  journal = open(options);
  admit(*journal, answers, 102);  // 20 others go with it
  EXPECT_EQ(count("instances"), 20);
  EXPECT_TRUE(journal->fold());
  EXPECT_EQ(count("log"), 0);
  for (std::uint64_t instance = 1; instance <= 102; ++instance)
    EXPECT_EQ(journal->read(InstanceId{instance}).value().size(), 1U) << instance;
  EXPECT_TRUE(answers.refused().empty());
}

TEST_P(FailingFold, IsNotTriedAgainAtOnceUnlessTheLogIsFarTooLong) {
  JournalOptions options;
  options.log_records = 20;
  options.fold_records = 20;
  options.fold_after = std::chrono::hours(1);
  options.fold_retry_after = std::chrono::hours(1);
  options.fold_at_end = false;
  options.retry_after = Milliseconds(1);
  JournalAnswers answers;
  auto journal = open(options);
  fail(true);
  std::uint64_t instance = 1;
  for (; instance <= 20; ++instance) admit(*journal, answers, instance);
  journal.reset();
  // With nothing to do it is tried; for fewer of them the disk would have room.
  options.fold_after = Milliseconds(1);
  journal = open(options);
  const Counter failures = metrics_.counter("stepwell_journal_failures_total", "");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (failures.value() < 1 && std::chrono::steady_clock::now() < patience)
    std::this_thread::yield();
  for (; instance <= 320; ++instance) admit(*journal, answers, instance);
  EXPECT_EQ(answers.kept().size(), 320U);
  EXPECT_EQ(failures.value(), 1);
  for (; answers.refused().empty() && instance <= 400; ++instance)
    admit(*journal, answers, instance);
  ASSERT_FALSE(answers.refused().empty());
  EXPECT_EQ(answers.refused().begin()->second.code, "journal-failing");
  fail(false);
  while (journal->state() == JournalState::held_up) std::this_thread::yield();
  JournalAnswers more;
  admit(*journal, more, 1'000);
  EXPECT_FALSE(more.kept().empty());
  EXPECT_TRUE(journal->fold());
  for (const auto& [id, number] : answers.kept())
    EXPECT_EQ(journal->read(InstanceId{id}).value().size(), 1U) << id;
}

INSTANTIATE_TEST_SUITE_P(Each, FailingFold, testing::Bool(),
                         [](const auto& each) { return each.param ? "Disk" : "Tables"; });

INSTANTIATE_TEST_SUITE_P(Each, JournalFaults,
                         testing::Values(FaultCase{"IoErrorOnce", DiskFault::io_error, false},
                                         FaultCase{"IoErrorForEver", DiskFault::io_error, true},
                                         FaultCase{"FullOnce", DiskFault::full, false},
                                         FaultCase{"FullForEver", DiskFault::full, true},
                                         FaultCase{"ShortWrite", DiskFault::short_write, false},
                                         FaultCase{"DoneButFailing", DiskFault::done_but_failing,
                                                   false}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace stepwell::store::test
