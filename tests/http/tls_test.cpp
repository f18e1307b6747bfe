// HTTP/2 and HTTP/1.1 over TLS, against a real nginx.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"
#include "tests/support/nginx_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::NginxOptions;
using stepwell::test::NginxServer;
using stepwell::test::ok_answer;

// "/who" answers with nginx's number of the connection; "/slow" with half of 40 KB, and the other
// half when a test says so.
NginxOptions with_paths(const MisbehavingServer& slow) {
  NginxOptions options;
  options.server =
      "location / { default_type application/json; return 200 '{\"a\":1}'; }\n"
      "location /upload { proxy_pass http://127.0.0.1:{HTTP_PORT}/; }\n"
      "location /who { default_type text/plain; return 200 '$connection'; }\n"
      "location /slow { proxy_pass " +
      slow.url("") + "; proxy_buffering off; add_header X-Connection $connection; }\n";
  return options;
}

class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    slow_ = std::make_unique<MisbehavingServer>([](MisbehavingServer::Connection& connection) {
      if (connection.read_request().empty()) return;
      const std::string answer = ok_answer(std::string(40'000, 'x'), "Connection: close\r\n");
      connection.send(answer.substr(0, 20'000));
      connection.wait_until(go_on_);
      connection.send(answer.substr(20'000));
    });
    nginx_ = std::make_unique<NginxServer>(with_paths(*slow_));
    ASSERT_TRUE(nginx_->running()) << nginx_->failure();
  }
  static void TearDownTestSuite() {
    nginx_.reset();
    slow_.reset();
  }
  void SetUp() override { go_on_ = false; }

  static ReactorOptions trusting() {
    ReactorOptions options = open_to_loopback();
    options.ca_file = nginx_->ca_file();
    return options;
  }

  static std::atomic<bool> go_on_;
  static std::unique_ptr<MisbehavingServer> slow_;
  static std::unique_ptr<NginxServer> nginx_;
};

std::atomic<bool> Tls::go_on_{false};
std::unique_ptr<MisbehavingServer> Tls::slow_;
std::unique_ptr<NginxServer> Tls::nginx_;

TEST_F(Tls, SpeaksHttp2WhereTheServerDoes) {
  Client client(trusting());
  const Outcome outcome = client.call(get(nginx_->https_url()));
  ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
  EXPECT_EQ(outcome.response->http_version, 20);
  EXPECT_EQ(outcome.response->body, "{\"a\":1}");
  EXPECT_EQ(outcome.sent, Sent::yes);
}

TEST_F(Tls, SpeaksHttp1WhereTheServerDoesNotKnowBetter) {
  Client client(trusting());
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = client.call(get(nginx_->https1_url()));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->http_version, 11);
    EXPECT_EQ(outcome.response->reused_connection, i > 0);
  }
}

TEST_F(Tls, RefusesACertificateThatNobodyVouchesFor) {
  Client client;
  const Outcome outcome = client.call(get(nginx_->https_url()));
  EXPECT_EQ(result_of(outcome), "tls");
  EXPECT_EQ(outcome.response.error().status, 500);
  EXPECT_FALSE(outcome.response.error().retryable);
  EXPECT_EQ(outcome.sent, Sent::no);
}

TEST_F(Tls, TrustsTheCaFileOfARequest) {
  Client client;
  Request request = get(nginx_->https_url());
  request.tls.ca_file = nginx_->ca_file();
  EXPECT_EQ(result_of(client.call(request)), "ok");
}

TEST_F(Tls, RefusesACertificateForAnotherName) {
  ReactorOptions options = trusting();
  options.connect_to = {"other.example:443:127.0.0.1:" + std::to_string(nginx_->https_port())};
  Client client(options);
  const auto guard = std::make_shared<RecordingGuard>();
  Request request = get("https://other.example/");
  request.guard = guard;
  EXPECT_EQ(result_of(client.call(std::move(request))), "tls");
  EXPECT_EQ(guard->asked, 0) << "no permit before the connection stands";
}

TEST_F(Tls, SharesAConnectionWithinAPoolAndNeverBetweenPools) {
  Client client(trusting());
  std::set<std::string> connections;
  for (const char* pool : {"a/1", "b/1"}) {
    std::set<std::string> of_pool;
    std::vector<std::future<Outcome>> outcomes;
    for (int i = 0; i < 20; ++i) {
      Request request = get(nginx_->https_url("/who"));
      request.pool = pool;
      outcomes.push_back(client.start(std::move(request)));
    }
    for (auto& future : outcomes) {
      const Outcome outcome = future.get();
      ASSERT_EQ(result_of(outcome), "ok");
      of_pool.insert(outcome.response->body);
    }
    EXPECT_EQ(of_pool.size(), 1U) << "20 streams on one connection";
    connections.merge(of_pool);
  }
  EXPECT_EQ(connections.size(), 2U);
}

TEST_F(Tls, ADeniedStreamLeavesItsSiblingsAlone) {
  Client client(trusting());
  std::vector<std::future<Outcome>> siblings;
  const auto open =
      std::make_shared<RecordingGuard>(std::vector<std::string>{"Authorization: Bearer abc"});
  for (int i = 0; i < 5; ++i) {
    Request request = get(nginx_->https_url("/slow"));
    request.guard = open;
    siblings.push_back(client.start(std::move(request)));
  }
  while (open->given_back < 5) std::this_thread::yield();  // all five are under way
  const auto closed = std::make_shared<RecordingGuard>();
  closed->deny = true;
  for (int i = 0; i < 3; ++i) {
    Request request = get(nginx_->https_url("/who"));
    request.guard = closed;
    const Outcome denied = client.call(std::move(request));
    EXPECT_EQ(result_of(denied), "credential-revoked");
    EXPECT_EQ(denied.sent, Sent::no);
  }
  go_on_ = true;
  std::set<std::string> connections;
  for (auto& sibling : siblings) {
    const Outcome outcome = sibling.get();
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_EQ(outcome.response->body.size(), 40'000U);
    connections.insert(*outcome.response->header("x-connection"));
  }
  EXPECT_EQ(connections.size(), 1U);
  const Outcome after = client.call(get(nginx_->https_url("/who")));
  EXPECT_EQ(after.response->body, *connections.begin()) << "the connection goes on";
}

TEST_F(Tls, ACancelledStreamLeavesItsSiblingsAlone) {
  Client client(trusting());
  const std::size_t before = slow_->requests();
  TransferId id;
  auto first = client.start(get(nginx_->https_url("/slow")), &id);
  auto second = client.start(get(nginx_->https_url("/slow")));
  ASSERT_TRUE(slow_->wait_for_requests(before + 2));
  const Outcome between = client.call(get(nginx_->https_url("/who")));
  ASSERT_EQ(result_of(between), "ok");
  client.reactor->cancel(id);
  EXPECT_EQ(result_of(first.get()), "cancelled");
  go_on_ = true;
  const Outcome outcome = second.get();
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(*outcome.response->header("x-connection"), between.response->body);
}

TEST_F(Tls, ALargeBodyIsWrittenAndItsPermitGivenBackOnce) {
  Client client(trusting());
  for (const std::string& url : {nginx_->https_url("/upload"), nginx_->https1_url("/upload")}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{60'000},
                                   std::size_t{70'000}, std::size_t{5'000'000}}) {
      const auto guard = std::make_shared<RecordingGuard>();
      Request request = post(url, std::string(size, 'x'));
      request.guard = guard;
      const Outcome outcome = client.call(std::move(request));
      ASSERT_EQ(result_of(outcome), "ok") << size << " " << outcome.response.error().detail;
      EXPECT_EQ(guard->granted, 1);
      EXPECT_EQ(guard->given_back, 1);
      EXPECT_EQ(outcome.sent, Sent::yes) << size;
    }
  }
}

// nginx answers here without waiting for the body.
TEST_F(Tls, AnAnswerThatDoesNotWaitForTheBodyIsTaken) {
  Client client(trusting());
  for (const std::string& url : {nginx_->https_url("/"), nginx_->https1_url("/")}) {
    const auto guard = std::make_shared<RecordingGuard>();
    Request request = post(url, std::string(5'000'000, 'x'));
    request.guard = guard;
    EXPECT_EQ(result_of(client.call(std::move(request))), "ok");
    EXPECT_EQ(guard->granted, 1);
    EXPECT_EQ(guard->given_back, 1);
  }
}

TEST_F(Tls, ThePermitIsBackBeforeASlowAnswerEnds) {
  Client client(trusting());
  for (const std::string& url : {nginx_->https_url("/slow"), nginx_->https1_url("/slow")}) {
    go_on_ = false;
    std::promise<void> written;
    const auto guard = std::make_shared<RecordingGuard>();
    guard->on_written = [&] { written.set_value(); };
    Request request = get(url);
    request.guard = guard;
    auto outcome = client.start(std::move(request));
    written.get_future().wait();
    EXPECT_EQ(outcome.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << url;
    go_on_ = true;
    EXPECT_EQ(result_of(outcome.get()), "ok");
  }
}

TEST_F(Tls, MoreStreamsThanAConnectionTakesAllArrive) {
  Client client(trusting());
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 400; ++i) outcomes.push_back(client.start(get(nginx_->https_url())));
  for (auto& outcome : outcomes) EXPECT_EQ(result_of(outcome.get()), "ok");
}

}  // namespace
}  // namespace stepwell::http::test
