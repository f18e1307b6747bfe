// The durable journal against the one in memory: the same records in the same order, while what is
// in the log goes into the tables at any moment and the journal is opened anew, give equal answers.
#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "store/sqlite_journal.h"
#include "tests/store/journal_answers.h"
#include "tests/store/journal_suite.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::store::test {
namespace {

using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::Record;
using stepwell::test::KeepingJournal;
using Kind = Record::Kind;

constexpr std::uint64_t kFar = 1ULL << 52U;

std::string text_of(const Record& record) {
  std::string text = std::to_string(static_cast<int>(record.kind)) + " ";
  for (const std::uint64_t each :
       {record.instance.number, std::uint64_t{record.number}, record.id, record.random,
        std::uint64_t{record.turns}, static_cast<std::uint64_t>(as_column(record.time))})
    text += std::to_string(each) + " ";
  for (const std::uint32_t cut : record.cuts) text += std::to_string(cut) + ",";
  return text + to_json(record.payload) + "\n";
}

std::string text_of(const std::vector<Record>& records) {
  std::string text;
  for (const Record& each : records) text += text_of(each);
  return text;
}

std::string text_of(const InstanceSummary& summary) {
  return text_of(summary.head) + (summary.end ? text_of(*summary.end) : "open\n");
}

class RandomRecords : public testing::TestWithParam<std::uint32_t> {
 protected:
  RandomRecords() : rng_(GetParam()) { reopen(); }

  std::uint64_t below(std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(rng_);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t any_id() { return one_in(4) ? kFar + below(5) : 1 + below(40); }
  Value any_payload() {
    if (one_in(12)) return Value(std::string(below(40'000), 'x'));
    return one_in(3) ? Value() : Value::object({{"text", "a\nb\"" + std::to_string(below(9))}});
  }

  void reopen() {
    journal_.reset();
    JournalOptions options;
    options.fold_after = std::chrono::hours(1);
    options.fold_at_end = one_in(2);
    options.log_records = below(3) * 20;
    options.fold_records = 1 + below(30);
    options.checkpoint_pages = 50;
    auto opened = SqliteJournal::open(directory_ / "journal.db", options, metrics_, log_);
    ASSERT_TRUE(opened) << opened.error().one_line();
    journal_ = std::move(*opened);
  }

  struct Life {
    std::vector<Record> records;  // all that was appended
    bool over = false;
  };
  // The next record of an instance, as an engine could append it.
  Record next(std::uint64_t id) {
    Life& life = lives_[id];
    const auto number = static_cast<std::uint32_t>(life.records.size() + 1);
    Record made = record(Kind::timer_fired, id, number, any_payload());
    if (number == 1) {
      made = started(id, one_in(2) ? "a/x:1.0.0" : one_in(2) ? "a/x:2.0.0" : "b/y:1.0.0");
      if (one_in(3)) made.kind = Kind::admitted;
    } else if (life.over) {
      made.kind = Kind::retried;
      life.over = false;
    } else if (one_in(4)) {
      made = ended(id, number, one_in(2) ? "completed" : one_in(2) ? "faulted" : "stopped");
      life.over = true;
    } else if (one_in(6)) {
      made.kind = Kind::snapshot;
    }
    made.time = at(static_cast<std::int64_t>(below(1'000)));
    made.id = one_in(2) ? UINT64_MAX - below(5) : below(100);
    made.random = below(UINT64_MAX);
    made.turns = static_cast<std::uint32_t>(below(3));
    if (one_in(5)) made.cuts = {1, static_cast<std::uint32_t>(below(100))};
    life.records.push_back(made);
    return made;
  }
  Record shared() {
    Record made{};
    made.kind =
        std::array{Kind::definition, Kind::published, Kind::delivered, Kind::schedule}.at(below(4));
    made.id = below(10);
    made.time = at(static_cast<std::int64_t>(below(1'000)));
    if (made.kind == Kind::definition)
      made.payload = Value::object({{"digest", "d" + std::to_string(below(4))}, {"n", below(9)}});
    if (made.kind == Kind::published) made.payload = any_payload();
    if (made.kind == Kind::schedule)
      made.payload = Value::object({{"workflow", "w" + std::to_string(below(3))}, {"n", below(9)}});
    return made;
  }
  void append() {
    const std::vector<Record>& before = lives_[any_id()].records;
    // At times one that came before, as it may after a failure.
    const Record made = !before.empty() && one_in(8) ? before[below(before.size())]
                        : one_in(5)                  ? shared()
                                                     : next(any_id());
    (void)model_.append(made, nullptr);
    answers_.append(*journal_, made);
  }

  void compare() {
    for (const auto& [id, life] : lives_) {
      SCOPED_TRACE(id);
      const InstanceId instance{id};
      EXPECT_EQ(text_of(journal_->read(instance).value()), text_of(model_.read(instance).value()));
      const auto got = journal_->summary(instance).value();
      const auto wanted = model_.summary(instance).value();
      ASSERT_EQ(got.has_value(), wanted.has_value());
      if (got) {
        EXPECT_EQ(text_of(*got), text_of(*wanted));
      }
    }
    compare_found();
    EXPECT_EQ(open_of(*journal_), open_of(model_));
    EXPECT_EQ(text_of(journal_->undelivered().value()), text_of(model_.undelivered().value()));
    EXPECT_EQ(text_of(journal_->schedules().value()), text_of(model_.schedules().value()));
    for (int i = 0; i < 5; ++i) {
      const std::string digest = "d" + std::to_string(i);
      EXPECT_EQ(journal_->definition(digest).value(), model_.definition(digest).value());
    }
    for (const std::uint64_t limit : {std::uint64_t{20}, kFar, UINT64_MAX})
      EXPECT_EQ(journal_->last_instance(limit).value(), model_.last_instance(limit).value());
  }
  void compare_found() {
    Asked asked;
    if (one_in(2))
      asked.workflow = std::array<const char*, 3>{"a/x", "a/x:2.0.0", "b/y"}.at(below(3));
    if (one_in(2))
      asked.status = std::array{InstanceStatus::completed, InstanceStatus::faulted,
                                InstanceStatus::stopped, InstanceStatus::waiting}
                         .at(below(4));
    asked.open = one_in(4);
    if (one_in(4)) asked.since = at(static_cast<std::int64_t>(below(1'000)));
    if (one_in(4)) asked.until = at(static_cast<std::int64_t>(below(1'000)));
    if (one_in(4)) asked.ended_before = at(static_cast<std::int64_t>(below(1'000)));
    const std::size_t most = 1 + below(10);
    for (;;) {
      const auto got = journal_->find(asked, most).value();
      const auto wanted = model_.find(asked, most).value();
      ASSERT_EQ(got.size(), wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(text_of(got[i]), text_of(wanted[i]));
      if (got.empty() || HasFailure()) return;
      asked.after = got.back().head.instance;
    }
  }
  static std::string open_of(engine::Journal& journal) {
    std::string text;
    const Status read =
        journal.read_open([&](const std::vector<Record>& records) { text += text_of(records); });
    EXPECT_TRUE(read);
    return text;
  }

  std::mt19937 rng_;
  ScratchDirectory directory_;
  Metrics metrics_;
  Log log_{LogLevel::off, LogFormat::logfmt};
  KeepingJournal model_;
  JournalAnswers answers_;
  std::unique_ptr<SqliteJournal> journal_;
  std::map<std::uint64_t, Life> lives_;
};

TEST_P(RandomRecords, AreReadAsThoseOfTheJournalInMemory) {
  for (int step = 0; step < 30 && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const std::uint64_t many = 1 + below(25);
    for (std::uint64_t i = 0; i < many; ++i) {
      append();
      if (one_in(3)) answers_.wait();  // a commit of its own
    }
    answers_.wait();
    if (one_in(5)) {
      EXPECT_TRUE(journal_->fold());
    }
    if (one_in(6)) reopen();
    compare();
  }
  EXPECT_TRUE(answers_.refused().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRecords, testing::Range(1U, 5U));

}  // namespace
}  // namespace stepwell::store::test
