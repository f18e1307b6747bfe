// A journal of the first format is brought to the one of today, with all that it has.
#include <gtest/gtest.h>

#include <future>

#include "store/sqlite_journal.h"
#include "tests/store/journal_suite.h"
#include "tests/store/scratch_directory.h"

namespace stepwell::store::test {
namespace {

// As version 1 made it.
constexpr const char* kVersion1 = R"(
PRAGMA auto_vacuum=INCREMENTAL;
PRAGMA journal_mode=WAL;
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
INSERT INTO schema_version VALUES (1);
CREATE TABLE workflows (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL,
  digest TEXT NOT NULL, UNIQUE (name, version, digest)) STRICT;
CREATE TABLE instances (id INTEGER PRIMARY KEY, workflow INTEGER NOT NULL,
  started_at INTEGER NOT NULL, status INTEGER, ended_at INTEGER, last INTEGER NOT NULL,
  reopened INTEGER NOT NULL, replaced INTEGER NOT NULL, head TEXT NOT NULL, tail TEXT,
  life TEXT NOT NULL) STRICT;
CREATE INDEX instances_of ON instances (workflow);
CREATE INDEX instances_open ON instances (id) WHERE status IS NULL;
CREATE INDEX instances_ended ON instances (ended_at) WHERE status IS NOT NULL;
CREATE INDEX instances_faulted ON instances (id) WHERE status = 2;
CREATE TABLE records (instance INTEGER NOT NULL, first INTEGER NOT NULL, records TEXT NOT NULL,
  PRIMARY KEY (instance, first)) STRICT, WITHOUT ROWID;
CREATE TABLE definitions (digest TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE events (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE schedules (workflow TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE log (place INTEGER PRIMARY KEY, records TEXT NOT NULL) STRICT;
CREATE TABLE removed (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE highest (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL) STRICT;
INSERT INTO highest VALUES (1, 0);
INSERT INTO workflows VALUES (1, 'a/x', '1.0.0', 'd1');
INSERT INTO definitions VALUES ('d1', '[0,13,5,0,0,0,[],{"digest":"d1","sources":{}}]');
INSERT INTO instances VALUES
  (1, 1, 100, 1, 150, 2, 0, 0,
   '[1,2,100,0,0,0,[],{"workflow":"a/x:1.0.0","digest":"d1","traceId":"t","input":{"name":"no"}}]',
   '[2,10,150,0,0,0,[],{"status":"completed","output":1}]', ''),
  (2, 1, 200, 2, 260, 3, 0, 0,
   '[1,1,200,0,0,0,[],{"workflow":"a/x:1.0.0","digest":"d1","input":{},"name":"Order \"2\"","tags":["red","big"]}]',
   '[3,10,260,0,0,0,[],{"status":"faulted"}]', '[2,2,240,0,0,0,[],null]'),
  (3, 1, 300, NULL, NULL, 1, 0, 0,
   '[1,2,300,0,-5,0,[],{"workflow":"a/x:1.0.0","digest":"d1","input":{},"parent":{"id":2,"step":"s","awaited":true,"level":2}}]',
   NULL, '');
INSERT INTO log VALUES (1,
  '[4,1,2,400,0,0,0,[],{"workflow":"a/x:1.0.0","digest":"d1","input":{},"name":"in the log"}]
[4,2,10,450,0,0,0,[],{"status":"stopped"}]');
)";

TEST(JournalMigration, TakesOverWhatTheFirstFormatHas) {
  ScratchDirectory directory;
  const std::string path = directory / "journal.db";
  {
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    const Status made = database->execute(kVersion1);
    ASSERT_TRUE(made) << made.error().one_line();
  }
  Metrics metrics;
  Log log{LogLevel::off, LogFormat::logfmt};
  for (int opened = 0; opened < 2; ++opened) {
    auto journal = SqliteJournal::open(path, {}, metrics, log);
    ASSERT_TRUE(journal) << journal.error().one_line();
    const auto found = [&](const engine::InstanceFilter& filter, const char* order = "id") {
      engine::InstanceQuery query;
      query.filter = filter;
      query.order = *engine::parse_order(order);
      std::vector<std::uint64_t> ids;
      const auto page = (*journal)->find(query);
      EXPECT_TRUE(page) << page.error().one_line();
      for (const auto& each : page->instances) ids.push_back(each.head.instance.number);
      return ids;
    };
    using Ids = std::vector<std::uint64_t>;
    const bool ended_since = opened == 1;  // the one that was open
    EXPECT_EQ(found({}), ended_since ? (Ids{1, 2, 3, 4}) : (Ids{1, 2, 4}));
    EXPECT_EQ(found({}, "-startedTime"), ended_since ? (Ids{4, 3, 2, 1}) : (Ids{4, 2, 1}));
    EXPECT_EQ(found({}, "name"), ended_since ? (Ids{1, 3, 2, 4}) : (Ids{1, 2, 4}));
    engine::InstanceFilter filter;
    filter.name = "ORDER \"2";
    EXPECT_EQ(found(filter), (Ids{2}));
    filter = {};
    filter.tags = {"big"};
    EXPECT_EQ(found(filter), (Ids{2}));
    filter = {};
    filter.started.from = at(240);
    EXPECT_EQ(found(filter), ended_since ? (Ids{2, 3, 4}) : (Ids{2, 4})) << "its turn came at 240";
    EXPECT_EQ((*journal)->summary(InstanceId{2}).value()->started, at(240));
    std::size_t open = 0;
    EXPECT_TRUE((*journal)->read_open([&](const std::vector<engine::Record>&) { ++open; }));
    EXPECT_EQ(open, ended_since ? 0U : 1U);
    if (opened == 0) {
      (*journal)->append(ended(3, 2, "completed"), nullptr);
    } else {
      filter = {};
      filter.parent = InstanceId{2};
      EXPECT_EQ(found(filter), (Ids{3}));
    }
    if (opened == 0) continue;
    EXPECT_EQ((*journal)->remove({InstanceId{2}}).value().size(), 1U);
    filter = {};
    filter.tags = {"big"};
    EXPECT_EQ(found(filter), Ids{});
  }
}

// The first format does not say to which credentials a definition refers: whoever knows says so by
// a second record of it, and that lasts.
TEST(JournalMigration, DefinitionsAreCompletedWithWhatTheyReferTo) {
  ScratchDirectory directory;
  const std::string path = directory / "journal.db";
  {
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute(kVersion1));
  }
  Metrics metrics;
  Log log{LogLevel::off, LogFormat::logfmt};
  using Texts = std::vector<std::string>;
  using Ids = std::vector<std::uint64_t>;
  for (int opened = 0; opened < 3; ++opened) {
    auto journal = SqliteJournal::open(path, {}, metrics, log);
    ASSERT_TRUE(journal) << journal.error().one_line();
    const auto using_crm = [&] {
      engine::InstanceQuery query;
      query.filter.credential = "crm";
      Ids ids;
      const auto page = (*journal)->find(query);
      EXPECT_TRUE(page);
      for (const auto& each : page->instances) ids.push_back(each.head.instance.number);
      return ids;
    };
    if (opened == 0) {
      EXPECT_EQ((*journal)->incomplete_definitions().value(), Texts{"d1"});
      EXPECT_EQ(using_crm(), Ids{});
      engine::Record record{};
      record.kind = engine::Record::Kind::definition;
      record.payload = (*journal)->definition("d1").value();
      record.payload.set("credentials", Value::array({Value("crm")}));
      std::promise<Status> durable;
      (*journal)->append(record, [&](Status status) { durable.set_value(std::move(status)); });
      ASSERT_TRUE(durable.get_future().get());
    }
    EXPECT_EQ((*journal)->incomplete_definitions().value(), Texts{}) << opened;
    EXPECT_EQ(using_crm(), (Ids{1, 2, 4})) << opened;
    EXPECT_EQ((*journal)->definition("d1").value().get("digest"), Value("d1"));
    if (opened == 1) {
      EXPECT_TRUE((*journal)->remove({InstanceId{99}})) << "folds the log";
    }
  }
}

}  // namespace
}  // namespace stepwell::store::test
