#include "benchmarks/api_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "api/server.h"
#include "config/loader.h"

namespace stepwell::bench {
namespace {

const auth::Actor kActor{"bench", "bench"};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "the API's client: %s\n", why.c_str());
  std::exit(1);
}

std::string issue_key(daemon::Node& node) {
  if (!node.authority().users().create(kActor, "bench", auth::Role::operator_))
    give_up("no user could be made");
  const auto issued = node.authority().keys().create(kActor, {"bench", "bench"});
  if (!issued) give_up(issued.error().one_line());
  return std::string(issued->secret.reveal());
}

void load_workflow(daemon::Node& node, const std::string& definition) {
  const config::Loaded loaded = config::load_definition(definition, "bench.yaml");
  if (!loaded.definition) give_up(loaded.faults.front().text());
  if (!node.catalog().replace({{loaded.definition, node.engine().prepare(loaded.definition)}}))
    give_up("the workflow cannot be taken over");
}

std::unique_ptr<api::Server> serve(daemon::Node& node) {
  api::ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = api::Server::start(options, {node.engine(),
                                             node.catalog(),
                                             node.authority(),
                                             node.reactor(),
                                             {},
                                             node.clock(),
                                             node.entropy(),
                                             node.metrics(),
                                             node.log(),
                                             [] { return Status(); },
                                             [] { return Status(); },
                                             &node.schedules()});
  if (!server) give_up(server.error().one_line());
  return std::move(*server);
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

// The length of the first answer in `bytes`, once it is complete; 0 before.
std::size_t answer_length(std::string_view bytes) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  const std::size_t length = bytes.find(kLength);
  if (length > head) give_up("an answer without Content-Length");
  const std::size_t whole =
      head + 4 + std::strtoul(bytes.data() + length + kLength.size(), nullptr, 10);
  return bytes.size() >= whole ? whole : 0;
}

}  // namespace

class ApiLoad::Impl {
 public:
  Impl(daemon::Node& node, const std::string& definition, const std::string& workflow,
       std::size_t connections)
      : poller_(epoll_create1(EPOLL_CLOEXEC)), connections_(connections) {
    load_workflow(node, definition);
    const std::string key = issue_key(node);
    server_ = serve(node);
    const std::string body = R"({"workflow":")" + workflow + R"(","input":{}})";
    request_ =
        "POST /api/v1/instances?wait=30s HTTP/1.1\r\nHost: " + server_->address() +
        "\r\nAuthorization: Bearer " + key +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    for (Connection& connection : connections_) {
      connection.fd = connected_to(server_->address());
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      epoll_ctl(poller_, EPOLL_CTL_ADD, connection.fd, &event);
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (const Connection& connection : connections_) close(connection.fd);
    close(poller_);
  }

  double run(std::size_t total) {
    left_ = total;
    const auto begin = std::chrono::steady_clock::now();
    for (const Connection& connection : connections_) ask(connection);
    std::array<epoll_event, 64> events{};
    while (open_ > 0) {
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), 10'000);
      if (count <= 0) give_up("no answer for ten seconds");
      for (int i = 0; i < count; ++i)
        take(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(total) / took.count();
  }

 private:
  struct Connection {
    int fd = -1;
    std::string received = {};
  };

  void ask(const Connection& connection) {
    if (left_ == 0) return;
    --left_;
    ++open_;
    if (send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request_.size()))
      give_up("a request could not be sent");
  }

  void take(Connection& connection) {
    std::array<char, 16384> bytes{};
    const ssize_t got = recv(connection.fd, bytes.data(), bytes.size(), 0);
    if (got <= 0) give_up("the server closed a connection");
    connection.received.append(bytes.data(), static_cast<std::size_t>(got));
    const std::size_t length = answer_length(connection.received);
    if (length == 0) return;
    const std::string_view answer(connection.received.data(), length);
    if (answer.substr(0, 12) != "HTTP/1.1 201" ||
        answer.find(R"("status":"completed")") == std::string_view::npos)
      give_up(std::string(answer));
    connection.received.erase(0, length);
    --open_;
    ask(connection);
  }

  const int poller_;
  std::vector<Connection> connections_;
  std::unique_ptr<api::Server> server_;
  std::string request_;
  std::size_t left_ = 0;
  std::size_t open_ = 0;
};

ApiLoad::ApiLoad(daemon::Node& node, const std::string& definition, const std::string& workflow,
                 std::size_t connections)
    : impl_(std::make_unique<Impl>(node, definition, workflow, connections)) {}
ApiLoad::~ApiLoad() = default;
double ApiLoad::run(std::size_t total) { return impl_->run(total); }

}  // namespace stepwell::bench
