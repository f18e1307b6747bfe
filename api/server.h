// The HTTP/1.1 server (Boost.Beast inside): connections with limits and timeouts on a few I/O
// threads, requests answered by the routes of api/routes.h.
// Owned by daemon/wiring; start() and stop() are for its thread, address() for any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/router.h"
#include "api/services.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace stepwell::api {

// Files of PEM text; without a certificate there is no TLS.
struct TlsFiles {
  std::string certificate;  // with its chain
  std::string key;          // mode 0600
  std::string client_ca;    // empty: clients need no certificate
};

// Of each API key: a token bucket. 0 requests: no limit.
struct RateLimit {
  std::uint64_t requests = 0;
  Milliseconds per{1'000};
  std::uint64_t burst = 0;  // 0: as many as `requests`
};

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // HOST:PORT or [IPV6]:PORT; port 0 takes a free one
  bool allow_plaintext = false;           // other than loopback, although there is no TLS
  std::size_t threads = 1;
  // For what waits for the disk: so many for administration, so many for instances and events, and
  // so many for bodies in pieces. What needs no key has one of its own.
  std::size_t blocking_threads = 2;
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_address = 0;  // 0: no limit of its own
  TlsFiles tls;
  RateLimit rate_limit;
  RateLimit webhook_limit;  // of each webhook that is called without a key
  Bytes max_body = 1_MiB;
  Bytes max_headers = 64_KiB;
  // Of the bodies of all requests that need no key and show none, until they are answered; each
  // address may take an eighth. Beyond it there is 503.
  Bytes max_open_bodies = 256_MiB;
  // For a request's headers, and again for its body, or for each 64 KiB of one in pieces.
  Milliseconds read_timeout{30'000};
  Milliseconds write_timeout{30'000};  // for an answer, or a piece of it
  Milliseconds idle_timeout{75'000};   // between two requests
  Milliseconds heartbeat{15'000};      // of a stream of events
};

class Server {
 public:
  // Binds, listens and serves. Errors: configuration/`listen-invalid` for an address that is none,
  // `listen-plaintext` for one that is not loopback, `listen-failed` (in use, not ours);
  // `route-invalid`.
  // `further`: routes besides those of api/routes.h; what they refer to outlives the server.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               const Services& services,
                                               std::vector<Route> further = {});
  // As stop() without grace.
  ~Server();  // NOLINT(bugprone-exception-escape): see its source
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HOST:PORT that it listens on, with the real port.
  const std::string& address() const;
  // Reads the files of TLS anew, for connections that come from now on. Errors: configuration/
  // `tls-invalid`, and what was read before goes on. Any thread; blocks.
  Status reload_tls();
  // Takes no more connections, closes idle ones, lets running requests finish for at most `grace`,
  // then closes what is left. Blocks. Whoever answers later answers nobody.
  void stop(Milliseconds grace);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::api
