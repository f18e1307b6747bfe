// A well-behaved HTTP/1.1 server on a free port of loopback, plain or over TLS, that answers each
// request by a function: what a test needs to play a whole host. It reads requests itself, keeps
// connections open, can leave a request without an answer, and stops with its owner.
// The function is called on a thread for each connection; the members may be called from any.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/test_certificate.h"

namespace stepwell::test {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct PlayedRequest {
  std::string method;
  std::string scheme;  // "http" or "https"
  std::string host;    // of the field Host, without the port
  std::string path;    // as it was sent, without the query
  std::string query;   // as it was sent
  HeaderList headers;  // names in lower case
  std::string body;
  std::string client_certificate;  // PEM; empty where the client showed none

  std::string header(std::string_view name) const;  // in lower case; empty where absent
  std::string url() const;
};

struct PlayedAnswer {
  enum class Ending { answer, never, close };  // `close`: the connection ends without an answer
  int status = 200;
  HeaderList headers;
  std::string body;
  Ending ending = Ending::answer;
};

class PlayedServer {
 public:
  using Handler = std::function<PlayedAnswer(const PlayedRequest&)>;

  // Over TLS where there is a certificate, which outlives the server.
  explicit PlayedServer(Handler handler, const TestCertificate* certificate = nullptr);
  ~PlayedServer();
  PlayedServer(const PlayedServer&) = delete;
  PlayedServer& operator=(const PlayedServer&) = delete;

  int port() const;
  // Requests that are kept without an answer while their clients wait.
  std::size_t held() const;
  // All that are held now get this answer.
  void release(const PlayedAnswer& answer);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::test
