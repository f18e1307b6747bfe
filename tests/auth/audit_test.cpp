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

}  // namespace
}  // namespace stepwell::auth
