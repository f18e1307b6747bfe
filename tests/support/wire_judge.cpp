#include "tests/support/wire_judge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stepwell::test {

namespace {
using SteadyClock = std::chrono::steady_clock;
}

class WireJudge::Impl {
 public:
  explicit Impl(const WireJudgeOptions& options) : options_(options) {
    answer_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(options.body.size()) + "\r\n\r\n" + options.body;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, SOMAXCONN) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("the judge cannot listen");
    port_ = ntohs(address.sin_port);
    poller_ = epoll_create1(EPOLL_CLOEXEC);
    wakeup_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    add(listener_);
    add(wakeup_);
    thread_ = std::thread([this] { run(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    stopping_ = true;
    wake();
    thread_.join();
    for (const auto& [fd, connection] : connections_) close(fd);
    for (const int fd : {listener_, poller_, wakeup_}) close(fd);
  }

  void watch(std::string needle) {
    const std::scoped_lock lock(mutex_);
    needle_ = std::move(needle);
    seen_ = late_ = 0;
    fenced_ = false;
  }

  void fence() {
    std::unique_lock lock(mutex_);
    const std::uint64_t wanted = ++fences_wanted_;
    wake();
    fence_done_.wait(lock, [&] { return fences_done_ >= wanted; });
  }

  int port_ = 0;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> seen_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<std::size_t> open_{0};

 private:
  struct Connection {
    std::string pending;  // of the request that is being read
  };
  struct Due {
    SteadyClock::time_point at;
    int fd;
    std::uint64_t generation;
  };

  void wake() const {
    const std::uint64_t one = 1;
    (void)!write(wakeup_, &one, sizeof one);
  }
  void add(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event);
  }

  void run() {
    std::array<epoll_event, 256> events{};
    while (!stopping_) {
      int wait = -1;
      if (!due_.empty()) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(due_.front().at - SteadyClock::now());
        wait = static_cast<int>(std::max<std::int64_t>(0, left.count()));
      }
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), wait);
      for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)].data.fd);
      answer_due();
      serve_fences();
    }
  }

  bool handle(int fd) {
    if (fd == wakeup_) {
      std::uint64_t ignored = 0;
      return read(wakeup_, &ignored, sizeof ignored) > 0;
    }
    return fd == listener_ ? accept_all() : receive(fd);
  }

  bool accept_all() {
    bool any = false;
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return any;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      connections_[fd] = {};
      ++generations_[fd];
      open_ = connections_.size();
      add(fd);
      any = true;
    }
  }

  // Reads what is there; true where there was anything.
  bool receive(int fd) {
    std::array<char, 16384> buffer{};
    bool any = false;
    while (true) {
      const auto connection = connections_.find(fd);
      if (connection == connections_.end()) return any;
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        any = true;
        take(fd, connection->second, {buffer.data(), static_cast<std::size_t>(got)});
        if (got < static_cast<ssize_t>(buffer.size())) return any;
        continue;
      }
      if (got < 0 && errno == EAGAIN) return any;
      close(fd);
      connections_.erase(connection);
      open_ = connections_.size();
      return true;
    }
  }

  void take(int fd, Connection& connection, std::string_view bytes) {
    connection.pending.append(bytes);
    while (true) {
      const std::size_t end = connection.pending.find("\r\n\r\n");
      if (end == std::string::npos) break;
      std::size_t size = end + 4;
      const std::size_t length = connection.pending.find("Content-Length: ");
      if (length < end) size += std::stoul(connection.pending.substr(length + 16));
      if (connection.pending.size() < size) break;
      judge(std::string_view(connection.pending).substr(0, size));
      connection.pending.erase(0, size);
      ++requests_;
      if (options_.delay.count() == 0)
        respond(fd);
      else
        due_.push_back({SteadyClock::now() + options_.delay, fd, generations_[fd]});
    }
    if (connection.pending.size() > 1'000'000) connection.pending.clear();
  }

  void judge(std::string_view request) {
    const std::scoped_lock lock(mutex_);
    if (needle_.empty() || request.find(needle_) == std::string_view::npos) return;
    ++seen_;
    if (fenced_) ++late_;
  }

  void respond(int fd) { (void)!send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL); }

  void answer_due() {
    const auto now = SteadyClock::now();
    while (!due_.empty() && due_.front().at <= now) {
      const Due next = due_.front();
      due_.pop_front();
      if (connections_.contains(next.fd) && generations_[next.fd] == next.generation)
        respond(next.fd);
    }
  }

  void serve_fences() {
    {
      const std::scoped_lock lock(mutex_);
      if (fences_done_ == fences_wanted_) return;
    }
    // Until a whole pass over all connections finds nothing more on the wire.
    bool any = true;
    while (any) {
      any = accept_all();
      std::vector<int> fds;
      fds.reserve(connections_.size());
      for (const auto& [fd, connection] : connections_) fds.push_back(fd);
      for (const int fd : fds) any = receive(fd) || any;
    }
    const std::scoped_lock lock(mutex_);
    fenced_ = true;
    fences_done_ = fences_wanted_;
    fence_done_.notify_all();
  }

  const WireJudgeOptions options_;
  std::string answer_;
  int listener_ = -1;
  int poller_ = -1;
  int wakeup_ = -1;
  std::atomic<bool> stopping_{false};
  std::unordered_map<int, Connection> connections_;     // the thread's
  std::unordered_map<int, std::uint64_t> generations_;  // the thread's: tells a reused fd apart
  std::deque<Due> due_;                                 // the thread's; equal delays keep it sorted
  std::mutex mutex_;
  std::condition_variable fence_done_;
  std::string needle_;               // guarded by mutex_
  bool fenced_ = false;              // guarded by mutex_
  std::uint64_t fences_wanted_ = 0;  // guarded by mutex_
  std::uint64_t fences_done_ = 0;    // guarded by mutex_
  std::thread thread_;
};

WireJudge::WireJudge(const WireJudgeOptions& options) : impl_(std::make_unique<Impl>(options)) {}
WireJudge::~WireJudge() = default;
int WireJudge::port() const { return impl_->port_; }
std::string WireJudge::origin() const { return "http://127.0.0.1:" + std::to_string(impl_->port_); }
void WireJudge::watch(std::string needle) { impl_->watch(std::move(needle)); }
void WireJudge::fence() { impl_->fence(); }
std::uint64_t WireJudge::requests() const { return impl_->requests_; }
std::uint64_t WireJudge::seen() const { return impl_->seen_; }
std::uint64_t WireJudge::late() const { return impl_->late_; }
std::size_t WireJudge::open_connections() const { return impl_->open_; }

}  // namespace stepwell::test
