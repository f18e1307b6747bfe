// The reactor's ordinary work: what goes over the wire, what comes back,
// queues, timers, ends.
#include "http/reactor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using namespace std::chrono_literals;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(Reactor, HandsTheAnswerOn) {
  MisbehavingServer server(
      MisbehavingServer::always("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A:  b c \r\nx-a: "
                                "d\r\nEmpty:\r\n\r\nhi"));
  Client client;
  const Outcome outcome = client.call(get(server.url("/path?q=1")));
  ASSERT_EQ(result_of(outcome), "ok");
  const Response& response = *outcome.response;
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.http_version, 11);
  EXPECT_EQ(response.body, "hi");
  ASSERT_EQ(response.headers.size(), 4U);
  EXPECT_EQ(response.headers[1].name, "X-A");
  EXPECT_EQ(response.headers[1].value, "b c");
  EXPECT_EQ(*response.header("Empty"), "");
  EXPECT_EQ(outcome.sent, Sent::yes);
  EXPECT_FALSE(response.reused_connection);
  EXPECT_LE(response.timings.connected, response.timings.first_byte);
  EXPECT_LE(response.timings.first_byte, response.timings.total);
}

TEST(Reactor, UsesAConnectionAgain) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  EXPECT_FALSE(client.call(get(server.url())).response->reused_connection);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(client.call(get(server.url())).response->reused_connection);
  EXPECT_EQ(server.connections(), 1U);
}

struct Sending {
  const char* method;
  std::optional<std::string> body;
  const char* first_line;
  const char* length;  // nullptr: no Content-Length
};
class MethodAndBody : public testing::TestWithParam<Sending> {};

TEST_P(MethodAndBody, GoOverTheWire) {
  MisbehavingServer server(
      MisbehavingServer::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Client client;
  const Sending& sending = GetParam();
  // Twice with another method between, since a handle is used again with what
  // was set before.
  for (const bool between : {false, true, false}) {
    Request request = between ? post(server.url("/other"), "other") : get(server.url("/path"));
    if (!between) request.method = sending.method;
    if (!between) request.body = sending.body;
    request.repeatable = true;
    ASSERT_EQ(result_of(client.call(std::move(request))), "ok");
  }
  const std::string wire = server.received()[0];
  ASSERT_EQ(server.requests(), 3U);
  const std::string first = wire.substr(0, wire.find("POST /other"));
  EXPECT_EQ(first.substr(0, first.find("\r\n")), sending.first_line);
  EXPECT_EQ(first.substr(first.find("\r\n\r\n") + 4), sending.body.value_or(""));
  EXPECT_EQ(contains(first, "\r\nContent-Length: "), sending.length != nullptr);
  const std::string length = sending.length != nullptr ? sending.length : "none";
  EXPECT_EQ(contains(first, "\r\nContent-Length: " + length + "\r\n"), sending.length != nullptr);
  for (const char* unwanted : {"Expect", "Content-Type", "Transfer-Encoding", "Cookie"})
    EXPECT_FALSE(contains(first, unwanted)) << unwanted;
  const auto again = wire.find(sending.first_line, first.size());
  ASSERT_NE(again, std::string::npos);
  EXPECT_EQ(wire.substr(again), first);
}

INSTANTIATE_TEST_SUITE_P(Methods, MethodAndBody,
                         testing::Values(Sending{"GET", {}, "GET /path HTTP/1.1", nullptr},
                                         Sending{"HEAD", {}, "HEAD /path HTTP/1.1", nullptr},
                                         Sending{"DELETE", {}, "DELETE /path HTTP/1.1", nullptr},
                                         Sending{"OPTIONS", {}, "OPTIONS /path HTTP/1.1", nullptr},
                                         Sending{"POST", {}, "POST /path HTTP/1.1", "0"},
                                         Sending{"PUT", {}, "PUT /path HTTP/1.1", "0"},
                                         Sending{"POST", "", "POST /path HTTP/1.1", "0"},
                                         Sending{"POST", "a=b", "POST /path HTTP/1.1", "3"},
                                         Sending{"PATCH", std::string("a\0b", 3),
                                                 "PATCH /path HTTP/1.1", "3"},
                                         Sending{"GET", "body", "GET /path HTTP/1.1", "4"},
                                         Sending{"DELETE", "body", "DELETE /path HTTP/1.1", "4"}));

TEST(Reactor, SendsHeadWithoutTheBodyItWasGiven) {
  MisbehavingServer server(
      MisbehavingServer::always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
  Client client;
  Request request = post(server.url("/path"), "body");
  request.method = "HEAD";
  ASSERT_EQ(result_of(client.call(std::move(request))), "ok");
  const std::string wire = server.received()[0];
  EXPECT_TRUE(contains(wire, "HEAD /path HTTP/1.1\r\n"));
  EXPECT_FALSE(contains(wire, "Content-Length"));
  EXPECT_EQ(wire.substr(wire.find("\r\n\r\n") + 4), "");
}

TEST(Reactor, SendsHeadersAsTheyAreAlsoEmptyOnes) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("")));
  Client client;
  Request request = post(server.url(), "{}");
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}, {"x-Lower", " a, b"}};
  ASSERT_EQ(result_of(client.call(std::move(request))), "ok");
  const std::string wire = server.received()[0];
  EXPECT_TRUE(contains(wire, "\r\nContent-Type: application/json\r\n"));
  EXPECT_TRUE(contains(wire, "\r\nX-Empty:\r\n"));
  EXPECT_TRUE(contains(wire, "\r\nx-Lower:  a, b\r\n"));
  EXPECT_TRUE(contains(wire, "\r\nUser-Agent: stepwell\r\n"));
}

TEST(Reactor, SendsALargeBodyWithoutAskingFirst) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("done")));
  Client client;
  const std::string body(3'000'000, 'x');
  ASSERT_EQ(result_of(client.call(post(server.url(), body))), "ok");
  const std::string wire = server.received()[0];
  EXPECT_FALSE(contains(wire, "Expect"));
  EXPECT_EQ(wire.substr(wire.find("\r\n\r\n") + 4), body);
}

TEST(Reactor, IgnoresTheEnvironmentsProxies) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  EXPECT_EQ(result_of(client.call(get(server.url()))), "ok");
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

TEST(Reactor, UsesTheRequestsProxyWhateverTheEnvironmentExcludes) {
  setenv("no_proxy", "*", 1);
  MisbehavingServer proxy(MisbehavingServer::always(ok_answer("from the proxy")));
  Client client;
  Request request = get("http://example.invalid/x");
  request.proxy = proxy.url("");
  const Outcome outcome = client.call(std::move(request));
  unsetenv("no_proxy");
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->body, "from the proxy");
  EXPECT_TRUE(contains(proxy.received()[0], "GET http://example.invalid/x HTTP/1.1"));
}

TEST(Reactor, DoesNotFollowRedirects) {
  MisbehavingServer elsewhere(MisbehavingServer::always(ok_answer("no")));
  MisbehavingServer server(MisbehavingServer::always(
      "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + elsewhere.url() + "\r\n\r\n"));
  Client client;
  Request request = get(server.url());
  request.headers = {{"X-Api-Key", "mine"}};
  const Outcome outcome = client.call(std::move(request));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->status, 302);
  EXPECT_EQ(*outcome.response->header("location"), elsewhere.url());
  EXPECT_EQ(elsewhere.connections(), 0U);
}

struct BadRequest {
  const char* name;
  std::function<void(Request&)> spoil;
  const char* code;
};
class RefusedRequest : public testing::TestWithParam<BadRequest> {};

TEST_P(RefusedRequest, IsNotSent) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  Request request = get(server.url());
  GetParam().spoil(request);
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), GetParam().code);
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_EQ(sent_member(outcome), "no");
  EXPECT_FALSE(outcome.response.error().retryable);
  EXPECT_EQ(server.connections(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Spoiled, RefusedRequest,
    testing::Values(
        BadRequest{"url", [](Request& r) { r.url = "ftp://127.0.0.1/"; }, "url-invalid"},
        BadRequest{"user", [](Request& r) { r.url.replace(0, 7, "http://u:p@"); }, "url-invalid"},
        BadRequest{"space", [](Request& r) { r.url += " x"; }, "url-invalid"},
        BadRequest{"break",
                   [](Request& r) {
                     r.headers = {{"X", "a\r\nY: b"}};
                   },
                   "header-invalid"},
        BadRequest{"name",
                   [](Request& r) {
                     r.headers = {{"X\r\nY", "b"}};
                   },
                   "header-invalid"},
        BadRequest{"host",
                   [](Request& r) {
                     r.headers = {{"Host", "b"}};
                   },
                   "header-invalid"},
        BadRequest{"method", [](Request& r) { r.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"; },
                   "method-invalid"}),
    [](const auto& given) { return given.param.name; });

TEST(Egress, JudgesTheAddressThatASpellingStandsFor) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client closed(ReactorOptions{});
  Client open;
  for (const char* host : {"127.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1",
                           "[::ffff:127.0.0.1]", "localhost", "LOCALHOST"}) {
    const std::string url =
        "http://" + std::string(host) + ":" + std::to_string(server.port()) + "/";
    const auto before = server.connections();
    const Outcome denied = closed.call(get(url));
    EXPECT_EQ(result_of(denied), "egress-denied") << host;
    EXPECT_EQ(denied.sent, Sent::no) << host;
    EXPECT_EQ(server.connections(), before) << host;
    EXPECT_EQ(result_of(open.call(get(url))), "ok") << host;
  }
}

TEST(Egress, DeniedByTheSettingsIsDeniedThoughLoopbackIsOpen) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  ReactorOptions options;
  options.egress = EgressRules({*Network::parse("127.0.0.0/8")}, {*Network::parse("127.0.0.1")});
  Client client(options);
  EXPECT_EQ(result_of(client.call(get(server.url()))), "egress-denied");
}

TEST(Options, ConnectToAndResolveLeadElsewhere) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  const std::string port = std::to_string(server.port());
  ReactorOptions options = open_to_loopback();
  options.connect_to = {"crm.example:80:127.0.0.1:" + port};
  options.resolve = {"mail.example:" + port + ":127.0.0.1"};
  Client client(options);
  EXPECT_EQ(result_of(client.call(get("http://crm.example/"))), "ok");
  EXPECT_EQ(result_of(client.call(get("http://mail.example:" + port + "/"))), "ok");
  EXPECT_TRUE(contains(server.received()[0], "Host: crm.example\r\n"));
}

TEST(Queue, KeepsTheOrderOfArrivalAtAHost) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  Client client(options);
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 50; ++i)
    outcomes.push_back(client.start(get(server.url("/" + std::to_string(i) + "."))));
  for (auto& outcome : outcomes) EXPECT_EQ(result_of(outcome.get()), "ok");
  const std::string wire = server.received()[0];
  std::size_t last = 0;
  for (int i = 0; i < 50; ++i) {
    const auto at = wire.find("GET /" + std::to_string(i) + ". ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_GE(at, last);
    last = at;
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Queue, AFullOneRefusesWhatComesAndSaysThatALaterTryMayHelp) {
  MisbehavingServer server(MisbehavingServer::silent());
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  options.max_queued = 2;
  Client client(options);
  auto sent = client.start(get(server.url()));
  ASSERT_TRUE(server.wait_for_requests(1));
  auto second = client.start(get(server.url()));
  auto third = client.start(get(server.url()));
  const Outcome fourth = client.call(get(server.url()));
  EXPECT_EQ(result_of(fourth), "overloaded");
  EXPECT_TRUE(fourth.response.error().retryable);
  client.reactor.reset();
  for (auto* outcome : {&sent, &second, &third}) EXPECT_EQ(result_of(outcome->get()), "cancelled");
}

TEST(Queue, TheTotalTimeRunsWhileARequestWaits) {
  MisbehavingServer server(MisbehavingServer::silent());
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  Client client(options);
  auto first = client.start(get(server.url()));
  ASSERT_TRUE(server.wait_for_requests(1));
  Request request = get(server.url());
  request.timeouts.total = Deadline::after(client.clock, 30ms);
  const Outcome second = client.call(std::move(request));
  EXPECT_EQ(result_of(second), "timeout");
  EXPECT_EQ(second.response.error().status, 408);
  EXPECT_EQ(second.sent, Sent::no);
  EXPECT_EQ(server.requests(), 1U);
}

TEST(Cancel, EndsWhatIsInFlightAndClosesItsConnection) {
  std::promise<void> closed;
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    connection.read_request();
    connection.wait_for_close();
    closed.set_value();
  });
  Client client;
  TransferId id;
  auto outcome = client.start(get(server.url()), &id);
  ASSERT_TRUE(server.wait_for_requests(1));
  client.reactor->cancel(id);
  const Outcome got = outcome.get();
  EXPECT_EQ(result_of(got), "cancelled");
  EXPECT_EQ(got.sent, Sent::yes);
  closed.get_future().wait();
  client.reactor->cancel(id);  // a number that is gone is no one's
}

TEST(Cancel, EndsWhatWaitsAndLetsTheRestGoOn) {
  std::atomic<bool> go{false};
  MisbehavingServer server([&](MisbehavingServer::Connection& connection) {
    while (!connection.read_request().empty()) {
      connection.wait_until(go);
      connection.send(ok_answer("x"));
    }
  });
  ReactorOptions options = open_to_loopback();
  options.active_per_host = 1;
  options.max_active_per_host = 1;
  Client client(options);
  auto first = client.start(get(server.url()));
  ASSERT_TRUE(server.wait_for_requests(1));
  TransferId id;
  auto second = client.start(get(server.url("/second")), &id);
  auto third = client.start(get(server.url()));
  client.reactor->cancel(id);
  EXPECT_EQ(result_of(second.get()), "cancelled");
  go = true;
  EXPECT_EQ(result_of(first.get()), "ok");
  EXPECT_EQ(result_of(third.get()), "ok");
  EXPECT_FALSE(contains(server.received()[0], "/second"));
}

TEST(Cancel, RightAfterSubmittingNeverLosesTheOutcome) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  for (int i = 0; i < 200; ++i) {
    TransferId id;
    auto outcome = client.start(get(server.url()), &id);
    client.reactor->cancel(id);
    const std::string result = result_of(outcome.get());
    EXPECT_TRUE(result == "cancelled" || result == "ok") << result;
  }
}

TEST(Reactor, CompletesEverythingWhenItEndsAlsoWhatIsSubmittedMeanwhile) {
  MisbehavingServer server(MisbehavingServer::silent());
  Client client;
  std::promise<std::string> second;
  auto exchange = std::make_unique<Call>([&](const Outcome&) {
    auto next = std::make_unique<Call>(
        [&](const Outcome& outcome) { second.set_value(result_of(outcome)); });
    next->request = get(server.url());
    client.reactor->submit(std::move(next));
  });
  exchange->request = get(server.url());
  client.reactor->submit(std::move(exchange));
  ASSERT_TRUE(server.wait_for_requests(1));
  Reactor* const reactor = client.reactor.get();
  delete reactor;  // the pointer stays in place for the completion
  static_cast<void>(client.reactor.release());
  EXPECT_EQ(second.get_future().get(), "cancelled");
}

// Keeps the reactor's thread busy: what it is asked meanwhile it learns all at once.
class HeldUp {
 public:
  explicit HeldUp(Reactor& reactor) {
    reactor.run_at(SteadyTime(), [this] {
      held_.set_value();
      freed_.get_future().wait();
    });
    held_.get_future().wait();
  }
  void end() { freed_.set_value(); }

 private:
  std::promise<void> held_;
  std::promise<void> freed_;
};

TEST(Timers, RunInTheirOrderOnTheReactorsThread) {
  Client client;
  std::vector<int> order;
  std::promise<void> last;
  HeldUp held_up(*client.reactor);
  const SteadyTime now = client.clock.steady_now();
  std::thread::id thread;
  client.reactor->run_at(now + 20ms, [&] { order.push_back(3); });
  client.reactor->run_at(now + 10ms, [&] { order.push_back(2); });
  client.reactor->run_at(now - 1h, [&] {
    thread = std::this_thread::get_id();
    order.push_back(1);
  });
  client.reactor->run_at(now + 30ms, [&] {
    EXPECT_EQ(thread, std::this_thread::get_id());
    EXPECT_GE(client.clock.steady_now(), now + 30ms);
    last.set_value();
  });
  held_up.end();
  last.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Timers, ThatAreCancelledDoNotRun) {
  Client client;
  std::atomic<bool> ran{false};
  std::promise<void> later;
  HeldUp held_up(*client.reactor);
  const SteadyTime now = client.clock.steady_now();
  const auto id = client.reactor->run_at(now + 5ms, [&] { ran = true; });
  client.reactor->cancel_timer(id);
  client.reactor->run_at(now + 20ms, [&] { later.set_value(); });
  held_up.end();
  later.get_future().wait();
  EXPECT_FALSE(ran);
  client.reactor->cancel_timer(id);
  client.reactor->cancel_timer(12345);
}

TEST(Timers, ComeFromManyThreadsAtOnce) {
  Client client;
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::atomic<int> ran{0};
  std::promise<void> all;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i)
        client.reactor->run_at(client.clock.steady_now() + Milliseconds(i % 5), [&] {
          if (++ran == kThreads * kEach) all.set_value();
        });
    });
  for (auto& thread : threads) thread.join();
  all.get_future().wait();
  EXPECT_EQ(ran, kThreads * kEach);
}

TEST(MetricsOfTheTransport, CountRequestsConnectionsAndBytes) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("12345")));
  Client client;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(result_of(client.call(get(server.url()))), "ok");
  ASSERT_EQ(result_of(client.call(get("http://127.0.0.1:1/"))), "connect");
  const double sent = static_cast<double>(server.received()[0].size());
  client.reactor.reset();  // hands over what was gathered
  auto value = [&](const std::string& name, const Labels& labels) {
    return client.metrics.counter(name, "", labels).value();
  };
  EXPECT_EQ(value("stepwell_http_requests_total", {{"class", "2xx"}}), 3);
  EXPECT_EQ(value("stepwell_http_requests_total", {{"class", "error"}}), 1);
  EXPECT_EQ(value("stepwell_http_connections_total", {{"reused", "false"}}), 1);
  EXPECT_EQ(value("stepwell_http_connections_total", {{"reused", "true"}}), 2);
  EXPECT_EQ(value("stepwell_http_sent_bytes_total", {}), sent);
  EXPECT_EQ(value("stepwell_http_received_bytes_total", {}),
            static_cast<double>(3 * ok_answer("12345").size()));
  EXPECT_EQ(client.metrics.gauge("stepwell_http_in_flight", "").value(), 0);
}

}  // namespace
}  // namespace stepwell::http::test
