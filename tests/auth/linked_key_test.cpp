// Credentials that hold one of our own API keys share its fate.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "base/json.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

class LinkedKeyTest : public testing::Test {
 protected:
  explicit LinkedKeyTest(Milliseconds drain_limit = Milliseconds(20)) : house(drain_limit) {
    EXPECT_TRUE(house.users().create({"init", ""}, "ana", Role::admin));
    EXPECT_TRUE(house.users().create(kAna, "deploy", Role::operator_));
    issue();
  }

  void issue() {
    Result<IssuedKey> issued =
        house.keys().create(kAna, {"self", "deploy", {}, house.clock.now() + hours(1)});
    ASSERT_TRUE(issued);
    id = issued->key.id;
    text = std::string(issued->secret.reveal());
  }
  void add_linked() { ASSERT_TRUE(house.credentials().add(kAna, bearer("self", text))); }
  std::string authorize(const char* name = "self") {
    return code_of(house.gate().authorize(use_of(name)));
  }

  House house;
  std::string id;
  std::string text;
};

TEST_F(LinkedKeyTest, TiesACredentialThatHoldsTheKey) {
  NewCredential by_prefix = of_kind(CredentialKind::api_key, "by-prefix");
  by_prefix.header.clear();
  by_prefix.prefix = "Api-Key";
  by_prefix.value = value_of(text);
  NewCredential by_header = of_kind(CredentialKind::api_key, "by-header");
  by_header.value = value_of(text);
  add_linked();
  ASSERT_TRUE(house.credentials().add(kAna, std::move(by_prefix)));
  ASSERT_TRUE(house.credentials().add(kAna, std::move(by_header)));
  for (const char* name : {"self", "by-prefix", "by-header"}) {
    EXPECT_EQ(house.credentials().find(name)->linked_key, id) << name;
    EXPECT_EQ(describe(*house.credentials().find(name), house.clock.now()).get("linkedKey"),
              Value(id));
  }
  NewCredential inside = of_kind(CredentialKind::api_key, "inside");
  inside.value = value_of("Api-Key " + text);
  NewCredential password = of_kind(CredentialKind::basic, "password");
  password.value = value_of(text, "svc");
  ASSERT_TRUE(house.credentials().add(kAna, std::move(inside)));
  ASSERT_TRUE(house.credentials().add(kAna, std::move(password)));
  for (const char* name : {"inside", "password"})
    EXPECT_EQ(house.credentials().find(name)->linked_key, id) << name;
  house.reopen();
  for (const char* name : {"self", "by-prefix", "by-header"})
    EXPECT_EQ(house.credentials().find(name)->linked_key, id) << name;
}

TEST_F(LinkedKeyTest, DoesNotTieOthers) {
  test::FakeEntropy other(99);
  const std::string stranger(generate_key(other).reveal());
  ASSERT_TRUE(house.credentials().add(kAna, bearer("stranger", stranger)));
  ASSERT_TRUE(house.credentials().add(kAna, bearer("plain")));
  for (const char* name : {"stranger", "plain"}) {
    EXPECT_EQ(house.credentials().find(name)->linked_key, "") << name;
    EXPECT_FALSE(
        describe(*house.credentials().find(name), house.clock.now()).contains("linkedKey"));
  }
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  for (const char* name : {"stranger", "plain"}) EXPECT_EQ(authorize(name), "granted");
}

struct Fate {
  const char* code;
  const char* detail;  // a part of it, besides what is common
  bool final;
  std::function<void(House&, const std::string& id)> happens;
  std::function<void(House&, const std::string& id)> mend;
};

const Fate kFates[] = {
    {"key-revoked",
     " was revoked by ana on 2025-11-21 at 14:00 UTC, which is final",
     true,
     [](House& h, const std::string& id) { ASSERT_TRUE(h.keys().revoke(kAna, id)); },
     {}},
    {"key-revoked",
     " was deleted by ana on 2025-11-21 at 14:00 UTC, which is final",
     true,
     [](House& h, const std::string& id) { ASSERT_TRUE(h.keys().remove(kAna, id)); },
     {}},
    {"key-expired", " expired on 2025-11-21 at 15:00 UTC", false,
     [](House& h, const std::string&) { h.clock.advance(hours(1)); },
     [](House& h, const std::string& id) {
       ASSERT_TRUE(h.keys().set_expiry(kAna, id, h.clock.now() + hours(1)));
     }},
    {"key-expired", " expired on 2025-11-21 at 14:00 UTC", false,
     [](House& h, const std::string& id) {
       ASSERT_TRUE(h.keys().set_expiry(kAna, id, h.clock.now()));
     },
     [](House& h, const std::string& id) {
       ASSERT_TRUE(h.keys().set_expiry(kAna, id, std::nullopt));
     }},
    {"user-deactivated", " belongs to the user deploy, who is deactivated", false,
     [](House& h, const std::string&) { ASSERT_TRUE(h.users().deactivate(kAna, "deploy")); },
     [](House& h, const std::string&) { ASSERT_TRUE(h.users().activate(kAna, "deploy")); }},
    {"user-deactivated", " belongs to the user deploy, who is deactivated", false,
     [](House& h, const std::string&) { ASSERT_TRUE(h.users().deactivate(kAna, "deploy")); },
     [](House& h, const std::string& id) { ASSERT_TRUE(h.keys().assign(kAna, id, "ana")); }},
};

TEST_F(LinkedKeyTest, IsRefusedForWhatBefallsTheKey) {
  for (const Fate& fate : kFates) {
    House other;
    ASSERT_TRUE(other.users().create({"init", ""}, "ana", Role::admin));
    ASSERT_TRUE(other.users().create(kAna, "deploy", Role::operator_));
    Result<IssuedKey> issued =
        other.keys().create(kAna, {"self", "deploy", {}, other.clock.now() + hours(1)});
    ASSERT_TRUE(issued);
    const std::string& key = issued->key.id;
    ASSERT_TRUE(other.credentials().add(kAna, bearer("self", issued->secret.reveal())));
    const Grant grant = other.granted("self");
    fate.happens(other, key);
    for (const bool last_moment : {false, true}) {
      const Status refused = last_moment ? grant.guard->acquire() : [&]() -> Status {
        Result<Grant> asked_for = other.gate().authorize(use_of("self"));
        return asked_for ? Status() : Status(fail(asked_for.error()));
      }();
      ASSERT_FALSE(refused) << fate.detail;
      const Problem& problem = refused.error();
      EXPECT_EQ(problem.code, fate.code);
      EXPECT_EQ(problem.type, error_type_uri(ErrorKind::authentication));
      EXPECT_EQ(problem.status, 401);
      EXPECT_FALSE(problem.retryable);
      EXPECT_EQ(problem.extensions.get("credential"), Value("self"));
      EXPECT_EQ(problem.extensions.get("credentialVersion"), Value(1));
      EXPECT_EQ(problem.extensions.get("key"), Value(key));
      EXPECT_TRUE(problem.detail.starts_with("credential self holds an API key of ours: API key " +
                                             key + fate.detail))
          << problem.detail;
      EXPECT_TRUE(problem.detail.ends_with(std::string(fate.final ? "; then" : "; or") +
                                           " rotate it with: stepwell credentials rotate self"))
          << problem.detail;
      EXPECT_EQ(problem.detail.find(issued->secret.reveal().substr(16)), std::string::npos);
    }
    EXPECT_NE(other.metrics->text().find("stepwell_credential_denials_total{reason=\"" +
                                         std::string(fate.code) + "\"} 2"),
              std::string::npos)
        << fate.code;
    if (fate.final) {
      EXPECT_EQ(code_of(other.keys().set_expiry(kAna, key, std::nullopt)).substr(0, 4), "key-");
      EXPECT_EQ(asked(*grant.guard), fate.code);
    } else {
      fate.mend(other, key);
      EXPECT_EQ(asked(*grant.guard), "granted") << "a grant of before works again, too";
      EXPECT_EQ(code_of(other.gate().authorize(use_of("self"))), "granted");
    }
    // The same after a restart.
    other.reopen();
    EXPECT_EQ(code_of(other.gate().authorize(use_of("self"))), fate.final ? fate.code : "granted");
  }
}

TEST_F(LinkedKeyTest, IsFreeAgainWithAnotherValue) {
  add_linked();
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  EXPECT_EQ(authorize(), "key-revoked");
  const Result<Credential> rotated =
      house.credentials().rotate(kAna, "self", rotation_to("tok-other"));
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotated->linked_key, "");
  EXPECT_EQ(authorize(), "granted");
  // And tied again with the next key of ours.
  issue();
  ASSERT_TRUE(house.credentials().rotate(kAna, "self", rotation_to(text)));
  EXPECT_EQ(house.credentials().find("self")->linked_key, id);
  EXPECT_EQ(authorize(), "granted");
  ASSERT_TRUE(house.keys().revoke(kAna, id));
  EXPECT_EQ(authorize(), "key-revoked");
}

TEST_F(LinkedKeyTest, EndsWithTheKeyAlsoWhenThatIsNotSaved) {
  add_linked();
  const Grant grant = house.granted("self");
  house.store.set_failing(true);
  EXPECT_EQ(code_of(house.keys().revoke(kAna, id)), "disk-full");
  EXPECT_EQ(authorize(), "key-revoked");
  EXPECT_EQ(asked(*grant.guard), "key-revoked");
}

TEST_F(LinkedKeyTest, LeavesEverythingAloneWhenTheKeyIsUnknown) {
  add_linked();
  ASSERT_TRUE(house.credentials().add(kAna, bearer("plain")));
  const Grant plain = house.granted("plain");
  for (const char* unknown : {"", "sw_", "sw_aaaaaaaaaaaa"}) {
    EXPECT_EQ(code_of(house.keys().revoke(kAna, unknown)), "key-unknown");
    EXPECT_EQ(code_of(house.keys().remove(kAna, unknown)), "key-unknown");
  }
  EXPECT_EQ(asked(*plain.guard), "granted");
  EXPECT_EQ(authorize("plain"), "granted");
  EXPECT_EQ(authorize(), "granted");
  EXPECT_TRUE(house.gate().deny_linked("", Problem{}).empty());
  EXPECT_EQ(authorize("plain"), "granted");
}

TEST_F(LinkedKeyTest, IsCutOffWithTheKeyWhereItSaysSo) {
  for (const OnRevoke on_revoke : {OnRevoke::finish, OnRevoke::abort}) {
    issue();
    const std::string name = "self-" + std::string(to_string(on_revoke));
    NewCredential credential = bearer(name, text);
    credential.on_revoke = on_revoke;
    ASSERT_TRUE(house.credentials().add(kAna, std::move(credential)));
    const Grant grant = house.granted(name);
    std::vector<std::string> aborted;
    Gate::Connections connections;
    connections.abort_pool = [&](const std::string& pool, const Problem& why) {
      aborted.push_back(pool + " " + why.code);
    };
    house.gate().connect(std::move(connections));
    ASSERT_TRUE(house.keys().revoke(kAna, id));
    house.gate().connect({});
    const std::vector<std::string> all{grant.pool + " key-revoked"};
    EXPECT_EQ(aborted, on_revoke == OnRevoke::abort ? all : std::vector<std::string>{});
  }
}

TEST_F(LinkedKeyTest, SaysSoWhenARequestCannotBeShownToHaveStopped) {
  for (const bool remove : {false, true}) {
    issue();
    const std::string name = remove ? "removed" : "revoked";
    ASSERT_TRUE(house.credentials().add(kAna, bearer(name, text)));
    const auto end = [&] {
      return remove ? house.keys().remove(kAna, id) : house.keys().revoke(kAna, id);
    };
    const Grant grant = house.granted(name);
    ASSERT_TRUE(grant.guard->acquire());
    const Result<ApiKey> ended = end();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, "revocation-incomplete");
    EXPECT_EQ(ended.error().status, 503);
    EXPECT_NE(ended.error().detail.find(id), std::string::npos);
    EXPECT_EQ(authorize(name.c_str()), "key-revoked");
    EXPECT_EQ(code_of(end()), "revocation-incomplete") << "still";
    grant.guard->written();
    EXPECT_EQ(code_of(end()), remove ? "key-unknown" : "granted");
    house.reopen();
    EXPECT_EQ(authorize(name.c_str()), "key-revoked");
  }
}

// A request of an earlier version carries the key, although the current one does not.
TEST_F(LinkedKeyTest, IsLookedForInEarlierVersionsToo) {
  add_linked();
  const Grant old = house.granted("self");
  ASSERT_TRUE(old.guard->acquire());
  ASSERT_TRUE(house.credentials().rotate(kAna, "self", rotation_to("tok-other")));
  const Grant current = house.granted("self");
  ASSERT_TRUE(current.guard->acquire());
  EXPECT_EQ(code_of(house.keys().revoke(kAna, id)), "revocation-incomplete");
  old.guard->written();
  EXPECT_EQ(code_of(house.keys().revoke(kAna, id)), "granted")
      << "what the current version is writing does not carry the key";
  EXPECT_EQ(asked(*current.guard), "granted");
  current.guard->written();
  EXPECT_EQ(authorize(), "granted");
}

class PatientLinkedKeyTest : public LinkedKeyTest {
 protected:
  PatientLinkedKeyTest() : LinkedKeyTest(Milliseconds(60'000)) {}
};

TEST_F(PatientLinkedKeyTest, WaitsForRequestsThatAreBeingWritten) {
  std::atomic<int> aborted = 0;
  Gate::Connections connections;
  connections.abort_sending = [&](const std::string&) { ++aborted; };
  house.gate().connect(std::move(connections));
  add_linked();
  const Grant grant = house.granted("self");
  ASSERT_TRUE(grant.guard->acquire());
  std::future<bool> revoked =
      std::async(std::launch::async, [&] { return house.keys().revoke(kAna, id).has_value(); });
  while (asked(*grant.guard) == "granted") std::this_thread::yield();
  EXPECT_EQ(revoked.wait_for(Milliseconds(30)), std::future_status::timeout);
  EXPECT_EQ(aborted, 0);
  grant.guard->written();
  EXPECT_TRUE(revoked.get());
  EXPECT_EQ(aborted, 1) << "for what only the kernel still holds";
  house.gate().connect({});
}

TEST_F(PatientLinkedKeyTest, LetsNoPermitThroughAfterTheKeyIsRevoked) {
  for (int round = 0; round < 5; ++round) {
    issue();
    const std::string name = "self-" + std::to_string(round);
    ASSERT_TRUE(house.credentials().add(kAna, bearer(name, text)));
    const Grant grant = house.granted(name);
    std::atomic<bool> returned = false;
    std::atomic<bool> stop = false;
    std::atomic<int> before = 0;
    std::atomic<int> after = 0;
    std::vector<std::jthread> senders;
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
    while (before < 100) std::this_thread::yield();
    EXPECT_TRUE(house.keys().revoke(kAna, id));
    const int at_return = before;
    returned = true;
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(grant.guard->acquire());
    stop = true;
    senders.clear();
    EXPECT_EQ(after, 0);
    EXPECT_EQ(before, at_return);
  }
}

}  // namespace
}  // namespace stepwell::auth
