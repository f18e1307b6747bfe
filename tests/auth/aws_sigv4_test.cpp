// The facts are those of the AWS documentation: "Create a signed AWS API request" (ListUsers), the
// examples of "Authenticating Requests: Using the Authorization Header" of the S3 API Reference,
// and the Signature Version 4 test suite.
#include "auth/aws_sigv4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <sstream>

#include "auth/cipher.h"
#include "base/encoding.h"
#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::auth {
namespace {

using http::Header;

constexpr const char* kKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr const char* kS3Key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

WallTime at(std::string_view time) {
  const Result<WallTime> parsed = parse_time(time);
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : WallTime();
}

CredentialValue key_of(std::string id, std::string_view secret, std::string_view session = "") {
  CredentialValue value;
  value.username = std::move(id);
  value.secret = Secret(secret);
  if (!session.empty()) value.more.emplace("sessionToken", Secret(session));
  return value;
}

http::Request get(std::string url) {
  http::Request request;
  request.url = std::move(url);
  return request;
}

struct Signed {
  std::string authorization, date, hash, token;
};

Signed sign_or_fail(const SigV4Settings& settings, const CredentialValue& value,
                    const http::Request& request, std::string_view time) {
  const Result<std::vector<Secret>> lines = sign(settings, value, request, at(time));
  Signed out;
  EXPECT_TRUE(lines) << lines.error().one_line();
  if (!lines) return out;
  for (const Secret& line : *lines) {
    EXPECT_TRUE(line.reveal().ends_with('\0'));
    const std::string text = line.reveal().data();
    EXPECT_EQ(text.size() + 1, line.size());
    const std::string name = text.substr(0, text.find(": "));
    const std::string rest = text.substr(text.find(": ") + 2);
    if (name == "Authorization") out.authorization = rest;
    if (name == "X-Amz-Date") out.date = rest;
    if (name == "X-Amz-Content-Sha256") out.hash = rest;
    if (name == "X-Amz-Security-Token") out.token = rest;
  }
  return out;
}

// ---- the steps ----

TEST(SigV4, MakesWhatTheDocumentationShowsForListUsers) {
  const SigV4Settings settings{"us-east-1", "iam"};
  const std::string empty_hash = to_hex(sha256(""));
  const auto canonical = sigv4::canonical_request(
      "GET", sigv4::canonical_uri("/", false),
      sigv4::canonical_query("Action=ListUsers&Version=2010-05-08"),
      {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
       {"Host", "iam.amazonaws.com"},
       {"X-Amz-Date", "20150830T123600Z"}},
      empty_hash);
  EXPECT_EQ(canonical.signed_headers, "content-type;host;x-amz-date");
  EXPECT_EQ(to_hex(sha256(canonical.text)),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  const std::string to_sign = sigv4::string_to_sign(
      "20150830T123600Z", sigv4::scope("20150830T123600Z", settings), canonical.text);
  EXPECT_EQ(to_sign,
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n"
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  EXPECT_EQ(sigv4::signature(kKey, "20150830T123600Z", settings, to_sign),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

struct SuiteCase {
  const char* name;
  const char* method;
  const char* path;
  const char* query;
  std::vector<Header> headers;  // besides Host and X-Amz-Date
  const char* body;
  const char* signature;
};

TEST(SigV4, AgreesWithTheTestSuite) {
  const char* const vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  const char* const post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
  const std::vector<SuiteCase> cases = {
      {"get-vanilla", "GET", "/", "", {}, "", vanilla},
      {"get-relative", "GET", "/example/..", "", {}, "", vanilla},
      {"get-relative-relative", "GET", "/example1/example2/../..", "", {}, "", vanilla},
      {"get-slash", "GET", "//", "", {}, "", vanilla},
      {"get-slash-dot-slash", "GET", "/./", "", {}, "", vanilla},
      {"get-slash-pointless-dot",
       "GET",
       "/./example",
       "",
       {},
       "",
       "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
      {"get-slashes",
       "GET",
       "//example//",
       "",
       {},
       "",
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"get-space",
       "GET",
       "/example space/",
       "",
       {},
       "",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-unreserved",
       "GET",
       "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       "",
       {},
       "",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8",
       "GET",
       "/\u1234",
       "",
       {},
       "",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/",
       "Param1=value1",
       {},
       "",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       "Param2=value2&Param1=value1",
       {},
       "",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/",
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       {},
       "",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/",
       "\u1234=bar",
       {},
       "",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       "",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       "",
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       "",
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
       "",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla", "POST", "/", "", {}, "", post},
      {"post-header-key-sort",
       "POST",
       "/",
       "",
       {{"My-Header1", "value1"}},
       "",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       "",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  const SigV4Settings settings{"us-east-1", "service"};
  const std::string time = "20150830T123600Z";
  for (const SuiteCase& one : cases) {
    std::vector<Header> headers = one.headers;
    headers.push_back({"Host", "example.amazonaws.com"});
    headers.push_back({"X-Amz-Date", time});
    const auto canonical = sigv4::canonical_request(
        one.method, sigv4::canonical_uri(one.path, false), sigv4::canonical_query(one.query),
        headers, to_hex(sha256(one.body)));
    EXPECT_EQ(
        sigv4::signature(kKey, time, settings,
                         sigv4::string_to_sign(time, sigv4::scope(time, settings), canonical.text)),
        one.signature)
        << one.name << "\n"
        << canonical.text;
  }
}

TEST(SigV4, EncodesAPathTwiceAndNormalisesItButForS3) {
  const struct {
    const char* path;
    const char* others;
    const char* s3;
  } cases[] = {
      {"/", "/", "/"},
      {"/a/b", "/a/b", "/a/b"},
      {"/a/b/", "/a/b/", "/a/b/"},
      {"/a%20b", "/a%2520b", "/a%20b"},
      {"/a%2Fb", "/a%252Fb", "/a/b"},
      {"/a%2fb%zz", "/a%252fb%25zz", "/a/b%25zz"},
      {"/a:b@c", "/a%3Ab%40c", "/a%3Ab%40c"},
      {"/a//b", "/a/b", "/a//b"},
      {"/a/./b/../c", "/a/c", "/a/c"},
      {"/a/..", "/", "/"},
      {"/..", "/", "/"},
      {"/a/b/..", "/a/", "/a/"},
      {"/a/.", "/a/", "/a/"},
      {"//a//", "/a/", "//a//"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(sigv4::canonical_uri(one.path, false), one.others) << one.path;
    EXPECT_EQ(sigv4::canonical_uri(one.path, true), one.s3) << one.path;
  }
}

TEST(SigV4, EncodesAndSortsAQueryByNameThenValue) {
  const struct {
    const char* query;
    const char* canonical;
  } cases[] = {
      {"", ""},
      {"b=2&a=1", "a=1&b=2"},
      {"a=2&a=1&a", "a=&a=1&a=2"},
      {"acl", "acl="},
      {"&&a=1&", "a=1"},
      {"a-b=1&a=2", "a=2&a-b=1"},  // "-" comes before "=", but the name "a" before "a-b"
      {"B=1&a=2", "B=1&a=2"},      // by code point
      {"a=x%20y+z", "a=x%20y%20z"},
      {"a=x%2by", "a=x%2By"},
      {"a=b=c", "a=b%3Dc"},
      {"a=/:*'~", "a=%2F%3A%2A%27~"},
  };
  for (const auto& one : cases) EXPECT_EQ(sigv4::canonical_query(one.query), one.canonical);
}

TEST(SigV4, NamesTheHostAsItIsSent) {
  const struct {
    const char* url;
    const char* host;
  } cases[] = {
      {"https://example.com/x", "example.com"},
      {"https://example.com:443", "example.com"},
      {"https://example.com:0443/", "example.com"},
      {"https://example.com:", "example.com"},
      {"http://example.com:443?a:b", "example.com:443"},
      {"http://Example.COM:8080#x", "Example.COM:8080"},
      {"http://[::1]:8080/", "[::1]:8080"},
      {"http://[::1]/", "[::1]"},
      {"ftp://example.com", ""},
  };
  for (const auto& one : cases) EXPECT_EQ(sigv4::host_field(one.url), one.host) << one.url;
}

TEST(SigV4, TellsTheTimeToTheSecond) {
  EXPECT_EQ(sigv4::timestamp(at("2015-08-30T12:36:00Z")), "20150830T123600Z");
  EXPECT_EQ(sigv4::timestamp(at("2015-08-30T12:36:00.999Z")), "20150830T123600Z");
  EXPECT_EQ(sigv4::scope("20150830T123600Z", {"us-east-1", "iam"}),
            "20150830/us-east-1/iam/aws4_request");
}

// ---- the whole ----

TEST(SigV4, SignsRequestsAsTheDocumentationOfS3Does) {
  const SigV4Settings settings{"us-east-1", "s3"};
  const struct {
    const char* url;
    const char* signature;
  } cases[] = {
      {"https://examplebucket.s3.amazonaws.com/?lifecycle",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const auto& one : cases) {
    const Signed lines = sign_or_fail(settings, key_of("AKIAIOSFODNN7EXAMPLE", kS3Key),
                                      get(one.url), "2013-05-24T00:00:00Z");
    EXPECT_EQ(lines.date, "20130524T000000Z");
    EXPECT_EQ(lines.hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(lines.token, "");
    EXPECT_EQ(lines.authorization,
              "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
              " SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" +
                  std::string(one.signature));
  }
}

TEST(SigV4, SignsTheContentTypeAndEveryAmzHeaderAndTheSessionsToken) {
  http::Request request = get("https://sqs.eu-central-1.amazonaws.com/queue");
  request.method = "POST";
  request.body = "{}";
  request.headers = {{"content-type", "application/x-amz-json-1.0"},
                     {"X-Amz-Target", "AmazonSQS.SendMessage"},
                     {"Accept", "*/*"},
                     {"X-Amzn-Other", "unsigned"}};
  const Signed lines =
      sign_or_fail({"eu-central-1", "sqs"}, key_of("AKIDEXAMPLE", kKey, "session+token=="), request,
                   "2026-11-21T14:02:00Z");
  EXPECT_EQ(lines.token, "session+token==");
  EXPECT_EQ(lines.hash, to_hex(sha256("{}")));
  EXPECT_NE(lines.authorization.find(" SignedHeaders=content-type;host;x-amz-content-sha256;"
                                     "x-amz-date;x-amz-security-token;x-amz-target, "),
            std::string::npos)
      << lines.authorization;
}

TEST(SigV4, ChangesWithWhateverIsSigned) {
  const auto authorization = [](const auto& change) {
    http::Request request = get("https://api.example.com/a?b=1");
    request.headers = {{"X-Amz-Target", "t"}, {"Content-Type", "text/plain"}};
    request.body = "body";
    change(request);
    const Signed lines = sign_or_fail({"us-east-1", "execute-api"}, key_of("AKIDEXAMPLE", kKey),
                                      request, "2026-11-21T14:02:00Z");
    return lines.authorization.substr(lines.authorization.find("Signature="));
  };
  const std::string original = authorization([](http::Request&) {});
  EXPECT_EQ(authorization([](http::Request& r) {
              r.headers.push_back({"Accept", "*/*"});
            }),
            original);
  const std::vector<std::function<void(http::Request&)>> changes = {
      [](http::Request& r) { r.method = "PUT"; },
      [](http::Request& r) { r.body = "Body"; },
      [](http::Request& r) { r.url = "https://api.example.com/a?b=2"; },
      [](http::Request& r) { r.url = "https://api.example.com/A?b=1"; },
      [](http::Request& r) { r.url = "https://api.example.com:8443/a?b=1"; },
      [](http::Request& r) { r.headers[0].value = "u"; },
      [](http::Request& r) { r.headers[1].value = "text/html"; }};
  for (const auto& change : changes) EXPECT_NE(authorization(change), original);
}

TEST(SigV4, RefusesARequestThatSetsItsLinesItself) {
  for (const char* name :
       {"authorization", "x-amz-date", "X-AMZ-Content-SHA256", "X-Amz-Security-Token"}) {
    http::Request request = get("https://example.com/");
    request.headers = {{name, "x"}};
    const auto lines = sign({"us-east-1", "iam"}, key_of("AKIDEXAMPLE", kKey), request, WallTime());
    ASSERT_FALSE(lines) << name;
    EXPECT_EQ(lines.error().code, "header-invalid");
    EXPECT_EQ(lines.error().status, 400);
    EXPECT_NE(lines.error().detail.find(name), std::string::npos);
  }
  const auto lines =
      sign({"us-east-1", "iam"}, key_of("AKIDEXAMPLE", kKey), get("ftp://x/"), WallTime());
  ASSERT_FALSE(lines);
  EXPECT_EQ(lines.error().code, "url-invalid");
}

// What is signed is what is sent: whatever libcurl makes of a URL, the server sees the very host,
// path and query that the canonical forms were made of.
TEST(SigV4, SignsWhatTheTransportSends) {
  test::MisbehavingServer server(test::MisbehavingServer::always(test::ok_answer("x")));
  http::test::Client client;
  const std::string base = "http://127.0.0.1:" + std::to_string(server.port());
  for (const bool s3 : {false, true}) {
    for (const char* target :
         {"/", "", "?a=b", "/a/b/", "/a%20b", "/a%2fb%zz", "/a:b@c;d", "/a//b", "//a//",
          "/a/./b/../c", "/a/..", "/a/b/..", "/..", "/a/.", "/x?acl", "/x?b=2&a=1+2&&c=%2b",
          "/x?a=/../b", "/x?a=b#fragment", "/x?a=[1]&b={}"}) {
      const std::string url = base + target;
      const std::size_t seen = server.received().empty() ? 0 : server.received()[0].size();
      ASSERT_EQ(http::test::result_of(client.call(http::test::get(url))), "ok") << url;
      const std::string wire = server.received().at(0).substr(seen);
      std::istringstream words(wire);
      std::string method;
      std::string sent;
      words >> method >> sent;
      const std::string path = sent.substr(0, sent.find('?'));
      const std::string query =
          sent.find('?') == std::string::npos ? "" : sent.substr(sent.find('?') + 1);
      const Result<http::Url> parsed = http::parse_url(url);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(sigv4::canonical_uri(parsed->path, s3), sigv4::canonical_uri(path, s3)) << url;
      EXPECT_EQ(sigv4::canonical_query(parsed->query), sigv4::canonical_query(query)) << url;
      EXPECT_NE(wire.find("\r\nHost: " + sigv4::host_field(url) + "\r\n"), std::string::npos)
          << wire;
    }
  }
  EXPECT_EQ(server.connections(), 1U);
}

// ---- settings and values ----

TEST(SigV4Settings, ReadsAndWritesRegionAndService) {
  const Value settings = Value::object({{"region", "eu-central-1"}, {"service", "execute-api"}});
  const Result<SigV4Settings> parsed = SigV4Settings::parse(settings);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->region, "eu-central-1");
  EXPECT_EQ(parsed->service, "execute-api");
  EXPECT_EQ(parsed->to_value(), settings);
}

TEST(SigV4Settings, RefusesOthersAndNamesTheMember) {
  const struct {
    Value settings;
    const char* named;
  } cases[] = {
      {Value(), "region"},
      {Value::object(), "region"},
      {Value::object({{"region", "x"}}), "service"},
      {Value::object({{"region", 1}, {"service", "x"}}), "region"},
      {Value::object({{"region", ""}, {"service", "x"}}), "region"},
      {Value::object({{"region", "EU"}, {"service", "x"}}), "region"},
      {Value::object({{"region", "x"}, {"service", "a/b"}}), "service"},
      {Value::object({{"region", "x"}, {"service", "y"}, {"z", "y"}}), "no others"},
  };
  for (const auto& one : cases) {
    const Result<SigV4Settings> parsed = SigV4Settings::parse(one.settings);
    ASSERT_FALSE(parsed) << one.named;
    EXPECT_EQ(parsed.error().code, "credential-invalid");
    EXPECT_NE(parsed.error().detail.find(one.named), std::string::npos) << parsed.error().detail;
  }
}

TEST(SigV4Settings, ChecksTheValueWithoutShowingIt) {
  const SigV4Settings settings{"us-east-1", "iam"};
  EXPECT_TRUE(check(settings, key_of("AKIDEXAMPLE", kKey)));
  EXPECT_TRUE(check(settings, key_of("AKIDEXAMPLE", kKey, "session")));
  std::vector<CredentialValue> wrong;
  wrong.push_back(key_of("", "tops3cret"));
  wrong.push_back(key_of("AKID", ""));
  wrong.push_back(key_of("AK/ID", "tops3cret"));
  wrong.push_back(key_of("AK,ID", "tops3cret"));
  wrong.push_back(key_of("AKID", "tops3cret\n"));
  wrong.push_back(key_of("AKID", "key", "tops3cret\r\n"));
  wrong.push_back(key_of("AKID", "key"));
  wrong.back().more.emplace("refreshToken", Secret(std::string_view("tops3cret")));
  for (const CredentialValue& value : wrong) {
    const Status status = check(settings, value);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, "credential-invalid");
    EXPECT_EQ(status.error().detail.find("tops3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace stepwell::auth
