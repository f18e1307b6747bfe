// What handles, connections and descriptors have been used for before does not show: each request
// goes where it is meant to go, and its answer is noticed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using namespace std::chrono_literals;
using Connection = MisbehavingServer::Connection;

std::vector<std::string> request_lines(const MisbehavingServer& server) {
  std::vector<std::string> lines;
  for (const std::string& wire : server.received())
    for (std::size_t at = wire.find(" HTTP/1.1\r\n"); at != std::string::npos;
         at = wire.find(" HTTP/1.1\r\n", at + 1)) {
      const std::size_t begin = wire.rfind('\n', at);
      lines.push_back(wire.substr(begin == std::string::npos ? 0 : begin + 1,
                                  at - (begin == std::string::npos ? 0 : begin + 1)));
    }
  return lines;
}

TEST(AHandle, SendsEachRequestToItsOwnUrl) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  MisbehavingServer other(MisbehavingServer::always(ok_answer("x")));
  Client client;
  for (const char* path : {"/a?x=1", "/a?x=1", "/b", "/c/../d", "/e#part", "/a?x=1", "/%C3%A4"})
    ASSERT_EQ(result_of(client.call(get(server.url(path)))), "ok") << path;
  ASSERT_EQ(result_of(client.call(get(other.url("/a?x=1")))), "ok");
  ASSERT_EQ(result_of(client.call(get(server.url("/last")))), "ok");
  EXPECT_EQ(request_lines(server),
            (std::vector<std::string>{"GET /a?x=1", "GET /a?x=1", "GET /b", "GET /d", "GET /e",
                                      "GET /a?x=1", "GET /%C3%A4", "GET /last"}));
  EXPECT_EQ(request_lines(other), (std::vector<std::string>{"GET /a?x=1"}));
  EXPECT_NE(other.received()[0].find("\r\nHost: 127.0.0.1:" + std::to_string(other.port())),
            std::string::npos);
}

TEST(AHandle, KeepsItsUrlAfterAnAnswerThatNamesAnother) {
  MisbehavingServer server(MisbehavingServer::always(
      "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n"));
  Client client;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(result_of(client.call(get(server.url("/here")))), "ok");
  EXPECT_EQ(request_lines(server),
            (std::vector<std::string>{"GET /here", "GET /here", "GET /here"}));
}

TEST(AHandle, SendsTheSameUrlAgainWhereItsConnectionWasDead) {
  MisbehavingServer server([](Connection& connection) {
    for (int i = 0; !connection.read_request().empty(); ++i) {
      if (connection.number() == 0 && i == 1) return;
      connection.send(ok_answer("x"));
    }
  });
  Client client;
  ASSERT_EQ(result_of(client.call(get(server.url("/first")))), "ok");
  ASSERT_EQ(result_of(client.call(get(server.url("/second?a=b")))), "ok");
  ASSERT_EQ(result_of(client.call(get(server.url("/second?a=b")))), "ok");
  EXPECT_EQ(request_lines(server),
            (std::vector<std::string>{"GET /first", "GET /second?a=b", "GET /second?a=b",
                                      "GET /second?a=b"}));
}

TEST(AHandle, IsAsGoodAsNewAfterAUrlThatCannotBeUsed) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client;
  ASSERT_EQ(result_of(client.call(get(server.url("/a")))), "ok");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = client.call(get("http://[:::]/a"));
    EXPECT_NE(result_of(outcome), "ok");
    EXPECT_EQ(outcome.sent, Sent::no);
  }
  ASSERT_EQ(result_of(client.call(get(server.url("/a")))), "ok");
  EXPECT_EQ(request_lines(server), (std::vector<std::string>{"GET /a", "GET /a"}));
}

// An idle connection stays registered with the kernel. Where the other side closes it, the next
// one gets its number, and must be registered anew.
TEST(ADescriptor, WhoseNumberIsUsedAgainAtOnceIsListenedTo) {
  const auto closes_silently = [](Connection& connection) {
    if (connection.read_request().empty()) return;
    // Late, so that it is the kernel that has to tell.
    if (connection.pause(2ms)) connection.send(ok_answer("x"));
  };
  MisbehavingServer server(closes_silently);
  MisbehavingServer other(closes_silently);
  Client client;
  for (int i = 0; i < 30; ++i) {
    Request request = get(i % 3 == 2 ? other.url() : server.url());
    request.timeouts.total = Deadline::after(client.clock, 20s);
    ASSERT_EQ(result_of(client.call(std::move(request))), "ok") << i;
  }
  EXPECT_EQ(server.connections() + other.connections(), 30U);
}

}  // namespace
}  // namespace stepwell::http::test
