// The server's behaviour on the wire, whatever the routes.
#include "api/server.h"

#include <gtest/gtest.h>

#include <future>

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
  const std::string post = "POST /api/v1/instances HTTP/1.1\r\nHost: h\r\n";
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
  options.idle_timeout = Milliseconds(50);
  const Office office(options);
  for (const char* bytes : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX: ",
                            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"}) {
    Wire wire(office.address());
    wire.send(bytes);
    EXPECT_TRUE(wire.closed()) << bytes;
  }
  Wire idle(office.address());
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
