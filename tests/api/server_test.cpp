// The server's behaviour on the wire, whatever the routes.
#include "api/server.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "api/dispatcher.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

const std::string kHealthy = "GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Server, AnswersOneRequestAfterTheOtherOnAConnection) {
  const Office office;
  Wire wire(office.address());
  for (int i = 0; i < 3; ++i) {
    wire.send(kHealthy);
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "healthy\n");
    EXPECT_EQ(answer.header("X-Request-Id").size(), 16U);
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const Office office;
  Wire wire(office.address());
  wire.send(kHealthy + "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n" + kHealthy);
  EXPECT_EQ(wire.read().status, 200);
  EXPECT_EQ(wire.read().status, 404);
  EXPECT_EQ(wire.read().status, 200);
}

TEST(Server, ClosesWhenTheClientAsksForIt) {
  const Office office;
  Wire wire(office.address());
  wire.send("GET /-/healthy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(wire.read().header("Connection"), "close");
  EXPECT_TRUE(wire.closed());
  Wire old(office.address());
  old.send("GET /-/healthy HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read().status, 200);
  EXPECT_TRUE(old.closed());
}

TEST(Server, AnswersHeadWithoutABody) {
  const Office office;
  Wire wire(office.address());
  wire.send("HEAD /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n" + kHealthy);
  const Answer head = wire.read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "8");
  EXPECT_EQ(wire.read().body, "healthy\n");
}

TEST(Server, RefusesBrokenRequestsAndCloses) {
  const Office office;
  struct Case {
    const char* name;
    std::string bytes;
    int status;
  };
  const std::string post = "POST /api/v1/instances HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
                           office.key("ana") + "\r\n";
  const Case cases[] = {
      {"no HTTP", "hello\r\n\r\n", 400},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
      {"bad version", "GET / HTTP/x.1\r\nHost: h\r\n\r\n", 400},
      {"HTTP/2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"bad length", post + "Content-Length: abc\r\n\r\n", 400},
      {"negative length", post + "Content-Length: -1\r\n\r\n", 400},
      {"length with sign", post + "Content-Length: +3\r\n\r\nabc", 400},
      {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"list of lengths", post + "Content-Length: 3, 4\r\n\r\nabc", 400},
      {"huge length", post + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {"length and chunked",
       post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked and length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"other encoding", post + "Transfer-Encoding: xchunked\r\n\r\n", 400},
      {"bad chunk", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"space before colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"control in header", std::string("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 36), 400},
      {"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"body too large", post + "Content-Length: 1048577\r\n\r\n", 413},
      {"chunk too large", post + "Transfer-Encoding: chunked\r\n\r\n100001\r\n", 413},
      {"headers too large", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'x'), 431},
  };
  for (const Case& one : cases) {
    Wire wire(office.address());
    wire.send(one.bytes);
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, one.status) << one.name;
    if (answer.status == 0) continue;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << one.name;
    EXPECT_EQ(answer.json().get("status"), Value(one.status)) << one.name;
    EXPECT_TRUE(wire.closed()) << one.name;
  }
  EXPECT_EQ(office.call("", "GET", "/-/healthy").status, 200);
}

TEST(Server, RefusesHeadWithoutABody) {
  const Office office;
  for (const auto& [request, status] :
       {std::pair(std::string("HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400),
        {"HEAD /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", 404},
        {"HEAD / HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'x'), 431}}) {
    Wire wire(office.address());
    wire.send(request);
    const Answer answer = wire.read(true);
    EXPECT_EQ(answer.status, status);
    EXPECT_NE(answer.header("Content-Length"), "0");
    EXPECT_TRUE(wire.closed()) << status;
  }
}

// Whoever has no key is not invited to send, and what he sends is not kept.
TEST(Server, LooksAtKeyAndRouteBeforeTheBody) {
  const Office office;
  const std::string rest = " HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n";
  const std::string bad = "Authorization: Api-Key sw_no.no\r\n";
  const std::string good = "Authorization: Api-Key " + office.key("ana") + "\r\n";
  for (const auto& [request, status] : {std::pair("POST /api/v1/users" + rest, 401),
                                        {"POST /api/v1/users" + rest + bad, 401},
                                        {"POST /nothing" + rest + good, 404},
                                        {"PUT /api/v1/users" + rest + good, 405},
                                        {"POST /api/v1/users" + rest + good, 100},
                                        {"POST /api/v1/webhooks/w" + rest, 100}}) {
    Wire wire(office.address());
    wire.send(request + "\r\n");
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, status) << request;
    EXPECT_EQ(answer.header("Allow"), status == 405 ? "POST, GET, HEAD" : "") << request;
    EXPECT_TRUE(status == 100 || wire.closed()) << request;
  }
  // One that is there already costs the connection nothing.
  Wire wire(office.address());
  wire.send("POST /api/v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}" + kHealthy);
  EXPECT_EQ(wire.read().status, 401);
  EXPECT_EQ(wire.read().status, 200);
}

TEST(Server, HoldsSoManyBytesOfBodiesWithoutKey) {
  ServerOptions options;
  options.max_open_bodies = Bytes{400'000};  // of which each address may take an eighth
  const Office office(options);
  const std::string length = "Content-Length: 100000\r\n\r\n";
  const std::string hook = "POST /api/v1/webhooks/w HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 2; ++i) {
    Wire much(office.address());
    much.send(hook + length + std::string(60'000, ' '));
    const Answer answer = much.read();
    ASSERT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "overloaded");
  }
  // What was refused is held no more, and who has a key is not concerned.
  Wire little(office.address());
  for (int i = 0; i < 3; ++i) {
    little.send(hook + "Content-Length: 40000\r\n\r\n" + std::string(40'000, ' '));
    EXPECT_EQ(little.read().status, 404);
  }
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/users", std::string(100'000, ' ')).status, 400);
}

// Whoever begins bodies and never ends them is in nobody's way but his own.
TEST(Server, HoldsABodyOfAnAddressInItsOwnShareAlone) {
  ServerOptions options;
  options.max_open_bodies = Bytes{80'000};
  const Office office(options);
  const std::string hook = "POST /api/v1/webhooks/w HTTP/1.1\r\nHost: h\r\n";
  const std::string body = "Content-Length: 5000\r\n\r\n" + std::string(5'000, ' ');
  const auto status = [&](const std::string& text, const char* from = "127.0.0.1") {
    Wire wire(office.address(), from);
    wire.send(text);
    return wire.read().status;
  };
  {
    Wire greedy(office.address());
    greedy.send(hook + "Content-Length: 9001\r\n\r\n" + std::string(9'000, ' '));
    int answer = 404;  // until the server has read what was sent
    for (int i = 0; i < 10'000 && answer == 404; ++i) answer = status(hook + body);
    EXPECT_EQ(answer, 503);
    EXPECT_EQ(status(hook + body, "127.0.0.2"), 404) << "there is room for others";
    const std::string key = "Authorization: Api-Key " + office.key("vic");
    EXPECT_EQ(status(hook + key + "\r\n" + body), 404) << "who has a key is no stranger";
    EXPECT_EQ(status(hook + key + "x\r\n" + body), 503);
    // All have one measure together.
    std::vector<std::unique_ptr<Wire>> others;
    for (int i = 2; i < 9; ++i) {
      others.push_back(
          std::make_unique<Wire>(office.address(), ("127.0.0." + std::to_string(i)).c_str()));
      others.back()->send(hook + "Content-Length: 9001\r\n\r\n" + std::string(9'000, ' '));
    }
    answer = 404;
    const std::string much = "Content-Length: 9001\r\n\r\n" + std::string(9'001, ' ');
    for (int i = 0; i < 10'000 && answer == 404; ++i) answer = status(hook + much, "127.0.0.9");
    EXPECT_EQ(answer, 503);
  }
  // Whoever has gone makes room, as soon as the server has noticed.
  int answer = 503;
  for (int i = 0; i < 10'000 && answer == 503; ++i) answer = status(hook + body);
  EXPECT_EQ(answer, 404);
}

// Beast 1.81 aborts where it is called with the fourth byte alone.
TEST(Server, ReadsABodyOfNothingByteForByte) {
  const Office office;
  for (const char* target : {"/api/v1/users", "/api/v1/files"}) {
    Wire wire(office.address());
    wire.send("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              office.key("ana") +
              "\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    EXPECT_EQ(wire.read().status, 100);
    for (const char* byte : {"\r", "\n"}) {
      // Its one thread has seen what was sent before once it has answered this.
      EXPECT_EQ(office.call("", "GET", "/-/healthy").status, 200);
      wire.send(byte);
    }
    EXPECT_NE(wire.read().status, 0) << target;
  }
}

TEST(Server, ReadsChunkedBodiesAndThoseThatWaitForContinue) {
  const Office office;
  Wire wire(office.address());
  const std::string start =
      "POST /api/v1/users HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + office.key("ana");
  wire.send(start +
            "\r\nTransfer-Encoding: chunked\r\n\r\n"
            "10\r\n{\"name\":\"new\",\"r\r\n10\r\nole\":\"viewer\"}  \r\n0\r\n\r\n");
  EXPECT_EQ(wire.read().status, 201);
  wire.send(start + "\r\nExpect: 100-continue\r\nContent-Length: 32\r\n\r\n");
  EXPECT_EQ(wire.read().status, 100);
  wire.send("{\"name\":\"two\",\"role\":\"viewer\"}  ");
  EXPECT_EQ(wire.read().status, 201);
}

TEST(Server, GivesUpOnSlowHeadersAndBodiesAndIdleConnections) {
  ServerOptions options;
  options.read_timeout = Milliseconds(50);
  const Office office(options);
  for (const char* bytes : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX: ",
                            "POST /api/v1/webhooks/w HTTP/1.1\r\nHost: h\r\nContent-Length: 5"
                            "\r\n\r\nab"}) {
    Wire wire(office.address());
    wire.send(bytes);
    EXPECT_TRUE(wire.closed()) << bytes;
  }
  // In so little time a client need not even get to its first request.
  ServerOptions patient;
  patient.idle_timeout = Milliseconds(50);
  const Office other(patient);
  Wire idle(other.address());
  idle.send(kHealthy);
  EXPECT_EQ(idle.read().status, 200);
  EXPECT_TRUE(idle.closed());
}

TEST(Server, AnswersOneConnectionTooManyWith503) {
  ServerOptions options;
  options.max_connections = 1;
  const Office office(options);
  Wire first(office.address());
  first.send(kHealthy);
  EXPECT_EQ(first.read().status, 200);
  Wire second(office.address());
  const Answer refused = second.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.reason(), "overloaded");
  EXPECT_TRUE(second.closed());
}

TEST(Server, RefusesAddressesThatItShouldNotListenOn) {
  Office office;
  const Services services{*office.engine,
                          office.catalog,
                          *office.authority,
                          office.reactor,
                          {},
                          office.clock,
                          office.entropy,
                          office.metrics,
                          Log::null(),
                          {},
                          {}};
  for (const auto& [listen, code] : {std::pair("0.0.0.0:0", "listen-plaintext"),
                                     {"[::]:0", "listen-plaintext"},
                                     {"192.0.2.1:80", "listen-plaintext"},
                                     {"127.0.0.1", "listen-invalid"},
                                     {"127.0.0.1:70000", "listen-invalid"},
                                     {"::1:80", "listen-invalid"},
                                     {"example.com:80", "listen-invalid"}}) {
    ServerOptions options;
    options.listen = listen;
    EXPECT_EQ(Server::start(options, services).error().code, code) << listen;
  }
  ServerOptions taken;
  taken.listen = office.address();
  EXPECT_EQ(Server::start(taken, services).error().code, "listen-failed");
  ServerOptions open;
  open.listen = "0.0.0.0:0";
  open.allow_plaintext = true;
  EXPECT_TRUE(Server::start(open, services));
}

// Asks without any connection.
struct Asked {
  std::future<Response> answer;
  bool there() const {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
};
class Keeper final : public ResponseSink {
 public:
  void respond(Response response) override { answer.set_value(std::move(response)); }
  void resume(std::function<void()> task) override { task(); }
  void after(Milliseconds, std::function<void()>) override {}
  std::promise<Response> answer;
};
Asked ask(Dispatcher& dispatcher, const std::string& target) {
  const auto keeper = std::make_shared<Keeper>();
  Request request;
  request.method = "GET";
  request.target = target;
  Asked asked{keeper->answer.get_future()};
  (void)dispatcher.dispatch(std::move(request), keeper);
  return asked;
}

// The engine calls back when the server has gone: an admission that the disk took long for.
TEST(Server, WhoeverOutlivesItFindsNoThreadThatMayBlock) {
  Metrics metrics;
  std::promise<void> ran;
  BlockingPool::Submit submit;
  {
    BlockingPool pool(1, 10, metrics.gauge("test_queued", "Of the test."));
    submit = pool.submitter();
    ASSERT_TRUE(submit([&] { ran.set_value(); }));
    ran.get_future().wait();
  }
  EXPECT_FALSE(submit([] { FAIL(); }));
}

// Whoever has no key could else stop everybody who has one.
TEST(Server, MetricsAndDescriptionHoldUpNobodyElse) {
  Office office;
  const Gauge queued = office.metrics.gauge("test_queued", "Of the test.");
  BlockingPool other(1, 10, queued);
  BlockingPool open(1, 2, queued);
  const auto dispatcher = Dispatcher::make(office.services(), {other, other, other, open}).value();
  std::promise<void> busy;
  std::promise<void> go;
  ASSERT_TRUE(open.submit([&] {
    busy.set_value();
    go.get_future().wait();
  }));
  busy.get_future().wait();
  Asked metrics = ask(*dispatcher, "/metrics");
  Asked description = ask(*dispatcher, "/api/v1/openapi.json");
  EXPECT_FALSE(metrics.there());
  EXPECT_FALSE(description.there());
  EXPECT_TRUE(ask(*dispatcher, "/-/healthy").there());
  Asked third = ask(*dispatcher, "/metrics");
  ASSERT_TRUE(third.there());
  EXPECT_EQ(third.answer.get().status, 503);
  go.set_value();
  // Nobody holds more of them than a piece.
  const Response text = metrics.answer.get();
  const Response document = description.answer.get();
  ASSERT_TRUE(text.source);
  ASSERT_TRUE(document.source);
  EXPECT_EQ(text.source->next(10).value().size(), 10U);
  EXPECT_EQ(document.source->next(10).value().size(), 10U);
  // A text of a moment does not stay for whoever takes it slowly.
  office.clock.advance(Milliseconds(30'000));
  EXPECT_FALSE(text.source->next(10));
  EXPECT_TRUE(document.source->next(10));
}

TEST(Server, MetricsAreCollectedForEverybodyButAFlood) {
  Office office;
  const auto text = [&] { return office.call("", "GET", "/metrics").body; };
  text();
  const std::string second = text();
  const std::string third = text();
  EXPECT_NE(second, third);
  EXPECT_EQ(text(), third);
  EXPECT_EQ(text(), third);
  office.clock.advance(Milliseconds(1'000));
  EXPECT_NE(text(), third);
}

TEST(Server, FinishesRunningRequestsWhenItStops) {
  Office office;
  office.add_workflow("get",
                      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]");
  Wire idle(office.address());
  idle.send(kHealthy);
  EXPECT_EQ(idle.read().status, 200);
  Wire busy(office.address());
  busy.send(
      office.text_of("ana", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})"));
  const auto step = office.steps.next();
  auto stopping =
      std::async(std::launch::async, [&] { office.server->stop(Milliseconds(60'000)); });
  EXPECT_TRUE(idle.closed());
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  const Answer answer = busy.read();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("Connection"), "close");
}

TEST(Server, LateAnswersGoNowhereOnceItIsGone) {
  Office office;
  office.add_workflow("get",
                      "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]");
  Wire busy(office.address());
  busy.send(
      office.text_of("ana", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})"));
  const auto step = office.steps.next();
  office.server->stop(Milliseconds(0));
  office.server.reset();
  EXPECT_EQ(busy.read().status, 0);
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(7)));
  EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
}

}  // namespace
}  // namespace stepwell::api::test
