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
