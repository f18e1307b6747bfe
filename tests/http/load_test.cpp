// Many at once: a slow host gets all of them in flight, whatever the limit
// begins with.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

// Answers nobody before `expected` requests have come, and then all of them.
class GatheringServer {
 public:
  explicit GatheringServer(std::size_t expected)
      : expected_(expected), epoll_(epoll_create1(0)), stop_(eventfd(0, 0)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, name, size) != 0 || listen(listener_, 4096) != 0) std::abort();
    getsockname(listener_, name, &size);
    port_ = ntohs(address.sin_port);
    add(listener_);
    add(stop_);
    thread_ = std::thread([this] { run(); });
  }
  ~GatheringServer() {
    eventfd_write(stop_, 1);
    thread_.join();
    for (const int fd : clients_) close(fd);
    for (const int fd : {listener_, stop_, epoll_}) close(fd);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  void add(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  void run() {
    std::array<epoll_event, 64> events{};
    std::array<char, 4096> bytes{};
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_) return;
        if (fd == listener_) {
          for (int client = 0;
               (client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            clients_.push_back(client);
            add(client);
          }
        } else if (recv(fd, bytes.data(), bytes.size(), 0) > 0) {
          waiting_.push_back(fd);  // a small request comes in one piece
          if (waiting_.size() == expected_) answer_all();
        } else {
          epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
        }
      }
    }
  }
  void answer_all() {
    const std::string answer = stepwell::test::ok_answer("x");
    for (const int fd : waiting_) send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    waiting_.clear();
  }

  const std::size_t expected_;
  const int epoll_;
  const int stop_;
  int listener_ = -1;
  int port_ = 0;
  std::vector<int> clients_;
  std::vector<int> waiting_;
  std::thread thread_;
};

TEST(ManyAtOnce, AreAllInFlightWhereTheHostIsSlow) {
  constexpr std::size_t kRequests = 3000;
  GatheringServer server(kRequests);
  Client client;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::future<Outcome>> outcomes;
    outcomes.reserve(kRequests);
    for (std::size_t i = 0; i < kRequests; ++i) outcomes.push_back(client.start(get(server.url())));
    for (auto& outcome : outcomes) ASSERT_EQ(result_of(outcome.get()), "ok");
  }
}

TEST(ManyAtOnce, FromManyThreadsAreCompletedOnceEach) {
  stepwell::test::MisbehavingServer server(
      stepwell::test::MisbehavingServer::always(stepwell::test::ok_answer("x")));
  Client client;
  std::atomic<int> ok{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::vector<std::future<Outcome>> outcomes;
      for (int i = 0; i < 250; ++i) outcomes.push_back(client.start(get(server.url())));
      for (auto& outcome : outcomes) ok += outcome.get().response ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ok, 1000);
}

}  // namespace
}  // namespace stepwell::http::test
