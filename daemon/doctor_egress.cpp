// What the networks that the settings open let steps reach.

#include <array>
#include <utility>

#include "daemon/doctor_findings.h"
#include "http/egress.h"

namespace stepwell::daemon {

namespace {

using http::EgressRules;
using http::Network;

struct Closed {
  const char* network;
  const char* what;
};

// What an attacker would look for first. Everything else that is closed by default is told as such.
constexpr std::array<Closed, 14> kClosed = {{
    {"127.0.0.0/8", "this machine (loopback)"},
    {"0.0.0.0/8", "this machine (loopback)"},
    {"::1", "this machine (loopback)"},
    {"169.254.0.0/16", "link-local and cloud metadata addresses"},
    {"168.63.129.16", "link-local and cloud metadata addresses"},
    {"192.0.0.0/24", "link-local and cloud metadata addresses"},
    {"fe80::/10", "link-local and cloud metadata addresses"},
    {"fd00:ec2::/32", "link-local and cloud metadata addresses"},
    {"10.0.0.0/8", "private networks"},
    {"172.16.0.0/12", "private networks"},
    {"192.168.0.0/16", "private networks"},
    {"fc00::/7", "private networks"},
    {"100.64.0.0/10", "carrier-grade NAT"},
    {"64:ff9b::/32", "NAT64"},
}};

std::vector<Network> parse_all(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts)
    if (const Result<Network> network = Network::parse(text)) networks.push_back(*network);
  return networks;
}

// The smaller of two networks where one lies within the other.
const Network* common(const Network& a, const Network& b) {
  if (a.prefix >= b.prefix) return b.contains(a.base) ? &a : nullptr;
  return a.contains(b.base) ? &b : nullptr;
}

void add_word(std::string& words, const std::string& word) {
  if (words.find(word) != std::string::npos) return;
  words += (words.empty() ? "" : ", ") + word;
}

std::string opened_by(const Network& network, const EgressRules& rules) {
  std::string words;
  for (const Closed& closed : kClosed) {
    const Result<Network> special = Network::parse(closed.network);
    const Network* part = special ? common(network, *special) : nullptr;
    if (part != nullptr && rules.check(part->base)) add_word(words, closed.what);
  }
  if (words.empty() && rules.check(network.base) && !EgressRules().check(network.base))
    words = "addresses that are closed otherwise";
  return words;
}

}  // namespace

Findings judge_egress(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  const EgressRules rules(parse_all(allow), parse_all(deny));
  Findings findings;
  for (const std::string& text : allow) {
    const Result<Network> network = Network::parse(text);
    if (!network) {
      findings.push_back({"egress", Finding::Level::error,
                          "egress.allow: " + network.error().detail, "mend it in the settings"});
      continue;
    }
    const std::string opened = opened_by(*network, rules);
    if (opened.empty()) continue;
    std::string detail = "egress.allow has " + text + ": steps can reach ";
    if (network->prefix == 0) detail += "every address, and with it ";
    detail += opened;
    findings.push_back({"egress", Finding::Level::warning, std::move(detail),
                        "narrow it to the addresses that steps have to call"});
  }
  for (const std::string& text : deny)
    if (const Result<Network> network = Network::parse(text); !network)
      findings.push_back({"egress", Finding::Level::error, "egress.deny: " + network.error().detail,
                          "mend it in the settings"});
  return findings;
}

}  // namespace stepwell::daemon
