// The HTTP/1.1 server (Boost.Beast inside): connections with limits and timeouts on a few I/O
// threads, requests answered by the routes of api/routes.h.
// Owned by daemon/wiring; start() and stop() are for its thread, address() for any.
#pragma once

#include <memory>
#include <string>

#include "api/services.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace stepwell::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // HOST:PORT or [IPV6]:PORT; port 0 takes a free one
  bool allow_plaintext = false;           // other than loopback, although there is no TLS
  std::size_t threads = 1;
  // For what waits for the disk: so many for administration, and so many for instances and events.
  std::size_t blocking_threads = 2;
  std::size_t max_connections = 10'000;
  Bytes max_body = 1_MiB;
  Bytes max_headers = 64_KiB;
  Milliseconds read_timeout{30'000};   // for a request's headers, and again for its body
  Milliseconds write_timeout{30'000};  // for an answer
  Milliseconds idle_timeout{75'000};   // between two requests
};

class Server {
 public:
  // Binds, listens and serves. Errors: configuration/`listen-invalid` for an address that is none,
  // `listen-plaintext` for one that is not loopback, `listen-failed` (in use, not ours);
  // `route-invalid`.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               const Services& services);
  // As stop() without grace.
  ~Server();  // NOLINT(bugprone-exception-escape): see its source
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HOST:PORT that it listens on, with the real port.
  const std::string& address() const;
  // Takes no more connections, closes idle ones, lets running requests finish for at most `grace`,
  // then closes what is left. Blocks. Whoever answers later answers nobody.
  void stop(Milliseconds grace);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::api
