#include "http/egress.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>

namespace stepwell::http {
namespace {

bool allowed(const EgressRules& rules, std::string_view address) {
  return rules.check(*Address::parse(address)).has_value();
}

EgressRules rules(std::initializer_list<const char*> allow,
                  std::initializer_list<const char*> deny) {
  std::vector<Network> open;
  std::vector<Network> closed;
  for (const char* text : allow) open.push_back(*Network::parse(text));
  for (const char* text : deny) closed.push_back(*Network::parse(text));
  return {std::move(open), std::move(closed)};
}

class DeniedByDefault : public testing::TestWithParam<const char*> {};
TEST_P(DeniedByDefault, IsDenied) {
  const auto checked = EgressRules().check(*Address::parse(GetParam()));
  ASSERT_FALSE(checked) << GetParam();
  EXPECT_EQ(checked.error().code, "egress-denied");
  EXPECT_EQ(checked.error().status, 403);
  EXPECT_NE(checked.error().detail.find("egress.allow"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Addresses, DeniedByDefault,
    testing::Values("0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
                    "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
                    "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
                    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9",
                    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
                    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1",
                    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::", "fc00::1",
                    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "3fff::1", "5f00::1"));

class AllowedByDefault : public testing::TestWithParam<const char*> {};
TEST_P(AllowedByDefault, IsAllowed) { EXPECT_TRUE(allowed(EgressRules(), GetParam())); }
INSTANTIATE_TEST_SUITE_P(Addresses, AllowedByDefault,
                         testing::Values("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0",
                                         "172.15.0.1", "172.32.0.1", "192.167.255.255",
                                         "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111",
                                         "2a00:1450::1"));

TEST(EgressSettings, OpenWhatIsDeniedByDefaultAndNoMore) {
  const auto open = rules({"127.0.0.0/8", "::1", "10.1.0.0/16"}, {});
  EXPECT_TRUE(allowed(open, "127.0.0.1"));
  EXPECT_TRUE(allowed(open, "::ffff:127.0.0.1"));
  EXPECT_TRUE(allowed(open, "::1"));
  EXPECT_TRUE(allowed(open, "10.1.2.3"));
  EXPECT_FALSE(allowed(open, "10.2.0.1"));
  EXPECT_FALSE(allowed(open, "169.254.169.254"));
  EXPECT_TRUE(allowed(open, "8.8.8.8"));
}

TEST(EgressSettings, TheLongerPrefixDecidesAndDenyAtEqualLength) {
  const auto both = rules({"10.0.0.0/8", "10.1.1.0/24", "10.9.0.0/16"},
                          {"10.1.0.0/16", "10.9.0.0/16", "8.0.0.0/8"});
  EXPECT_TRUE(allowed(both, "10.0.0.1"));
  EXPECT_FALSE(allowed(both, "10.1.0.1"));
  EXPECT_TRUE(allowed(both, "10.1.1.1"));
  EXPECT_FALSE(allowed(both, "10.9.0.1"));
  EXPECT_FALSE(allowed(both, "8.8.8.8"));
  EXPECT_TRUE(allowed(both, "9.9.9.9"));
}

// What a proxy would be asked for.
TEST(EgressRules, JudgeAHostByTheAddressThatItNames) {
  for (const char* host : {"10.0.0.1", "0xa.1", "167772161", "012.0.0.1", "127.1", "[::1]",
                           "[::ffff:10.0.0.1]", "localhost", "a.localhost", "localhost."})
    EXPECT_FALSE(EgressRules().check_host(host)) << host;
  for (const char* host : {"example.com", "8.8.8.8", "[2606:4700::1]", "10.example.com"})
    EXPECT_TRUE(EgressRules().check_host(host)) << host;
  EXPECT_TRUE(rules({"10.0.0.0/8"}, {}).check_host("10.1"));
}

TEST(Networks, AreReadAndMatchedBitByBit) {
  const auto network = Network::parse("192.168.8.0/21");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(*Address::parse("192.168.15.255")));
  EXPECT_FALSE(network->contains(*Address::parse("192.168.16.0")));
  EXPECT_EQ(Network::parse("::ffff:10.0.0.0/104")->prefix, 8);
  EXPECT_EQ(Network::parse("10.0.0.1")->prefix, 32);
  EXPECT_EQ(Network::parse("::1")->prefix, 128);
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(*Address::parse("255.1.2.3")));
}

TEST(Networks, ThatAreNoneAreRefused) {
  for (const char* text : {"", "a", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                           "10.0.0/8", "::/129", "::ffff:10.0.0.0/95", "localhost"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(Addresses, OfMappedSocketAddressesAreIpv4) {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  const std::array<std::uint8_t, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  std::copy(bytes.begin(), bytes.end(), std::begin(mapped.sin6_addr.s6_addr));
  const auto address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&mapped));
  ASSERT_TRUE(address);
  EXPECT_FALSE(address->v6);
  EXPECT_EQ(address->text(), "127.0.0.1");
}

}  // namespace
}  // namespace stepwell::http
