#include "benchmarks/http_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace stepwell::bench {
namespace {

constexpr int kMostWait = 60'000;  // milliseconds for any answer

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "the API's client: %s\n", why.c_str());
  std::exit(1);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int connected_to(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("no connection");
  return fd;
}

// The length of the first answer in `bytes`, once its head is there; 0 before.
std::size_t answer_length(std::string_view bytes) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  const std::size_t length = bytes.find(kLength);
  if (length > head) give_up("an answer without Content-Length");
  return head + 4 + std::strtoul(bytes.data() + length + kLength.size(), nullptr, 10);
}

}  // namespace

HttpLoad::HttpLoad(const std::string& address, std::size_t connections)
    : poller_(epoll_create1(EPOLL_CLOEXEC)), connections_(connections) {
  for (Connection& connection : connections_) {
    connection.fd = connected_to(address);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(poller_, EPOLL_CTL_ADD, connection.fd, &event);
  }
}

HttpLoad::~HttpLoad() {
  for (const Connection& connection : connections_) close(connection.fd);
  close(poller_);
}

HttpTimes HttpLoad::run(std::size_t total, const Request& request, const Check& check) {
  request_ = &request;
  check_ = &check;
  total_ = total;
  sent_ = 0;
  times_.clear();
  times_.reserve(total);
  const double begin = now();
  for (Connection& connection : connections_) ask(connection);
  std::array<epoll_event, 64> events{};
  while (open_ > 0) {
    const int count =
        epoll_wait(poller_, events.data(), static_cast<int>(events.size()), kMostWait);
    if (count <= 0) give_up("no answer for a minute");
    for (int i = 0; i < count; ++i)
      take(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  return {now() - begin, std::move(times_)};
}

void HttpLoad::ask(Connection& connection) {
  if (sent_ == total_) return;
  const std::string text = (*request_)(sent_++);
  ++open_;
  connection.asked = now();
  if (send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size()))
    give_up("a request could not be sent");
}

void HttpLoad::take(Connection& connection) {
  std::array<char, 65536> bytes;
  const ssize_t got = recv(connection.fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) give_up("the server closed a connection");
  connection.received.append(bytes.data(), static_cast<std::size_t>(got));
  if (connection.wanted == 0) connection.wanted = answer_length(connection.received);
  if (connection.wanted == 0 || connection.received.size() < connection.wanted) return;
  times_.push_back((now() - connection.asked) * 1'000);
  (*check_)(std::string_view(connection.received.data(), connection.wanted));
  connection.received.erase(0, std::exchange(connection.wanted, 0));
  --open_;
  ask(connection);
}

std::string request_text(const std::string& method, const std::string& target,
                         const std::string& key, const std::string& body) {
  std::string text =
      method + " " + target + " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + key + "\r\n";
  if (!body.empty())
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

void expect_status(std::string_view answer, int status) {
  if (answer.substr(0, 12) != "HTTP/1.1 " + std::to_string(status)) give_up(std::string(answer));
}

std::string_view body_of(std::string_view answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace stepwell::bench
