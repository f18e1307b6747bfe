#include "tests/support/nginx_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace stepwell::test {
namespace {

constexpr int kAttempts = 5;
constexpr int kStartMilliseconds = 10'000;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket that has a port, which nobody else is given. nginx can listen there all the same, since
// it sets SO_REUSEADDR as well, for as long as this one does not.
int reserve_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = loopback(0);
  static_cast<void>(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool accepts(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

std::string default_server() {
  std::string filler(178, 'x');
  return "location / { default_type application/json; return 200 '{\"a\":1,\"filler\":\"" + filler +
         "\"}'; }\n";
}

std::string with_port(std::string text, int port) {
  const std::string mark = "{HTTP_PORT}";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
    text.replace(at, mark.size(), std::to_string(port));
  return text;
}

}  // namespace

pid_t start_program(std::vector<std::string> words, const std::string& output) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, 1);
  dup2(fd, 2);
  execvp(argv[0], argv.data());
  _exit(127);
}

bool run_program(std::vector<std::string> words, const std::string& output) {
  const pid_t pid = start_program(std::move(words), output);
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

NginxServer::NginxServer(const NginxOptions& options) {
  std::string pattern = (std::filesystem::temp_directory_path() / "nginx-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    failure_ = "no temporary folder";
    return;
  }
  folder_ = pattern;
  if (!make_certificate()) {
    failure_ = "openssl could not make a certificate";
    return;
  }
  for (int& fd : reserved_) fd = reserve_port();
  http_port_ = port_of(reserved_[0]);
  https_port_ = port_of(reserved_[1]);
  https1_port_ = port_of(reserved_[2]);
  write_configuration(options);
  for (int attempt = 0; attempt < kAttempts && pid_ < 0; ++attempt)
    if (!start()) stop();
}

NginxServer::~NginxServer() {
  stop();
  for (const int fd : reserved_)
    if (fd >= 0) close(fd);
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string NginxServer::http_url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(http_port_) + std::string(path);
}

std::string NginxServer::https_url(std::string_view path) const {
  return "https://localhost:" + std::to_string(https_port_) + std::string(path);
}

std::string NginxServer::https1_url(std::string_view path) const {
  return "https://localhost:" + std::to_string(https1_port_) + std::string(path);
}

bool NginxServer::make_certificate() const {
  return run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj",
                      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                      "-keyout", folder_ + "/key.pem", "-out", folder_ + "/certificate.pem"},
                     folder_ + "/openssl.log");
}

void NginxServer::write_configuration(const NginxOptions& options) const {
  std::ofstream file(folder_ + "/nginx.conf");
  if (geteuid() == 0) file << "user root;\n";
  file << "daemon off;\nworker_processes " << options.worker_processes << ";\npid " << folder_
       << "/nginx.pid;\nerror_log " << folder_
       << "/error.log;\nworker_rlimit_nofile 20000;\nevents { worker_connections 19000; }\n"
       << "http {\naccess_log off;\nkeepalive_requests 100000000;\nkeepalive_timeout 600s;\n"
       << "client_max_body_size 1g;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    file << kind << "_temp_path " << folder_ << "/" << kind << ";\n";
  file << options.http << "\nserver {\nlisten 127.0.0.1:" << http_port_ << " backlog=16384;\n"
       << "listen 127.0.0.1:" << https_port_ << " ssl http2 backlog=16384;\n"
       << "listen 127.0.0.1:" << https1_port_ << " ssl backlog=16384;\n"
       << "ssl_certificate " << folder_ << "/certificate.pem;\nssl_certificate_key " << folder_
       << "/key.pem;\n"
       << with_port(options.server.empty() ? default_server() : options.server, http_port_)
       << "}\n}\n";
}

bool NginxServer::start() {
  pid_ = start_program(
      {"nginx", "-e", folder_ + "/error.log", "-p", folder_, "-c", folder_ + "/nginx.conf"},
      folder_ + "/output.log");
  for (int waited = 0; waited < kStartMilliseconds; ++waited) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      std::ifstream log(folder_ + "/error.log");
      failure_.assign(std::istreambuf_iterator<char>(log), {});
      if (failure_.empty()) failure_ = "nginx ended at once; is nginx-light installed?";
      return false;
    }
    if (accepts(http_port_) && accepts(https_port_) && accepts(https1_port_)) return true;
    poll(nullptr, 0, 1);  // a process of its own: there is nothing to wait on
  }
  failure_ = "nginx does not answer";
  return false;
}

void NginxServer::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
}

}  // namespace stepwell::test
