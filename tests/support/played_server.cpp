#include "tests/support/played_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace stepwell::test {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view without_spaces(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

std::string pem_of(SSL* session) {
  X509* const shown = session != nullptr ? SSL_get1_peer_certificate(session) : nullptr;
  if (shown == nullptr) return {};
  BIO* const out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, shown);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free_all(out);
  X509_free(shown);
  return text;
}

// Request line and header fields (RFC 9112 §3, §5).
void read_head(std::string_view head, PlayedRequest& request) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));
  const std::size_t space = line.find(' ');
  request.method = line.substr(0, space);
  const std::string_view target = line.substr(space + 1, line.rfind(' ') - space - 1);
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  while (!head.empty()) {
    const std::string_view field = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(field.size() + 2, head.size()));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    request.headers.emplace_back(in_lower_case(field.substr(0, colon)),
                                 without_spaces(field.substr(colon + 1)));
  }
  const std::string host = request.header("host");
  request.host = host.substr(0, host.find(':'));
}

std::string answer_text(const PlayedAnswer& answer, bool head_only) {
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " Played\r\n";
  for (const auto& [name, value] : answer.headers)
    out.append(name).append(": ").append(value).append("\r\n");
  if (answer.status != 204 && answer.status != 304)
    out.append("Content-Length: " + std::to_string(answer.body.size()) + "\r\n");
  out += "\r\n";
  return head_only ? out : out + answer.body;
}

}  // namespace

std::string PlayedRequest::header(std::string_view name) const {
  for (const auto& [own, value] : headers)
    if (own == name) return value;
  return {};
}

std::string PlayedRequest::url() const {
  return scheme + "://" + host + path + (query.empty() ? "" : "?" + query);
}

class PlayedServer::Impl {
 public:
  Impl(Handler handler, const TestCertificate* certificate) : handler_(std::move(handler)) {
    if (certificate != nullptr) {
      context_.reset(SSL_CTX_new(TLS_server_method()));
      if (context_ == nullptr) std::abort();
      certificate->install(context_.get());
      // A client that has a certificate shows it; whose it is, the test judges.
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
      SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
      SSL_CTX_set_options(context_.get(), SSL_OP_NO_TICKET);
    }
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, name, size) != 0 || listen(listener_, 256) != 0) std::abort();
    getsockname(listener_, name, &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }

  int port() const { return port_; }
  std::size_t held() const {
    const std::scoped_lock lock(mutex_);
    // A client that has gone away is not waited for any more, even before hold() has seen it.
    return static_cast<std::size_t>(std::count_if(held_.begin(), held_.end(), [](const auto& each) {
      pollfd client{each.second, POLLIN, 0};
      return poll(&client, 1, 0) == 0;
    }));
  }
  void release(const PlayedAnswer& answer) {
    const std::scoped_lock lock(mutex_);
    released_ = answer;
    for (const auto& [wake, client] : held_) eventfd_write(wake, 1);
    held_.clear();
  }

 private:
  struct Connection {
    int fd;
    std::unique_ptr<SSL, FreeSession> session;
    std::string buffer;
  };

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::scoped_lock lock(mutex_);
      if (stopping_) {
        close(fd);
        return;
      }
      open_.insert(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    {
      Connection connection{fd, nullptr, {}};
      if (open_session(connection))
        while (serve_one(connection)) {
        }
    }
    const std::scoped_lock lock(mutex_);
    open_.erase(fd);
    close(fd);
  }

  bool open_session(Connection& connection) {
    if (context_ == nullptr) return true;
    connection.session.reset(SSL_new(context_.get()));
    SSL_set_fd(connection.session.get(), connection.fd);
    return SSL_accept(connection.session.get()) == 1;
  }

  static bool fill(Connection& connection) {
    std::array<char, 16384> bytes{};
    const int count = connection.session != nullptr
                          ? SSL_read(connection.session.get(), bytes.data(), bytes.size())
                          : static_cast<int>(recv(connection.fd, bytes.data(), bytes.size(), 0));
    if (count <= 0) return false;
    connection.buffer.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }

  static bool write(Connection& connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20));
      const int count = connection.session != nullptr
                            ? SSL_write(connection.session.get(), bytes.data(), size)
                            : static_cast<int>(send(connection.fd, bytes.data(),
                                                    static_cast<std::size_t>(size), MSG_NOSIGNAL));
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool serve_one(Connection& connection) {
    std::string& buffer = connection.buffer;
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!fill(connection)) return false;
    PlayedRequest request;
    request.scheme = connection.session != nullptr ? "https" : "http";
    read_head(std::string_view(buffer).substr(0, end + 2), request);
    request.client_certificate = pem_of(connection.session.get());
    if (request.header("expect") == "100-continue" &&
        !write(connection, "HTTP/1.1 100 Continue\r\n\r\n"))
      return false;
    const std::string length = request.header("content-length");
    const std::size_t size = length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
    while (buffer.size() < end + 4 + size)
      if (!fill(connection)) return false;
    request.body = buffer.substr(end + 4, size);
    buffer.erase(0, end + 4 + size);
    PlayedAnswer answer = handler_(request);
    if (answer.ending == PlayedAnswer::Ending::never && !hold(connection, answer)) return false;
    if (answer.ending == PlayedAnswer::Ending::close) return false;
    return write(connection, answer_text(answer, request.method == "HEAD"));
  }

  // Waits for release(); false where the client goes away instead.
  bool hold(const Connection& connection, PlayedAnswer& answer) {
    const int wake = eventfd(0, EFD_CLOEXEC);
    {
      const std::scoped_lock lock(mutex_);
      held_.emplace(wake, connection.fd);
    }
    std::array<pollfd, 2> watched{{{connection.fd, POLLIN, 0}, {wake, POLLIN, 0}}};
    poll(watched.data(), watched.size(), -1);
    const std::scoped_lock lock(mutex_);
    held_.erase(wake);
    close(wake);
    answer = released_;
    return (watched[0].revents == 0) && !stopping_;
  }

  const Handler handler_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::set<int> open_;                // guarded by mutex_
  std::map<int, int> held_;           // guarded by mutex_: what wakes each of them → its client
  PlayedAnswer released_;             // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  std::vector<std::thread> threads_;  // the acceptor's, until it is joined
  std::thread acceptor_;
};

PlayedServer::PlayedServer(Handler handler, const TestCertificate* certificate)
    : impl_(std::make_unique<Impl>(std::move(handler), certificate)) {}
PlayedServer::~PlayedServer() = default;
int PlayedServer::port() const { return impl_->port(); }
std::size_t PlayedServer::held() const { return impl_->held(); }
void PlayedServer::release(const PlayedAnswer& answer) { impl_->release(answer); }

}  // namespace stepwell::test
