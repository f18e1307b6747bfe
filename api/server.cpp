#include "api/server.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <charconv>
#include <thread>

#include "api/connections.h"
#include "api/tls.h"

namespace stepwell::api {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxWaitingForBlocking = 1'000;
constexpr Milliseconds kAcceptPause{100};

Problem listen_problem(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
}

// HOST:PORT; the host is an address or "localhost", so that nothing depends on name servers.
Result<tcp::endpoint> parse_listen(std::string_view text) {
  const auto invalid = [&] {
    return fail(listen_problem("listen-invalid", "\"" + std::string(text) +
                                                     "\" is no address to listen on; write "
                                                     "ADDRESS:PORT, e.g. 127.0.0.1:8080"));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  const auto [stopped_at, error] = std::from_chars(port_text.data(), end, port);
  if (error != std::errc() || stopped_at != end) return invalid();
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  error_code failed;
  const asio::ip::address address = asio::ip::make_address(std::string(host), failed);
  if (failed || address.is_v6() != brackets) return invalid();
  return tcp::endpoint(address, port);
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

Gauge queue_gauge(Metrics& metrics, const char* pool) {
  return metrics.gauge("stepwell_api_queue_length",
                       "Requests, or pieces of them, that wait for a thread which may block.",
                       {{"pool", pool}});
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const Services& services)
      : options_(options),
        log_(services.log),
        administration_(options.blocking_threads, kMaxWaitingForBlocking,
                        queue_gauge(services.metrics, "administration")),
        operations_(options.blocking_threads, kMaxWaitingForBlocking,
                    queue_gauge(services.metrics, "operations")),
        webhooks_(1, kMaxWaitingForBlocking, queue_gauge(services.metrics, "webhooks")),
        open_(1, kMaxWaitingForBlocking, queue_gauge(services.metrics, "open")),
        // A connection has one piece at a time under way, and each may.
        transfers_(options.blocking_threads, options.max_connections + kMaxWaitingForBlocking,
                   queue_gauge(services.metrics, "transfers")) {}

  Status open(const Services& services, std::vector<Route> further);
  void stop(Milliseconds grace);
  const std::string& address() const { return address_; }
  Status reload_tls() { return tls_ ? tls_->reload() : Status(); }

 private:
  Status listen(const tcp::endpoint& endpoint);
  void accept();
  void on_accepted(error_code error, tcp::socket socket);

  const ServerOptions options_;
  Log& log_;
  BlockingPool administration_;
  BlockingPool operations_;
  BlockingPool webhooks_;
  BlockingPool open_;
  BlockingPool transfers_;
  std::unique_ptr<Dispatcher> dispatcher_;
  // So many threads run it, and no other one ever does: Asio relies on that where it is one.
  const std::size_t io_threads_ = std::max<std::size_t>(options_.threads, 1);
  asio::io_context io_{static_cast<int>(io_threads_)};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  tcp::acceptor acceptor_{asio::make_strand(io_)};
  asio::steady_timer accept_pause_{acceptor_.get_executor()};
  std::unique_ptr<Tls> tls_;  // null: none
  std::unique_ptr<Connections> connections_;
  std::string address_;
  std::vector<std::thread> threads_;
  bool stopped_ = false;
};

Status Server::Impl::open(const Services& services, std::vector<Route> further) {
  const Result<tcp::endpoint> endpoint = parse_listen(options_.listen);
  if (!endpoint) return fail(endpoint.error());
  if (!options_.tls.certificate.empty()) {
    Result<std::unique_ptr<Tls>> tls = Tls::open(options_.tls, services.metrics);
    if (!tls) return fail(std::move(tls).error());
    tls_ = *std::move(tls);
  }
  if (!endpoint->address().is_loopback() && !tls_ && !options_.allow_plaintext)
    return fail(listen_problem(
        "listen-plaintext",
        options_.listen + " can be reached from other machines, and keys would travel over it "
                          "unencrypted; set http.tls.certificate, listen on a loopback address "
                          "behind a TLS proxy, or allow it explicitly"));
  Result<std::unique_ptr<Dispatcher>> dispatcher =
      Dispatcher::make(services, {administration_, operations_, webhooks_, open_},
                       {options_.rate_limit, options_.webhook_limit}, std::move(further));
  if (!dispatcher) return fail(std::move(dispatcher).error());
  dispatcher_ = *std::move(dispatcher);
  connections_ = std::make_unique<Connections>(io_, *dispatcher_, transfers_, tls_.get(), options_,
                                               services.metrics);
  if (Status status = listen(*endpoint); !status) return status;
  asio::post(acceptor_.get_executor(), [this] { accept(); });
  for (std::size_t i = 0; i < io_threads_; ++i)
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "api");  // for whoever looks at the process
      io_.run();
    });
  return {};
}

Status Server::Impl::listen(const tcp::endpoint& endpoint) {
  error_code error;
  // NOLINTNEXTLINE(bugprone-unused-return-value): the error is in `error`
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(listen_problem("listen-failed",
                               "cannot listen on " + options_.listen + ": " + error.message()));
  address_ = text_of(acceptor_.local_endpoint(error));
  return {};
}

void Server::Impl::accept() {
  acceptor_.async_accept(
      io_, [this](error_code error, tcp::socket socket) { on_accepted(error, std::move(socket)); });
}

void Server::Impl::on_accepted(error_code error, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error) {
    // Out of descriptors, most likely: trying at once again would only burn time.
    log_.warn("cannot accept a connection", {{"error", error.message()}});
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this](error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) accept();
    });
    return;
  }
  error_code failed;
  socket.set_option(tcp::no_delay(true), failed);
  const tcp::endpoint remote = socket.remote_endpoint(failed);
  const bool v6 = remote.protocol() == tcp::v6();
  const int descriptor = failed ? -1 : socket.release(failed);
  if (!failed && descriptor >= 0) connections_->adopt(descriptor, v6, remote.address().to_string());
  accept();
}

void Server::Impl::stop(Milliseconds grace) {
  if (stopped_) return;
  stopped_ = true;
  if (!threads_.empty()) {
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
      accept_pause_.cancel();
    });
    connections_->begin_stop();
    connections_->wait_until_none(grace);
  }
  administration_.stop();
  operations_.stop();
  webhooks_.stop();
  open_.stop();
  transfers_.stop();
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (connections_) connections_->abandon();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// A throw in here ends the process, as it should.
// NOLINTNEXTLINE(bugprone-exception-escape)
Server::~Server() { impl_->stop(Milliseconds(0)); }

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              const Services& services,
                                              std::vector<Route> further) {
  auto impl = std::make_unique<Impl>(options, services);
  if (Status status = impl->open(services, std::move(further)); !status) {
    impl->stop(Milliseconds(0));
    return fail(std::move(status).error());
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::string& Server::address() const { return impl_->address(); }

Status Server::reload_tls() { return impl_->reload_tls(); }

void Server::stop(Milliseconds grace) { impl_->stop(grace); }

}  // namespace stepwell::api
