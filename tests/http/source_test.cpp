// Requests whose body is read while it is sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/http/digest_server.h"
#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;

// Bytes that follow from their place; fails at one of them.
class Numbers final : public BodySource {
 public:
  explicit Numbers(std::uint64_t size, std::uint64_t fails_at = ~std::uint64_t{0})
      : size_(size), fails_at_(fails_at) {}
  static char byte_at(std::uint64_t at) { return static_cast<char>('a' + at % 23); }
  static std::string first(std::uint64_t size) {
    std::string text;
    for (std::uint64_t at = 0; at < size; ++at) text += byte_at(at);
    return text;
  }

  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(char* into, std::size_t most) override {
    if (at_ >= fails_at_)
      return fail(make_problem(ErrorKind::runtime, "store-failed", "the disk is broken"));
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(most, size_ - at_));
    for (std::size_t i = 0; i < some; ++i) into[i] = byte_at(at_ + i);
    at_ += some;
    largest = std::max(largest, some);
    return some;
  }
  Status rewind() override {
    at_ = 0;
    ++rewinds;
    return {};
  }

  std::size_t largest = 0;
  int rewinds = 0;

 private:
  const std::uint64_t size_;
  const std::uint64_t fails_at_;
  std::uint64_t at_ = 0;
};

Request sourced(const std::string& method, const std::string& url,
                std::shared_ptr<BodySource> source) {
  Request request;
  request.method = method;
  request.url = url;
  request.source = std::move(source);
  request.headers.push_back({"Content-Type", "application/octet-stream"});
  return request;
}

std::string body_of(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

TEST(Source, IsSentWithItsLengthPieceByPiece) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1")));
  Client client;
  for (const std::uint64_t size : {1UL, 1'000UL, 65'536UL, 3'000'000UL}) {
    for (const std::string method : {"POST", "PUT"}) {
      auto source = std::make_shared<Numbers>(size);
      const std::size_t before = server.received().empty() ? 0 : server.received().back().size();
      const Outcome outcome = client.call(sourced(method, server.url(), source));
      ASSERT_EQ(result_of(outcome), "ok");
      EXPECT_EQ(outcome.sent, Sent::yes);
      const std::string request = server.received().back().substr(before);
      EXPECT_TRUE(request.starts_with(method + " / HTTP/1.1\r\n"));
      EXPECT_NE(request.find("\r\nContent-Length: " + std::to_string(size) + "\r\n"),
                std::string::npos);
      EXPECT_EQ(request.find("Transfer-Encoding"), std::string::npos);
      EXPECT_EQ(request.find("Expect"), std::string::npos);
      EXPECT_TRUE(body_of(request) == Numbers::first(size)) << size;
      EXPECT_LE(source->largest, 65'536U);
    }
  }
}

TEST(Source, LeavesNothingForTheNextRequestOnItsHandle) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1")));
  Client client;
  ASSERT_EQ(result_of(client.call(sourced("POST", server.url(), std::make_shared<Numbers>(9)))),
            "ok");
  ASSERT_EQ(result_of(client.call(post(server.url(), "plain"))), "ok");
  Request empty = post(server.url(), "");
  empty.body.reset();
  ASSERT_EQ(result_of(client.call(std::move(empty))), "ok");
  const std::string received = server.received().back();
  EXPECT_NE(received.find("\r\n\r\n" + Numbers::first(9) + "POST"), std::string::npos);
  EXPECT_NE(received.find("\r\n\r\nplainPOST"), std::string::npos);
  EXPECT_TRUE(received.ends_with("\r\n\r\n"));
}

TEST(Source, ThatFailsEndsTheTransfer) {
  MisbehavingServer server(MisbehavingServer::silent());
  Client client;
  const Outcome outcome =
      client.call(sourced("POST", server.url(), std::make_shared<Numbers>(3'000'000, 500'000)));
  EXPECT_EQ(result_of(outcome), "store-failed");
  EXPECT_NE(outcome.sent, Sent::yes);
}

// A server that has heard enough answers before the end.
TEST(Source, IsNotReadToItsEndWhereTheAnswerComesBefore) {
  MisbehavingServer server([](Connection& connection) {
    (void)connection.read_some(1'000);
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    connection.finish_sending();
    connection.wait_for_close();
  });
  Client client;
  const Outcome outcome =
      client.call(sourced("POST", server.url(), std::make_shared<Numbers>(200'000'000)));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->status, 413);
}

// A connection that was kept open turns out to be dead: the request goes out on a new one.
TEST(Source, IsReadFromItsBeginningOnASecondConnection) {
  std::atomic<int> requests{0};
  MisbehavingServer server([&](Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      const int number = ++requests;
      if (number == 2) return connection.reset();
      connection.send(ok_answer("1"));
    }
  });
  Client client;
  Request first = get(server.url());
  ASSERT_EQ(result_of(client.call(std::move(first))), "ok");
  Request request = sourced("PUT", server.url(), std::make_shared<Numbers>(100'000));
  request.repeatable = true;
  ASSERT_EQ(result_of(client.call(std::move(request))), "ok");
  EXPECT_TRUE(body_of(server.received().back()) == Numbers::first(100'000));
}

TEST(Source, IsSentOnceTheLoginIsKnown) {
  const Challenge challenge;
  std::vector<std::string> bodies;
  MisbehavingServer server([&](Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      bodies.push_back(body_of(request));
      connection.send(proves(request, challenge, "ana", "secret") ? ok_answer("in")
                                                                  : to_answer(challenge));
    }
  });
  Client client;
  auto guard = std::make_shared<RecordingGuard>();
  guard->login = DigestLogin{"ana", Secret("secret")};
  for (int round = 0; round < 2; ++round) {
    Request request = sourced("POST", server.url("/a"), std::make_shared<Numbers>(200'000));
    request.guard = guard;
    request.pool = "crm/1";
    ASSERT_EQ(result_of(client.call(std::move(request))), "ok");
  }
  client.reactor.reset();
  ASSERT_GE(bodies.size(), 2U);
  EXPECT_EQ(bodies.front(), "");
  EXPECT_TRUE(bodies.back() == Numbers::first(200'000));
  EXPECT_FALSE(guard->held());
}

TEST(Source, HasNoPlaceInARequestWithoutContent) {
  MisbehavingServer server(MisbehavingServer::always("HTTP/1.1 200 OK\r\n\r\n"));
  Client client;
  const Outcome outcome = client.call(sourced("HEAD", server.url(), std::make_shared<Numbers>(10)));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(server.received().back().find("Content-Length"), std::string::npos);
}

}  // namespace
}  // namespace stepwell::http::test
