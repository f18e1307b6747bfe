// Bodies as they go over the wire and come back: compressed answers, none at all, the proxy.
#include <gtest/gtest.h>

#include "tests/steps/world.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

using namespace std::string_literals;
using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

// {"a":1}
const std::string kGzip =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\xaf\xac\x1b\x56"
    "\x07\x00\x00\x00"s;
const std::string kDeflate = "\x78\x9c\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\x08\x2a\x02\x09"s;
const std::string kZstd =
    "\x28\xb5\x2f\xfd\x04\x58\x39\x00\x00\x7b\x22\x61\x22\x3a\x31\x7d\x48\x8b\xfc\x32"s;
// An uncompressed meta-block (RFC 7932 §9.2), and the last one, which is empty.
const std::string kBrotli = "\x0b\x03\x80{\"a\":1}\x03"s;
// 20,000 times "a".
const std::string kBomb =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xac\xeb\x5f\xc2"
    "\x1a\x1e\x40\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\xf0\x60\x31\x87\xbd\xca\x20\x4e\x00\x00"s;

std::string encoded(const std::string& coding) {
  return kJson + "Content-Encoding: " + coding + "\r\n";
}

TEST(CompressedAnswer, IsDecodedInEveryCodingThatIsAskedForAndInDeflate) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"gzip", kGzip}, {"deflate", kDeflate}, {"br", kBrotli}, {"zstd", kZstd}};
  for (const auto& [coding, bytes] : table) {
    MisbehavingServer server(MisbehavingServer::always(ok_answer(bytes, encoded(coding))));
    World world;
    const auto view = world.run(call("get", server.url()));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed) << coding << view.problem->one_line();
    EXPECT_EQ(to_json(view.output), R"({"a":1})") << coding;
    const std::string request = all(server);
    const std::size_t asked = request.find("Accept-Encoding: ");
    EXPECT_EQ(
        request.substr(asked, request.find('\r', asked) - asked).find(coding) != std::string::npos,
        coding != "deflate")
        << coding << "; deflate means two things, so it is not asked for";
    const auto raw = world.run(call("get", server.url(), ", output: raw"));
    EXPECT_EQ(raw.output, Value("eyJhIjoxfQ==")) << "the decoded bytes";
  }
}

TEST(CompressedAnswer, IsBoundedByItsDecodedSize) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer(kBomb, encoded("gzip"))));
  World world;
  const auto view =
      world.run("do: [{c: {call: http, with: {method: get, endpoint: '" + server.url() +
                "'}, metadata: {stepwell: {maxResponseBytes: 1000}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "too-large");
}

TEST(EmptyAnswer, HasNullForItsContent) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"get", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"get", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"},
      {"get", "HTTP/1.1 200 OK\r\n" + kJson + "Content-Length: 0\r\n\r\n"},
      {"head", "HTTP/1.1 200 OK\r\n" + kJson + "Content-Length: 7\r\n\r\n"}};
  for (const auto& [method, answer] : table) {
    MisbehavingServer server(MisbehavingServer::always(answer));
    World world;
    for (const char* output : {"content", "response"}) {
      const auto view = world.run(call(method, server.url(), std::string(", output: ") + output));
      ASSERT_EQ(view.status, engine::InstanceStatus::completed)
          << answer << view.problem->one_line();
      const bool whole = std::string_view(output) == "response";
      EXPECT_EQ(whole ? view.output.get("content") : view.output, Value()) << answer;
    }
    EXPECT_EQ(world.run(call(method, server.url(), ", output: raw")).output, Value(""));
  }
}

TEST(EmptyRequest, APostWithoutABodySaysThatItHasNone) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  EXPECT_EQ(world.run(call("post", server.url())).output, Value(1));
  EXPECT_NE(all(server).find("\r\nContent-Length: 0\r\n"), std::string::npos) << all(server);
  EXPECT_EQ(all(server).find("Content-Type"), std::string::npos) << all(server);
}

TEST(RequestBody, OfAGetGoesAlong) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("1", kJson)));
  World world;
  EXPECT_EQ(world.run(call("get", server.url("/search"), ", body: {q: x}")).output, Value(1));
  EXPECT_NE(all(server).find("GET /search HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(all(server).find("\r\n\r\n{\"q\":\"x\"}"), std::string::npos) << all(server);
}

// A boundary that changed would make another request of the same Idempotency-Key.
TEST(RequestBody, OfPartsIsTheSameInEveryAttempt) {
  MisbehavingServer server(
      MisbehavingServer::always("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"));
  World world;
  const auto view = world.run(
      "do: [{t: {try: [{p: {call: http, with: {method: post, endpoint: '" + server.url() +
      "', headers: {Content-Type: multipart/form-data}, body: {a: 1}}, metadata: {stepwell: "
      "{idempotent: true}}}}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: {count: "
      "2}}}}}}]\n");
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  const std::string received = all(server);
  const std::size_t first = received.find("\r\n\r\n--stepwell-");
  const std::size_t second = received.find("\r\n\r\n--stepwell-", first + 1);
  ASSERT_NE(second, std::string::npos) << received;
  const std::string boundary = received.substr(first + 15, 32);
  EXPECT_EQ(boundary, received.substr(second + 15, 32));
  // Who was told the trace must not know it: a part that holds it would end early.
  EXPECT_EQ(boundary.find_first_not_of("0123456789abcdef"), std::string::npos) << boundary;
  const std::size_t trace = received.find("traceparent: 00-");
  ASSERT_NE(trace, std::string::npos);
  EXPECT_NE(boundary, received.substr(trace + 16, 32));
}

// An upstream that echoes a credential in another charset.
TEST(Charset, ASecretIsMaskedInEveryOne) {
  std::string wide;
  for (const char c : std::string("it is tok-0123456789")) wide += std::string{c, '\0'};
  MisbehavingServer server(
      MisbehavingServer::always(ok_answer(wide, "Content-Type: text/plain; charset=utf-16le\r\n")));
  World world;
  world.add_bearer("crm", "tok-0123456789", origin_of(server));
  for (const char* output : {"content", "raw", "response"}) {
    const auto view = world.run(
        call("get", with_credential(server.url(), "crm"), std::string(", output: ") + output));
    ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
    const std::string shown = to_json(view.output);
    EXPECT_EQ(shown.find("tok-0123456789"), std::string::npos) << shown;
    EXPECT_NE(shown.find(std::string_view(output) == "raw" ? "aXQgaXMgKioq" : "it is ***"),
              std::string::npos)
        << shown;
  }
}

std::string through(const std::string& proxy, const std::string& endpoint,
                    const std::string& with = "") {
  return "do: [{c: {call: http, with: {method: get, endpoint: " + endpoint + with +
         "}, metadata: {stepwell: {proxy: '" + proxy + "'}}}}]\n";
}

TEST(Proxy, GetsTheWholeUrl) {
  MisbehavingServer proxy(MisbehavingServer::always(ok_answer("7", kJson)));
  World world;
  const auto view = world.run(through(proxy.url(), "'http://shop.example.com/x?y=1'"));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(view.output, Value(7));
  EXPECT_NE(all(proxy).find("GET http://shop.example.com/x?y=1 HTTP/1.1\r\n"), std::string::npos)
      << all(proxy);
}

TEST(Proxy, OfAnHttpsTargetSeesItsNameAlone) {
  MisbehavingServer proxy(MisbehavingServer::once("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
  World world;
  world.add_bearer("crm", "tok-0123456789", "https://shop.example.com");
  const auto view =
      world.run(through(proxy.url(), with_credential("https://shop.example.com/x?y=1", "crm")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->type, error_type_uri(ErrorKind::communication));
  EXPECT_NE(all(proxy).find("CONNECT shop.example.com:443 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_EQ(all(proxy).find("tok-0123456789"), std::string::npos) << all(proxy);
  EXPECT_EQ(all(proxy).find("y=1"), std::string::npos) << all(proxy);
}

TEST(Proxy, IsShownNoCredential) {
  MisbehavingServer proxy(MisbehavingServer::always(ok_answer("7", kJson)));
  World world;
  world.add_bearer("crm", "tok-0123456789", "http://shop.example.com");
  const auto view =
      world.run(through(proxy.url(), with_credential("http://shop.example.com/", "crm")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "proxy-plaintext");
  EXPECT_EQ(proxy.connections(), 0U);
}

TEST(Proxy, IsNoWayAroundTheEgressRules) {
  MisbehavingServer proxy(MisbehavingServer::always(ok_answer("7", kJson)));
  World world;  // allows 127.0.0.0/8, where the proxy is
  for (const char* target : {"http://10.0.0.1/", "http://0xa.1/", "http://167772161/",
                             "http://[::1]/", "http://169.254.169.254/latest"}) {
    const auto view = world.run(through(proxy.url(), "'" + std::string(target) + "'"));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << target;
    EXPECT_EQ(view.problem->code, "egress-denied") << target;
  }
  EXPECT_EQ(proxy.connections(), 0U);
  const auto closed = world.run(through("http://10.0.0.1:3128", "'http://shop.example.com/'"));
  ASSERT_EQ(closed.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(closed.problem->code, "egress-denied");
}

TEST(Redirect, StatusesUpTo399AreAnswersWhereTheyAreFollowed) {
  for (const int status : {300, 304, 305, 399}) {
    MisbehavingServer server(MisbehavingServer::always("HTTP/1.1 " + std::to_string(status) +
                                                       " X\r\nContent-Length: 0\r\n\r\n"));
    World world;
    EXPECT_EQ(world.run(call("get", server.url(), ", redirect: true")).status,
              engine::InstanceStatus::completed)
        << status;
    const auto refused = world.run(call("get", server.url()));
    ASSERT_EQ(refused.status, engine::InstanceStatus::faulted) << status;
    EXPECT_EQ(refused.problem->status, status);
  }
}

TEST(RetryAfter, GoesIntoTheProblemOfAnyErrorStatus) {
  for (const int status : {302, 413, 429, 503}) {
    MisbehavingServer server(MisbehavingServer::always("HTTP/1.1 " + std::to_string(status) +
                                                       " X\r\nRetry-After: 7\r\nContent-Length: "
                                                       "0\r\n\r\n"));
    World world;
    const auto view = world.run(call("get", server.url()));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
    EXPECT_EQ(view.problem->extensions.get("retryAfter"), Value(7.0)) << status;
  }
}

}  // namespace
}  // namespace stepwell::steps::test
