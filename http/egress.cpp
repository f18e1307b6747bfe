#include "http/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace stepwell::http {
namespace {

struct Special {
  std::array<std::uint8_t, 16> bytes;
  int prefix;
  std::string_view what;
};

// IANA's registry of special-purpose IPv4 addresses (RFC 6890 and its updates), multicast and
// reserved space, and addresses at which clouds answer with credentials.
constexpr std::array<Special, 16> kDeniedV4 = {{
    {{0}, 8, "this network"},
    {{10}, 8, "private"},
    {{100, 64}, 10, "carrier-grade NAT"},
    {{127}, 8, "loopback"},
    {{169, 254}, 16, "link-local, cloud metadata"},
    {{172, 16}, 12, "private"},
    {{192, 0, 0}, 24, "IETF protocols, cloud metadata"},
    {{192, 0, 2}, 24, "documentation"},
    {{192, 88, 99}, 24, "6to4 relay"},
    {{192, 168}, 16, "private"},
    {{198, 18}, 15, "benchmarking"},
    {{198, 51, 100}, 24, "documentation"},
    {{203, 0, 113}, 24, "documentation"},
    {{224}, 4, "multicast"},
    {{240}, 4, "reserved"},
    {{168, 63, 129, 16}, 32, "cloud metadata"},
}};

// Within global unicast (2000::/3); everything outside of it is denied as a whole.
constexpr std::array<Special, 5> kDeniedV6 = {{
    {{0x20, 0x01}, 23, "IETF protocols, Teredo"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    {{0x20, 0x02}, 16, "6to4, which embeds an IPv4 address"},
    {{0x3f, 0xff}, 20, "documentation"},
    {{0x26, 0x20, 0x01, 0x0a, 0x80}, 48, "anycast for local services"},
}};

bool prefix_matches(const std::uint8_t* a, const std::uint8_t* b, int bits) {
  const int whole = bits / 8;
  if (std::memcmp(a, b, static_cast<std::size_t>(whole)) != 0) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffU << (8 - rest);
  return ((a[whole] ^ b[whole]) & mask & 0xffU) == 0;
}

std::string_view v6_outside_of_unicast(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr std::array<std::uint8_t, 16> kZero{};
  static constexpr std::array<std::uint8_t, 4> kNat64{0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes.data(), kZero.data(), 15) == 0 && bytes[15] <= 1)
    return bytes[15] == 1 ? "loopback" : "unspecified";
  if (std::memcmp(bytes.data(), kNat64.data(), 4) == 0) return "NAT64";
  if ((bytes[0] & 0xfe) == 0xfc) return "private (unique local)";
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return "link-local";
  if (bytes[0] == 0xff) return "multicast";
  return "not global unicast";
}

// Why the address is denied by default; empty where it is public.
std::string_view denied_by_default(const Address& address) {
  if (!address.v6) {
    for (const Special& entry : kDeniedV4)
      if (prefix_matches(address.bytes.data(), entry.bytes.data(), entry.prefix)) return entry.what;
    return {};
  }
  if ((address.bytes[0] & 0xe0) != 0x20) return v6_outside_of_unicast(address.bytes);
  for (const Special& entry : kDeniedV6)
    if (prefix_matches(address.bytes.data(), entry.bytes.data(), entry.prefix)) return entry.what;
  return {};
}

Address normalised(Address address) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address.v6 || std::memcmp(address.bytes.data(), kMapped.data(), 12) != 0) return address;
  Address v4;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

Problem address_invalid(std::string_view text) {
  return make_problem(ErrorKind::configuration, "address-invalid",
                      "\"" + std::string(text) + "\" is not an IP address");
}

Problem network_invalid(std::string_view text, std::string_view why) {
  return make_problem(ErrorKind::configuration, "network-invalid",
                      "\"" + std::string(text) + "\" is not a network: " + std::string(why) +
                          "; write for example 10.0.0.0/8 or fd00::/8");
}

// The longest prefix of the networks that contain the address; -1 where none does.
int longest_match(const std::vector<Network>& networks, const Address& address) {
  int longest = -1;
  for (const Network& network : networks)
    if (network.contains(address)) longest = std::max(longest, network.prefix);
  return longest;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  const std::string copy(text);  // inet_pton wants a terminated string
  if (copy.find('\0') != std::string::npos) return fail(address_invalid(text));
  Address address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return normalised(address);
  return fail(address_invalid(text));
}

Result<Address> Address::from_sockaddr(const sockaddr* address) {
  Address out;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
    return out;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    out.v6 = true;
    std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
    return normalised(out);
  }
  return fail(make_problem(ErrorKind::authorization, "egress-denied",
                           "the target is not an IPv4 or IPv6 address"));
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

Result<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  auto address = Address::parse(address_text);
  if (!address) return fail(network_invalid(text, "it does not begin with an IP address"));
  const int full = address->v6 ? 128 : 32;
  if (slash == std::string_view::npos) return Network{*address, full};
  const std::string_view digits = text.substr(slash + 1);
  int prefix = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc() || end != digits.data() + digits.size() || prefix < 0)
    return fail(network_invalid(text, "no number follows the slash"));
  // A mapped address was normalised to IPv4, so its prefix loses the 96 bits before it.
  const bool mapped = !address->v6 && address_text.find(':') != std::string_view::npos;
  if (mapped) prefix -= 96;
  if (prefix < 0 || prefix > full)
    return fail(network_invalid(text, "its prefix is too long or too short"));
  return Network{*address, prefix};
}

bool Network::contains(const Address& address) const {
  return base.v6 == address.v6 && prefix_matches(base.bytes.data(), address.bytes.data(), prefix);
}

EgressRules::EgressRules(std::vector<Network> allow, std::vector<Network> deny)
    : allow_(std::move(allow)), deny_(std::move(deny)) {}

Status EgressRules::check_host(const std::string& host) const {
  std::string name = host;
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) name = "127.0.0.1";
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  // "127.1", "0x7f.1" and "2130706433" are 127.0.0.1 to everybody who resolves names.
  if (in_addr old_form{}; inet_aton(name.c_str(), &old_form) != 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = old_form;
    const auto judged = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address));
    return judged ? check(*judged) : Status(fail(judged.error()));
  }
  const auto address = Address::parse(name);
  return address ? check(*address) : Status{};
}

Status EgressRules::check(const Address& address) const {
  const int allowed = longest_match(allow_, address);
  const int denied = longest_match(deny_, address);
  if (denied >= 0 && denied >= allowed)
    return fail(
        make_problem(ErrorKind::authorization, "egress-denied",
                     "the address " + address.text() + " is closed by the setting egress.deny"));
  if (allowed >= 0) return {};
  const std::string_view why = denied_by_default(address);
  if (why.empty()) return {};
  return fail(make_problem(ErrorKind::authorization, "egress-denied",
                           "the address " + address.text() + " (" + std::string(why) +
                               ") may not be called; to allow it, add it or its network to the "
                               "setting egress.allow, or pass --allow-network " +
                               address.text()));
}

}  // namespace stepwell::http
