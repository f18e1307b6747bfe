// After a rejection: one request tries whether the credential works again, the others wait.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "auth/guard.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

// One who waits: how often was it woken, and with what?
struct Waiter {
  std::mutex mutex;
  std::condition_variable woken;
  int times = 0;  // guarded by mutex
  std::string last;

  void wake(const Status& status) {
    const std::scoped_lock lock(mutex);
    ++times;
    last = code_of(status);
    woken.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    woken.wait(lock, [this] { return times > 0; });
  }
};

class ProbeTest : public testing::Test {
 protected:
  ProbeTest() { EXPECT_TRUE(house.credentials().add(kAna, bearer("crm-key"))); }

  void reject_and_enable() {
    if (house.gate().find("crm-key")->state == CredentialState::active) house.reject("crm-key");
    ASSERT_TRUE(house.credentials().enable(kAna, "crm-key"));
  }
  // "turn", "pending", "granted" or the refusal's code; the grant stays in `grant`.
  std::string ask(Grant& grant, const std::shared_ptr<Waiter>& waiter = nullptr) {
    Result<Grant> asked = house.gate().authorize(use_of("crm-key"), [waiter](const Status& status) {
      if (waiter) waiter->wake(status);
    });
    if (!asked) return asked.error().code;
    grant = std::move(*asked);
    if (grant.pending()) return "pending";
    return grant.turn && grant.permits->probe().under_way() ? "turn" : "granted";
  }
  std::string ask() {
    Grant grant;
    return ask(grant);
  }
  std::string ask_and_wait(const std::shared_ptr<Waiter>& waiter) {
    Grant grant;
    return ask(grant, waiter);
  }
  int times(const std::shared_ptr<Waiter>& waiter) { return waiter->times; }

  House house;
  Grant first;
  std::shared_ptr<Waiter> a = std::make_shared<Waiter>();
  std::shared_ptr<Waiter> b = std::make_shared<Waiter>();
  std::shared_ptr<Waiter> c = std::make_shared<Waiter>();
};

TEST_F(ProbeTest, IsNotUnderWayForOneThatWasNeverRejected) {
  EXPECT_EQ(ask(first, a), "granted");
  ASSERT_TRUE(house.credentials().disable(kAna, "crm-key"));
  ASSERT_TRUE(house.credentials().enable(kAna, "crm-key"));
  EXPECT_EQ(ask(), "granted");
  EXPECT_EQ(times(a), 0);
}

TEST_F(ProbeTest, LetsEverybodyPassAfterTheFirstSuccess) {
  for (const int status : {200, 204, 304}) {
    reject_and_enable();
    for (const auto& waiter : {a, b, c}) waiter->times = 0;
    EXPECT_EQ(ask(first, a), "turn");
    EXPECT_EQ(asked(*first.guard), "granted");
    EXPECT_EQ(ask_and_wait(b), "pending");
    EXPECT_EQ(ask_and_wait(c), "pending");
    EXPECT_EQ(times(b) + times(c), 0);
    house.gate().note_upstream_result(first, status);
    EXPECT_EQ(times(a), 0) << "it had its grant";
    EXPECT_EQ(times(b), 1);
    EXPECT_EQ(times(c), 1);
    EXPECT_EQ(b->last, "granted");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(), "granted");
    first = {};
    EXPECT_EQ(times(b) + times(c), 2);
    // From here on it takes three again.
    Grant later;
    ASSERT_EQ(ask(later), "granted");
    for (int i = 0; i < 2; ++i) house.gate().note_upstream_result(later, 401);
    EXPECT_EQ(ask(), "granted");
    house.gate().note_upstream_result(later, 200);
  }
}

TEST_F(ProbeTest, RejectsAtTheFirstRefusalAndTellsAllWhoWait) {
  for (const int status : {401, 407}) {
    reject_and_enable();
    for (const auto& waiter : {a, b, c}) waiter->times = 0;
    EXPECT_EQ(ask(first, a), "turn");
    EXPECT_EQ(ask_and_wait(b), "pending");
    EXPECT_EQ(ask_and_wait(c), "pending");
    house.gate().note_upstream_result(first, status);
    EXPECT_EQ(times(a), 0);
    EXPECT_EQ(times(b), 1);
    EXPECT_EQ(times(c), 1);
    EXPECT_EQ(ask(), "credential-rejected");
    EXPECT_EQ(asked(*first.guard), "credential-rejected");
    first = {};
    EXPECT_EQ(times(b) + times(c), 2);
  }
  house.authority().maintain();
  EXPECT_EQ(house.store.audit_records().back().action, "credential.reject");
  house.reopen();
  EXPECT_EQ(ask(), "credential-rejected");
}

TEST_F(ProbeTest, GoesOnAfterAnAnswerThatSaysNothing) {
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  for (const int status : {403, 404, 429, 500, 503})
    house.gate().note_upstream_result(first, status);
  EXPECT_EQ(ask_and_wait(b), "pending");
  first = {};
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(ask(first), "turn");
}

TEST_F(ProbeTest, GivesATurnWithoutVerdictToTheNext) {
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  Grant copy = first;
  EXPECT_EQ(ask_and_wait(b), "pending");
  first = {};
  EXPECT_EQ(times(b), 0) << "a copy of the grant still has it";
  copy = {};
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(ask(first, b), "turn");
  EXPECT_EQ(ask_and_wait(c), "pending");
  house.gate().note_upstream_result(first, 200);
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(times(c), 1);
}

TEST_F(ProbeTest, IsNotHeldUpByThoseWhoHaveGoneAway) {
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  // Cancelled meanwhile: they do not ask again when they are woken.
  for (const auto& waiter : {a, b}) EXPECT_EQ(ask_and_wait(waiter), "pending");
  first = {};
  EXPECT_EQ(times(a) + times(b), 2);
  EXPECT_EQ(ask(first, c), "turn");
  house.gate().note_upstream_result(first, 200);
  EXPECT_EQ(ask(), "granted");
  EXPECT_EQ(times(a) + times(b), 2);
}

TEST_F(ProbeTest, MayBeAskedAgainFromWithinTheWake) {
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  std::vector<std::string> answers;
  std::vector<Grant> grants(3);
  std::function<void(std::size_t)> go = [&](std::size_t i) {
    Result<Grant> grant = house.gate().authorize(use_of("crm-key"), [&, i](const Status& status) {
      EXPECT_TRUE(status);
      go(i);
    });
    ASSERT_TRUE(grant);
    if (grant->pending()) return;
    grants[i] = std::move(*grant);
    answers.push_back(std::to_string(i));
  };
  for (std::size_t i = 0; i < 3; ++i) go(i);
  EXPECT_TRUE(answers.empty());
  first = {};
  EXPECT_EQ(answers, std::vector<std::string>{"0"});
  grants[0] = {};
  EXPECT_EQ(answers, (std::vector<std::string>{"0", "1"}));
  house.gate().note_upstream_result(grants[1], 200);
  EXPECT_EQ(answers, (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(ProbeTest, AlsoTriesANewVersionOfWhatWasRejected) {
  house.reject("crm-key");
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-second")));
  EXPECT_EQ(ask(first), "turn");
  EXPECT_EQ(line_of(first), "Authorization: Bearer tok-second");
  EXPECT_EQ(ask_and_wait(b), "pending");
  house.gate().note_upstream_result(first, 401);
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(ask(), "credential-rejected");
  ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", rotation_to("tok-third")));
  EXPECT_EQ(ask(first), "turn");
  house.gate().note_upstream_result(first, 200);
  EXPECT_EQ(ask(), "granted");
}

TEST_F(ProbeTest, TellsThoseWhoWaitOfEveryOtherEnd) {
  struct Row {
    const char* code;
    std::function<void(House&)> happens;
  };
  const Row rows[] = {
      {"credential-disabled",
       [](House& h) { ASSERT_TRUE(h.credentials().disable(kAna, "crm-key")); }},
      {"credential-revoked",
       [](House& h) { ASSERT_TRUE(h.credentials().revoke(kAna, "crm-key")); }},
      {"credential-deleted",
       [](House& h) { ASSERT_TRUE(h.credentials().remove(kAna, "crm-key")); }},
      {"granted",
       [](House& h) {
         ASSERT_TRUE(h.credentials().rotate(kAna, "crm-key", rotation_to("tok-second")));
       }},
  };
  for (const Row& row : rows) {
    House other;
    ASSERT_TRUE(other.credentials().add(kAna, bearer("crm-key")));
    other.reject("crm-key");
    ASSERT_TRUE(other.credentials().enable(kAna, "crm-key"));
    Grant turn = other.granted("crm-key");
    const auto waiter = std::make_shared<Waiter>();
    Result<Grant> waiting = other.gate().authorize(
        use_of("crm-key"), [&](const Status& status) { waiter->wake(status); });
    ASSERT_TRUE(waiting && waiting->pending());
    row.happens(other);
    EXPECT_EQ(waiter->times, 1) << row.code;
    EXPECT_EQ(code_of(other.gate().authorize(use_of("crm-key"))), row.code);
    turn = {};
    EXPECT_EQ(waiter->times, 1) << row.code;
  }
}

TEST_F(ProbeTest, EndsForThoseWhoWaitWhenTheTurnMeetsTheExpiry) {
  ASSERT_TRUE(
      house.credentials().set_expiry(kAna, "crm-key", house.clock.now() + Milliseconds(1'000)));
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  EXPECT_EQ(ask_and_wait(b), "pending");
  house.clock.advance(Milliseconds(1'000));
  EXPECT_EQ(asked(*first.guard), "credential-expired");
  first = {};
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(ask(), "credential-expired");
}

// Rejected and enabled twice, while the first turn's request is not over yet.
TEST_F(ProbeTest, IsNotTakenForFreeWhenATurnOfAnEarlierRoundEnds) {
  reject_and_enable();
  EXPECT_EQ(ask(first), "turn");
  house.gate().note_upstream_result(first, 401);
  ASSERT_TRUE(house.credentials().enable(kAna, "crm-key"));
  Grant second;
  EXPECT_EQ(ask(second), "turn");
  EXPECT_EQ(ask_and_wait(b), "pending");
  first = {};
  EXPECT_EQ(times(b), 0);
  EXPECT_EQ(ask_and_wait(c), "pending") << "one request at a time";
  second = {};
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(times(c), 1);
}

// Sent before the rejection, answered after it was lifted: nobody has tried the mended one yet.
TEST_F(ProbeTest, IsNotLostToALateRefusalFromBeforeIt) {
  Grant old;
  EXPECT_EQ(ask(old), "granted");
  reject_and_enable();
  house.gate().note_upstream_result(old, 401);
  EXPECT_EQ(ask(first), "turn");
  EXPECT_EQ(ask_and_wait(b), "pending");
  for (int i = 0; i < 3; ++i) house.gate().note_upstream_result(old, 401);
  EXPECT_EQ(times(b), 0);
  house.gate().note_upstream_result(first, 200);
  EXPECT_EQ(times(b), 1);
  EXPECT_EQ(ask(), "granted");
}

TEST_F(ProbeTest, WaitsForATokenAsWell) {
  std::vector<std::unique_ptr<http::Exchange>> pending;
  Gate::Connections connections;
  connections.submit = [&](std::unique_ptr<http::Exchange> exchange) {
    pending.push_back(std::move(exchange));
  };
  house.gate().connect(std::move(connections));
  ASSERT_TRUE(house.credentials().add(kAna, of_kind(CredentialKind::oauth2, "token-key")));
  const auto answer = [&](const char* token) {
    ASSERT_EQ(pending.size(), 1U);
    http::Response response;
    response.status = 200;
    response.body = std::string(R"({"access_token":")") + token +
                    R"(","token_type":"Bearer","expires_in":3600})";
    const std::unique_ptr<http::Exchange> exchange = std::move(pending.front());
    pending.clear();
    exchange->complete({std::move(response), http::Sent::yes});
  };
  // Nobody to be woken: it is enough not to fall over.
  EXPECT_TRUE(house.gate().authorize(use_of("token-key"))->pending());
  answer("at-1");
  house.reject("token-key");
  ASSERT_TRUE(house.credentials().rotate(kAna, "token-key", [] {
    Rotation rotation;
    rotation.value = of_kind(CredentialKind::oauth2).value;
    return rotation;
  }()));
  const auto ask_token = [&](Grant& grant, const std::shared_ptr<Waiter>& waiter) {
    Result<Grant> asked = house.gate().authorize(
        use_of("token-key"), [waiter](const Status& status) { waiter->wake(status); });
    EXPECT_TRUE(asked);
    if (asked) grant = std::move(*asked);
    return grant.pending();
  };
  Grant other;
  EXPECT_TRUE(ask_token(first, a));  // it has the turn, and waits for the token
  EXPECT_TRUE(ask_token(other, b));
  other = {};
  first = {};
  EXPECT_EQ(times(a), 0);
  EXPECT_EQ(times(b), 1) << "the turn is free";
  answer("at-2");
  EXPECT_EQ(times(a), 1);
  EXPECT_FALSE(ask_token(first, a));
  EXPECT_TRUE(ask_token(other, b));
  EXPECT_EQ(line_of(first), "Authorization: Bearer at-2");
  house.gate().note_upstream_result(first, 200);
  EXPECT_EQ(times(b), 2);
  EXPECT_FALSE(ask_token(other, b));
  EXPECT_EQ(times(a), 1);
  house.gate().connect({});
}

// Many at once, each round after a new rejection: whoever has the turn brings a success, a refusal
// or nothing, as the dice say.
TEST_F(ProbeTest, WakesEveryoneOnceUnderLoad) {
  constexpr int kThreads = 32;
  constexpr int kRounds = 1'000;
  struct Worker {
    std::vector<std::shared_ptr<Waiter>> waiters;  // those that had to wait
    int passed = 0;
    int refused = 0;
  };
  std::vector<Worker> workers(kThreads);
  std::atomic<int> in_turn{0};
  std::atomic<int> crowded{0};
  std::atomic<int> turns{0};
  std::atomic<int> odd{0};
  std::atomic<unsigned> dice{1};
  const auto work = [&](Worker& worker) {
    for (;;) {
      const auto waiter = std::make_shared<Waiter>();
      Result<Grant> grant = house.gate().authorize(
          use_of("crm-key"), [waiter](const Status& status) { waiter->wake(status); });
      if (!grant) {
        if (grant.error().code != "credential-rejected") ++odd;
        ++worker.refused;
        return;
      }
      if (grant->pending()) {
        worker.waiters.push_back(waiter);
        waiter->wait();
        continue;
      }
      if (!grant->permits->probe().under_way()) {
        // The verdict may have come between judging and granting: the guard knows.
        if (asked(*grant->guard) != "granted") continue;
        ++worker.passed;
        return;
      }
      ++turns;
      if (++in_turn != 1) ++crowded;
      std::this_thread::yield();
      const unsigned throw_of = (dice += 2'654'435'761U) >> 16U;
      --in_turn;
      if (throw_of % 4 >= 2) continue;  // without a verdict
      const bool success = throw_of % 4 == 0;
      house.gate().note_upstream_result(*grant, success ? 200 : 401);
      ++(success ? worker.passed : worker.refused);
      return;
    }
  };
  std::barrier begin(kThreads + 1);
  std::barrier end(kThreads + 1);
  std::vector<std::jthread> threads;
  for (Worker& worker : workers) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        begin.arrive_and_wait();
        work(worker);
        end.arrive_and_wait();
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    if (house.gate().find("crm-key")->state == CredentialState::active) house.reject("crm-key");
    EXPECT_TRUE(house.credentials().enable(kAna, "crm-key"));
    for (Worker& worker : workers) worker = {};
    begin.arrive_and_wait();
    end.arrive_and_wait();
    int passed = 0;
    int refused = 0;
    for (const Worker& worker : workers) {
      passed += worker.passed;
      refused += worker.refused;
      for (const auto& waiter : worker.waiters) {
        const std::scoped_lock lock(waiter->mutex);
        EXPECT_EQ(waiter->times, 1);
      }
    }
    // What the turn brought holds for all.
    EXPECT_EQ(passed + refused, kThreads);
    EXPECT_TRUE(passed == kThreads || refused == kThreads) << passed << ", " << refused;
  }
  threads.clear();
  EXPECT_EQ(crowded, 0);
  EXPECT_EQ(odd, 0);
  EXPECT_GE(turns, kRounds);
}

}  // namespace
}  // namespace stepwell::auth
