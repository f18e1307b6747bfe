// Digest authentication: two sends in one transfer, each with a permit of its own; the password
// never on the wire; the body once.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tests/http/digest_server.h"
#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"
#include "tests/support/nginx_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::NginxOptions;
using stepwell::test::NginxServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;

constexpr const char* kPassword = "correct horse battery";

std::shared_ptr<RecordingGuard> login(std::string password = kPassword) {
  auto guard = std::make_shared<RecordingGuard>();
  guard->login = DigestLogin{"ana", Secret::take(std::move(password))};
  return guard;
}

Request guarded(Request request, const std::shared_ptr<RecordingGuard>& guard) {
  request.guard = guard;
  request.pool = "crm-key/1";
  return request;
}

// Answers the server's requests one after the other by this function of their number and bytes.
using Answer = std::function<std::string(std::size_t, const std::string&)>;

class DigestServer {
 public:
  explicit DigestServer(Answer given)
      : answer_(std::move(given)), server_([this](Connection& connection) {
          for (;;) {
            std::string request = connection.read_request();
            if (request.empty()) return;
            std::string answer;
            {
              const std::lock_guard lock(mutex_);
              requests_.push_back(std::move(request));
              answer = answer_(requests_.size() - 1, requests_.back());
            }
            const bool last = answer.find("\r\nConnection: close\r\n") != std::string::npos;
            if (answer.empty() || !connection.send(answer) || last) return;
          }
        }) {}

  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  const MisbehavingServer& server() const { return server_; }
  std::string url() const { return server_.url("/a?b=c"); }

 private:
  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  MisbehavingServer server_;
};

// Challenges until a request proves to know the password.
Answer asks_for(const Challenge& challenge) {
  return [challenge](std::size_t /*number*/, const std::string& request) {
    return proves(request, challenge, "ana", kPassword) ? ok_answer("in") : to_answer(challenge);
  };
}

TEST(Digest, AnswersEveryKindOfChallengeAndNeverShowsThePassword) {
  for (const Challenge& challenge :
       {Challenge{.algorithm = "MD5"}, Challenge{.algorithm = "SHA-256"}, Challenge{.qop = ""},
        Challenge{.qop = "auth,auth-int"}, Challenge{.body = ""},
        Challenge{.more_headers = "Connection: close\r\n"}}) {
    DigestServer server(asks_for(challenge));
    Client client;
    const auto guard = login();
    const Outcome outcome = client.call(guarded(get(server.url()), guard));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->status, 200) << to_answer(challenge);
    EXPECT_EQ(outcome.response->body, "in");
    EXPECT_EQ(outcome.response->header("www-authenticate"), nullptr);
    EXPECT_EQ(outcome.sent, Sent::yes);
    EXPECT_EQ(guard->granted, 2) << "each send has a permit";
    EXPECT_EQ(guard->given_back, 2);
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_TRUE(login_of(requests[0]).empty());
    for (const std::string& wire : server.server().received())
      for (const char* form : {"correct horse", "correct%20horse", "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",
                               "YW5hOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ"})
        EXPECT_EQ(wire.find(form), std::string::npos) << form;
  }
}

TEST(Digest, SendsABodyExactlyOnceAndWithTheLogin) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{10}, std::size_t{70'000}, std::size_t{3'000'000}}) {
    DigestServer server(asks_for({}));
    Client client;
    const auto guard = login();
    const std::string body(size, 'x');
    const Outcome outcome = client.call(guarded(post(server.url(), body), guard));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->status, 200);
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(body_of(requests[0]), "");
    EXPECT_NE(requests[0].find("\r\nContent-Length: 0\r\n"), std::string::npos);
    EXPECT_TRUE(body_of(requests[1]) == body) << size;
    EXPECT_EQ(guard->granted, 2);
    EXPECT_EQ(guard->given_back, 2);
    EXPECT_EQ(outcome.sent, Sent::yes);
  }
}

TEST(Digest, IsPreemptiveOnceTheServerHasAsked) {
  DigestServer server(asks_for({}));
  Client client;
  const auto guard = login();
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = client.call(guarded(post(server.url(), "body"), guard));
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_EQ(outcome.response->status, 200);
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(login_of(requests[3])["nc"], "00000003");
  EXPECT_EQ(body_of(requests[3]), "body");
  EXPECT_EQ(guard->granted, 4);
}

TEST(Digest, DoesNotAnswerOneOriginWithTheChallengeOfAnother) {
  DigestServer first(asks_for({.nonce = "of-the-first"}));
  DigestServer second(asks_for({.nonce = "of-the-second"}));
  Client client;
  const auto guard = login();
  for (const DigestServer* server : {&first, &second, &first})
    ASSERT_EQ(client.call(guarded(get(server->url()), guard)).response->status, 200);
  ASSERT_EQ(second.requests().size(), 2U);
  EXPECT_TRUE(login_of(second.requests()[0]).empty());
  EXPECT_EQ(first.requests().size(), 4U);
}

TEST(Digest, TakesANewNonceWhereTheOldOneIsStale) {
  const Challenge fresh{.nonce = "n2", .stale = true};
  DigestServer server([&](std::size_t number, const std::string& request) {
    if (number < 2) return asks_for({})(number, request);
    return asks_for(fresh)(number, request);
  });
  Client client;
  const auto guard = login();
  for (const char* body : {"first", "second"}) {
    const Outcome outcome = client.call(guarded(post(server.url(), body), guard));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->status, 200);
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(body_of(requests[3]), "second");
  EXPECT_EQ(guard->granted, 4);
  EXPECT_EQ(guard->given_back, 4);
}

TEST(Digest, WithAWrongPasswordEndsWith401AfterTwoSends) {
  for (const bool with_body : {false, true}) {
    DigestServer server(asks_for({.body = "no"}));
    Client client;
    const auto guard = login("wrong");
    for (std::size_t calls = 1; calls < 3; ++calls) {
      const Outcome outcome =
          client.call(guarded(with_body ? post(server.url(), "x") : get(server.url()), guard));
      ASSERT_EQ(result_of(outcome), "ok");
      EXPECT_EQ(outcome.response->status, 401);
      EXPECT_EQ(outcome.response->body, "no");
      EXPECT_EQ(server.requests().size(), 2 * calls);
    }
  }
}

TEST(Digest, AsksNoMoreThanThreeTimesWhereEveryNonceIsStale) {
  DigestServer server([](std::size_t number, const std::string& /*request*/) {
    return to_answer({.nonce = "n" + std::to_string(number), .stale = number > 0});
  });
  Client client;
  const auto guard = login();
  for (std::size_t calls = 1; calls < 3; ++calls) {
    const Outcome outcome = client.call(guarded(get(server.url()), guard));
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_EQ(outcome.response->status, 401);
    EXPECT_EQ(outcome.sent, Sent::yes);
    EXPECT_EQ(server.requests().size(), 3 * calls);
    EXPECT_EQ(guard->given_back, guard->granted);
  }
}

TEST(Digest, IsNotSentOnceTheGuardDenies) {
  for (const char* headers : {"", "Connection: close\r\n"}) {
    const auto guard = login();
    DigestServer server([&](std::size_t /*number*/, const std::string& /*request*/) {
      guard->deny = true;
      return to_answer({.more_headers = headers});
    });
    Client client;
    const Outcome outcome = client.call(guarded(post(server.url(), "body"), guard));
    EXPECT_EQ(result_of(outcome), "credential-revoked");
    EXPECT_EQ(outcome.sent, Sent::no) << "what was challenged does not count";
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(guard->asked, 2);
    EXPECT_EQ(guard->given_back, 1);
    for (const std::string& wire : server.server().received())
      EXPECT_EQ(wire.find("Authorization"), std::string::npos);
  }
}

// What a challenge says of itself must not be held against the answer that follows.
TEST(Digest, CountsTheLimitsOfTheAnswerFromItsOwnBeginning) {
  const std::string filler = "X-Filler: " + std::string(600, 'x') + "\r\n";
  DigestServer server([&](std::size_t number, const std::string& /*request*/) {
    return number == 0 ? to_answer({.more_headers = filler, .body = std::string(5'000, 'x')})
                       : ok_answer("in", filler);
  });
  Client client;
  Request request = guarded(get(server.url()), login());
  request.limits.response_headers = Bytes{1000};
  request.limits.response_body = Bytes{100};
  const Outcome outcome = client.call(std::move(request));
  ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
  EXPECT_EQ(outcome.response->body, "in");
}

TEST(Digest, WhoseSecondSendBreaksLeavesAPostUnknown) {
  DigestServer server([](std::size_t number, const std::string& /*request*/) {
    return number == 0 ? to_answer({.more_headers = "Connection: close\r\n"}) : std::string();
  });
  Client client;
  const auto guard = login();
  const Outcome outcome = client.call(guarded(post(server.url(), "body"), guard));
  EXPECT_EQ(result_of(outcome), "outcome-unknown");
  EXPECT_EQ(outcome.sent, Sent::yes);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(guard->given_back, 2);
}

TEST(Digest, ThatIsNotAskedForMeansThatAPostWentOutWithoutItsBody) {
  DigestServer server([](std::size_t, const std::string&) { return ok_answer("x"); });
  Client client;
  const Outcome unknown = client.call(guarded(post(server.url(), "body"), login()));
  EXPECT_EQ(result_of(unknown), "outcome-unknown");
  EXPECT_EQ(unknown.sent, Sent::yes);
  EXPECT_EQ(server.requests().size(), 1U);
  Request repeatable = guarded(post(server.url(), "body"), login());
  repeatable.repeatable = true;
  const Outcome outcome = client.call(std::move(repeatable));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->body, "x");
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(body_of(server.requests()[2]), "body");
  EXPECT_EQ(client.call(guarded(get(server.url()), login())).response->body, "x");
}

TEST(Digest, TakesAPasswordWithItsNulAndRefusesWhatCannotBeSent) {
  DigestServer server(asks_for({}));
  Client client;
  const auto terminated = login(std::string(kPassword) + '\0');
  EXPECT_EQ(client.call(guarded(get(server.url()), terminated)).response->status, 200);
  const auto before = server.requests().size();
  const auto line_break = login();
  line_break->login->username = "ana\r\nX: y";
  const auto cut_short = login(std::string("a\0b", 3));
  Request with_header = guarded(get(server.url()), login());
  with_header.headers = {{"authorization", "Basic eA=="}};
  for (const Request& request : {guarded(get(server.url()), line_break),
                                 guarded(get(server.url()), cut_short), with_header}) {
    const Outcome outcome = client.call(request);
    EXPECT_EQ(result_of(outcome), "header-invalid");
    EXPECT_EQ(outcome.sent, Sent::no);
  }
  EXPECT_EQ(server.requests().size(), before);
}

TEST(Digest, GoesThroughHttp2Too) {
  DigestServer server(asks_for({.algorithm = "SHA-256"}));
  NginxOptions options;
  options.server =
      "location / { proxy_pass http://127.0.0.1:" + std::to_string(server.server().port()) +
      "; }\n";
  const NginxServer nginx(options);
  ASSERT_TRUE(nginx.running()) << nginx.failure();
  ReactorOptions trusting = open_to_loopback();
  trusting.ca_file = nginx.ca_file();
  for (const std::size_t size : {std::size_t{10}, std::size_t{70'000}, std::size_t{1'000'000}}) {
    Client client(trusting);
    const auto guard = login();
    const auto before = server.requests().size();
    for (int i = 0; i < 2; ++i) {
      const Outcome outcome =
          client.call(guarded(post(nginx.https_url("/a"), std::string(size, 'x')), guard));
      ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
      EXPECT_EQ(outcome.response->status, 200);
      EXPECT_EQ(outcome.response->http_version, 20);
      EXPECT_EQ(outcome.sent, Sent::yes);
    }
    const auto requests = server.requests();
    ASSERT_EQ(requests.size() - before, 3U);
    EXPECT_EQ(body_of(requests[before]), "");
    EXPECT_EQ(body_of(requests[before + 1]).size(), size);
    EXPECT_EQ(guard->granted, 3);
    EXPECT_EQ(guard->given_back, 3);
    guard->deny = true;
    EXPECT_EQ(result_of(client.call(guarded(get(nginx.https_url("/a")), guard))),
              "credential-revoked");
  }
}

// Another implementation than ours of the server's side.
class Httpbin {
 public:
  Httpbin() {
    folder_ = (std::filesystem::temp_directory_path() / "httpbin-XXXXXX").string();
    if (mkdtemp(folder_.data()) == nullptr) return;
    // Debian's own interpreter, since its httpbin belongs to that one.
    pid_ = stepwell::test::start_program(
        {"/usr/bin/gunicorn", "--chdir", folder_, "--bind", "127.0.0.1:0", "--worker-tmp-dir",
         folder_, "--threads", "2", "httpbin:app"},
        folder_ + "/log");
    for (int waited = 0; waited < 20'000 && url_.empty(); waited += 10) {
      poll(nullptr, 0, 10);  // a process of its own: there is nothing to wait on
      std::ifstream log(folder_ + "/log");
      for (std::string line; std::getline(log, line);) {
        const auto at = line.find("Listening at: ");
        if (at != std::string::npos) url_ = line.substr(at + 14, line.find(' ', at + 14) - at - 14);
      }
    }
  }
  ~Httpbin() {
    if (pid_ > 0) {
      kill(pid_, SIGTERM);
      waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Httpbin(const Httpbin&) = delete;
  Httpbin& operator=(const Httpbin&) = delete;
  const std::string& url() const { return url_; }

 private:
  std::string folder_;
  std::string url_;
  pid_t pid_ = -1;
};

TEST(Digest, IsUnderstoodByHttpbin) {
  if (access("/usr/bin/gunicorn", X_OK) != 0) GTEST_SKIP() << "python3-httpbin is not installed";
  const Httpbin httpbin;
  ASSERT_FALSE(httpbin.url().empty());
  Client client;
  for (const char* algorithm : {"MD5", "SHA-256"}) {
    const std::string url = httpbin.url() + "/digest-auth/auth/ana/batteries/" + algorithm;
    const Outcome outcome = client.call(guarded(get(url), login("batteries")));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->status, 200);
    EXPECT_NE(outcome.response->body.find("\"authenticated\""), std::string::npos);
    Request wrong = guarded(get(url), login("acid"));
    wrong.pool = std::string("wrong/") + algorithm;
    EXPECT_EQ(client.call(std::move(wrong)).response->status, 401);
  }
}

}  // namespace
}  // namespace stepwell::http::test
