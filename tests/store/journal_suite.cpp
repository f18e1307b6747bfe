#include "tests/store/journal_suite.h"

#include <algorithm>
#include <future>
#include <set>

#include "base/json.h"

namespace stepwell::store::test {

using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::Journal;
using engine::Record;
using Kind = Record::Kind;

WallTime at(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }

Record record(Kind kind, std::uint64_t instance, std::uint32_t number, Value payload) {
  Record made;
  made.kind = kind;
  made.instance = InstanceId{instance};
  made.time = at(1'000 * static_cast<std::int64_t>(number));
  made.payload = std::move(payload);
  made.number = number;
  return made;
}

Record started(std::uint64_t instance, std::string_view workflow, std::string_view digest) {
  return record(Kind::started, instance, 1,
                Value::object({{"workflow", workflow},
                               {"digest", digest},
                               {"input", Value::object({{"n", instance}})}}));
}

Record ended(std::uint64_t instance, std::uint32_t number, std::string_view status) {
  return record(Kind::ended, instance, number, Value::object({{"status", status}}));
}

void expect_same(const Record& got, const Record& wanted) {
  EXPECT_EQ(got.kind, wanted.kind);
  EXPECT_EQ(got.instance, wanted.instance);
  EXPECT_EQ(got.time, wanted.time);
  EXPECT_EQ(got.id, wanted.id);
  EXPECT_EQ(got.random, wanted.random);
  EXPECT_EQ(to_json(got.payload), to_json(wanted.payload));
  EXPECT_EQ(got.number, wanted.number);
  EXPECT_EQ(got.turns, wanted.turns);
  EXPECT_EQ(got.cuts, wanted.cuts);
}

void expect_same(const std::vector<Record>& got, const std::vector<Record>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(got[i], wanted[i]);
  }
}

void JournalSuite::keep(const std::vector<Record>& records) {
  for (const Record& each : records) {
    const auto promise = std::make_shared<std::promise<Status>>();
    std::future<Status> answer = promise->get_future();
    const auto when =
        journal_->append(each, [promise](Status status) { promise->set_value(std::move(status)); });
    if (when == Journal::Durability::now) continue;
    const Status status = answer.get();
    EXPECT_TRUE(status) << status.error().one_line();
  }
}

void JournalSuite::reopen() {
  journal_.reset();
  journal_ = place_->open();
  ASSERT_NE(journal_, nullptr);
}

std::vector<std::vector<Record>> JournalSuite::open_ones() {
  std::vector<std::vector<Record>> all;
  const Status read =
      journal_->read_open([&](std::vector<Record> records) { all.push_back(std::move(records)); });
  EXPECT_TRUE(read) << read.error().one_line();
  return all;
}

std::vector<Record> JournalSuite::read(std::uint64_t instance) {
  Result<std::vector<Record>> records = journal_->read(InstanceId{instance});
  EXPECT_TRUE(records) << records.error().one_line();
  return records ? std::move(*records) : std::vector<Record>();
}

engine::InstanceQuery Asked::query(std::size_t most) const {
  engine::InstanceQuery query;
  query.filter.workflow = workflow;
  if (status) query.filter.statuses = {*status};
  query.filter.started = {since, until};
  query.filter.ended.before = ended_before;
  if (after.number != 0) query.after = engine::InstancePosition{0, {}, after};
  query.most = most;
  return query;
}

std::vector<std::uint64_t> JournalSuite::found(const Asked& asked, std::size_t most) {
  return found(asked.query(most));
}

std::vector<std::uint64_t> JournalSuite::found(const engine::InstanceQuery& query) {
  const Result<engine::FoundInstances> found = journal_->find(query);
  EXPECT_TRUE(found) << found.error().one_line();
  std::vector<std::uint64_t> ids;
  if (!found) return ids;
  EXPECT_EQ(found->positions.size(), found->instances.size());
  for (const InstanceSummary& each : found->instances) ids.push_back(each.head.instance.number);
  return ids;
}

namespace {

TEST_P(JournalSuite, GivesRecordsOfEachKindBackAsTheyWere) {
  std::vector<Record> given{
      record(Kind::admitted, 7, 1,
             Value::object({{"workflow", "test/one:1.0.0"}, {"digest", "d"}, {"input", nullptr}})),
      record(Kind::started, 7, 2),
      record(Kind::step_started, 7, 3),
      record(Kind::step_finished, 7, 4, Value::object({{"output", "text \u00e9\n\u0001"}})),
      record(Kind::timer_fired, 7, 5),
      record(Kind::event_received, 7, 6, Value::array({1, "b", 0.1, -9007199254740993})),
      record(Kind::suspended, 7, 7),
      record(Kind::resumed, 7, 8),
      record(Kind::stopped, 7, 9)};
  for (std::size_t i = 1; i < given.size(); ++i) {
    given[i].id = UINT64_MAX - i;
    given[i].random = UINT64_MAX / 2 + i;
    given[i].turns = static_cast<std::uint32_t>(i * 3);
  }
  given[5].cuts = {0, 17, 4294967295U};
  keep(given);
  expect_same(read(7), given);
  reopen();
  const auto all = open_ones();
  ASSERT_EQ(all.size(), 1U);
  expect_same(all[0], given);

  Record end = ended(7, 10, "stopped");
  end.turns = 5;
  end.cuts = {2};
  keep({end});
  given.push_back(end);
  expect_same(read(7), given);
  EXPECT_TRUE(open_ones().empty());
}

// One record that cannot be read would keep the daemon from starting.
TEST_P(JournalSuite, BytesThatAreNoUtf8AreReadAgainAllTheSame) {
  keep({started(4), record(Kind::step_finished, 4, 2, Value::object({{"output", "Empf\xe4nger"}})),
        started(5), record(Kind::step_finished, 5, 2, Value("\xc3")), ended(5, 3, "completed")});
  EXPECT_EQ(read(4).size(), 2U);
  EXPECT_EQ(read(5).size(), 3U);
  reopen();
  ASSERT_EQ(open_ones().size(), 1U);
  const std::vector<Record> records = read(4);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_TRUE(records[1].payload.get("output").as_string().starts_with("Empf"));
}

TEST_P(JournalSuite, TellsOfOpenInstancesInTheOrderOfTheirIds) {
  constexpr std::uint64_t kFar = (1ULL << 52U) + 5;
  keep({started(30), started(kFar), record(Kind::timer_fired, 30, 2), started(2), started(9),
        record(Kind::timer_fired, kFar, 2), record(Kind::timer_fired, 9, 2),
        ended(9, 3, "completed"), record(Kind::timer_fired, 30, 3)});
  reopen();
  const auto all = open_ones();
  ASSERT_EQ(all.size(), 3U);
  expect_same(all[0], {started(2)});
  expect_same(all[1],
              {started(30), record(Kind::timer_fired, 30, 2), record(Kind::timer_fired, 30, 3)});
  expect_same(all[2], {started(kFar), record(Kind::timer_fired, kFar, 2)});
}

TEST_P(JournalSuite, ARecordASecondTimeChangesNothing) {
  const std::vector<Record> given{started(4), record(Kind::step_finished, 4, 2, Value("first")),
                                  ended(4, 3, "faulted")};
  keep(given);
  Record again = started(4, "test/other:2.0.0", "d2");
  again.time = at(77'000);
  keep({again, record(Kind::step_finished, 4, 2, Value("second")), ended(4, 3, "completed")});
  expect_same(read(4), given);
  reopen();
  expect_same(read(4), given);
  EXPECT_EQ(found(Asked{.workflow = "test/other"}), std::vector<std::uint64_t>());
}

TEST_P(JournalSuite, WhatIsTakenUpAgainIsOpenAndItsEndStaysInTheHistory) {
  std::vector<Record> given{started(4), record(Kind::step_finished, 4, 2), ended(4, 3, "faulted"),
                            record(Kind::retried, 4, 4), record(Kind::step_finished, 4, 5)};
  given[2].turns = 6;
  given[2].cuts = {8};
  keep(given);
  expect_same(read(4), given);
  auto all = open_ones();
  ASSERT_EQ(all.size(), 1U);
  expect_same(all[0], given);
  EXPECT_FALSE(journal_->summary(InstanceId{4}).value()->end);
  EXPECT_EQ(found(Asked{.status = InstanceStatus::faulted}), std::vector<std::uint64_t>());

  // What came before comes again, as it may after a failure.
  keep({given[2], given[3]});
  expect_same(read(4), given);
  EXPECT_EQ(open_ones().size(), 1U);

  given.push_back(ended(4, 6, "completed"));
  keep({given.back()});
  reopen();
  expect_same(read(4), given);
  EXPECT_TRUE(open_ones().empty());
  keep({given[2], given[3]});
  EXPECT_TRUE(open_ones().empty());
  expect_same(read(4), given);
}

TEST_P(JournalSuite, ASnapshotStandsForWhatWasBeforeIt) {
  const Record snapshot = record(Kind::snapshot, 4, 4, Value::object({{"version", 1}}));
  keep({started(4), record(Kind::step_finished, 4, 2), record(Kind::step_finished, 4, 3), snapshot,
        record(Kind::timer_fired, 4, 5), started(6), record(Kind::timer_fired, 6, 2)});
  const std::vector<Record> wanted{started(4), snapshot, record(Kind::timer_fired, 4, 5)};
  expect_same(read(4), wanted);
  reopen();
  const auto all = open_ones();
  ASSERT_EQ(all.size(), 2U);
  expect_same(all[0], wanted);
  EXPECT_EQ(all[1].size(), 2U);

  keep({record(Kind::step_finished, 4, 3)});  // again
  expect_same(read(4), wanted);
  const Record next = record(Kind::snapshot, 4, 6);
  keep({next});
  expect_same(read(4), {started(4), next});
}

// What a journal keeps in several places is one to whoever reads, wherever the borders are.
TEST_P(JournalSuite, AnInstanceIsOneHoweverOftenTheJournalIsOpened) {
  std::vector<Record> given{started(4),
                            record(Kind::step_finished, 4, 2, Value(std::string(20'000, 'a'))),
                            record(Kind::step_finished, 4, 3, Value(std::string(20'000, 'b'))),
                            ended(4, 4, "faulted"),
                            record(Kind::retried, 4, 5),
                            record(Kind::step_finished, 4, 6, Value("c")),
                            ended(4, 7, "completed")};
  for (std::size_t i = 0; i < given.size(); ++i) {
    SCOPED_TRACE(i);
    keep({given[i], started(10 + i), ended(10 + i, 2, "completed")});
    reopen();
    const std::vector<Record> wanted(given.begin(), given.begin() + 1 + static_cast<int>(i));
    expect_same(read(4), wanted);
    const bool over = i == 3 || i == 6;
    EXPECT_EQ(open_ones().size(), over ? 0U : 1U);
    EXPECT_EQ(found(Asked{.status = InstanceStatus::faulted}).size(), i == 3 ? 1U : 0U);
    const auto summary = journal_->summary(InstanceId{4});
    ASSERT_TRUE(summary && *summary);
    EXPECT_EQ((*summary)->end.has_value(), over);
    // All again, as it may come after a failure.
    keep(wanted);
    expect_same(read(4), wanted);
  }
  EXPECT_EQ(found(Asked{.after = InstanceId{4}}).size(), given.size());
}

TEST_P(JournalSuite, ASnapshotStandsForWhatWasKeptLongBefore) {
  const Record snapshot = record(Kind::snapshot, 4, 5, Value::object({{"version", 1}}));
  keep({started(4), record(Kind::timer_fired, 4, 2)});
  reopen();
  keep({record(Kind::timer_fired, 4, 3)});
  reopen();
  keep({record(Kind::timer_fired, 4, 4), snapshot});
  expect_same(read(4), {started(4), snapshot});
  reopen();
  keep({record(Kind::timer_fired, 4, 3), snapshot, record(Kind::timer_fired, 4, 6)});
  reopen();
  expect_same(read(4), {started(4), snapshot, record(Kind::timer_fired, 4, 6)});
  keep({ended(4, 7, "completed")});
  EXPECT_EQ(read(4).size(), 4U);
}

TEST_P(JournalSuite, PagesGoThroughAllOnceWhileMoreComes) {
  for (std::uint64_t id = 2; id <= 60; id += 2) keep({started(id), ended(id, 2, "completed")});
  reopen();
  std::vector<std::uint64_t> seen;
  std::uint64_t after = 0;
  for (;;) {
    const std::vector<std::uint64_t> page = found(Asked{.after = InstanceId{after}}, 7);
    if (page.empty()) break;
    seen.insert(seen.end(), page.begin(), page.end());
    after = page.back();
    // New ones on both sides.
    const std::uint64_t next = after < 60 ? after + 1 : 61;
    keep({started(after - 1), ended(after - 1, 2, "completed"), started(next),
          ended(next, 2, "faulted"), started(after + 100)});
  }
  std::vector<std::uint64_t> even;
  for (const std::uint64_t id : seen)
    if (id % 2 == 0) even.push_back(id);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(even.size(), 30U);
  EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), seen.size());
}

TEST_P(JournalSuite, SummariesHoldTheFirstRecordAndTheEnd) {
  keep({started(1), record(Kind::timer_fired, 1, 2), started(2), ended(2, 2, "stopped")});
  const auto open = journal_->summary(InstanceId{1});
  ASSERT_TRUE(open && *open);
  expect_same((*open)->head, started(1));
  EXPECT_FALSE((*open)->end);
  const auto over = journal_->summary(InstanceId{2});
  ASSERT_TRUE(over && *over && (*over)->end);
  expect_same(*(*over)->end, ended(2, 2, "stopped"));
  const auto none = journal_->summary(InstanceId{3});
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_TRUE(read(3).empty());
}

TEST_P(JournalSuite, FindsInstancesByWhatIsAskedFor) {
  std::vector<Record> given;
  const auto add = [&](Record head, std::int64_t start, std::string_view status, std::int64_t end) {
    const std::uint64_t id = head.instance.number;
    head.time = at(start);
    given.push_back(std::move(head));
    if (status.empty()) return;
    given.push_back(ended(id, 2, status));
    given.back().time = at(end);
  };
  add(started(1, "a/x:1.0.0", "1"), 100, "completed", 150);
  add(started(2, "a/x:2.0.0", "2"), 200, "faulted", 300);
  add(started(3, "a/y:1.0.0", "3"), 300, "", 0);
  add(started(4, "a/x:1.0.0", "1"), 400, "", 0);
  add(started(5, "b/x:1.0.0", "4"), 500, "stopped", 550);
  add(started(6, "a/x:1.0.0", "5"), 600, "faulted", 650);
  keep(given);

  struct Case {
    const char* what;
    Asked asked;
    std::vector<std::uint64_t> wanted;
  };
  const std::vector<Case> cases{
      {"all", {}, {1, 2, 5, 6}},
      {"a workflow", {.workflow = "a/x"}, {1, 2, 6}},
      {"a version", {.workflow = "a/x:1.0.0"}, {1, 6}},
      {"an unknown one", {.workflow = "a/x:9.0.0"}, {}},
      {"no part of a name", {.workflow = "a"}, {}},
      {"completed", {.status = InstanceStatus::completed}, {1}},
      {"faulted", {.status = InstanceStatus::faulted}, {2, 6}},
      {"stopped", {.status = InstanceStatus::stopped}, {5}},
      {"a state of open ones", {.status = InstanceStatus::waiting}, {}},
      {"since", {.since = at(400)}, {5, 6}},
      {"until", {.until = at(300)}, {1, 2}},
      {"ended before", {.ended_before = at(550)}, {1, 2}},
      {"after", {.after = InstanceId{4}}, {5, 6}},
      {"several",
       {.workflow = "a/x",
        .status = InstanceStatus::faulted,
        .since = at(200),
        .until = at(700),
        .ended_before = at(651),
        .after = InstanceId{2}},
       {6}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    EXPECT_EQ(found(each.asked), each.wanted);
  }
  EXPECT_EQ(found(Asked{}, 2), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(found(Asked{.workflow = "a/x", .after = InstanceId{1}}, 2),
            (std::vector<std::uint64_t>{2, 6}));
  EXPECT_EQ(found(Asked{}, 0), std::vector<std::uint64_t>());
  const auto two = journal_->find(Asked{.after = InstanceId{4}}.query(1));
  ASSERT_TRUE(two && two->instances.size() == 1 && two->instances.front().end);
  expect_same(two->instances.front().head, given[6]);
  expect_same(*two->instances.front().end, given[7]);
}

TEST_P(JournalSuite, DefinitionsAreKeptByTheirDigests) {
  const auto definition = [](std::string_view digest, std::string_view text) {
    return record(
        Kind::definition, 0, 0,
        Value::object({{"digest", digest}, {"sources", Value::object({{"text", text}})}}));
  };
  keep({definition("d1", "one"), definition("d2", "two"), definition("d1", "other")});
  reopen();
  EXPECT_EQ(journal_->definition("d1").value().get("sources").get("text"), Value("one"));
  EXPECT_EQ(journal_->definition("d2").value().get("digest"), Value("d2"));
  EXPECT_TRUE(journal_->definition("d3").value().is_null());
}

TEST_P(JournalSuite, EventsStayUntilAllHaveThem) {
  const auto event = [](Kind kind, std::uint64_t id) {
    Record made =
        record(kind, 0, 0, kind == Kind::published ? Value::object({{"id", id}}) : Value());
    made.id = id;
    made.random = id * 2;
    return made;
  };
  keep({event(Kind::published, 5), event(Kind::published, 3), event(Kind::published, 4),
        event(Kind::delivered, 3), event(Kind::delivered, 99)});
  reopen();
  expect_same(journal_->undelivered().value(),
              {event(Kind::published, 4), event(Kind::published, 5)});
  keep({event(Kind::delivered, 5), event(Kind::delivered, 4)});
  EXPECT_TRUE(journal_->undelivered().value().empty());
}

TEST_P(JournalSuite, OfAScheduleTheLastRecordCounts) {
  const auto schedule = [](std::string_view workflow, int runs) {
    Record made =
        record(Kind::schedule, 0, 0, Value::object({{"workflow", workflow}, {"runs", runs}}));
    made.time = at(runs);
    made.id = static_cast<std::uint64_t>(runs) * 10;
    return made;
  };
  keep({schedule("a/x", 1), schedule("a/y", 2), schedule("a/x", 3)});
  reopen();
  expect_same(journal_->schedules().value(), {schedule("a/x", 3), schedule("a/y", 2)});
}

TEST_P(JournalSuite, TellsTheHighestIdBelowALimit) {
  constexpr std::uint64_t kLimit = 1ULL << 52U;
  EXPECT_EQ(journal_->last_instance(kLimit).value(), 0U);
  keep({started(kLimit + 7)});
  EXPECT_EQ(journal_->last_instance(kLimit).value(), 0U);
  keep({started(41), started(12), ended(41, 2, "completed")});
  reopen();
  EXPECT_EQ(journal_->last_instance(kLimit).value(), 41U);
  EXPECT_EQ(journal_->last_instance(41).value(), 12U);
  EXPECT_EQ(journal_->last_instance(UINT64_MAX).value(), kLimit + 7);
}

TEST_P(JournalSuite, ARecordIsDurableWithAllBeforeIt) {
  const auto promise = std::make_shared<std::promise<Status>>();
  (void)journal_->append(started(1), nullptr);
  for (std::uint32_t number = 2; number < 500; ++number)
    (void)journal_->append(record(Kind::timer_fired, 1, number), nullptr);
  const auto when = journal_->append(record(Kind::timer_fired, 1, 500), [promise](Status status) {
    promise->set_value(std::move(status));
  });
  if (when == Journal::Durability::later) {
    const Status status = promise->get_future().get();
    ASSERT_TRUE(status) << status.error().one_line();
  }
  EXPECT_EQ(read(1).size(), 500U);
}

TEST_P(JournalSuite, CallsBackInTheOrderOfAppending) {
  constexpr std::uint32_t kMany = 300;
  std::vector<std::uint32_t> order;
  const auto last = std::make_shared<std::promise<void>>();
  bool at_once = false;
  for (std::uint32_t i = 1; i <= kMany; ++i) {
    Record each = i == 1 ? started(1) : record(Kind::timer_fired, 1, i);
    at_once = journal_->append(std::move(each), [&order, last, i](const Status& status) {
      if (status) order.push_back(i);
      if (i == kMany) last->set_value();
    }) == Journal::Durability::now;
  }
  if (at_once) return;
  last->get_future().get();
  ASSERT_EQ(order.size(), kMany);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_P(JournalSuite, WhoIsToldOfOpenInstancesMayReadAndAppend) {
  keep({started(1), started(2)});
  std::size_t told = 0;
  ASSERT_TRUE(journal_->read_open([&](const std::vector<Record>& records) {
    ++told;
    EXPECT_TRUE(journal_->definition("d1").value().is_null());
    EXPECT_EQ(journal_->read(records[0].instance).value().size(), 1U);
    (void)journal_->append(record(Kind::timer_fired, records[0].instance.number, 2), nullptr);
  }));
  EXPECT_EQ(told, 2U);
  keep({record(Kind::timer_fired, 1, 3)});
  EXPECT_EQ(read(1).size(), 3U);
  EXPECT_EQ(read(2).size(), 2U);
}

}  // namespace
}  // namespace stepwell::store::test
