// How many requests are served, to whom, and of which size.
#include <gtest/gtest.h>

#include "api/rate_limits.h"
#include "api/server.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

TEST(Buckets, GrantsABurstAndThenTheRate) {
  Buckets buckets(10, Milliseconds(1000), 3);
  SteadyTime now{};
  for (std::uint64_t left : {2, 1, 0}) {
    const Allowance allowance = buckets.take("a", now);
    EXPECT_TRUE(allowance.granted);
    EXPECT_EQ(allowance.remaining, left);
  }
  const Allowance refused = buckets.take("a", now);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.wait, Milliseconds(100));
  EXPECT_TRUE(buckets.take("b", now).granted);
  now += Milliseconds(99);
  EXPECT_FALSE(buckets.take("a", now).granted);
  now += Milliseconds(1);
  EXPECT_TRUE(buckets.take("a", now).granted);
  now += Milliseconds(60'000);
  EXPECT_EQ(buckets.take("a", now).remaining, 2U);
}

TEST(RateLimit, IsOneForEachKeyAndSaysWhenToComeBack) {
  ServerOptions options;
  options.rate_limit = {2, Milliseconds(10'000), 2};
  Office office(options);
  const Answer first = office.call("ana", "GET", "/api/v1/workflows");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("RateLimit-Policy"), "\"key\";q=2;w=10");
  EXPECT_EQ(first.header("RateLimit"), "\"key\";r=1;t=10");
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/workflows").status, 200);
  const Answer refused = office.call("ana", "GET", "/api/v1/workflows");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.reason(), "rate-limited");
  EXPECT_EQ(refused.header("Retry-After"), "5");
  EXPECT_EQ(refused.header("RateLimit"), "\"key\";r=0;t=5");
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(office.call("", "GET", "/-/healthy").status, 200);
  office.clock.advance(Milliseconds(5'000));
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/workflows").status, 200);
}

TEST(RateLimit, AKeyMayHaveOneOfItsOwn) {
  Office office;
  const std::string key =
      "/api/v1/keys/" + office.key("vic").substr(0, office.key("vic").find('.'));
  const auto ask = [&office](const char* user = "vic") {
    return office.call(user, "GET", "/api/v1/workflows");
  };
  const auto set = [&](const std::string& limit, const char* user = "ana") {
    return office.call(user, "PATCH", key, "{\"rateLimit\":" + limit + "}");
  };
  EXPECT_EQ(ask().header("RateLimit-Policy"), "") << "the settings have none";
  EXPECT_EQ(set(R"({"requests":1})", "olga").status, 403);
  const Answer changed = set(R"({"requests":2,"per":"10s"})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(to_json(changed.json().get("rateLimit")), R"({"requests":2,"per":"10s","burst":2})");
  EXPECT_EQ(ask().header("RateLimit-Policy"), "\"key\";q=2;w=10");
  EXPECT_EQ(ask().status, 200);
  const Answer refused = ask();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.reason(), "rate-limited");
  EXPECT_EQ(refused.header("Retry-After"), "5");
  EXPECT_EQ(ask("ana").header("RateLimit-Policy"), "") << "others have none";
  // What was used up before counts under another limit, too.
  EXPECT_EQ(set(R"({"requests":100,"per":"10s","burst":5})").status, 200);
  EXPECT_EQ(ask().status, 429);
  office.clock.advance(Milliseconds(100));
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(ask().status, 429);
  EXPECT_EQ(set(R"({"requests":0})").status, 200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask().status, 200) << "as many as it likes";
  EXPECT_TRUE(set("null").json().get("rateLimit").is_null());
  for (const char* wrong :
       {"7", "{}", R"({"requests":-1})", R"({"requests":1.5})", R"({"requests":1,"per":"0s"})",
        R"({"requests":1,"per":"25h"})", R"({"requests":1,"per":10})", R"({"requests":"1"})",
        R"({"requests":1,"bursts":2})", R"({"requests":1000000001})"})
    EXPECT_EQ(set(wrong).reason(), "request-invalid") << wrong;
  const Value made =
      office
          .call("ana", "POST", "/api/v1/keys",
                R"({"name":"n","user":"vic","rateLimit":{"requests":9,"per":"90s"}})")
          .json();
  EXPECT_EQ(to_json(made.get("rateLimit")), R"({"requests":9,"per":"90s","burst":9})");
  const Value record =
      office.call("ana", "GET", "/api/v1/audit?action=key.change").json().get("items").at(0);
  EXPECT_NE(record.get("detail").as_string().find("rateLimit"), std::string::npos);
}

TEST(RateLimit, ANarrowedKeyGivesNoWayAroundItsOwn) {
  const Office office;
  const auto with = [&](const std::string& key, const char* method, const std::string& target,
                        const std::string& body) {
    Wire wire(office.address());
    wire.send(std::string(method) + " " + target +
              " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\nAuthorization: Api-Key " + key + "\r\n\r\n" +
              body);
    return wire.read();
  };
  const std::string keys = "/api/v1/keys";
  const auto issue = [&](const std::string& more) {
    const Answer made = office.call("ana", "POST", keys, R"({"name":"k","user":"ana")" + more);
    EXPECT_EQ(made.status, 201) << made.body;
    return std::string(made.json().get("key").as_string());
  };
  const std::string limit = R"("rateLimit":{"requests":500,"per":"10s"}})";
  const std::string narrowed = R"(,"scopes":["manage-keys","view-workflows"])";
  const std::string key = issue(narrowed + "," + limit);
  const std::string wanted = R"({"name":"k","user":"ana","scopes":["view-workflows"])";
  for (const char* other : {R"(,"rateLimit":{"requests":0}})", R"(,"rateLimit":null})",
                            R"(,"rateLimit":{"requests":1}})"})
    EXPECT_EQ(with(key, "POST", keys, wanted + other).status, 403) << other;
  const Answer made = with(key, "POST", keys, wanted + "}");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(to_json(made.json().get("rateLimit")), R"({"requests":500,"per":"10s","burst":500})");
  const std::string one = keys + "/" + std::string(made.json().get("id").as_string());
  for (const char* other : {R"({"rateLimit":{"requests":0}})", R"({"rateLimit":null})"})
    EXPECT_EQ(with(key, "PATCH", one, other).status, 403) << other;
  EXPECT_EQ(with(key, "PATCH", one, R"({"expiresAt":null})").status, 200);
  // It takes both: who is not narrowed may, and who has no limit has none to get around.
  for (const std::string& free : {issue("," + limit), issue(narrowed + "}")})
    EXPECT_EQ(with(free, "PATCH", one, R"({"rateLimit":{"requests":7}})").status, 200);
}

TEST(RateLimit, AKeysOwnCountsInsteadOfThatOfTheSettings) {
  ServerOptions options;
  options.rate_limit = {1, Milliseconds(10'000), 1};
  Office office(options);
  const std::string key =
      "/api/v1/keys/" + office.key("vic").substr(0, office.key("vic").find('.'));
  EXPECT_EQ(office.call("ana", "PATCH", key, R"({"rateLimit":{"requests":3,"per":"1s"}})").status,
            200);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows").status, 429);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/workflows").status, 429);
}

TEST(RateLimit, AnAddressMayGuessAFewKeysOnly) {
  Office office;
  const std::string guess =
      "GET /api/v1/workflows HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key sw_wrong\r\n\r\n";
  Wire wire(office.address());
  for (int i = 0; i < 60; ++i) {
    wire.send(guess);
    ASSERT_EQ(wire.read().status, 401) << i;
  }
  wire.send(guess);
  const Answer refused = wire.read();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  // Others may sit behind the same address.
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/workflows").status, 200);
  office.clock.advance(Milliseconds(1'000));
  wire.send(guess);
  EXPECT_EQ(wire.read().status, 401);
}

TEST(Limits, ConnectionsOfOneAddress) {
  ServerOptions options;
  options.max_connections_per_address = 2;
  const Office office(options);
  const std::string healthy = "GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n";
  Wire first(office.address());
  first.send(healthy);
  EXPECT_EQ(first.read().status, 200);
  {
    Wire second(office.address());
    second.send(healthy);
    EXPECT_EQ(second.read().status, 200);
    Wire third(office.address());
    EXPECT_EQ(third.read().status, 503);
    second.send("GET /-/healthy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(second.read().status, 200);
    EXPECT_TRUE(second.closed());
  }
  // Whoever has gone makes room, as soon as the server has noticed.
  Answer again;
  for (int i = 0; i < 10'000 && again.status != 200; ++i) {
    Wire wire(office.address());
    wire.send(healthy);
    again = wire.read();
  }
  EXPECT_EQ(again.status, 200);
}

TEST(Limits, TargetsAndHeaders) {
  const Office office;
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  for (const auto& [request, status] :
       {std::pair("GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        {"GET /" + std::string(8191, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {many + "\r\n", 431}}) {
    Wire wire(office.address());
    wire.send(request);
    EXPECT_EQ(wire.read().status, status);
  }
}

}  // namespace
}  // namespace stepwell::api::test
