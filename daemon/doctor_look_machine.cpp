// The part of the look that asks the kernel: port, limits, clock.

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <system_error>

#include "daemon/doctor_look.h"
#include "http/egress.h"

namespace stepwell::daemon {

namespace {

struct Endpoint {
  http::Address address;
  std::uint16_t port = 0;
};

// As the server reads it: an address or "localhost", and a port.
std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  Endpoint endpoint;
  const char* const end = port.data() + port.size();
  const auto parsed = std::from_chars(port.data(), end, endpoint.port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const Result<http::Address> address =
      http::Address::parse(host == "localhost" ? "127.0.0.1" : host);
  if (!address || brackets != (host.find(':') != std::string_view::npos)) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

bool is_loopback(const http::Address& address) {
  for (const char* text : {"127.0.0.0/8", "::1"}) {
    const Result<http::Network> network = http::Network::parse(text);
    if (network && network->contains(address)) return true;
  }
  return false;
}

// Empty where a server could listen there now.
std::string try_to_bind(const Endpoint& endpoint) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), sizeof v4.sin_addr);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), sizeof v6.sin6_addr);
  const bool is_v6 = endpoint.address.v6;
  const int socket = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::generic_category().message(errno);
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto* address =
      is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  const bool free =
      ::bind(socket, address, is_v6 ? sizeof v6 : sizeof v4) == 0 && ::listen(socket, 1) == 0;
  const int error = errno;
  ::close(socket);
  return free ? "" : std::generic_category().message(error);
}

std::optional<std::uint64_t> finite(rlim_t limit) {
  if (limit == RLIM_INFINITY) return std::nullopt;
  return limit;
}

}  // namespace

ListenFacts look_at_listen(const std::string& address, bool bind_it) {
  ListenFacts facts;
  facts.address = address;
  const std::optional<Endpoint> endpoint = parse_endpoint(address);
  facts.valid = endpoint.has_value();
  if (!endpoint) return facts;
  facts.loopback = is_loopback(endpoint->address);
  if (bind_it && endpoint->port != 0) facts.refused = try_to_bind(*endpoint);
  return facts;
}

LimitFacts look_at_limits(const Holder& holder) {
  // A running daemon's own; else those that one started here would get.
  const auto process =
      static_cast<pid_t>(holder.kind == Holder::Kind::daemon ? holder.pid : std::int64_t{0});
  LimitFacts facts;
  rlimit limit{};
  if (::prlimit(process, RLIMIT_MEMLOCK, nullptr, &limit) == 0)
    facts.locked_memory = finite(limit.rlim_cur);
  // Which each process raises to the hard one.
  if (::prlimit(process, RLIMIT_NOFILE, nullptr, &limit) == 0)
    facts.open_files = finite(limit.rlim_max);
  return facts;
}

std::optional<bool> look_at_synchronisation() {
  timex state{};  // modes 0: only asks
  const int answer = ::adjtimex(&state);
  if (answer < 0) return std::nullopt;
  return answer != TIME_ERROR;
}

}  // namespace stepwell::daemon
