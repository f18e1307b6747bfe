// Revocation against requests that are under way.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

TEST(Revoke, LetsNoPermitThroughAfterItHasReturned) {
  for (int round = 0; round < 20; ++round) {
    House house(Milliseconds(60'000));  // a sender may be off the processor for long
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    const Grant grant = house.granted("crm-key");
    std::atomic<bool> returned = false;
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> before = 0;
    std::atomic<int> after = 0;
    std::vector<std::thread> senders;
    for (int i = 0; i < 4; ++i) {
      senders.emplace_back([&] {
        while (!stop) {
          const bool late = returned;
          if (!grant.guard->acquire()) continue;
          if (late) ++after;
          ++before;
          grant.guard->written();
        }
      });
    }
    while (before < 100 * (round + 1)) std::this_thread::yield();
    Result<Credential> revoked = house.credentials().revoke(kAna, "crm-key");
    const std::int64_t at_return = before;
    returned = true;
    EXPECT_TRUE(revoked);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(grant.guard->acquire());
    stop = true;
    for (std::thread& sender : senders) sender.join();
    EXPECT_EQ(after, 0);
    EXPECT_EQ(before, at_return);
  }
}

TEST(Revoke, WaitsForRequestsThatAreBeingWritten) {
  House house(Milliseconds(60'000));  // a limit that this test does not reach
  std::atomic<int> aborted = 0;
  house.gate().connect({[&](const std::string&) { ++aborted; }, {}, {}, {}});
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  ASSERT_TRUE(grant.guard->acquire());
  std::future<bool> revoked = std::async(
      std::launch::async, [&] { return house.credentials().revoke(kAna, "crm-key").has_value(); });
  // Memory denies while the revocation is still waiting.
  while (code_of(grant.guard->acquire()) == "granted") grant.guard->written();
  EXPECT_EQ(revoked.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
  EXPECT_EQ(aborted, 0);
  grant.guard->written();
  EXPECT_TRUE(revoked.get());
  EXPECT_EQ(aborted, 1) << "for what only the kernel still holds";
}

TEST(Revoke, CutsOffWhatIsStillBeingWrittenAfterTheLimit) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant old = house.granted("crm-key");
  ASSERT_TRUE(old.guard->acquire());
  // Also requests of an earlier version carry the key.
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-new-1")));
  const Grant current = house.granted("crm-key");
  ASSERT_TRUE(current.guard->acquire());
  std::vector<std::string> aborted;
  house.gate().connect({[&](const std::string& pool) {
                          aborted.push_back(pool);
                          (pool == old.pool ? old : current).guard->written();
                        },
                        {},
                        {},
                        {}});
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  EXPECT_EQ(aborted, (std::vector<std::string>{old.pool, current.pool}));
  EXPECT_EQ(code_of(old.guard->acquire()), "credential-revoked");
}

TEST(Revoke, SaysSoWhenAPermitDoesNotComeBack) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  ASSERT_TRUE(grant.guard->acquire());
  Result<Credential> revoked = house.credentials().revoke(kAna, "crm-key");
  ASSERT_FALSE(revoked);
  EXPECT_EQ(revoked.error().code, "revocation-incomplete");
  EXPECT_EQ(revoked.error().status, 503);
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
  grant.guard->written();
  EXPECT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  house.reopen();
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
}

TEST(Revoke, KeepsDenyingWhenTheCommitFails) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  const Grant grant = house.granted("crm-key");
  house.store.set_failing(true);
  Result<Credential> revoked = house.credentials().revoke(kAna, "crm-key");
  ASSERT_FALSE(revoked);
  EXPECT_EQ(revoked.error().code, "disk-full");
  EXPECT_NE(revoked.error().detail.find("is denied by this process"), std::string::npos);
  EXPECT_EQ(code_of(grant.guard->acquire()), "credential-revoked");
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
  // Nothing brings it back, and the call may be repeated.
  house.store.set_failing(false);
  EXPECT_EQ(code_of(house.credentials().enable(kAna, "crm-key")), "credential-final");
  EXPECT_EQ(code_of(house.credentials().add(kAna, bearer("crm-key"))), "credential-exists");
  Result<Credential> again = house.credentials().revoke({"bob", ""}, "crm-key");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->changed_by, "ana");
  house.reopen();
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
}

TEST(Revoke, OfWhatIsRevokedAlreadyChangesNothing) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  const int commits = house.store.commits();
  Result<Credential> again = house.credentials().revoke({"bob", ""}, "crm-key");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->changed_by, "ana");
  EXPECT_EQ(house.store.commits(), commits);
}

TEST(Revoke, WinsAgainstRotationsAtTheSameTime) {
  for (int round = 0; round < 20; ++round) {
    House house;
    ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
    std::thread rotating([&] {
      for (int i = 0; i < 20; ++i) {
        Result<Credential> rotated =
            house.credentials().rotate(kAna, "crm-key", rotation_to("token-" + std::to_string(i)));
        if (!rotated) break;
      }
    });
    EXPECT_TRUE(house.credentials().revoke(kAna, "crm-key"));
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
    rotating.join();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
    house.reopen();
    EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-revoked");
  }
}

TEST(Revoke, IsCounted) {
  House house;
  ASSERT_TRUE(house.credentials().add(kAna, bearer("crm-key")));
  ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key"));
  const std::string text = house.metrics->text();
  EXPECT_NE(text.find("stepwell_revocations_total{kind=\"credential\"} 1"), std::string::npos);
  EXPECT_NE(text.find("stepwell_revocation_duration_seconds_count 1"), std::string::npos);
  EXPECT_NE(text.find("stepwell_credentials{state=\"revoked\"} 1"), std::string::npos);
  EXPECT_NE(text.find("stepwell_credentials{state=\"active\"} 0"), std::string::npos);
}

}  // namespace
}  // namespace stepwell::auth
