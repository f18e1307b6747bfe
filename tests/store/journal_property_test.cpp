// The durable journal against the one in memory: the same records in the same order, while what is
// in the log goes into the tables at any moment and the journal is opened anew, give equal answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

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
  return text_of(summary.head) + (summary.changed ? text_of(*summary.changed) : "") +
         std::to_string(summary.started.time_since_epoch().count()) + "\n" +
         (summary.end ? text_of(*summary.end) : "open\n");
}

class RandomRecords : public testing::TestWithParam<std::uint32_t> {
 protected:
  RandomRecords() : rng_(GetParam()) { reopen(); }

  std::uint64_t below(std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(rng_);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t any_id() {
    for (;;) {
      const std::uint64_t id = one_in(4) ? kFar + below(5) : 1 + below(120);
      if (!gone_.contains(id)) return id;
    }
  }
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
    options.look_for = Milliseconds(one_in(2) ? 0 : 1'000);
    options.look_through = GetParam() % 2 == 0 ? 0 : 3'000;
    auto opened = SqliteJournal::open(directory_ / "journal.db", options, metrics_, log_);
    ASSERT_TRUE(opened) << opened.error().one_line();
    journal_ = std::move(*opened);
  }

  static Value a_definition(std::uint64_t n) {
    return Value::object({{"digest", "d" + std::to_string(n)},
                          {"credentials", Value::array({"c" + std::to_string(n % 2)})}});
  }
  engine::Label any_label() {
    engine::Label label;
    if (one_in(3)) label.name = "Name" + std::to_string(below(3));
    if (one_in(4)) label.tags = Value::array({"red", "bl\"ue"});
    if (one_in(8)) label.tags = Value::array({"red"});
    if (one_in(3)) label.priority = static_cast<engine::Priority>(below(3));
    if (one_in(4)) label.deadline = at(static_cast<std::int64_t>(below(1'000)));
    return label;
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
      made = started(id,
                     one_in(2)   ? "a/x:1.0.0"
                     : one_in(2) ? "a/x:2.0.0"
                                 : "b/y:1.0.0",
                     "d" + std::to_string(below(4)));
      if (one_in(3)) made.kind = Kind::admitted;
      add_label(made.payload, any_label());
      if (one_in(5)) made.payload.set("parent", Value::object({{"id", 1 + below(3)}}));
    } else if (life.over) {
      made.kind = Kind::retried;
      life.over = false;
    } else if (one_in(4)) {
      made = ended(id, number, one_in(2) ? "completed" : one_in(2) ? "faulted" : "stopped");
      life.over = true;
    } else if (one_in(6)) {
      made.kind = Kind::snapshot;
    } else if (one_in(4)) {
      made.kind = Kind::changed;
      made.payload = Value::object();
      add_label(made.payload, any_label());
    } else if (number == 2 && life.records.front().kind == Kind::admitted) {
      made.kind = Kind::started;
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
    if (made.kind == Kind::definition) made.payload = a_definition(below(4));
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
    for (int i = 0; i < 6 && !HasFailure(); ++i) compare_found();
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
  template <class Some>
  Some one_of(const std::vector<Some>& some) {
    return some[below(some.size())];
  }
  engine::TimeRange any_range() {
    engine::TimeRange range;
    if (one_in(2)) range.from = at(static_cast<std::int64_t>(below(1'000)));
    if (one_in(2)) range.before = at(static_cast<std::int64_t>(below(1'000)));
    return range;
  }
  engine::InstanceQuery any_query() {
    using engine::Priority;
    engine::InstanceQuery query;
    engine::InstanceFilter& filter = query.filter;
    query.order.by = static_cast<engine::InstanceOrder::By>(below(8));
    query.order.descending = one_in(2);
    if (one_in(3)) filter.workflow = one_of<std::string>({"a/x", "a/x:2.0.0", "b/y", "c/z"});
    if (one_in(3))
      filter.statuses.push_back(one_of<InstanceStatus>(
          {InstanceStatus::completed, InstanceStatus::faulted, InstanceStatus::waiting}));
    if (one_in(4)) filter.statuses.push_back(InstanceStatus::stopped);
    if (one_in(5)) filter.name = one_of<std::string>({"N", "AME1", "%", "zz"});
    if (one_in(5))
      filter.priorities.push_back(one_of<Priority>({Priority::high, Priority::regular}));
    if (one_in(6)) filter.priorities.push_back(Priority::very_high);
    if (one_in(6)) filter.tags = {"red"};
    if (one_in(8)) filter.tags.emplace_back("bl\"ue");
    if (one_in(6)) filter.credential = one_of<std::string>({"c0", "c1", "none"});
    if (one_in(8)) filter.parent = InstanceId{1 + below(3)};
    if (one_in(8)) filter.overdue = at(static_cast<std::int64_t>(below(1'000)));
    if (one_in(5)) filter.started = any_range();
    if (one_in(5)) filter.ended = any_range();
    if (one_in(8)) filter.completed = any_range();
    if (one_in(8)) filter.stopped = any_range();
    if (one_in(8)) filter.updated = any_range();
    if (one_in(5)) filter.deadline = any_range();
    return query;
  }
  // Page by page, against all at once.
  void compare_found() {
    engine::InstanceQuery query = any_query();
    query.most = SIZE_MAX;
    std::string wanted;
    const engine::FoundInstances all = model_.find(query).value();
    for (const InstanceSummary& each : all.instances) wanted += text_of(each);
    query.most = 1 + below(10);
    std::string got;
    for (int pages = 0; pages < 1'000; ++pages) {
      const engine::FoundInstances page = journal_->find(query).value();
      ASSERT_EQ(page.instances.size(), page.positions.size());
      ASSERT_LE(page.instances.size(), query.most);
      for (const InstanceSummary& each : page.instances) got += text_of(each);
      if (page.instances.size() == query.most)
        query.after = page.positions.back();
      else if (page.stopped_at)
        query.after = page.stopped_at;
      else
        break;
    }
    EXPECT_EQ(got, wanted) << "ordered by " << to_string(query.order.by)
                           << (query.order.descending ? ", descending" : "");
  }
  void remove_some() {
    std::vector<InstanceId> ids;
    for (const auto& [id, life] : lives_)
      if (one_in(6)) ids.push_back(InstanceId{id});
    ids.push_back(InstanceId{77'777});
    std::vector<InstanceId> wanted = model_.remove(ids).value();
    std::vector<InstanceId> got = journal_->remove(ids).value();
    const auto by_number = [](InstanceId a, InstanceId b) { return a.number < b.number; };
    std::sort(wanted.begin(), wanted.end(), by_number);
    std::sort(got.begin(), got.end(), by_number);
    EXPECT_EQ(got, wanted);
    for (const InstanceId id : got) {
      lives_.erase(id.number);
      if (id.number < kFar) gone_.insert(id.number);
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
  std::set<std::uint64_t> gone_;  // ids that are never given again
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
    if (one_in(5)) remove_some();
    compare();
  }
  EXPECT_TRUE(answers_.refused().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRecords, testing::Values(1U, 2U, 3U, 4U, 8U, 21U));

}  // namespace
}  // namespace stepwell::store::test
