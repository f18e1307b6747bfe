// The send guard: asked at the last moment, given back when the request is fully written, and
// never passed by a byte; connections that are not shared between pools.
#include <gtest/gtest.h>

#include <thread>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;
using namespace std::chrono_literals;

// More than the socket buffers of both ends take in.
constexpr std::size_t kLarge = 24UL * 1024 * 1024;

Request guarded(Request request, const std::shared_ptr<RecordingGuard>& guard,
                std::string pool = "crm-key/1") {
  request.guard = guard;
  request.pool = std::move(pool);
  return request;
}

std::shared_ptr<RecordingGuard> bearer() {
  return std::make_shared<RecordingGuard>(std::vector<std::string>{"Authorization: Bearer abc"});
}

TEST(Guard, IsAskedOnceAndItsLinesGoOverTheWire) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const auto guard = std::make_shared<RecordingGuard>(
      std::vector<std::string>{"Authorization: Bearer abc", std::string("X-Api-Key: def\0", 15)});
  Request request = guarded(post(server.url(), "body"), guard);
  request.headers = {{"Accept", "text/plain"}};
  const Outcome outcome = client.call(std::move(request));
  ASSERT_EQ(result_of(outcome), "ok");
  const std::string wire = server.received()[0];
  for (const char* line : {"\r\nAuthorization: Bearer abc\r\n", "\r\nX-Api-Key: def\r\n",
                           "\r\nAccept: text/plain\r\n"})
    EXPECT_NE(wire.find(line), std::string::npos) << line;
  EXPECT_EQ(guard->asked, 1);
  EXPECT_EQ(guard->given_back, 1);
}

TEST(Guard, ThatDeniesEndsTheTransferWithItsOwnProblemAndNotAByteIsSent) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const auto guard = bearer();
  guard->deny = true;
  const Outcome outcome = client.call(guarded(get(server.url()), guard));
  EXPECT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.response.error().detail, "it was revoked");
  EXPECT_EQ(outcome.response.error().status, 401);
  EXPECT_FALSE(outcome.response.error().retryable);
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_EQ(sent_member(outcome), "no");
  EXPECT_EQ(guard->given_back, 0);
  for (const std::string& wire : server.received()) EXPECT_EQ(wire, "");
}

TEST(Guard, IsAskedForAReusedConnectionToo) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const auto guard = bearer();
  ASSERT_EQ(result_of(client.call(guarded(get(server.url("/first")), guard))), "ok");
  guard->deny = true;
  EXPECT_EQ(result_of(client.call(guarded(get(server.url("/second")), guard))),
            "credential-revoked");
  ASSERT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.received()[0].find("/second"), std::string::npos);
}

TEST(Guard, WithALineBreakInItsLineIsRefusedWithoutShowingTheLine) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  for (const char* line : {"Authorization: Bearer tops3cret\r\nX: y", "Bad Name: tops3cret",
                           "tops3cret", ": tops3cret"}) {
    const auto guard = std::make_shared<RecordingGuard>(std::vector<std::string>{line});
    const Outcome outcome = client.call(guarded(get(server.url()), guard));
    EXPECT_EQ(result_of(outcome), "header-invalid") << line;
    EXPECT_EQ(outcome.response.error().detail.find("tops3cret"), std::string::npos);
    EXPECT_EQ(guard->asked, 0);
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Guard, WhoseHeaderTheRequestSetsItselfIsRefused) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const auto guard = bearer();
  Request request = guarded(get(server.url()), guard);
  request.headers = {{"authorization", "Basic eA=="}};
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "header-invalid");
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_EQ(guard->asked, 0);
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Permit, IsGivenBackAsSoonAsTheRequestIsWrittenNotWhenTheAnswerComes) {
  std::promise<void> written;
  auto is_written = written.get_future();
  // No answer comes before the permit is back: were it held until then, this would not end.
  MisbehavingServer server([&](Connection& connection) {
    connection.read_request();
    is_written.wait();
    connection.send(ok_answer("x"));
    connection.wait_for_close();
  });
  Client client;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, std::size_t{200'000}, kLarge}) {
    written = {};
    is_written = written.get_future();
    const auto guard = bearer();
    guard->on_written = [&] { written.set_value(); };
    Request request = guarded(post(server.url(), std::string(size, 'x')), guard);
    request.pool = std::to_string(size);  // a connection of its own
    ASSERT_EQ(result_of(client.call(std::move(request))), "ok") << size;
    EXPECT_EQ(guard->given_back, 1);
  }
}

// Reads the head of a request and no further before `go`.
MisbehavingServer::Script slow_reader(const std::atomic<bool>& go,
                                      std::promise<std::size_t>& read) {
  return [&](Connection& connection) {
    connection.shrink_receive_buffer();
    std::size_t count = connection.read_some(100).size();
    connection.wait_until(go);
    for (;;) {
      const std::size_t more = connection.read_some(1'000'000).size();
      count += more;
      if (more == 0 || count >= kLarge) break;
    }
    connection.send(ok_answer("x"));
    read.set_value(count);
    connection.wait_for_close();
  };
}

void wait_for(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(Permit, IsHeldWhileALargeBodyGoesToASlowReader) {
  std::atomic<bool> go{false};
  std::promise<std::size_t> read;
  MisbehavingServer server(slow_reader(go, read));
  Client client;
  const auto guard = bearer();
  auto outcome = client.start(guarded(post(server.url(), std::string(kLarge, 'x')), guard));
  wait_for([&] { return !server.received().empty() && server.received()[0].size() >= 100; });
  // Other work on the same reactor gives it every occasion to be wrong.
  MisbehavingServer other(MisbehavingServer::always(ok_answer("x")));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(result_of(client.call(get(other.url()))), "ok");
  EXPECT_TRUE(guard->held());
  go = true;
  EXPECT_EQ(result_of(outcome.get()), "ok");
  EXPECT_GE(read.get_future().get(), kLarge);
  EXPECT_EQ(guard->granted, 1);
  EXPECT_EQ(guard->given_back, 1);
}

TEST(AbortSending, CutsOffWhatIsBeingWrittenWithTheGuardsReason) {
  std::atomic<bool> go{false};
  std::promise<std::size_t> read;
  MisbehavingServer server(slow_reader(go, read));
  Client client;
  const auto guard = bearer();
  auto outcome = client.start(guarded(post(server.url(), std::string(kLarge, 'x')), guard));
  wait_for([&] { return !server.received().empty() && server.received()[0].size() >= 100; });
  guard->deny = true;
  client.reactor->abort_sending("another/1");
  EXPECT_TRUE(guard->held());
  client.reactor->abort_sending("crm-key/1");
  EXPECT_FALSE(guard->held()) << "it returns when all is done";
  const Outcome got = outcome.get();
  EXPECT_EQ(result_of(got), "credential-revoked");
  EXPECT_EQ(got.sent, Sent::partly);
  EXPECT_EQ(sent_member(got), "partly");
  go = true;
  // A reset discards what the kernels still held: the reader gets less than was buffered.
  EXPECT_LT(read.get_future().get(), kLarge / 4);
  EXPECT_EQ(guard->granted, guard->given_back);
}

TEST(AbortSending, WhereTheGuardGrantsAgainSaysReset) {
  std::atomic<bool> go{false};
  std::promise<std::size_t> read;
  MisbehavingServer server(slow_reader(go, read));
  Client client;
  const auto guard = bearer();
  auto outcome = client.start(guarded(post(server.url(), std::string(kLarge, 'x')), guard));
  wait_for([&] { return !server.received().empty() && server.received()[0].size() >= 100; });
  client.reactor->abort_sending("crm-key/1");
  EXPECT_EQ(result_of(outcome.get()), "reset");
  EXPECT_EQ(guard->granted, 2);
  EXPECT_EQ(guard->given_back, 2);
  go = true;
}

TEST(AbortSending, LetsWhatIsFullySentFinish) {
  std::atomic<bool> go{false};
  MisbehavingServer server([&](Connection& connection) {
    connection.read_request();
    connection.wait_until(go);
    connection.send(ok_answer("x"));
    connection.wait_for_close();
  });
  Client client;
  const auto guard = bearer();
  auto outcome = client.start(guarded(get(server.url()), guard));
  ASSERT_TRUE(server.wait_for_requests(1));
  wait_for([&] { return guard->given_back == 1; });
  guard->deny = true;
  client.reactor->abort_sending("crm-key/1");
  go = true;
  EXPECT_EQ(result_of(outcome.get()), "ok");
}

// More than the receiver's window, less than the sender's buffer: the kernel takes all of it and
// cannot send it.
constexpr std::size_t kStuck = 2UL * 1024 * 1024;

// Reads the head of a request, answers where it should, and reads on after `go`.
MisbehavingServer::Script stuck_reader(bool answers, const std::atomic<bool>& go,
                                       std::promise<std::size_t>& read) {
  return [&, answers](Connection& connection) {
    connection.shrink_receive_buffer();
    std::size_t count = connection.read_some(100).size();
    if (answers) connection.send(ok_answer("x"));
    connection.wait_until(go);
    for (std::size_t more = 1; more != 0 && count < kStuck; count += more)
      more = connection.read_some(1'000'000).size();
    read.set_value(count);
  };
}

TEST(AbortSending, CutsOffWhatOnlyTheKernelStillHolds) {
  std::atomic<bool> go{false};
  std::promise<std::size_t> read;
  MisbehavingServer server(stuck_reader(false, go, read));
  Client client;
  const auto guard = bearer();
  auto outcome = client.start(guarded(post(server.url(), std::string(kStuck, 'x')), guard));
  wait_for([&] { return guard->given_back == 1; });
  guard->deny = true;
  client.reactor->abort_sending("crm-key/1");
  const Outcome got = outcome.get();
  EXPECT_EQ(result_of(got), "credential-revoked");
  EXPECT_EQ(got.sent, Sent::yes) << "the other side may have it";
  go = true;
  EXPECT_LT(read.get_future().get(), kStuck);
}

TEST(AbortSending, CutsOffIdleConnectionsThatHoldBytesStill) {
  for (const bool drop_only : {false, true}) {
    std::atomic<bool> go{false};
    std::promise<std::size_t> read;
    MisbehavingServer server(stuck_reader(true, go, read));
    Client client;
    const auto guard = bearer();
    ASSERT_EQ(result_of(client.call(guarded(post(server.url(), std::string(kStuck, 'x')), guard))),
              "ok");
    EXPECT_EQ(guard->given_back, 1);
    if (drop_only)
      client.reactor->drop_pool("crm-key/1");
    else
      client.reactor->abort_sending("crm-key/1");
    go = true;
    EXPECT_LT(read.get_future().get(), kStuck) << drop_only;
  }
}

TEST(AbortSending, LeavesTheConnectionsOfHealthyPeersAlone) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const auto guard = bearer();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(result_of(client.call(guarded(post(server.url(), "body"), guard))), "ok");
    client.reactor->abort_sending("crm-key/1");
  }
  EXPECT_EQ(server.connections(), 1U);
}

// The first request of the server's first connection is answered; the second is read, as if it
// had been executed, and the connection closed. Other connections work.
MisbehavingServer::Script dies_after_the_second_request() {
  return [](Connection& connection) {
    for (int i = 0;; ++i) {
      if (connection.read_request().empty()) return;
      if (connection.number() == 0 && i == 1) return;
      connection.send(ok_answer("x"));
    }
  };
}

TEST(AReusedConnectionThatDies, DoesNotMakeAPostGoOutTwice) {
  MisbehavingServer server(dies_after_the_second_request());
  Client client;
  const auto guard = bearer();
  ASSERT_EQ(result_of(client.call(guarded(post(server.url(), "1"), guard))), "ok");
  const Outcome outcome = client.call(guarded(post(server.url(), "2"), guard));
  EXPECT_EQ(result_of(outcome), "outcome-unknown");
  EXPECT_EQ(outcome.response.error().status, 500);
  EXPECT_FALSE(outcome.response.error().retryable);
  EXPECT_EQ(outcome.sent, Sent::yes);
  EXPECT_EQ(server.requests(), 2U);
  EXPECT_EQ(guard->granted, 2);
  EXPECT_EQ(guard->given_back, 2);
}

TEST(AReusedConnectionThatDies, IsReplacedForARequestThatMayBeRepeated) {
  MisbehavingServer server(dies_after_the_second_request());
  Client client;
  const auto guard = bearer();
  ASSERT_EQ(result_of(client.call(guarded(post(server.url(), "1"), guard))), "ok");
  Request second = guarded(post(server.url(), "2"), guard);
  second.repeatable = true;
  EXPECT_EQ(result_of(client.call(std::move(second))), "ok");
  EXPECT_EQ(server.requests(), 3U);
  EXPECT_EQ(guard->granted, 3) << "the second send needs a permit of its own";
  EXPECT_EQ(guard->given_back, 3);
}

TEST(AReusedConnectionThatDies, IsNotReplacedOnceTheGuardDenies) {
  const auto guard = bearer();
  MisbehavingServer server([&](Connection& connection) {
    if (connection.read_request().empty()) return;
    connection.send(ok_answer("x"));
    connection.read_request();
    guard->deny = true;
  });
  Client client;
  ASSERT_EQ(result_of(client.call(guarded(get(server.url()), guard))), "ok");
  const Outcome outcome = client.call(guarded(get(server.url()), guard));
  EXPECT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.sent, Sent::yes) << "the first send was complete";
  EXPECT_EQ(server.requests(), 2U);
}

TEST(AFreshConnectionThatDies, LeavesAPostUnknownAndAGetReset) {
  MisbehavingServer server([](Connection& connection) { connection.read_request(); });
  Client client;
  const Outcome unknown = client.call(post(server.url(), "x"));
  EXPECT_EQ(result_of(unknown), "outcome-unknown");
  EXPECT_EQ(unknown.sent, Sent::yes);
  EXPECT_EQ(result_of(client.call(get(server.url()))), "reset");
  EXPECT_EQ(server.requests(), 2U);
}

TEST(Pools, NeverShareAConnection) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  Request none = get(server.url());
  Request first = guarded(get(server.url()), bearer(), "crm-key/1");
  Request second = guarded(get(server.url()), bearer(), "crm-key/2");
  Request other_tls = first;
  other_tls.tls.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  for (int round = 0; round < 3; ++round)
    for (const Request& request : {none, first, second, other_tls})
      ASSERT_EQ(result_of(client.call(request)), "ok");
  EXPECT_EQ(server.connections(), 4U) << "one each, used three times";
}

TEST(Pools, ThatAreDroppedCloseTheirIdleConnections) {
  std::promise<void> closed;
  MisbehavingServer server([&](Connection& connection) {
    while (!connection.read_request().empty()) connection.send(ok_answer("x"));
    if (connection.number() == 0) closed.set_value();
  });
  Client client;
  const Request request = guarded(get(server.url()), bearer());
  ASSERT_EQ(result_of(client.call(request)), "ok");
  client.reactor->drop_pool("nobody");
  client.reactor->drop_pool("crm-key/1");
  closed.get_future().wait();
  EXPECT_EQ(result_of(client.call(request)), "ok");
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Pools, ThatAreDroppedMayHaveHadTheirLastWaitingRequestCancelled) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  const Request request = guarded(get(server.url()), bearer());
  for (int round = 0; round < 20; ++round) {
    // A few start in each turn; the rest is cancelled while its host is in line for its next one.
    std::vector<std::future<Outcome>> outcomes;
    std::vector<TransferId> ids(40);
    for (TransferId& id : ids) outcomes.push_back(client.start(request, &id));
    for (const TransferId& id : ids) client.reactor->cancel(id);
    client.reactor->drop_pool("crm-key/1");
    for (auto& outcome : outcomes) outcome.get();
    ASSERT_EQ(result_of(client.call(request)), "ok");
  }
}

TEST(Pools, ThatAreDroppedLetWhatIsUnderWayEnd) {
  std::atomic<bool> go{false};
  MisbehavingServer server([&](Connection& connection) {
    while (!connection.read_request().empty()) {
      connection.wait_until(go);
      connection.send(ok_answer("x"));
    }
  });
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  Client client(options);
  const Request request = guarded(get(server.url()), bearer());
  auto sent = client.start(request);
  ASSERT_TRUE(server.wait_for_requests(1));
  auto waiting = client.start(request);
  client.reactor->drop_pool("crm-key/1");
  auto fresh = client.start(request);
  go = true;
  for (auto* outcome : {&sent, &waiting, &fresh}) EXPECT_EQ(result_of(outcome->get()), "ok");
}

}  // namespace
}  // namespace stepwell::http::test
