// A real nginx for tests and benchmarks: one worker, its files in a temporary folder, HTTP and
// HTTPS (with HTTP/2) on free ports of loopback, a certificate of its own. It starts in the
// constructor and is stopped, by its process id, with its owner.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell::test {

// Runs a program to its end, with its output in a file; true where it says that it succeeded.
bool run_program(std::vector<std::string> words, const std::string& output);

// Starts one with its output in a file; it ends when this process does, or when it is told to.
pid_t start_program(std::vector<std::string> words, const std::string& output);

struct NginxOptions {
  // Lines for the `server` block, in which {HTTP_PORT} stands for that port; by default a JSON
  // answer of 200 bytes at every path.
  std::string server;
  // Lines for the `http` block.
  std::string http;
  int worker_processes = 1;
};

class NginxServer {
 public:
  explicit NginxServer(const NginxOptions& options = {});
  ~NginxServer();
  NginxServer(const NginxServer&) = delete;
  NginxServer& operator=(const NginxServer&) = delete;

  // nginx is installed and answers; why not, otherwise.
  bool running() const { return pid_ > 0; }
  const std::string& failure() const { return failure_; }

  int http_port() const { return http_port_; }
  int https_port() const { return https_port_; }
  int https1_port() const { return https1_port_; }
  std::string http_url(std::string_view path = "/") const;
  // The certificate is for "localhost" and 127.0.0.1.
  std::string https_url(std::string_view path = "/") const;
  // The same without HTTP/2.
  std::string https1_url(std::string_view path = "/") const;
  // The certificate, to be trusted by clients.
  std::string ca_file() const { return folder_ + "/certificate.pem"; }
  const std::string& folder() const { return folder_; }

 private:
  bool make_certificate() const;
  void write_configuration(const NginxOptions& options) const;
  bool start();
  void stop();

  std::string folder_;
  std::string failure_;
  std::array<int, 3> reserved_{-1, -1, -1};  // sockets that keep the ports for nginx
  int http_port_ = 0;
  int https_port_ = 0;
  int https1_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace stepwell::test
