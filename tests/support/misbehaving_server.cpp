#include "tests/support/misbehaving_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace stepwell::test {
namespace {

std::size_t content_length(std::string_view head) {
  std::string lower(head);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto at = lower.find("\r\ncontent-length:");
  if (at == std::string::npos) return 0;
  return std::strtoull(lower.c_str() + at + 17, nullptr, 10);
}

}  // namespace

bool MisbehavingServer::Connection::fill() {
  std::array<char, 65536> bytes{};
  const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  const std::string_view got(bytes.data(), static_cast<std::size_t>(count));
  server_.record(number_, got);
  buffer_ += got;
  return true;
}

std::string MisbehavingServer::Connection::read_request() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return {};
  const std::size_t size = end + 4 + content_length(std::string_view(buffer_).substr(0, end));
  while (buffer_.size() < size)
    if (!fill()) return {};
  std::string request = buffer_.substr(0, size);
  buffer_.erase(0, size);
  const std::lock_guard lock(server_.mutex_);
  ++server_.requests_;
  server_.changed_.notify_all();
  return request;
}

std::string MisbehavingServer::Connection::read_some(std::size_t most) {
  if (buffer_.empty() && !fill()) return {};
  std::string out = buffer_.substr(0, most);
  buffer_.erase(0, out.size());
  return out;
}

bool MisbehavingServer::Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void MisbehavingServer::Connection::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void MisbehavingServer::Connection::finish_sending() { shutdown(fd_, SHUT_WR); }

void MisbehavingServer::Connection::wait_for_close() {
  while (fill()) {
  }
}

bool MisbehavingServer::Connection::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(server_.mutex_);
  return !server_.changed_.wait_for(lock, time, [&] { return server_.stopping_; });
}

void MisbehavingServer::Connection::wait_until(const std::atomic<bool>& flag) {
  while (!flag && pause(std::chrono::milliseconds(1))) {
  }
}

void MisbehavingServer::Connection::shrink_receive_buffer() {
  const int bytes = 128 * 1024;  // below a segment of loopback, TCP would crawl
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

MisbehavingServer::MisbehavingServer(Script script, const char* address)
    : script_(std::move(script)) {
  const bool v6 = std::strchr(address, ':') != nullptr;
  host_ = v6 ? "[" + std::string(address) + "]" : address;
  listener_ = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  storage.ss_family = v6 ? AF_INET6 : AF_INET;
  void* const where = v6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(storage).sin6_addr)
                         : static_cast<void*>(&reinterpret_cast<sockaddr_in&>(storage).sin_addr);
  inet_pton(storage.ss_family, address, where);
  auto* const name = reinterpret_cast<sockaddr*>(&storage);
  if (bind(listener_, name, size) != 0 || listen(listener_, 4096) != 0) std::abort();
  getsockname(listener_, name, &size);
  // Both families have the port at the same place.
  port_ = ntohs(reinterpret_cast<sockaddr_in&>(storage).sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

MisbehavingServer::~MisbehavingServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    changed_.notify_all();
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

std::string MisbehavingServer::url(std::string_view path) const {
  return "http://" + host_ + ":" + std::to_string(port_) + std::string(path);
}

void MisbehavingServer::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      close(fd);
      return;
    }
    open_.push_back(fd);
    received_.emplace_back();
    threads_.emplace_back([this, fd, number = received_.size() - 1] { serve(fd, number); });
  }
}

void MisbehavingServer::serve(int fd, std::size_t number) {
  Connection connection(*this, fd, number);
  script_(connection);
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  close(fd);
}

void MisbehavingServer::record(std::size_t number, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  received_[number] += bytes;
  changed_.notify_all();
}

std::vector<std::string> MisbehavingServer::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::size_t MisbehavingServer::connections() const {
  const std::lock_guard lock(mutex_);
  return received_.size();
}

std::size_t MisbehavingServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool MisbehavingServer::wait_for_requests(std::size_t count,
                                          std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return requests_ >= count; });
}

MisbehavingServer::Script MisbehavingServer::always(std::string answer) {
  return [answer = std::move(answer)](Connection& connection) {
    while (!connection.read_request().empty())
      if (!connection.send(answer)) return;
  };
}

MisbehavingServer::Script MisbehavingServer::once(std::string answer) {
  return [answer = std::move(answer)](Connection& connection) {
    if (connection.read_request().empty()) return;
    connection.send(answer);
    connection.finish_sending();
    connection.wait_for_close();
  };
}

MisbehavingServer::Script MisbehavingServer::echo() {
  return [](Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty() || !connection.send(ok_answer(request))) return;
    }
  };
}

MisbehavingServer::Script MisbehavingServer::silent() {
  return [](Connection& connection) {
    while (!connection.read_request().empty()) {
    }
  };
}

std::string ok_answer(std::string_view body, std::string_view headers) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace stepwell::test
