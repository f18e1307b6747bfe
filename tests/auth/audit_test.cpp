#include "auth/audit.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

TEST(Audit, RecordsWhoDidWhatToWhatAndWhen) {
  House house;
  ASSERT_TRUE(house.users().create({"init", "offline"}, "ana", Role::admin));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  house.clock.advance(Milliseconds(1'000));
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  Result<std::vector<AuditRecord>> records = house.authority().audit().list(1, 100);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  const char* actions[] = {"user.create", "credential.add", "credential.revoke"};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*records)[i].number, i + 1);
    EXPECT_EQ((*records)[i].action, actions[i]);
    EXPECT_EQ((*records)[i].result, "done");
  }
  EXPECT_EQ((*records)[0].actor, "init");
  EXPECT_EQ((*records)[0].from, "offline");
  EXPECT_EQ((*records)[2].target, "crm-key");
  EXPECT_EQ((*records)[2].at, house.clock.now());
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST(Audit, ShowsAnyRecordThatWasChangedMovedOrTaken) {
  House house;
  ASSERT_TRUE(house.users().create(kAna, "ana", Role::admin));
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(house.credentials().add(kAna, bearer("c" + std::to_string(i))));
  const std::vector<AuditRecord> good = house.store.audit_records();
  using Spoil = std::function<void(std::vector<AuditRecord>&)>;
  const std::pair<Spoil, const char*> cases[] = {
      {[](auto& r) { r[2].actor = "bob"; }, "audit record 3"},
      {[](auto& r) { r[2].target += "x"; }, "audit record 3"},
      {[](auto& r) { r[2].at += Milliseconds(1); }, "audit record 3"},
      {[](auto& r) { std::swap(r[2].action, r[2].target); }, "audit record 3"},
      {[](auto& r) { r.erase(r.begin() + 3); }, "audit record 4"},
      {[](auto& r) { r.erase(r.begin()); }, "audit record 1"},
      {[](auto& r) { r.pop_back(); }, "from 6 on"},
      {[](auto& r) {
         std::swap(r[1], r[2]);
         std::swap(r[1].number, r[2].number);
       },
       "audit record 2"},
  };
  for (const auto& [spoil, where] : cases) {
    house.store.audit_records() = good;
    spoil(house.store.audit_records());
    Status verified = house.authority().audit().verify();
    ASSERT_FALSE(verified) << where;
    EXPECT_EQ(verified.error().code, "audit-broken");
    EXPECT_NE(verified.error().detail.find(where), std::string::npos) << verified.error().detail;
  }
  house.store.audit_records() = good;
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST(Audit, GoesOnWithTheChainAfterARestart) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("one")));
  house.reopen();
  ASSERT_TRUE(house.credentials().add(kAna, bearer("two")));
  EXPECT_TRUE(house.authority().audit().verify());
  EXPECT_EQ(house.store.audit_records().size(), 2U);
}

TEST(Audit, NotesWhatWasRefused) {
  House house;
  AuditLog& audit = house.authority().audit();
  ASSERT_TRUE(audit.note({kAna, "key.create", "laptop", ""}, "permission-denied"));
  Result<std::vector<AuditRecord>> records = audit.list(1, 10);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->at(0).result, "permission-denied");
  EXPECT_EQ(records->at(0).target, "laptop");
  EXPECT_TRUE(audit.verify());
  house.reopen();
  EXPECT_TRUE(house.authority().audit().verify());
}

AuditFilter records_of(std::uint64_t first, std::size_t limit, std::string actor,
                       std::string action, std::string target) {
  AuditFilter made;
  made.first = first;
  made.limit = limit;
  made.actor = std::move(actor);
  made.action = std::move(action);
  made.target = std::move(target);
  return made;
}

TEST(Audit, ListsByActorActionAndTarget) {
  House house;
  ASSERT_TRUE(house.users().create({"init", "offline"}, "ana", Role::admin));
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(house.credentials().add(kAna, bearer(name)));
  ASSERT_TRUE(house.credentials().revoke({"bob", ""}, "b"));
  const std::pair<AuditFilter, std::vector<std::uint64_t>> cases[] = {
      {records_of(1, 100, "", "", ""), {1, 2, 3, 4, 5}},
      {records_of(1, 2, "", "", ""), {1, 2}},
      {records_of(4, 100, "", "", ""), {4, 5}},
      {records_of(1, 100, "ana", "", ""), {2, 3, 4}},
      {records_of(1, 100, "", "credential.", ""), {2, 3, 4, 5}},
      {records_of(1, 100, "", "credential.revoke", ""), {5}},
      {records_of(1, 100, "", "", "b"), {3, 5}},
      {records_of(4, 1, "bob", "credential.", "b"), {5}},
      {records_of(1, 100, "nobody", "", ""), {}},
  };
  for (const auto& [wanted, expected] : cases) {
    Result<std::vector<AuditRecord>> records = house.authority().audit().list(wanted);
    ASSERT_TRUE(records);
    std::vector<std::uint64_t> numbers;
    for (const AuditRecord& record : *records) numbers.push_back(record.number);
    EXPECT_EQ(numbers, expected);
  }
}

TEST(Audit, ShowsAStoreThatWasReplacedUnderIt) {
  House house;
  ASSERT_TRUE(house.users().create(kAna, "ana", Role::admin));
  const StoredState older = house.store.state();
  ASSERT_TRUE(house.users().create(kAna, "bob", Role::viewer));
  house.store.state().users[1].role = Role::admin;
  EXPECT_EQ(code_of(house.authority().audit().verify()), "store-damaged");
  house.store.state() = older;
  EXPECT_EQ(code_of(house.authority().audit().verify()), "store-damaged");
}

// --- What must be done once ---

AuditEvent event_of(const std::string& once) {
  Actor actor = kAna;
  actor.once = once;
  actor.asked = "a thing";
  return {actor, "thing.make", once, ""};
}

TEST(Audit, RemembersForADayWhatWasDoneAlsoAfterARestart) {
  for (const bool restarts : {false, true}) {
    House house;
    const auto make = [&](const char* once) {
      EXPECT_TRUE(house.authority().audit().commit(event_of(once), {}));
    };
    const auto is_done = [&](const char* once) {
      return house.authority().audit().done_before(once).has_value();
    };
    make("old");
    house.clock.advance(Milliseconds(1));
    make("edge");
    make("retracted");
    EXPECT_TRUE(is_done("retracted"));
    ASSERT_TRUE(house.authority().audit().retract(event_of("retracted"), "overloaded"));
    EXPECT_FALSE(is_done("retracted"));
    if (restarts) house.reopen();
    EXPECT_FALSE(is_done("retracted"));
    EXPECT_EQ(house.authority().audit().once_marks(), 3U);
    make("next");
    EXPECT_EQ(house.authority().audit().once_marks(), 3U) << "the retracted one is gone";
    house.clock.advance(std::chrono::hours(24));
    EXPECT_FALSE(is_done("old"));
    EXPECT_TRUE(is_done("edge"));
    make("new");
    EXPECT_EQ(house.authority().audit().once_marks(), 3U) << "the old one is gone";
    EXPECT_EQ(house.store.state().once_marks.size(), 3U);
    for (const char* once : {"edge", "next", "new"}) EXPECT_TRUE(is_done(once)) << once;
  }
}

TEST(OnceMarks, TakesOldOnesAwayWithoutALookAtTheOthers) {
  const WallTime start{std::chrono::hours(1)};
  OnceMarks marks;
  const auto put = [&](int i, WallTime at) {
    marks.put({std::to_string(i), "asked", "thing.make", "made", at});
  };
  for (int i = 0; i < 1000; ++i) put(i, start + Milliseconds(i / 2));
  EXPECT_EQ(marks.erase_before(start), 1U);
  EXPECT_EQ(marks.size(), 1000U);
  EXPECT_EQ(marks.erase_before(start + Milliseconds(2)), 5U);
  EXPECT_EQ(marks.size(), 996U);
  EXPECT_EQ(marks.find("3"), nullptr);
  // The time of the last one of a request counts.
  put(4, start + Milliseconds(900));
  EXPECT_EQ(marks.erase_before(start + Milliseconds(3)), 2U);
  EXPECT_EQ(marks.find("5"), nullptr);
  ASSERT_NE(marks.find("4"), nullptr);
  put(999, WallTime{});
  EXPECT_EQ(marks.size(), 995U);
  EXPECT_EQ(marks.erase_before(start), 2U);
  EXPECT_EQ(marks.find("999"), nullptr);
  EXPECT_EQ(marks.erase_before(start + Milliseconds(900)), 994U);
  ASSERT_NE(marks.find("4"), nullptr);
  EXPECT_EQ(marks.size(), 1U);
}

}  // namespace
}  // namespace stepwell::auth
