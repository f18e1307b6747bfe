// Where requests may go: networks allowed and denied, judged on the resolved address. Pure; an
// immutable value, readable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace stepwell::http {

// An IPv4 or IPv6 address; IPv4-mapped IPv6 (::ffff:0:0/96) is normalised to IPv4.
struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
  static Result<Address> parse(std::string_view text);
  static Result<Address> from_sockaddr(const sockaddr* address);
  std::string text() const;
};

// "10.0.0.0/8", "::1/128", or a bare address.
struct Network {
  Address base;
  int prefix = 0;
  static Result<Network> parse(std::string_view text);
  bool contains(const Address& address) const;
};

class EgressRules {
 public:
  // Public addresses allowed; private, loopback, link-local, carrier-grade NAT, NAT64, multicast,
  // reserved and cloud metadata addresses denied.
  EgressRules() = default;
  // `allow` opens networks that are denied by default, `deny` closes further ones; where both name
  // an address, the longer prefix decides, and `deny` at equal length.
  EgressRules(std::vector<Network> allow, std::vector<Network> deny);
  // Success, or authorization/403/`egress-denied` whose detail names the address and the setting
  // that would open it.
  Status check(const Address& address) const;
  // The same for a host as a URL names it, where that is an address in any way to write one, or a
  // name that is this machine's by definition (RFC 6761 §6.3); other names pass.
  Status check_host(const std::string& host) const;

 private:
  std::vector<Network> allow_;
  std::vector<Network> deny_;
};

}  // namespace stepwell::http
