// A client of an HTTP server that keeps its connections: bare sockets on one thread, each of which
// sends its next request once its answer is complete. Used by one thread, which blocks; ends the
// process where a connection fails.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell::bench {

struct HttpTimes {
  double seconds = 0;
  std::vector<double> milliseconds = {};  // of each request
  double per_second() const { return static_cast<double>(milliseconds.size()) / seconds; }
};

class HttpLoad {
 public:
  HttpLoad(const std::string& address, std::size_t connections);
  ~HttpLoad();
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  // The text of the request with this number, from 0.
  using Request = std::function<std::string(std::size_t number)>;
  // Looks at a whole answer, head and body.
  using Check = std::function<void(std::string_view answer)>;
  HttpTimes run(std::size_t total, const Request& request, const Check& check);

 private:
  struct Connection {
    int fd = -1;
    std::string received = {};
    std::size_t wanted = 0;  // bytes of the answer, once its head is there
    double asked = 0;
  };
  void ask(Connection& connection);
  void take(Connection& connection);

  const int poller_;
  std::vector<Connection> connections_;
  // Of a run:
  const Request* request_ = nullptr;
  const Check* check_ = nullptr;
  std::size_t total_ = 0;
  std::size_t sent_ = 0;
  std::size_t open_ = 0;
  std::vector<double> times_;
};

// A request of a client with this key; a body is JSON.
std::string request_text(const std::string& method, const std::string& target,
                         const std::string& key, const std::string& body = "");
// Ends the process where the answer has another status.
void expect_status(std::string_view answer, int status);
std::string_view body_of(std::string_view answer);

}  // namespace stepwell::bench
