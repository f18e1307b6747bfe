// The wall clock set back and forth by an hour and by a day, in every state of keys and
// credentials, with restarts between: nothing is used after its expiry, nothing comes back.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

enum class What { key, credential, linked };
enum class State { active, expired, disabled, rejected, revoked, deleted };
constexpr const char* kWhat[] = {"key", "credential", "linked credential"};
constexpr const char* kState[] = {"active",   "expired", "disabled",
                                  "rejected", "revoked", "deleted"};

struct Tally {
  int cases = 0;
  int observations = 0;
  int granted = 0;
  int late = 0;     // granted when its time was over, or in a state that allows nothing
  int revived = 0;  // granted after it was refused
  int denied = 0;   // refused although nothing but the clock's being set back speaks against it
};

// One key or credential in one state, and what is said of it while the clock jumps.
class Subject {
 public:
  Subject(What what, State state) : what_(what), state_(state) {
    EXPECT_TRUE(house.users().create({"init", ""}, "ana", Role::admin));
    expires_at_ = house.clock.now() + hours(2);
    if (what_ != What::credential) {
      Result<IssuedKey> issued = house.keys().create(kAna, {"ci", "ana", {}, expires_at_});
      EXPECT_TRUE(issued);
      id_ = issued->key.id;
      text_ = std::string(issued->secret.reveal());
    }
    if (what_ != What::key) {
      NewCredential credential = bearer("crm-key", text_.empty() ? "tok-0123456789" : text_);
      if (what_ == What::credential) credential.expires_at = expires_at_;
      EXPECT_TRUE(house.credentials().add(kAna, std::move(credential)));
    }
    bring_about();
  }

  bool allows() {
    if (what_ == What::key) return house.keys().verify("Api-Key " + text_).has_value();
    const Result<Grant> grant = house.gate().authorize(use_of("crm-key"));
    return grant && asked(*grant->guard) == "granted";
  }
  void observe(Tally& tally, const std::string& where) {
    const bool allowed = allows();
    ++tally.observations;
    tally.granted += allowed ? 1 : 0;
    const bool over = state_ != State::active || house.clock.steady_now() >= end_;
    forward_ = std::max(forward_, house.clock.now());
    if (allowed && over) {
      ++tally.late;
      ADD_FAILURE() << where << ": used after its end";
    }
    if (allowed && refused_) {
      ++tally.revived;
      ADD_FAILURE() << where << ": it came back";
    }
    if (!allowed && !over && forward_ < expires_at_) {
      ++tally.denied;
      ADD_FAILURE() << where << ": refused without a reason";
    }
    refused_ = refused_ || !allowed;
  }
  void jump(hours by) { house.clock.set_wall(house.clock.now() + by); }
  void go_on(minutes by) {
    house.clock.advance(by);
    house.authority().maintain();
  }

  House house;

 private:
  void bring_about() {
    end_ = house.clock.steady_now() + hours(2);
    Credentials& credentials = house.credentials();
    switch (state_) {
      case State::active:
        break;
      case State::expired:
        // A second after it, as the daemon has it, which calls maintain() once a second.
        house.clock.advance(hours(2));
        house.authority().maintain();
        house.clock.advance(Milliseconds(1'000));
        house.authority().maintain();
        break;
      case State::disabled:
        if (what_ == What::key)
          EXPECT_TRUE(house.keys().set_expiry(kAna, id_, house.clock.now()));
        else
          EXPECT_TRUE(credentials.disable(kAna, "crm-key"));
        break;
      case State::rejected:
        if (what_ == What::key)
          EXPECT_TRUE(house.keys().set_expiry(kAna, id_, house.clock.now() - hours(1)));
        else
          house.reject("crm-key");
        house.authority().maintain();
        break;
      case State::revoked:
        if (what_ == What::credential)
          EXPECT_TRUE(credentials.revoke(kAna, "crm-key"));
        else
          EXPECT_TRUE(house.keys().revoke(kAna, id_));
        break;
      case State::deleted:
        if (what_ == What::credential)
          EXPECT_TRUE(credentials.remove(kAna, "crm-key"));
        else
          EXPECT_TRUE(house.keys().remove(kAna, id_));
        break;
    }
  }

  const What what_;
  const State state_;
  std::string id_;
  std::string text_;
  WallTime expires_at_;
  SteadyTime end_;
  WallTime forward_;  // the latest that the wall clock has shown
  bool refused_ = false;
};

std::string named(What what, State state, bool reopen, bool before, bool after, hours first,
                  hours second) {
  return std::string(kWhat[static_cast<int>(what)]) + ", " + kState[static_cast<int>(state)] +
         (reopen ? ", restarts" : "") + (before ? ", maintained before" : "") +
         (after ? ", maintained after" : "") + ", " + std::to_string(first.count()) + " h, " +
         std::to_string(second.count()) + " h";
}

void run(What what, State state, bool reopen, bool before, bool after, hours first, hours second,
         Tally& tally) {
  const std::string where = named(what, state, reopen, before, after, first, second);
  ++tally.cases;
  Subject subject(what, state);
  subject.observe(tally, where);
  for (const hours by : {first, second}) {
    if (before) subject.house.authority().maintain();
    subject.jump(by);
    if (after) subject.house.authority().maintain();
    subject.observe(tally, where);
    if (reopen) {
      // It was running a moment before: that is when the mark is written.
      subject.house.authority().maintain();
      subject.house.reopen();
      subject.observe(tally, where);
    }
    subject.go_on(minutes(10));
    subject.observe(tally, where);
  }
  subject.go_on(minutes(100));  // two hours in all
  subject.observe(tally, where);
  if (reopen) {
    subject.house.reopen();
    subject.observe(tally, where);
  }
}

TEST(ClockStates, NothingIsUsedAfterItsEndAndNothingComesBack) {
  Tally tally;
  const hours jumps[] = {hours(-24), hours(-1), hours(1), hours(24)};
  for (const What what : {What::key, What::credential, What::linked})
    for (const State state : {State::active, State::expired, State::disabled, State::rejected,
                              State::revoked, State::deleted})
      for (const bool reopen : {false, true})
        for (const bool before : {false, true})
          for (const bool after : {false, true})
            for (const hours first : jumps)
              for (const hours second : jumps)
                run(what, state, reopen, before, after, first, second, tally);
  EXPECT_EQ(tally.cases, 3 * 6 * 2 * 2 * 2 * 4 * 4);
  EXPECT_EQ(tally.late, 0);
  EXPECT_EQ(tally.revived, 0);
  EXPECT_EQ(tally.denied, 0);
  EXPECT_GT(tally.granted, 1'000) << "else this test has seen nothing";
  RecordProperty("observations", tally.observations);
}

// The mark is not written every second, but an expiry is a reason to.
TEST(ClockStates, AnExpiryOutlastsARestartAlthoughTheMarkIsYoung) {
  for (const bool key : {false, true}) {
    House house;
    ASSERT_TRUE(house.users().create({"init", ""}, "ana", Role::admin));
    const WallTime soon = house.clock.now() + Milliseconds(5'000);
    Result<IssuedKey> issued = house.keys().create(kAna, {"ci", "ana", {}, soon});
    NewCredential credential = bearer("crm-key");
    credential.expires_at = soon;
    if (!key) {
      ASSERT_TRUE(house.keys().remove(kAna, issued->key.id));
      ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    }
    const auto answer = [&] {
      return key ? code_of(house.keys().check(issued->key.id))
                 : code_of(house.gate().authorize(use_of("crm-key")));
    };
    house.clock.advance(Milliseconds(4'999));
    house.authority().maintain();
    EXPECT_EQ(answer(), "granted");
    const int commits = house.store.commits();
    house.clock.advance(Milliseconds(1));
    house.authority().maintain();
    EXPECT_EQ(house.store.commits(), commits + 1);
    house.authority().maintain();
    EXPECT_EQ(house.store.commits(), commits + 1) << "once";
    house.clock.set_wall(house.clock.now() - hours(1));
    house.reopen();
    EXPECT_EQ(answer(), key ? "key-expired" : "credential-expired");
  }
}

TEST(ClockStates, AnExpiryThatCouldNotBeMarkedIsTriedAgain) {
  House house;
  NewCredential credential = bearer("crm-key");
  credential.expires_at = house.clock.now() + Milliseconds(5'000);
  ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
  house.clock.advance(Milliseconds(6'000));
  house.store.set_failing(true);
  house.authority().maintain();
  house.store.set_failing(false);
  house.authority().maintain();
  house.clock.set_wall(house.clock.now() - hours(1));
  house.reopen();
  EXPECT_EQ(code_of(house.gate().authorize(use_of("crm-key"))), "credential-expired");
}

}  // namespace
}  // namespace stepwell::auth
