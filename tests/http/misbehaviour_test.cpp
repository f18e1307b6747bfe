// Servers that answer badly, too late, too much or not at all: each becomes one
// problem that says so, and the reactor goes on.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;
using namespace std::chrono_literals;

struct Misdeed {
  const char* name;
  MisbehavingServer::Script script;
  const char* code;  // "ok" where it is none
  int status;
  bool retryable;
  const char* body = "";  // where it is "ok"
};

// After whatever it does, the same reactor serves a well-behaved host.
class AnAnswer : public testing::TestWithParam<Misdeed> {};

TEST_P(AnAnswer, GivesOneProblemAndTheReactorGoesOn) {
  const Misdeed& misdeed = GetParam();
  MisbehavingServer server(misdeed.script);
  MisbehavingServer good(MisbehavingServer::always(ok_answer("good")));
  Client client;
  Request request = get(server.url("/path?token=tops3cret"));
  request.limits.response_body = Bytes{100'000};
  request.limits.response_headers = Bytes{10'000};
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), misdeed.code);
  if (outcome.response) {
    EXPECT_EQ(outcome.response->status, misdeed.status);
    EXPECT_EQ(outcome.response->body, misdeed.body);
  } else {
    const Problem& problem = outcome.response.error();
    EXPECT_EQ(problem.status, misdeed.status);
    EXPECT_EQ(problem.retryable, misdeed.retryable);
    EXPECT_EQ(sent_member(outcome), "yes");
    EXPECT_EQ(problem.detail.find("tops3cret"), std::string::npos);
    EXPECT_NE(problem.detail.find("127.0.0.1:" + std::to_string(server.port())), std::string::npos)
        << problem.detail;
  }
  EXPECT_EQ(result_of(client.call(get(good.url()))), "ok");
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// A small answer that would pass any limit on the bytes received, and decodes
// to 258,001.
std::string deflate_bomb() {
  // A raw "deflate" answer of one fixed-Huffman block: the literal 'a', then
  // 1000 times <length 258, distance 1>, then the end of the block.
  std::string out;
  unsigned bits = 0;
  int count = 0;
  const auto put = [&](unsigned value, int width) {
    bits |= value << count;
    for (count += width; count >= 8; count -= 8, bits >>= 8) out += static_cast<char>(bits & 0xff);
  };
  const auto put_code = [&](unsigned code, int width) {  // Huffman codes go most significant first
    for (int i = width - 1; i >= 0; --i) put((code >> i) & 1U, 1);
  };
  put(1, 1);  // the last block
  put(1, 2);  // fixed codes
  put_code(0x30 + 'a', 8);
  for (int i = 0; i < 1000; ++i) {
    put_code(0xc0 + (285 - 280), 8);  // length 258
    put_code(0, 5);                   // distance 1
  }
  put_code(0, 7);
  put(0, 7);
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, AnAnswer,
    testing::Values(
        Misdeed{"garbage", MisbehavingServer::once("\x01\x02garbage\r\n\r\n"), "http-protocol", 500,
                false},
        Misdeed{"http_0_9", MisbehavingServer::once("<html>hello</html>"), "http-protocol", 500,
                false},
        Misdeed{"bad_status_line", MisbehavingServer::once("HTTP/1.1 abc OK\r\n\r\n"),
                "http-protocol", 500, false},
        Misdeed{"closed_without_a_byte", MisbehavingServer::once(""), "reset", 500, true},
        Misdeed{"reset_after_the_request",
                [](Connection& c) {
                  c.read_request();
                  c.reset();
                },
                "reset", 500, true},
        Misdeed{"half_a_head", MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-"), "cut-off",
                500, true},
        Misdeed{"half_a_body",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
                "cut-off", 500, true},
        Misdeed{"reset_in_the_body",
                [](Connection& c) {
                  c.read_request();
                  c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
                  c.pause(20ms);
                  c.reset();
                },
                "cut-off", 500, true},
        Misdeed{"half_a_chunk",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                                        "chunked\r\n\r\n10\r\nabc"),
                "cut-off", 500, true},
        Misdeed{"bad_chunk_size",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                                        "chunked\r\n\r\nxyz\r\nabc"),
                "http-protocol", 500, false},
        Misdeed{"length_that_is_no_number",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n1234567890"),
                "http-protocol", 500, false},
        Misdeed{"two_lengths",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: "
                                        "3\r\nContent-Length: 5\r\n\r\nabcde"),
                "http-protocol", 500, false},
        Misdeed{
            "length_and_chunks",
            MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: "
                                    "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            "http-protocol", 500, false},
        Misdeed{"too_large_by_its_length",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"),
                "too-large", 500, false},
        Misdeed{"too_large_in_chunks",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                        repeated("400\r\n" + std::string(1024, 'x') + "\r\n", 98) +
                                        "0\r\n\r\n"),
                "too-large", 500, false},
        Misdeed{"too_large_until_close",
                MisbehavingServer::once("HTTP/1.0 200 OK\r\n\r\n" + std::string(100'001, 'x')),
                "too-large", 500, false},
        Misdeed{
            "too_large_when_decoded",
            MisbehavingServer::always(ok_answer(deflate_bomb(), "Content-Encoding: deflate\r\n")),
            "too-large", 500, false},
        Misdeed{"broken_encoding",
                MisbehavingServer::always(ok_answer("not gzip", "Content-Encoding: gzip\r\n")),
                "http-protocol", 500, false},
        Misdeed{
            "too_many_headers",
            MisbehavingServer::always("HTTP/1.1 200 OK\r\n" + repeated("X-A: bcdefghij\r\n", 700) +
                                      "Content-Length: 0\r\n\r\n"),
            "headers-too-large", 500, false},
        Misdeed{"one_header_too_large",
                MisbehavingServer::always("HTTP/1.1 200 OK\r\nX-A: " + std::string(300'000, 'x') +
                                          "\r\n\r\n"),
                "headers-too-large", 500, false},
        Misdeed{"interim_answers_without_end",
                MisbehavingServer::always(
                    repeated("HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n", 500) + ok_answer("late")),
                "headers-too-large", 500, false},
        Misdeed{"a_few_interim_answers",
                MisbehavingServer::always(
                    repeated("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", 3) + ok_answer("fine")),
                "ok", 200, false, "fine"},
        Misdeed{"until_close", MisbehavingServer::once("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
                "ok", 200, false, "until the end"},
        Misdeed{"folded_header",
                MisbehavingServer::always("HTTP/1.1 200 OK\r\nX-A: b\r\n  "
                                          "c\r\nContent-Length: 2\r\n\r\nhi"),
                "ok", 200, false, "hi"},
        Misdeed{"more_than_its_length",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more"),
                "ok", 200, false, "hi"},
        Misdeed{"trailers",
                MisbehavingServer::once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                        "2\r\nhi\r\n0\r\nX-Trailer: x\r\n\r\n"),
                "ok", 200, false, "hi"}),
    [](const auto& given) { return given.param.name; });

TEST(AnAnswerToHead, HasNoBodyWhateverItsLength) {
  MisbehavingServer server(
      MisbehavingServer::always("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
  Client client;
  for (int i = 0; i < 2; ++i) {
    Request request = get(server.url());
    request.method = "HEAD";
    const Outcome outcome = client.call(std::move(request));
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_EQ(outcome.response->body, "");
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(AnAnswer, ThatComesBeforeTheBodyIsReadEndsTheUpload) {
  MisbehavingServer server([](Connection& connection) {
    connection.read_some(100);
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    connection.wait_for_close();
  });
  Client client;
  const Outcome outcome = client.call(post(server.url(), std::string(20'000'000, 'x')));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->status, 413);
  EXPECT_EQ(outcome.response->body, "no");
}

TEST(AnAnswer, OfExactlyTheLimitPasses) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer(std::string(1000, 'x'))));
  Client client;
  Request request = get(server.url());
  request.limits.response_body = Bytes{1000};
  EXPECT_EQ(result_of(client.call(request)), "ok");
  request.limits.response_body = Bytes{999};
  EXPECT_EQ(result_of(client.call(request)), "too-large");
}

TEST(AnAnswer, IsDecoded) {
  // "hello" in a stored block (RFC 1951 §3.2.4).
  const std::string stored("\x01\x05\x00\xfa\xffhello", 10);
  MisbehavingServer server(
      MisbehavingServer::always(ok_answer(stored, "Content-Encoding: deflate\r\n")));
  Client client;
  const Outcome outcome = client.call(get(server.url()));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->body, "hello");
}

TEST(TooLate, WhereNoAnswerBegins) {
  MisbehavingServer server(MisbehavingServer::silent());
  Client client;
  Request request = get(server.url());
  request.timeouts.first_byte = 40ms;
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "first-byte-timeout");
  EXPECT_EQ(outcome.response.error().status, 408);
  EXPECT_TRUE(outcome.response.error().retryable);
  EXPECT_EQ(outcome.sent, Sent::yes);
}

TEST(TooLate, IsNotRetryableWhereTheRequestMustNotBeRepeated) {
  MisbehavingServer server(MisbehavingServer::silent());
  Client client;
  Request request = post(server.url(), "x");
  request.timeouts.first_byte = 40ms;
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "first-byte-timeout");
  EXPECT_FALSE(outcome.response.error().retryable);
}

TEST(TooLate, WhereTheAnswerDoesNotEnd) {
  MisbehavingServer server([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.pause(5ms) && connection.send("x")) {
    }
  });
  Client client;
  Request request = get(server.url());
  request.timeouts.total = Deadline::after(client.clock, 60ms);
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "timeout");
  EXPECT_EQ(outcome.response.error().status, 408);
}

TEST(TooSlow, WhereTheAnswerTrickles) {
  MisbehavingServer server([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.pause(20ms) && connection.send("x")) {
    }
  });
  Client client;
  Request request = get(server.url());
  request.limits.low_speed = Bytes{1000};
  request.limits.low_speed_time = 1s;
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "too-slow");
  EXPECT_EQ(outcome.response.error().status, 408);
}

// A socket with a port of loopback, which nobody else gets meanwhile.
class BoundSocket {
 public:
  BoundSocket() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(bind(descriptor_, name(), size), 0);
    EXPECT_EQ(getsockname(descriptor_, name(), &size), 0);
  }
  ~BoundSocket() { close(descriptor_); }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  int descriptor() const { return descriptor_; }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/";
  }
  int reached_by(int other) { return connect(other, name(), sizeof address_); }

 private:
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address_); }

  const int descriptor_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address_{};
};

TEST(Connecting, ToAPortThatNobodyListensOnSaysSo) {
  const BoundSocket nobody;
  Client client;
  const Outcome outcome = client.call(post(nobody.url(), "x"));
  EXPECT_EQ(result_of(outcome), "connect");
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_TRUE(outcome.response.error().retryable) << "nothing was sent";
}

TEST(Connecting, ToANameThatCannotExistSaysSo) {
  Client client;
  // A label of more than 63 characters is refused without asking any server
  // (RFC 1035 §2.3.4).
  const Outcome outcome = client.call(get("http://" + std::string(64, 'a') + ".invalid/"));
  EXPECT_EQ(result_of(outcome), "dns");
  EXPECT_EQ(outcome.sent, Sent::no);
}

TEST(Connecting, ThatTakesTooLongIsGivenUp) {
  // A listener whose queue is full drops further connection attempts.
  BoundSocket listener;
  ASSERT_EQ(listen(listener.descriptor(), 0), 0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(listener.reached_by(fillers.back()));
  }
  // One of them has its place: now the queue is full.
  pollfd full{listener.descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&full, 1, 30'000), 1);
  Client client;
  Request request = get(listener.url());
  request.timeouts.connect = 50ms;
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "connect-timeout");
  EXPECT_EQ(outcome.response.error().status, 408);
  EXPECT_EQ(outcome.sent, Sent::no);
  for (const int fd : fillers) close(fd);
}

}  // namespace
}  // namespace stepwell::http::test
