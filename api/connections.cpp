#include "api/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "api/wire.h"

namespace stepwell::api {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t kFirstRead = 2048;
constexpr std::size_t kMaxDrained = std::size_t{4} * 1024 * 1024;
constexpr Milliseconds kDrainTime{2'000};

// Closed for good when the server ends, so that a late answer does not touch what is gone.
struct Doorway {
  std::shared_mutex mutex;
  bool open = true;  // guarded by mutex
};

class Connection;

// What connections share.
struct Surroundings {
  asio::io_context& io;
  Dispatcher& dispatcher;
  const ServerOptions& options;
  Gauge open;
  std::shared_ptr<Doorway> doorway = std::make_shared<Doorway>();
  std::atomic<bool> stopping{false};
  std::mutex mutex{};
  std::condition_variable changed{};
  std::unordered_map<const Connection*, std::shared_ptr<Connection>> all{};  // guarded by mutex
};

// All that it does after start() happens on its strand.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Surroundings& around, int descriptor, bool v6, std::string remote)
      : around_(around),
        stream_(asio::ip::tcp::socket(asio::make_strand(around.io),
                                      v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor)),
        waiting_(stream_.get_executor()),
        remote_(std::move(remote)) {}

  void start() {
    run_on_strand([](Connection& self) { self.read_next(); });
  }
  void stop() {
    run_on_strand([](Connection& self) {
      if (self.phase_ == Phase::idle) self.close();
    });
  }
  template <class Task>
  void run_on_strand(Task task) {
    asio::post(stream_.get_executor(),
               [self = shared_from_this(), task = std::move(task)]() mutable { task(*self); });
  }
  void deliver(std::uint64_t request, Response response);
  void wake_after(std::uint64_t request, Milliseconds delay, std::function<void()> task);
  bool owes(std::uint64_t request) const {
    return request == request_ && phase_ == Phase::handling;
  }

 private:
  enum class Phase : std::uint8_t { idle, reading, handling, writing, closed };
  using Parser = beast::http::request_parser<beast::http::string_body>;

  void read_next();
  void read_header();
  void on_header(error_code error);
  void read_body();
  void dispatch();
  void refuse(const Problem& problem);
  void refuse_unreadable(error_code error);
  void write(Response response, bool head_only);
  void on_written();
  void drain();
  void close();
  void forget_bytes();

  Surroundings& around_;
  beast::tcp_stream stream_;
  asio::steady_timer waiting_;
  const std::string remote_;
  Phase phase_ = Phase::idle;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Dispatcher::Ticket ticket_;
  std::uint64_t request_ = 0;  // counts up; an answer names the request that it is for
  bool first_ = true;
  bool head_ = false;
  bool keep_alive_ = false;
  int version_ = 11;
  std::string out_;
  std::size_t drained_ = 0;
};

// Carries the answer to one request back to its connection, if that still is there.
class Sink final : public ResponseSink {
 public:
  Sink(std::weak_ptr<Connection> to, std::uint64_t request, std::shared_ptr<Doorway> doorway)
      : connection_(std::move(to)), request_(request), doorway_(std::move(doorway)) {}

  void respond(Response response) override {
    pass([request = request_, response = std::move(response)](Connection& self) mutable {
      self.deliver(request, std::move(response));
    });
  }
  void resume(std::function<void()> task) override {
    pass([request = request_, task = std::move(task)](Connection& self) {
      if (self.owes(request)) task();
    });
  }
  void after(Milliseconds delay, std::function<void()> task) override {
    pass([request = request_, delay, task = std::move(task)](Connection& self) mutable {
      self.wake_after(request, delay, std::move(task));
    });
  }

 private:
  template <class Task>
  void pass(Task task) {
    const std::shared_lock lock(doorway_->mutex);
    if (!doorway_->open) return;
    if (const auto connection = connection_.lock()) connection->run_on_strand(std::move(task));
  }

  const std::weak_ptr<Connection> connection_;
  const std::uint64_t request_;
  const std::shared_ptr<Doorway> doorway_;
};

void Connection::read_next() {
  if (around_.stopping) return close();
  phase_ = Phase::idle;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(around_.options.max_headers.count));
  parser_->body_limit(around_.options.max_body.count);
  if (buffer_.size() > 0) return read_header();  // pipelined (RFC 9112 §9.3.2)
  forget_bytes();
  stream_.expires_after(first_ ? around_.options.read_timeout : around_.options.idle_timeout);
  first_ = false;
  stream_.async_read_some(buffer_.prepare(kFirstRead),
                          [self = shared_from_this()](error_code error, std::size_t bytes) {
                            if (error || self->phase_ != Phase::idle) return self->close();
                            self->buffer_.commit(bytes);
                            self->read_header();
                          });
}

void Connection::read_header() {
  phase_ = Phase::reading;
  // One deadline for all of the headers, however slowly they trickle in.
  stream_.expires_after(around_.options.read_timeout);
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
}

void Connection::on_header(error_code error) {
  if (error) return refuse_unreadable(error);
  const auto& header = parser_->get();
  version_ = static_cast<int>(header.version());
  std::vector<http::Header> fields;
  for (const auto& field : header)
    fields.push_back({std::string(field.name_string()), std::string(field.value())});
  if (const Status status = check_framing(version_, fields); !status) return refuse(status.error());
  if (parser_->is_done() || version_ == 10 || !expects_continue(fields)) return read_body();
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this()](error_code failed, std::size_t) {
                      if (failed) return self->close();
                      self->read_body();
                    });
}

void Connection::read_body() {
  if (parser_->is_done()) return dispatch();
  stream_.expires_after(around_.options.read_timeout);
  beast::http::async_read(stream_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, std::size_t) {
                            if (error) return self->refuse_unreadable(error);
                            self->dispatch();
                          });
}

void Connection::dispatch() {
  stream_.expires_never();
  phase_ = Phase::handling;
  auto message = parser_->release();
  parser_.reset();
  keep_alive_ = message.keep_alive();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.body = std::move(message.body());
  request.remote = remote_;
  for (const auto& field : message)
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  if (const std::string* value = request.header("Authorization")) request.authorization = *value;
  head_ = request.method == "HEAD";
  ++request_;
  ticket_ = around_.dispatcher.dispatch(
      std::move(request), std::make_shared<Sink>(weak_from_this(), request_, around_.doorway));
}

void Connection::wake_after(std::uint64_t request, Milliseconds delay, std::function<void()> task) {
  if (!owes(request)) return;
  waiting_.expires_after(delay);
  waiting_.async_wait([self = weak_from_this(), request, task = std::move(task)](error_code error) {
    const auto connection = self.lock();
    if (!error && connection && connection->request_ == request) task();
  });
}

void Connection::deliver(std::uint64_t request, Response response) {
  if (!owes(request)) return;
  waiting_.cancel();
  write(std::move(response), head_);
}

void Connection::refuse(const Problem& problem) {
  // What follows on this connection cannot be told apart from the broken request.
  keep_alive_ = false;
  head_ = false;
  ticket_ = around_.dispatcher.unmatched(remote_);
  ++request_;
  write(problem_response(problem), false);
}

void Connection::refuse_unreadable(error_code error) {
  using Fault = beast::http::error;
  const ServerOptions& options = around_.options;
  if (error == Fault::header_limit || error == Fault::buffer_overflow)
    return refuse(headers_too_large(options.max_headers));
  if (error == Fault::body_limit) return refuse(body_too_large(options.max_body));
  const bool gone = error == Fault::end_of_stream || error == Fault::partial_message;
  if (gone || error.category() != make_error_code(Fault::bad_method).category()) return close();
  refuse(request_malformed(error.message()));
}

void Connection::write(Response response, bool head_only) {
  phase_ = Phase::writing;
  around_.dispatcher.complete(ticket_, response);
  if (around_.stopping) keep_alive_ = false;
  out_ = serialize(response, {version_, keep_alive_, head_only});
  if (response.shows_key) wipe(response.body);
  stream_.expires_after(around_.options.write_timeout);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this()](error_code error, std::size_t) {
                      wipe(self->out_);
                      if (error) return self->close();
                      self->on_written();
                    });
}

void Connection::on_written() {
  if (keep_alive_) return read_next();
  error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kDrainTime);
  drain();
}

// Closing a socket with unread bytes resets the connection, and the reset may overtake the answer
// (RFC 9112 §9.6): so a little of what still comes is read and thrown away.
void Connection::drain() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kFirstRead),
                          [self = shared_from_this()](error_code error, std::size_t bytes) {
                            self->drained_ += bytes;
                            if (error || self->drained_ > kMaxDrained) return self->close();
                            self->drain();
                          });
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  waiting_.cancel();
  stream_.close();
  forget_bytes();
  around_.open.add(-1);
  const auto self = shared_from_this();
  {
    const std::scoped_lock lock(around_.mutex);
    around_.all.erase(this);
  }
  around_.changed.notify_all();
}

// Bodies may have held secrets, and thousands of idle connections should hold no memory.
void Connection::forget_bytes() {
  buffer_.clear();
  const auto room = buffer_.prepare(buffer_.capacity());
  if (room.size() > 0) explicit_bzero(room.data(), room.size());
  buffer_.shrink_to_fit();
}

}  // namespace

class Connections::Impl {
 public:
  Impl(asio::io_context& io, Dispatcher& dispatcher, const ServerOptions& options, Metrics& metrics)
      : around{io, dispatcher, options,
               metrics.gauge("stepwell_api_open_connections", "Open connections to the API.")} {}
  Surroundings around;
};

Connections::Connections(asio::io_context& io, Dispatcher& dispatcher, const ServerOptions& options,
                         Metrics& metrics)
    : impl_(std::make_unique<Impl>(io, dispatcher, options, metrics)) {}

Connections::~Connections() { abandon(); }

void Connections::adopt(int descriptor, bool v6, std::string remote) {
  Surroundings& around = impl_->around;
  std::shared_ptr<Connection> connection;
  {
    const std::scoped_lock lock(around.mutex);
    if (around.all.size() < around.options.max_connections && !around.stopping) {
      connection = std::make_shared<Connection>(around, descriptor, v6, std::move(remote));
      around.all.emplace(connection.get(), connection);
    }
  }
  if (connection) {
    around.open.add(1);
    return connection->start();
  }
  static const std::string kFull = serialize(problem_response(too_many_connections()), {});
  // A fresh socket has room for so little; whoever does not get it finds a closed connection.
  (void)::send(descriptor, kFull.data(), kFull.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(descriptor);
}

void Connections::begin_stop() {
  Surroundings& around = impl_->around;
  around.stopping = true;
  const std::scoped_lock lock(around.mutex);
  for (const auto& [key, connection] : around.all) connection->stop();
}

bool Connections::wait_until_none(Milliseconds limit) {
  Surroundings& around = impl_->around;
  std::unique_lock lock(around.mutex);
  return around.changed.wait_for(lock, limit, [&] { return around.all.empty(); });
}

void Connections::abandon() {
  Surroundings& around = impl_->around;
  {
    const std::scoped_lock lock(around.doorway->mutex);
    around.doorway->open = false;
  }
  decltype(around.all) left;
  {
    const std::scoped_lock lock(around.mutex);
    left.swap(around.all);
  }
  around.open.add(-static_cast<double>(left.size()));
}

}  // namespace stepwell::api
