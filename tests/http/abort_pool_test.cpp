// What ends at once when a credential does: every transfer of its pool that was begun, and its
// connections; not what other pools do.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
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
using Connection = MisbehavingServer::Connection;

// More than the socket buffers of both ends take in.
constexpr std::size_t kLarge = 24UL * 1024 * 1024;

void wait_for(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

std::shared_ptr<RecordingGuard> bearer() {
  return std::make_shared<RecordingGuard>(std::vector<std::string>{"Authorization: Bearer abc"});
}

Request guarded(Request request, const std::shared_ptr<RecordingGuard>& guard,
                std::string pool = "crm-key/1") {
  request.guard = guard;
  request.pool = std::move(pool);
  return request;
}

Problem revoked() {
  return make_problem(ErrorKind::authentication, "credential-revoked", "ana revoked it");
}

void expect_revoked(const Outcome& outcome, Sent sent) {
  ASSERT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.response.error().status, 401);
  EXPECT_EQ(outcome.response.error().detail, "ana revoked it");
  EXPECT_FALSE(outcome.response.error().retryable);
  EXPECT_EQ(outcome.sent, sent);
  EXPECT_EQ(sent_member(outcome), to_string(sent));
}

TEST(AbortPool, EndsWhatWaitsForItsAnswerAndNothingElse) {
  std::atomic<bool> go{false};
  std::atomic<int> closed{0};
  MisbehavingServer server([&](Connection& connection) {
    connection.read_request();
    // Nothing but the end of the connection comes before `go`.
    if (connection.number() == 0 && connection.read_some(1).empty()) ++closed;
    connection.wait_until(go);
    connection.send(ok_answer("x"));
  });
  Client client;
  const auto guard = bearer();
  const auto other_guard = bearer();
  auto ended = client.start(guarded(post(server.url(), "body"), guard));
  ASSERT_TRUE(server.wait_for_requests(1));
  auto other = client.start(guarded(post(server.url(), "body"), other_guard, "crm-key/2"));
  ASSERT_TRUE(server.wait_for_requests(2));
  wait_for([&] { return guard->given_back == 1 && other_guard->given_back == 1; });
  client.reactor->abort_pool("crm-key/1", revoked());
  ASSERT_EQ(ended.wait_for(std::chrono::seconds(0)), std::future_status::ready)
      << "it returns when all is done";
  expect_revoked(ended.get(), Sent::yes);
  wait_for([&] { return closed == 1; });
  EXPECT_EQ(other.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  go = true;
  EXPECT_EQ(result_of(other.get()), "ok");
  EXPECT_EQ(guard->granted, 1);
  EXPECT_EQ(guard->given_back, 1);
}

TEST(AbortPool, EndsWhatIsBeingReceived) {
  MisbehavingServer server([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    connection.wait_for_close();
  });
  Client client;
  auto ended = client.start(guarded(get(server.url()), bearer()));
  ASSERT_TRUE(server.wait_for_requests(1));
  client.reactor->abort_pool("crm-key/1", revoked());
  expect_revoked(ended.get(), Sent::yes);
}

TEST(AbortPool, EndsWhatIsBeingWritten) {
  std::atomic<bool> go{false};
  std::promise<std::size_t> read;
  MisbehavingServer server([&](Connection& connection) {
    connection.shrink_receive_buffer();
    std::size_t count = connection.read_some(100).size();
    connection.wait_until(go);
    for (std::size_t more = 1; more != 0 && count < kLarge; count += more)
      more = connection.read_some(1'000'000).size();
    read.set_value(count);
  });
  Client client;
  const auto guard = bearer();
  auto ended = client.start(guarded(post(server.url(), std::string(kLarge, 'x')), guard));
  wait_for([&] { return !server.received().empty() && server.received()[0].size() >= 100; });
  client.reactor->abort_pool("crm-key/1", revoked());
  EXPECT_FALSE(guard->held());
  expect_revoked(ended.get(), Sent::partly);
  go = true;
  EXPECT_LT(read.get_future().get(), kLarge / 4);
}

TEST(AbortPool, LeavesWhatWaitsInTheQueueToItsGuard) {
  MisbehavingServer server(MisbehavingServer::silent());
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  Client client(options);
  const auto guard = bearer();
  auto begun = client.start(guarded(post(server.url(), "body"), guard));
  ASSERT_TRUE(server.wait_for_requests(1));
  auto queued = client.start(guarded(post(server.url(), "body"), guard));
  guard->deny = true;
  client.reactor->abort_pool("crm-key/1", revoked());
  expect_revoked(begun.get(), Sent::yes);
  const Outcome denied = queued.get();
  EXPECT_EQ(result_of(denied), "credential-revoked");
  EXPECT_EQ(denied.response.error().detail, "it was revoked") << "its guard's own problem";
  EXPECT_EQ(denied.sent, Sent::no);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(AbortPool, MayBeCalledFromACompletion) {
  MisbehavingServer server([](Connection& connection) {
    if (connection.number() > 0) connection.read_request();
    while (!connection.read_request().empty()) connection.send(ok_answer("x"));
  });
  Client client;
  auto begun = client.start(guarded(get(server.url()), bearer()));
  std::promise<void> done;
  auto is_done = done.get_future();
  client.reactor->run_at(client.clock.steady_now(), [&] {
    client.reactor->abort_pool("crm-key/1", revoked());
    done.set_value();
  });
  is_done.get();
  const Outcome outcome = begun.get();
  EXPECT_TRUE(result_of(outcome) == "credential-revoked" || result_of(outcome) == "ok");
}

TEST(AbortPool, FindsDroppedPoolsAndKnowsNothingOfOthers) {
  MisbehavingServer server(MisbehavingServer::silent());
  Client client;
  auto begun = client.start(guarded(get(server.url()), bearer()));
  ASSERT_TRUE(server.wait_for_requests(1));
  client.reactor->drop_pool("crm-key/1");
  client.reactor->abort_pool("nobody", revoked());
  client.reactor->abort_pool("crm-key/1", revoked());
  expect_revoked(begun.get(), Sent::yes);
}

constexpr std::size_t kUpload = 8UL * 1024 * 1024;  // more than nginx's window and the pipes take

// nginx passes "/hold" on to a server that answers when it is told to, and "/upload" to one that
// reads no further before.
class Http2 : public testing::Test {
 protected:
  Http2()
      : upstream_([this](Connection& connection) {
          connection.read_request();
          connection.wait_until(go_);
          connection.send(ok_answer("x", "Connection: close\r\n"));
        }),
        stalled_([this](Connection& connection) {
          connection.shrink_receive_buffer();
          std::size_t count = connection.read_some(100).size();
          connection.wait_until(go_);
          for (std::size_t more = 1; more != 0 && count < kUpload; count += more)
            more = connection.read_some(1'000'000).size();
          connection.send(ok_answer("x", "Connection: close\r\n"));
        }) {
    NginxOptions options;
    options.server =
        "location / { default_type text/plain; return 200 '$connection'; }\n"
        "location /hold { proxy_pass " +
        upstream_.url("") +
        "; }\n"
        "location /upload { proxy_request_buffering off; proxy_pass " +
        stalled_.url("") + "; }\n";
    nginx_ = std::make_unique<NginxServer>(options);
  }
  void SetUp() override { ASSERT_TRUE(nginx_->running()) << nginx_->failure(); }

  ReactorOptions trusting() const {
    ReactorOptions options = open_to_loopback();
    options.ca_file = nginx_->ca_file();
    return options;
  }
  Request who(const std::shared_ptr<RecordingGuard>& guard, std::string pool = "crm-key/1") const {
    return guarded(get(nginx_->https_url()), guard, std::move(pool));
  }

  std::atomic<bool> go_{false};
  MisbehavingServer upstream_;
  MisbehavingServer stalled_;
  std::unique_ptr<NginxServer> nginx_;
};

TEST_F(Http2, AbortPoolEndsEveryStreamAndTheConnection) {
  Client client(trusting());
  const auto guard = bearer();
  const auto other_guard = bearer();
  const std::string before = client.call(who(guard)).response->body;
  const std::string other_before = client.call(who(other_guard, "crm-key/2")).response->body;
  std::vector<std::future<Outcome>> streams;
  for (int i = 0; i < 3; ++i)
    streams.push_back(client.start(guarded(post(nginx_->https_url("/hold"), "body"), guard)));
  auto other =
      client.start(guarded(post(nginx_->https_url("/hold"), "body"), other_guard, "crm-key/2"));
  ASSERT_TRUE(upstream_.wait_for_requests(4));
  wait_for([&] { return guard->given_back == 4; });
  client.reactor->abort_pool("crm-key/1", revoked());
  for (auto& stream : streams) expect_revoked(stream.get(), Sent::yes);
  go_ = true;
  EXPECT_EQ(result_of(other.get()), "ok");
  EXPECT_EQ(client.call(who(other_guard, "crm-key/2")).response->body, other_before);
  const Outcome after = client.call(who(guard));
  ASSERT_EQ(result_of(after), "ok");
  EXPECT_NE(after.response->body, before);
}

TEST_F(Http2, ACancelledStreamBesideAStalledUploadLetsTheUploadGoOn) {
  Client client(trusting());
  const auto guard = bearer();
  const std::string before = client.call(who(guard)).response->body;
  const auto upload_guard = bearer();
  Request large =
      guarded(post(nginx_->https_url("/upload"), std::string(kUpload, 'x')), upload_guard);
  large.timeouts.total = Deadline::after(client.clock, std::chrono::seconds(60));
  auto upload = client.start(std::move(large));
  wait_for([&] { return stalled_.connections() == 1 && upload_guard->held(); });
  TransferId id;
  auto cancelled = client.start(guarded(get(nginx_->https_url("/hold")), guard), &id);
  ASSERT_TRUE(upstream_.wait_for_requests(1));
  client.reactor->cancel(id);
  EXPECT_EQ(result_of(cancelled.get()), "cancelled");
  EXPECT_EQ(client.call(who(guard)).response->body, before) << "the connection goes on";
  EXPECT_TRUE(upload_guard->held());
  go_ = true;
  EXPECT_EQ(result_of(upload.get()), "ok");
  EXPECT_EQ(upload_guard->given_back, 1);
}

}  // namespace
}  // namespace stepwell::http::test
