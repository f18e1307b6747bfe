// The journals against the suite, and what the durable one does beyond it: how it collects, what it
// refuses, what it removes.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <map>
#include <set>

#include "store/journal_row.h"
#include "store/sqlite_journal.h"
#include "tests/store/journal_answers.h"
#include "tests/store/journal_suite.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::store::test {
namespace {

using engine::Record;
using stepwell::test::KeepingJournal;
using stepwell::test::KeptRecords;
using Kind = Record::Kind;

class SqlitePlace final : public JournalPlace {
 public:
  explicit SqlitePlace(JournalOptions options) : options_(options) {}
  std::unique_ptr<engine::Journal> open() override {
    auto opened = SqliteJournal::open(directory_ / "journal.db", options_, metrics_, log_);
    EXPECT_TRUE(opened) << opened.error().one_line();
    return opened ? std::move(*opened) : nullptr;
  }

 private:
  const JournalOptions options_;
  ScratchDirectory directory_;
  Metrics metrics_;
  Log log_{LogLevel::off, LogFormat::logfmt};
};

// All stays in the log, over restarts as well.
JournalOptions never_folding() {
  JournalOptions options;
  options.fold_after = std::chrono::hours(1);
  options.fold_at_end = false;
  return options;
}

// Records go into the tables one commit behind, whatever is to follow.
JournalOptions folding_behind() {
  JournalOptions options = never_folding();
  options.log_records = 1;
  return options;
}

JournalMaker sqlite(std::string name, const JournalOptions& options) {
  return {std::move(name), [options] { return std::make_unique<SqlitePlace>(options); }};
}

class KeepingPlace final : public JournalPlace {
 public:
  std::unique_ptr<engine::Journal> open() override { return std::make_unique<Returning>(kept_); }

 private:
  class Returning final : public engine::Journal {
   public:
    explicit Returning(KeptRecords& kept) : place_(kept), journal_(kept) {}
    ~Returning() override { place_ = journal_.kept(); }
    Durability append(Record record, std::function<void(Status)> durable) override {
      return journal_.append(std::move(record), std::move(durable));
    }
    Status read_open(const Reader& each) override { return journal_.read_open(each); }
    Result<std::vector<Record>> read(InstanceId instance) override {
      return journal_.read(instance);
    }
    Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance) override {
      return journal_.summary(instance);
    }
    Result<engine::FoundInstances> find(const engine::InstanceQuery& query) override {
      return journal_.find(query);
    }
    Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) override {
      return journal_.remove(instances);
    }
    Result<Value> definition(const std::string& digest) override {
      return journal_.definition(digest);
    }
    Result<std::vector<Record>> undelivered() override { return journal_.undelivered(); }
    Result<std::vector<Record>> schedules() override { return journal_.schedules(); }
    Result<std::uint64_t> last_instance(std::uint64_t limit) override {
      return journal_.last_instance(limit);
    }

   private:
    KeptRecords& place_;
    KeepingJournal journal_;
  };
  KeptRecords kept_;
};

INSTANTIATE_TEST_SUITE_P(
    Journals, JournalSuite,
    testing::Values(sqlite("Sqlite", {}), sqlite("SqliteLog", never_folding()),
                    sqlite("SqliteBoth", folding_behind()),
                    JournalMaker{"Keeping", [] { return std::make_unique<KeepingPlace>(); }}),
    [](const auto& maker) { return maker.param.name; });

TEST(KeepingJournalTest, ByHandNothingIsThereBeforeItIsDurable) {
  KeepingJournal journal({}, KeepingJournal::Mode::by_hand);
  JournalAnswers answers;
  answers.append(journal, started(1));
  answers.append(journal, record(Kind::timer_fired, 1, 2));
  EXPECT_EQ(journal.waiting(), 2U);
  EXPECT_TRUE(journal.read(InstanceId{1}).value().empty());
  EXPECT_EQ(journal.make_durable(1), 1U);
  EXPECT_EQ(answers.kept().size(), 1U);
  KeepingJournal after_crash(journal.kept());
  EXPECT_EQ(after_crash.read(InstanceId{1}).value().size(), 1U);
  journal.set_mode(KeepingJournal::Mode::at_once);
  EXPECT_EQ(answers.kept().size(), 2U);
}

class SqliteJournalTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteJournal> open(JournalOptions options = {}) {
    options.retry_after = Milliseconds(1);
    options.look_for = std::chrono::hours(1);  // no page is short for want of time
    auto opened = SqliteJournal::open(path_, options, metrics_, log_);
    EXPECT_TRUE(opened) << opened.error().one_line();
    return opened ? std::move(*opened) : nullptr;
  }
  double commits() { return metrics_.counter("stepwell_journal_commits_total", "").value(); }
  void execute(const std::string& sql) {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    const Status done = database->execute(sql);
    ASSERT_TRUE(done) << done.error().one_line();
  }
  // Appends while the writer waits for the end of it, so that all of that waits together.
  template <class Appends>
  void together(SqliteJournal& journal, Appends appends) {
    const auto reached = std::make_shared<std::promise<void>>();
    std::promise<void> released;
    (void)journal.append(record(Kind::timer_fired, 1, 1'000'000),
                         [reached, gate = released.get_future().share()](const Status&) {
                           reached->set_value();
                           gate.wait();
                         });
    reached->get_future().wait();
    appends();
    released.set_value();
  }

  ScratchDirectory directory_;
  const std::string path_ = directory_ / "journal.db";
  Metrics metrics_;
  Log log_{LogLevel::off, LogFormat::logfmt};
};

TEST_F(SqliteJournalTest, WhatComesDuringACommitGoesIntoTheNextOneTogether) {
  JournalAnswers answers;
  const auto journal = open();
  answers.append(*journal, started(1));
  answers.wait();
  const double before = commits();
  together(*journal, [&] {
    for (std::uint32_t number = 2; number <= 900; ++number)
      answers.append(*journal, record(Kind::step_finished, 1, number));
  });
  answers.wait();
  EXPECT_EQ(answers.kept().size(), 900U);
  EXPECT_EQ(commits() - before, 2);
}

TEST_F(SqliteJournalTest, AGroupHasItsLimit) {
  JournalOptions options;
  options.most_in_commit = 100;
  JournalAnswers answers;
  const auto journal = open(options);
  answers.append(*journal, started(1));
  answers.wait();
  const double before = commits();
  together(*journal, [&] {
    for (std::uint32_t number = 2; number <= 351; ++number)
      answers.append(*journal, record(Kind::step_finished, 1, number));
  });
  answers.wait();
  EXPECT_EQ(commits() - before, 1 + 4);
  EXPECT_EQ(journal->read(InstanceId{1}).value().size(), 352U);
  // 1, 1, three times 100, and 50.
  const std::string page = metrics_.text();
  for (const char* line : {"_bucket{le=\"1\"} 2\n", "_bucket{le=\"20\"} 2\n",
                           "_bucket{le=\"50\"} 3\n", "_bucket{le=\"100\"} 6\n", "_sum 352\n"})
    EXPECT_NE(page.find(std::string("stepwell_journal_commit_records") + line), std::string::npos)
        << line << page;
}

TEST_F(SqliteJournalTest, AdmissionsAreRefusedAtOnceWhereTooMuchWaits) {
  JournalOptions options;
  options.most_waiting = 10;
  JournalAnswers answers;
  const auto journal = open(options);
  answers.append(*journal, started(1));
  answers.wait();
  together(*journal, [&] {
    for (std::uint32_t number = 2; number <= 2000; ++number)
      answers.append(*journal, record(Kind::timer_fired, 1, number));
    answers.append(*journal, started(2));
    EXPECT_EQ(answers.refused().at({2, 1}).code, "overloaded");
    EXPECT_TRUE(answers.refused().at({2, 1}).retryable);
    answers.append(*journal, record(Kind::published, 0, 0));
    (void)journal->append(record(Kind::published, 0, 0), nullptr);
    Record child = started(4);  // of an instance that goes on
    child.payload.set("parent", Value::object({{"id", 1}}));
    answers.append(*journal, child);
  });
  answers.wait();
  EXPECT_EQ(answers.refused().size(), 2U);
  EXPECT_EQ(journal->undelivered().value().size(), 1U);
  EXPECT_EQ(answers.kept().size(), 2001U);
  EXPECT_TRUE(answers.kept().contains({4, 1}));
  answers.append(*journal, started(3));
  answers.wait();
  EXPECT_TRUE(answers.kept().contains({3, 1}));
}

TEST_F(SqliteJournalTest, AdmissionsAreRefusedWhereTooManyBytesWait) {
  JournalOptions options;
  options.most_waiting_bytes = Bytes{100'000};
  JournalAnswers answers;
  const auto journal = open(options);
  answers.append(*journal, started(1));
  answers.wait();
  together(*journal, [&] {
    answers.append(*journal, record(Kind::timer_fired, 1, 2, Value(std::string(100'000, 'x'))));
    answers.append(*journal, started(2));
  });
  answers.wait();
  EXPECT_EQ(answers.refused().at({2, 1}).code, "overloaded");
}

TEST_F(SqliteJournalTest, ADamagedRecordIsNamed) {
  JournalAnswers answers;
  {
    const auto journal = open();
    answers.append(*journal, started(5));
    answers.append(*journal, record(Kind::step_finished, 5, 2, Value("x")));
    answers.wait();
  }
  execute("UPDATE instances SET life = '[2,4,2000,0,0,0,[],\"x' WHERE id = 5");
  const auto journal = open();
  const Status read = journal->read_open([](const std::vector<Record>&) {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, "store-damaged");
  EXPECT_NE(read.error().detail.find("record 2 of instance 5"), std::string::npos);
  EXPECT_EQ(journal->read(InstanceId{5}).error().code, "store-damaged");
}

TEST_F(SqliteJournalTest, ARetryOfWhatIsGoneIsRefused) {
  JournalAnswers answers;
  const auto journal = open();
  answers.append(*journal, record(Kind::retried, 5, 7));
  answers.wait();
  EXPECT_EQ(answers.refused().at({5, 7}).code, "instance-unknown");
}

TEST_F(SqliteJournalTest, WhatHasLongEndedGoes) {
  JournalAnswers answers;
  const auto journal = open();
  for (std::uint64_t instance = 1; instance <= 5; ++instance) {
    answers.append(*journal, started(instance));
    answers.append(*journal, record(Kind::step_finished, instance, 2, Value(instance)));
    Record end = ended(instance, 3, "completed");
    end.time = at(static_cast<std::int64_t>(600 - instance * 100));
    if (instance != 3) answers.append(*journal, end);
  }
  answers.wait();
  const Retention old{.ended_before = at(500)};
  EXPECT_EQ(journal->prune(old, 1).value(), 1U);  // the oldest first
  EXPECT_TRUE(journal->read(InstanceId{5}).value().empty());
  EXPECT_EQ(journal->read(InstanceId{4}).value().size(), 3U);
  EXPECT_EQ(journal->prune(old, 10).value(), 2U);
  EXPECT_EQ(journal->prune(old, 10).value(), 0U);
  EXPECT_EQ(journal->read(InstanceId{1}).value().size(), 3U);
  EXPECT_EQ(journal->read(InstanceId{3}).value().size(), 2U);
  EXPECT_EQ(journal->last_instance(1ULL << 52U).value(), 5U);
}

// What goes with an instance can be made ready while it is still there.
TEST_F(SqliteJournalTest, TellsBeforeItRemovesAnInstanceAndLeavesItWhereThatFails) {
  const auto journal = open();
  JournalAnswers answers;
  answers.append(*journal, started(1));
  answers.append(*journal, ended(1, 2, "completed"));
  answers.wait();
  std::vector<std::string> told;
  Status ready = fail(unavailable("store-failed", "the disk fails"));
  journal->on_removing([&](const std::vector<InstanceId>& ids) {
    EXPECT_EQ(ids, std::vector<InstanceId>{InstanceId{1}});
    EXPECT_FALSE(journal->read(InstanceId{1}).value().empty());
    told.emplace_back("before");
    return ready;
  });
  journal->on_removed([&](const std::vector<InstanceId>& ids) {
    EXPECT_EQ(ids, std::vector<InstanceId>{InstanceId{1}});
    told.emplace_back("behind");
  });
  EXPECT_EQ(code_of(journal->remove({InstanceId{1}})), "store-failed");
  EXPECT_FALSE(journal->read(InstanceId{1}).value().empty());
  ready = {};
  EXPECT_EQ(journal->remove({InstanceId{1}}).value().size(), 1U);
  EXPECT_TRUE(journal->read(InstanceId{1}).value().empty());
  EXPECT_EQ(told, (std::vector<std::string>{"before", "before", "behind"}));
}

TEST_F(SqliteJournalTest, OnlySoManyFinishedOnesStay) {
  JournalAnswers answers;
  const auto journal = open();
  for (std::uint64_t instance = 1; instance <= 1000; ++instance) {
    answers.append(*journal, started(instance, instance % 4 == 0 ? "a/x:1.0.0" : "a/y:1.0.0"));
    answers.append(*journal, record(Kind::step_finished, instance, 2));
    Record end = ended(instance, 3, "completed");
    end.time = at(static_cast<std::int64_t>(instance));
    if (instance % 10 != 0) answers.append(*journal, end);  // 900 end
  }
  answers.wait();
  EXPECT_EQ(journal->prune({.workflow = "a/x", .keep = 50}, 1'000).value(), 150U);
  EXPECT_EQ(journal->find(Asked{.workflow = "a/x"}.query(1'000)).value().instances.size(), 50U);
  EXPECT_EQ(journal->find(Asked{.workflow = "a/y"}.query(1'000)).value().instances.size(), 700U);
  EXPECT_EQ(journal->prune({.keep = 100}, 600).value(), 600U);
  EXPECT_EQ(journal->prune({.keep = 100}, 600).value(), 50U);
  EXPECT_EQ(journal->find({}).value().instances.size(), 100U);
  EXPECT_TRUE(journal->summary(InstanceId{999}).value());
  EXPECT_FALSE(journal->summary(InstanceId{1}).value());
}

TEST_F(SqliteJournalTest, AWorkflowsVersionsAreKeptTogether) {
  for (const std::uint64_t versions : {3U, 150U}) {  // merged, and too many for that
    JournalAnswers answers;
    const std::uint64_t first = versions * 1'000;
    const auto journal = open();
    for (std::uint64_t i = 1; i <= 300; ++i) {
      answers.append(*journal, started(first + i, "a/x:" + std::to_string(i % versions) + "." +
                                                      std::to_string(versions) + ".0"));
      Record end = ended(first + i, 2, "completed");
      end.time = at(static_cast<std::int64_t>(first + i));
      answers.append(*journal, end);
    }
    answers.wait();
    const auto is_there = [&](std::uint64_t i) {
      return journal->summary(InstanceId{first + i}).value().has_value();
    };
    EXPECT_EQ(journal->prune({.workflow = "a/x", .keep = 50}, 1'000).value(), 250U);
    EXPECT_FALSE(is_there(250));
    EXPECT_TRUE(is_there(251));
    const Retention old{.workflow = "a/x",
                        .ended_before = at(static_cast<std::int64_t>(first + 260))};
    EXPECT_EQ(journal->prune(old, 4).value(), 4U);
    EXPECT_FALSE(is_there(254));
    EXPECT_TRUE(is_there(255));
    EXPECT_EQ(journal->prune(old, 1'000).value(), 5U);
    EXPECT_EQ(journal->prune({.workflow = "a/x", .keep = 0}, 1'000).value(), 41U);
  }
}

TEST_F(SqliteJournalTest, WhatAWorkflowKeepsIsFoundAlongItsIndex) {
  (void)open();
  auto database = Database::open(path_);
  ASSERT_TRUE(database);
  const auto plan = [&](const std::vector<std::int64_t>& workflows, const std::string& order) {
    auto statement =
        database->prepare("EXPLAIN QUERY PLAN " + ended_instances(workflows, " AND ended_at < 5") +
                          order + " LIMIT 10 OFFSET 100");
    EXPECT_TRUE(statement);
    std::string text;
    while (statement->step().value()) text += statement->text(3) + "\n";
    return text;
  };
  for (const char* order : {" ORDER BY ended_at", " ORDER BY ended_at DESC"})
    for (const std::vector<std::int64_t>& workflows :
         {std::vector<std::int64_t>{1}, {1, 2}, std::vector<std::int64_t>(100, 7)}) {
      const std::string text = plan(workflows, order);
      EXPECT_NE(text.find("COVERING INDEX instances_of (workflow=? AND ended_at"),
                std::string::npos)
          << text;
      EXPECT_EQ(text.find("TEMP B-TREE"), std::string::npos) << text;
    }
}

TEST_F(SqliteJournalTest, AnInstanceOfManyRecordsGoesInSeveralTransactions) {
  JournalAnswers answers;
  auto journal = open();
  answers.append(*journal, started(1));
  const Value text(std::string(5'000, 't'));
  for (std::uint32_t number = 2; number < 1000; ++number)
    answers.append(*journal, record(Kind::timer_fired, 1, number, text));
  answers.append(*journal, ended(1, 1000, "completed"));
  answers.append(*journal, started(2));
  for (std::uint32_t number = 2; number < 10; ++number)
    answers.append(*journal, record(Kind::timer_fired, 2, number, text));
  answers.wait();
  ASSERT_TRUE(journal->fold());
  const auto rows_of = [&](const std::string& sql) {
    auto database = Database::open(path_);
    auto rows = database->prepare("SELECT count(*) FROM " + sql);
    EXPECT_TRUE(rows && rows->step());
    return rows->number(0);
  };
  EXPECT_GT(rows_of("records WHERE instance = 1"), 100);
  EXPECT_EQ(journal->prune({.keep = 0}, 10).value(), 1U);
  journal.reset();
  EXPECT_EQ(rows_of("records WHERE instance = 1"), 0);
  EXPECT_GT(rows_of("records WHERE instance = 2"), 1);
  EXPECT_EQ(rows_of("removed"), 0);
  journal = open();
  EXPECT_EQ(journal->read(InstanceId{2}).value().size(), 9U);
}

TEST_F(SqliteJournalTest, DefinitionsGoWithTheirLastInstanceUnlessTheyCameSinceTheStart) {
  const auto definition = [](std::string_view digest) {
    return record(Kind::definition, 0, 0, Value::object({{"digest", digest}}));
  };
  JournalAnswers answers;
  auto journal = open();
  for (const Record& each : {definition("d1"), definition("d2"), definition("d3")})
    answers.append(*journal, each);
  answers.append(*journal, started(1, "a/x:1.0.0", "d1"));
  answers.append(*journal, started(2, "a/x:1.0.0", "d2"));
  answers.append(*journal, ended(1, 2, "completed"));
  answers.wait();
  EXPECT_EQ(journal->prune({.keep = 0}, 10).value(), 1U);
  EXPECT_FALSE(journal->tidy().value());
  EXPECT_FALSE(journal->definition("d1").value().is_null());

  journal.reset();
  journal = open();
  answers.append(*journal, definition("d3"));
  answers.wait();
  EXPECT_FALSE(journal->tidy().value());
  EXPECT_TRUE(journal->definition("d1").value().is_null());
  EXPECT_FALSE(journal->definition("d2").value().is_null());
  EXPECT_FALSE(journal->definition("d3").value().is_null());
}

TEST_F(SqliteJournalTest, DiskSpaceIsGivenBack) {
  JournalAnswers answers;
  auto journal = open();
  for (std::uint64_t instance = 1; instance <= 300; ++instance) {
    answers.append(*journal, started(instance));
    answers.append(*journal,
                   record(Kind::step_finished, instance, 2, Value(std::string(20'000, 'o'))));
    answers.append(*journal, ended(instance, 3, "completed"));
  }
  answers.wait();
  journal.reset();
  const auto full = std::filesystem::file_size(path_);
  EXPECT_GT(full, 6'000'000U);
  journal = open();
  EXPECT_EQ(journal->prune({.keep = 10}, 1'000).value(), 290U);
  std::size_t steps = 0;
  while (journal->tidy().value()) ASSERT_LT(++steps, 100U);
  EXPECT_GT(steps, 1U);
  journal.reset();
  EXPECT_LT(std::filesystem::file_size(path_), full / 10);
  journal = open();
  EXPECT_EQ(journal->find({}).value().instances.size(), 10U);
}

TEST_F(SqliteJournalTest, AnIdThatIsGivenAgainHasNothingOfTheOneBefore) {
  constexpr std::uint64_t kDerived = (1ULL << 52U) + 3;
  JournalAnswers answers;
  auto journal = open();
  answers.append(*journal, started(kDerived));
  for (std::uint32_t number = 2; number < 50; ++number)
    answers.append(*journal, record(Kind::timer_fired, kDerived, number));
  answers.append(*journal, ended(kDerived, 50, "completed"));
  answers.wait();
  EXPECT_EQ(journal->prune({.keep = 0}, 10).value(), 1U);
  // A straggler of the one before, which nobody removes.
  answers.append(*journal, record(Kind::timer_fired, kDerived, 60));
  JournalAnswers again;
  again.append(*journal, started(kDerived));
  again.wait();
  EXPECT_EQ(journal->read(InstanceId{kDerived}).value().size(), 1U);
  EXPECT_EQ(journal->last_instance(1ULL << 52U).value(), 0U);
}

TEST_F(SqliteJournalTest, ACommitWaitsForMoreWhereFarMoreInstancesGoOn) {
  JournalOptions options = never_folding();
  options.gather_for = options.gather_step = std::chrono::hours(1);
  JournalAnswers answers;
  const auto journal = open(options);
  std::uint64_t last = 0;
  const auto begin = [&](std::uint64_t instances) {
    for (; instances > 0; --instances) answers.append(*journal, started(++last));
  };
  // What comes while the writer's thread is held is one commit.
  struct Gate {
    std::promise<void> reached;
    std::promise<void> opened;
  };
  const auto hold = [&](Gate& gate) {
    journal->append(started(++last), [&gate](const Status&) {
      gate.reached.set_value();
      gate.opened.get_future().wait();
    });
  };
  for (const std::uint64_t instances : {400, 20}) {
    Gate first;
    Gate second;
    hold(first);
    first.reached.get_future().wait();
    begin(instances);
    hold(second);
    first.opened.set_value();
    second.reached.get_future().wait();
    const double before = commits();
    const std::uint64_t share = last / 4;
    begin(share - 10);
    second.opened.set_value();
    begin(10);
    answers.wait();
    EXPECT_EQ(commits(), before + 1) << instances;
  }
}

TEST_F(SqliteJournalTest, TheLogIsCopiedAndBegunAnew) {
  JournalOptions options = never_folding();
  options.checkpoint_pages = 50;
  options.checkpoint_beside = false;
  JournalAnswers answers;
  const auto journal = open(options);
  answers.append(*journal, started(1));
  for (std::uint32_t number = 2; number < 400; ++number) {
    answers.append(*journal, record(Kind::timer_fired, 1, number, Value(std::string(3'000, 't'))));
    if (number % 10 == 0) answers.wait();
  }
  answers.wait();
  EXPECT_GT(std::filesystem::file_size(path_), 1'000'000U);
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 600'000U);
}

// However the two threads meet: where the log were never begun anew, this would not end.
TEST_F(SqliteJournalTest, TheLogIsCopiedBesideTheWriter) {
  JournalOptions options = never_folding();
  options.checkpoint_pages = 50;
  JournalAnswers answers;
  const auto journal = open(options);
  answers.append(*journal, started(1));
  std::uint64_t written = 0;
  std::uint32_t number = 1;
  while (written < 1'000'000 || written < 3 * std::filesystem::file_size(path_ + "-wal")) {
    for (int i = 0; i < 10; ++i) {
      answers.append(*journal,
                     record(Kind::timer_fired, 1, ++number, Value(std::string(3'000, 't'))));
      written += 3'000;
    }
    answers.wait();
  }
  EXPECT_EQ(journal->read(InstanceId{1}).value().size(), number);
}

// Lives of 2 to 500 records, whose lines are together a little less or more than one row holds.
TEST_F(SqliteJournalTest, NoRecordIsLostWhereManyInstancesThatJustFitOrDoNotAreFoldedTogether) {
  constexpr std::array<std::uint32_t, 6> kRecords{2, 20, 120, 250, 400, 500};
  constexpr std::size_t kPiece = 16 << 10;
  constexpr std::array kKinds{Kind::suspended, Kind::resumed, Kind::timer_fired};
  JournalOptions options = never_folding();
  options.log_records = 1'000'000;
  std::map<std::uint64_t, std::vector<Record>> lives;
  for (std::size_t i = 0; i < 48; ++i) {
    const std::uint64_t id = 10 + i;
    const std::uint32_t count = kRecords[i % kRecords.size()];
    std::vector<Record>& life = lives[id];
    life.push_back(started(id));
    std::size_t bytes = to_row(life.front()).text.size();
    for (std::uint32_t number = 2; number < count; ++number) {
      life.push_back(record(kKinds[number % kKinds.size()], id, number));
      bytes += to_row(life.back()).text.size();
    }
    Record last = record(Kind::timer_fired, id, count, Value(""));
    bytes += to_row(last).text.size();
    const std::size_t wanted = kPiece - 500 + (i / kRecords.size()) * 75;
    ASSERT_LT(bytes, wanted);
    last.payload = Value(std::string(wanted - bytes, 'x'));
    life.push_back(std::move(last));
  }
  auto journal = open(options);
  JournalAnswers answers;
  for (std::size_t i = 0; i < kRecords.back(); ++i)
    for (const auto& [id, life] : lives)
      if (i < life.size()) answers.append(*journal, life[i]);
  answers.wait();
  ASSERT_TRUE(journal->fold());
  for (const bool again : {false, true}) {
    if (again) {
      journal.reset();
      journal = open(options);
    }
    for (const auto& [id, life] : lives) {
      SCOPED_TRACE(std::to_string(id) + " of " + std::to_string(life.size()));
      expect_same(journal->read(InstanceId{id}).value(), life);
    }
  }
}

TEST_F(SqliteJournalTest, AJournalOfALaterReleaseIsRefused) {
  open().reset();
  execute("INSERT INTO schema_version VALUES (999)");
  const auto opened = SqliteJournal::open(path_, {}, metrics_, log_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "store-newer");
}

// To go through all of it would hold up the start.
TEST_F(SqliteJournalTest, OnlyTheHeaderIsCheckedWhenItIsOpened) {
  JournalAnswers answers;
  auto journal = open();
  for (std::uint64_t instance = 1; instance <= 200; ++instance) {
    Record first = started(instance);
    first.payload.set("input", Value(std::string(2'000, 'i')));
    answers.append(*journal, first);
  }
  answers.wait();
  journal.reset();
  const std::string whole = read_file(path_);
  ASSERT_GT(whole.size(), 200'000U);
  // The last page of instances, with all that is on it: others may be left of the log.
  std::string damaged = whole;
  const std::size_t page = whole.rfind("\"iiii") / 4096 * 4096;
  damaged.replace(page, 8, 8, '\xff');
  write_file(path_, damaged);
  EXPECT_EQ(code_of(Database::open(path_)), "store-damaged");
  journal = open();
  const auto found = journal->find(Asked{}.query(1'000));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "store-damaged");
  journal.reset();

  const auto refused = [&](const std::string& content) {
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    write_file(path_, content);
    return code_of(SqliteJournal::open(path_, {}, metrics_, log_));
  };
  EXPECT_EQ(refused(whole.substr(0, whole.size() / 2)), "store-damaged");
  EXPECT_EQ(refused(std::string(8'192, 'x')), "store-damaged");
  EXPECT_EQ(refused(""), "store-damaged");
}

TEST_F(SqliteJournalTest, WhatWaitsAtTheEndIsCommitted) {
  JournalAnswers answers;
  auto journal = open();
  answers.append(*journal, started(1));
  for (std::uint32_t number = 2; number <= 5000; ++number)
    answers.append(*journal, record(Kind::timer_fired, 1, number));
  journal.reset();
  EXPECT_TRUE(answers.complete());
  EXPECT_EQ(answers.kept().size(), 5000U);
}

}  // namespace
}  // namespace stepwell::store::test
