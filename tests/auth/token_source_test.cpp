#include "auth/token_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include "base/json.h"
#include "tests/http/fixture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::auth {
namespace {

using std::chrono::seconds;
using test::MisbehavingServer;

constexpr const char* kClientSecret = "client-s3cret/+";
constexpr const char* kRefreshToken = "refresh-t0ken/1";

std::string token_json(std::string_view token, std::optional<int> life = 3600,
                       std::string_view refresh = "") {
  Value answer = Value::object({{"access_token", token}, {"token_type", "Bearer"}});
  if (life) answer.set("expires_in", *life);
  if (!refresh.empty()) answer.set("refresh_token", refresh);
  return to_json(answer);
}

http::Outcome answered(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return {std::move(response), http::Sent::yes};
}

http::Outcome failed(const char* code) {
  Problem problem = make_problem(ErrorKind::communication, code, "it did not work");
  problem.retryable = true;
  return {fail(std::move(problem)), http::Sent::no};
}

// What waiters were told, in order: "ok" or the problem's code.
class Wakes {
 public:
  std::function<void(Status)> one() {
    return [this](Status status) {
      const std::scoped_lock lock(mutex_);
      told_.push_back(status ? "ok" : status.error().code);
      if (!status) last_ = std::move(status.error());
    };
  }
  std::vector<std::string> told() const {
    const std::scoped_lock lock(mutex_);
    return told_;
  }
  Problem last() const {
    const std::scoped_lock lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
  Problem last_;
};

// A source whose requests are answered by hand.
class TokenSourceTest : public ::testing::Test {
 protected:
  // What is still under way is dropped, which wakes those who wait.
  void TearDown() override { pending.clear(); }

  void make(OAuth2Grant grant = OAuth2Grant::client_credentials,
            ClientAuthentication way = ClientAuthentication::basic, bool private_values = false) {
    TokenSource::Parts parts;
    parts.settings.grant = grant;
    parts.settings.token_url = "https://login.example.com/token";
    parts.settings.client_authentication = way;
    parts.value.username = "client";
    if (way != ClientAuthentication::none)
      parts.value.secret = Secret(std::string_view(kClientSecret));
    if (grant == OAuth2Grant::refresh_token)
      parts.value.more.emplace("refreshToken", Secret(std::string_view(kRefreshToken)));
    parts.credential = "crm";
    parts.version = 2;
    parts.permits = permits;
    parts.pool = "cred/crm/2/id";
    parts.submit = [this](std::unique_ptr<http::Exchange> exchange) {
      const std::scoped_lock lock(mutex);
      ++requests;
      pending.push_back(std::move(exchange));
    };
    parts.learn = [this](std::string_view text) { learnt.emplace_back(text); };
    parts.keep = [this](const Secret& token) { kept.emplace_back(token.reveal()); };
    parts.counters = std::make_shared<const TokenCounters>(metrics);
    parts.private_values = private_values;
    source = TokenSource::make(std::move(parts), expiry, clock);
  }

  // What stands in the way of the only request that is under way.
  http::Request& request() { return pending.front()->request; }
  void answer(http::Outcome outcome) {
    ASSERT_EQ(pending.size(), 1U);
    const std::unique_ptr<http::Exchange> exchange = std::move(pending.front());
    pending.clear();
    exchange->complete(std::move(outcome));
  }
  // As the reactor does: asks the guard, and sends only with a permit.
  void answer_if_permitted(http::Outcome outcome) {
    const std::shared_ptr<http::SendGuard> guard = request().guard;
    if (Status permit = guard->acquire(); !permit)
      return answer({fail(std::move(permit.error())), http::Sent::no});
    guard->written();
    answer(std::move(outcome));
  }
  void have_token(std::string_view token, std::optional<int> life = 3600) {
    source->fetch([](const Status& status) { EXPECT_TRUE(status); });
    answer(answered(200, token_json(token, life)));
  }
  // The token that current() gives, or "none".
  std::string token() { return token_of(source->current()); }
  static std::string token_of(const std::shared_ptr<http::SendGuard>& guard) {
    if (!guard) return "none";
    const std::string line = guard->secret_headers().at(0).reveal().data();
    EXPECT_TRUE(line.starts_with("Authorization: Bearer ")) << line;
    return line.substr(line.rfind(' ') + 1);
  }
  static std::string asked(http::SendGuard& guard) {
    const Status permit = guard.acquire();
    if (permit) guard.written();
    return permit ? "granted" : permit.error().code;
  }
  double count(const char* outcome) {
    return metrics.counter("stepwell_oauth2_refreshes_total", "", {{"outcome", outcome}}).value();
  }

  test::ManualClock clock;
  ExpiryClock expiry{clock};
  Metrics metrics;
  std::shared_ptr<http::test::RecordingGuard> permits =
      std::make_shared<http::test::RecordingGuard>();
  std::mutex mutex;
  std::vector<std::unique_ptr<http::Exchange>> pending;  // guarded by mutex
  int requests = 0;                                      // guarded by mutex
  std::vector<std::string> learnt;
  std::vector<std::string> kept;
  std::shared_ptr<TokenSource> source;
  Wakes wakes;
};

TEST_F(TokenSourceTest, FetchesFirstAndThenGivesTheToken) {
  make();
  EXPECT_EQ(token(), "none");
  EXPECT_EQ(requests, 0);
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 1);
  EXPECT_TRUE(wakes.told().empty());
  EXPECT_EQ(token(), "none");
  answer(answered(200, token_json("at-1")));
  EXPECT_EQ(wakes.told(), std::vector<std::string>{"ok"});
  EXPECT_EQ(token(), "at-1");
  EXPECT_EQ(source->current()->secret_headers()[0].reveal().back(), '\0');
  EXPECT_EQ(learnt, std::vector<std::string>{"at-1"});
  EXPECT_EQ(count("granted"), 1);
  source->fetch(wakes.one());  // somebody who asked for it a little too late
  EXPECT_EQ(wakes.told(), (std::vector<std::string>{"ok", "ok"}));
  EXPECT_EQ(requests, 1);
}

TEST_F(TokenSourceTest, AsksWithTheClientsLineAndAPermitInAPoolOfItsOwn) {
  make();
  source->fetch(wakes.one());
  const http::Request& sent = request();
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://login.example.com/token");
  EXPECT_EQ(sent.body, "grant_type=client_credentials");
  EXPECT_EQ(sent.pool, "cred/crm/2/id/token");
  EXPECT_TRUE(sent.repeatable);
  EXPECT_EQ(sent.timeouts.connect, seconds(10));
  EXPECT_EQ(sent.timeouts.total.at() - clock.steady_now(), seconds(30));
  EXPECT_EQ(sent.limits.response_body, 1_MiB);
  ASSERT_EQ(sent.guard->secret_headers().size(), 1U);
  EXPECT_TRUE(sent.guard->secret_headers()[0].reveal().starts_with("Authorization: Basic "));
  EXPECT_EQ(asked(*sent.guard), "granted");
  EXPECT_EQ(permits->granted, 1);
  EXPECT_EQ(permits->given_back, 1);
}

TEST_F(TokenSourceTest, MayRepeatOnlyWhatDoesNotUseUpAToken) {
  for (const auto grant : {OAuth2Grant::refresh_token, OAuth2Grant::token_exchange}) {
    make(grant, ClientAuthentication::post);
    source->fetch(wakes.one());
    EXPECT_FALSE(request().repeatable);
    EXPECT_TRUE(request().guard->secret_headers().empty());
    answer(failed("connect"));
  }
}

TEST_F(TokenSourceTest, FetchesOnceForAHundredWaitersOfSeveralThreads) {
  make();
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::atomic<int> woken{0};
  std::latch begin(kThreads);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      for (int i = 0; i < kEach; ++i) {
        EXPECT_EQ(source->current(), nullptr);
        source->fetch([&](const Status& status) {
          EXPECT_TRUE(status);
          EXPECT_EQ(token(), "at-1");  // would wait for ever under the lock
          ++woken;
        });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(woken, 0);
  answer(answered(200, token_json("at-1")));
  EXPECT_EQ(woken, kThreads * kEach);
  EXPECT_EQ(requests, 1);
}

TEST_F(TokenSourceTest, WakesEveryoneOnceWhileTokensComeAndGo) {
  make();
  constexpr int kThreads = 3;
  constexpr int kEach = 500;
  std::atomic<int> woken{0};
  std::atomic<bool> over{false};
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        if (const auto guard = source->current()) source->refused(*guard);
        source->fetch([&](const Status& status) { woken += status ? 1 : 1000; });
      }
    });
  }
  std::jthread endpoint([&] {
    for (int n = 0; !over;) {
      std::unique_ptr<http::Exchange> exchange;
      {
        const std::scoped_lock lock(mutex);
        EXPECT_LE(pending.size(), 1U);
        if (!pending.empty()) exchange = std::move(pending.front());
        pending.clear();
      }
      if (exchange) exchange->complete(answered(200, token_json("at-" + std::to_string(n++))));
      std::this_thread::yield();
    }
  });
  for (auto& thread : threads) thread.join();
  while (woken < kThreads * kEach) std::this_thread::yield();
  over = true;
  endpoint.join();
  EXPECT_EQ(woken, kThreads * kEach);
}

// ---- renewal ----

TEST_F(TokenSourceTest, RenewsInTheBackgroundAtATenthOfTheLifeOrSixtySeconds) {
  const struct {
    int life;
    int renewed_at;
  } cases[] = {{30, 27}, {600, 540}, {3600, 3540}, {86'400, 86'340}};
  for (const auto& one : cases) {
    make();
    requests = 0;
    have_token("old", one.life);
    clock.advance(seconds(one.renewed_at) - Milliseconds(1));
    EXPECT_EQ(token(), "old");
    EXPECT_EQ(requests, 1) << one.life;
    clock.advance(Milliseconds(1));
    EXPECT_EQ(token(), "old");
    EXPECT_EQ(requests, 2) << one.life;
    EXPECT_EQ(token(), "old");  // and only one such request
    EXPECT_EQ(requests, 2);
    answer(answered(200, token_json("new", one.life)));
    EXPECT_EQ(token(), "new");
    EXPECT_EQ(requests, 2);
  }
}

TEST_F(TokenSourceTest, JoinsTheRenewalWhenTheTokenEndsMeanwhile) {
  make();
  have_token("old", 30);
  clock.advance(seconds(28));
  EXPECT_EQ(token(), "old");
  clock.advance(seconds(2));
  EXPECT_EQ(token(), "none");
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 2);
  answer(answered(200, token_json("new", 30)));
  EXPECT_EQ(wakes.told(), std::vector<std::string>{"ok"});
  EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, GivesTheOldTokenOutWhileItsRenewalFailsAndTriesOnceASecond) {
  make();
  have_token("old", 600);
  clock.advance(seconds(550));
  EXPECT_EQ(token(), "old");
  EXPECT_EQ(requests, 2);
  answer(answered(503, ""));
  EXPECT_EQ(token(), "old");
  EXPECT_EQ(requests, 2);
  clock.advance(Milliseconds(999));
  EXPECT_EQ(token(), "old");
  EXPECT_EQ(requests, 2);
  clock.advance(Milliseconds(1));
  EXPECT_EQ(token(), "old");
  EXPECT_EQ(requests, 3);
  answer(answered(400, R"({"error":"invalid_client"})"));
  EXPECT_EQ(count("unavailable"), 1);
  EXPECT_EQ(count("refused"), 1);
  clock.advance(seconds(60));
  EXPECT_EQ(token(), "none");
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 4);
  answer(answered(200, token_json("new")));
  EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, DoesNotGoRoundInCirclesWithATokenOfNoLife) {
  for (const std::optional<int> life :
       {std::optional<int>(0), std::optional<int>(1), std::optional<int>()}) {
    make();
    requests = 0;
    have_token("short", life);
    EXPECT_EQ(token(), "short");
    EXPECT_EQ(asked(*source->current()), "granted");
    EXPECT_EQ(requests, 1);
  }
  clock.advance(std::chrono::hours(24));
  EXPECT_EQ(token(), "short");  // of unknown life: until the upstream refuses it
}

TEST_F(TokenSourceTest, MeasuresALifeOnAClockThatIsNotSetBack) {
  make();
  have_token("old", 600);
  clock.advance(seconds(500));
  clock.set_wall(clock.now() - std::chrono::hours(1));
  EXPECT_EQ(token(), "old");
  clock.advance(seconds(100));
  EXPECT_EQ(token(), "none");
}

// ---- guards ----

TEST_F(TokenSourceTest, GivesPermitsOfTheVersionUntilTheTokenEnds) {
  make();
  have_token("at", 30);
  const auto guard = source->current();
  permits->granted = permits->given_back = 0;
  ASSERT_TRUE(guard->acquire());
  EXPECT_TRUE(permits->held());
  guard->written();
  EXPECT_FALSE(permits->held());
  clock.advance(seconds(30));
  const Status late = guard->acquire();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "token-expired");
  EXPECT_EQ(late.error().status, 401);
  EXPECT_TRUE(late.error().retryable);
  EXPECT_FALSE(permits->held());
  permits->deny = true;  // which weighs more
  EXPECT_EQ(asked(*guard), "credential-revoked");
}

TEST_F(TokenSourceTest, ForgetsATokenThatTheUpstreamRefusedButNotALaterOne) {
  make();
  have_token("first");
  const auto first = source->current();
  source->refused(*first);
  EXPECT_EQ(token(), "none");
  have_token("second");
  source->refused(*first);
  EXPECT_EQ(token(), "second");
  EXPECT_EQ(requests, 2);
}

// ---- failures ----

TEST_F(TokenSourceTest, TellsAllWaitersWhyAndLeavesTheEndpointAloneForASecond) {
  make();
  source->fetch(wakes.one());
  source->fetch(wakes.one());
  answer(answered(401, R"({"error":"invalid_client"})"));
  EXPECT_EQ(wakes.told(), (std::vector<std::string>{"token-refused", "token-refused"}));
  EXPECT_FALSE(wakes.last().retryable);
  EXPECT_EQ(wakes.last().extensions.get("credentialVersion").as_integer(), 2);
  clock.advance(Milliseconds(999));
  source->fetch(wakes.one());
  EXPECT_EQ(wakes.told().size(), 3U);
  EXPECT_EQ(wakes.told().back(), "token-refused");
  EXPECT_EQ(requests, 1);
  clock.advance(Milliseconds(1));
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 2);
  answer(answered(200, token_json("at")));
  EXPECT_EQ(wakes.told().back(), "ok");
  source->refused(*source->current());
  source->fetch(wakes.one());  // the failure before the success counts no more
  EXPECT_EQ(requests, 3);
  answer(failed("dns"));
  EXPECT_EQ(wakes.told().back(), "token-unavailable");
}

TEST_F(TokenSourceTest, TellsTransportFailuresFromWhatTheTransportWillNotDo) {
  const struct {
    ErrorKind kind;
    const char* code;
    const char* told;
  } cases[] = {
      {ErrorKind::communication, "connect", "token-unavailable"},
      {ErrorKind::communication, "outcome-unknown", "token-unavailable"},
      {ErrorKind::timeout, "timeout", "token-unavailable"},
      {ErrorKind::authorization, "egress-denied", "egress-denied"},
      {ErrorKind::runtime, "cancelled", "cancelled"},
      {ErrorKind::runtime, "overloaded", "overloaded"},
  };
  for (const auto& one : cases) {
    make();
    source->fetch(wakes.one());
    answer({fail(make_problem(one.kind, one.code, "why")), http::Sent::no});
    EXPECT_EQ(wakes.told().back(), one.told);
    EXPECT_NE(wakes.last().detail.find("why"), std::string::npos);
    EXPECT_EQ(wakes.last().extensions.get("credential").as_string(), "crm");
    if (one.told == std::string("token-unavailable")) {
      EXPECT_TRUE(wakes.last().retryable);
      EXPECT_EQ(wakes.last().cause->code, one.code);
    }
  }
}

TEST_F(TokenSourceTest, HandsOnWhatThePermitsSay) {
  make();
  permits->deny = true;
  source->fetch(wakes.one());
  answer_if_permitted(answered(200, token_json("at")));
  EXPECT_EQ(wakes.told(), std::vector<std::string>{"credential-revoked"});
  EXPECT_EQ(wakes.last().detail, "it was revoked");
  EXPECT_EQ(token(), "none");
  permits->deny = false;  // a denial may be lifted, and is not remembered
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 2);
  answer_if_permitted(answered(200, token_json("at")));
  EXPECT_EQ(wakes.told().back(), "ok");
  EXPECT_EQ(count("unavailable") + count("refused"), 0);
}

TEST_F(TokenSourceTest, IsNotStuckWhenARequestIsDroppedUnanswered) {
  make();
  source->fetch(wakes.one());
  pending.clear();
  EXPECT_EQ(wakes.told(), std::vector<std::string>{"cancelled"});
  clock.advance(seconds(1));
  source->fetch(wakes.one());
  EXPECT_EQ(requests, 2);
}

// ---- refresh tokens ----

TEST_F(TokenSourceTest, UsesARotatedRefreshTokenAtOnceAndHandsItOut) {
  make(OAuth2Grant::refresh_token);
  source->fetch(wakes.one());
  EXPECT_EQ(request().body, "grant_type=refresh_token&refresh_token=refresh-t0ken%2F1");
  answer(answered(200, token_json("at-1", 30, "rt-2")));
  EXPECT_EQ(kept, std::vector<std::string>{"rt-2"});
  EXPECT_EQ(learnt, (std::vector<std::string>{"at-1", "rt-2"}));
  clock.advance(seconds(30));
  source->fetch(wakes.one());
  EXPECT_EQ(request().body, "grant_type=refresh_token&refresh_token=rt-2");
  answer(answered(200, token_json("at-2", 30, "rt-2")));  // the same again
  EXPECT_EQ(kept.size(), 1U);
  clock.advance(seconds(30));
  source->fetch(wakes.one());
  answer(answered(200, token_json("at-3", 30)));  // none: the old one stays
  EXPECT_EQ(kept.size(), 1U);
  clock.advance(seconds(30));
  source->fetch(wakes.one());
  EXPECT_EQ(request().body, "grant_type=refresh_token&refresh_token=rt-2");
}

TEST_F(TokenSourceTest, KeepsNoRefreshTokenThatItsGrantHasNoUseFor) {
  make();
  source->fetch(wakes.one());
  answer(answered(200, token_json("at", 30, "rt")));
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(learnt, (std::vector<std::string>{"at", "rt"}));
}

// Each value costs a scan for each of its forms, of every answer.
TEST_F(TokenSourceTest, MasksThePolicysOwnValuesAndItsLatestFourTokens) {
  make(OAuth2Grant::client_credentials, ClientAuthentication::basic, true);
  std::string echo = kClientSecret;
  for (int i = 1; i <= 6; ++i) {
    source->fetch(wakes.one());
    const std::string fetched = "token-number-" + std::to_string(i);
    // One that comes every time takes one place of the four.
    answer(answered(200, token_json(fetched, 5, "refresh-same")));
    echo += " " + fetched;
    clock.advance(seconds(10));
  }
  EXPECT_EQ(source->mask_answer(echo + " refresh-same"),
            "*** token-number-1 token-number-2 token-number-3 *** *** *** ***");
}

// ---- the end ----

TEST_F(TokenSourceTest, ClosedDuringARequestTellsTheWaitersAtOnceAndNeverAsksAgain) {
  make(OAuth2Grant::refresh_token);
  source->fetch(wakes.one());
  source->fetch(wakes.one());
  permits->deny = true;
  source->close();
  EXPECT_EQ(wakes.told(), (std::vector<std::string>{"credential-revoked", "credential-revoked"}));
  answer(answered(200, token_json("late", 3600, "rt-late")));
  EXPECT_EQ(wakes.told().size(), 2U);
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(token(), "none");
  source->fetch(wakes.one());
  EXPECT_EQ(wakes.told().back(), "credential-revoked");
  EXPECT_EQ(requests, 1);
}

TEST_F(TokenSourceTest, ClosedWithATokenGivesItOutNoMore) {
  make();
  have_token("at");
  const auto guard = source->current();
  permits->deny = true;
  source->close();
  source->close();
  EXPECT_EQ(token(), "none");
  EXPECT_EQ(asked(*guard), "credential-revoked");
}

TEST_F(TokenSourceTest, ClosedWhileThePermitsStillGrantSaysThatItIsOutdated) {
  make();
  source->fetch(wakes.one());
  source->close();
  EXPECT_EQ(wakes.told(), std::vector<std::string>{"credential-rotated"});
  EXPECT_TRUE(wakes.last().retryable);
  EXPECT_FALSE(permits->held());
}

// ---- secrets ----

TEST_F(TokenSourceTest, ShowsNoSecretInAnyProblemWhateverTheEndpointEchoes) {
  const std::string echoes =
      std::string(kClientSecret) +
      " client-s3cret%2F%2B Y2xpZW50OmNsaWVudC1zM2NyZXQvKw== " + kRefreshToken +
      " refresh-t0ken%2F1";
  const std::string described =
      to_json(Value::object({{"error", kClientSecret}, {"error_description", echoes}}));
  const std::string odd = to_json(Value::object({{"access_token", "at-s3cret"}, {"x", echoes}}));
  for (const int status : {200, 302, 400, 401, 403, 429, 500}) {
    for (const std::string& body : {described, odd, echoes}) {
      make(OAuth2Grant::refresh_token);
      source->fetch(wakes.one());
      answer(answered(status, body));
      const std::string shown = to_json(wakes.last().to_value());
      EXPECT_NE(shown.find("\"credential\":\"crm\""), std::string::npos);
      for (const char* secret : {"s3cret", "t0ken", "Y2xpZW50OmNsaWVudC1z"})
        EXPECT_EQ(shown.find(secret), std::string::npos) << status << " " << shown;
    }
  }
}

// ---- over the wire ----

TEST(TokenSourceOverTheWire, OneRequestServesAllWhoWait) {
  MisbehavingServer server(MisbehavingServer::always(test::ok_answer(token_json("at-wire"))));
  http::test::Client client;
  ExpiryClock expiry(client.clock);
  const auto permits = std::make_shared<http::test::RecordingGuard>();
  TokenSource::Parts parts;
  parts.settings.token_url = server.url("/token");
  parts.settings.client_authentication = ClientAuthentication::basic;
  parts.value.username = "client";
  parts.value.secret = Secret(std::string_view("secret"));
  parts.credential = "crm";
  parts.permits = permits;
  parts.pool = "cred/crm/1/id";
  parts.submit = [&](std::unique_ptr<http::Exchange> exchange) {
    client.reactor->submit(std::move(exchange));
  };
  const auto source = TokenSource::make(std::move(parts), expiry, client.clock);

  constexpr int kWaiters = 20;
  std::latch woken(kWaiters);
  for (int i = 0; i < kWaiters; ++i) {
    source->fetch([&](const Status& status) {
      EXPECT_TRUE(status) << status.error().one_line();
      woken.count_down();
    });
  }
  woken.wait();
  EXPECT_EQ(server.requests(), 1U);
  const std::string wire = server.received().at(0);
  for (const char* part :
       {"POST /token HTTP/1.1\r\n", "\r\nAuthorization: Basic Y2xpZW50OnNlY3JldA==\r\n",
        "\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "\r\nAccept: application/json\r\n", "\r\n\r\ngrant_type=client_credentials"})
    EXPECT_NE(wire.find(part), std::string::npos) << part << " in " << wire;
  EXPECT_EQ(permits->granted, 1);

  http::Request request = http::test::get(server.url("/resource"));
  request.guard = source->current();
  request.pool = "cred/crm/1/id";
  EXPECT_EQ(http::test::result_of(client.call(std::move(request))), "ok");
  EXPECT_NE(server.received().at(1).find("\r\nAuthorization: Bearer at-wire\r\n"),
            std::string::npos);
  EXPECT_EQ(permits->granted, 2);

  permits->deny = true;
  source->refused(*source->current());
  std::promise<std::string> told;
  source->fetch([&](const Status& status) { told.set_value(status ? "ok" : status.error().code); });
  EXPECT_EQ(told.get_future().get(), "credential-revoked");
  EXPECT_EQ(server.requests(), 2U);
}

}  // namespace
}  // namespace stepwell::auth
