// The connections of one Server: see api/connection_impl.h. Asio and Beast lie behind this header.
// Owned by Server. adopt() runs on I/O threads, the rest on the thread that stops the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/dispatcher.h"
#include "api/server.h"
#include "api/tls.h"
#include "base/clock.h"

namespace boost::asio {
class io_context;
}

namespace stepwell::api {

class Connections {
 public:
  // All references outlive the Connections.
  // Without `tls` nothing is encrypted.
  Connections(boost::asio::io_context& io, Dispatcher& dispatcher, BlockingPool& transfers,
              const Tls* tls, const ServerOptions& options, Metrics& metrics);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Serves a connected TCP socket, which it owns from now on. One too many is answered 503.
  void adopt(int descriptor, bool v6, std::string remote);

  // Idle connections close, the others after the answer that they owe.
  void begin_stop();
  // True once there is none left.
  bool wait_until_none(Milliseconds limit);
  // From now on late answers go nowhere, and no connection touches the io_context any more. To be
  // called when its threads have ended.
  void abandon();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::api
