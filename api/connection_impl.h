// One connection: reads one request after the other, hands it to the Dispatcher and writes its
// answer, whole, in pieces or for as long as it lasts. While it is idle it holds no buffer.
// Internal to connections.cpp and connection*.cpp, as Asio and Beast lie in here. All members run
// on the connection's strand, or on the I/O thread where there is only one, but for start(),
// stop(), run_on_strand() and run_here().
#pragma once

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "api/channel.h"
#include "api/dispatcher.h"
#include "api/event_stream.h"
#include "api/server.h"
#include "api/upload.h"
#include "api/wire.h"

namespace stepwell::api {

// Closed for good when the server ends, so that a late answer does not touch what is gone.
struct Doorway {
  std::shared_mutex mutex;
  bool open = true;  // guarded by mutex
};

class Connection;

// What connections share.
struct Neighbours {
  boost::asio::io_context& io;
  Dispatcher& dispatcher;
  BlockingPool& transfers;  // for bodies in pieces
  const ServerOptions& options;
  Gauge open;
  Gauge streams;
  Counter cut_streams;
  std::shared_ptr<Doorway> doorway = std::make_shared<Doorway>();
  std::atomic<bool> stopping{false};
  std::mutex mutex{};
  std::condition_variable changed{};
  std::unordered_map<const Connection*, std::shared_ptr<Connection>> all{};  // guarded by mutex
  // guarded by mutex; where there is a limit
  std::unordered_map<std::string, std::size_t> by_address{};
  // Bytes, of all and of each address that has some; see ServerOptions::max_open_bodies.
  std::uint64_t open_bodies = 0;                                    // guarded by mutex
  std::unordered_map<std::string, std::uint64_t> open_bodies_of{};  // guarded by mutex
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Neighbours& around, boost::asio::ip::tcp::socket socket,
             std::unique_ptr<Channel> channel, std::string remote);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  // Closes what owes nothing to anybody; a stream of events ends.
  void stop();
  template <class Task>
  void run_on_strand(Task task) {
    boost::asio::post(socket_.get_executor(), [self = shared_from_this(),
                                               task = std::move(task)]() mutable { task(*self); });
  }
  // The same at once, where the caller is on it.
  template <class Task>
  void run_here(Task task) {
    boost::asio::dispatch(
        socket_.get_executor(),
        [self = shared_from_this(), task = std::move(task)]() mutable { task(*self); });
  }
  void deliver(std::uint64_t request, Response response);
  void wake_after(std::uint64_t request, Milliseconds delay, std::function<void()> task);
  bool owes(std::uint64_t request) const {
    return request == request_ && phase_ == Phase::handling;
  }

 private:
  enum class Phase : std::uint8_t {
    beginning,     // the channel
    idle,          // between two requests
    reading_head,  //
    reading_body,  // as a whole
    receiving,     // a piece of an upload
    consuming,     // it is being taken
    handling,      // the answer is being made
    writing,       // it, or a piece of it
    feeding,       // the next piece of it is being made
    streaming,     // events
    draining,      // what the client still sends, before closing
    closed
  };
  using Action = void (Connection::*)();
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using WholeParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using PieceParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  // A request while it is being read.
  struct Incoming {
    HeadParser head;
    std::optional<WholeParser> whole;
    std::optional<PieceParser> pieces;
    Request request;
    std::optional<Dispatcher::Found> found;  // what it asks for, where that is known
    std::shared_ptr<Upload> upload;
    std::string piece;
    std::size_t filled = 0;  // of the piece
    Bytes most{};            // of the body
    bool open = false;       // nobody has to show a key
    bool invited = false;    // to send its body (100)
    bool starved = false;    // it ends within a chunk's line
  };
  // An answer in pieces.
  struct Outgoing {
    Framing framing;
    std::shared_ptr<BodySource> source;
    std::uint64_t left = 0;  // of a known length
    std::shared_ptr<EventStream> events;
    SteadyTime quiet_until{};  // then something must be sent
    bool begun = false;        // events
    bool sending = false;
    bool last = false;
  };

  // connection.cpp
  void wait_for(Channel::Step what, Action then);
  void expire_in(Milliseconds time) { expire_at(std::chrono::steady_clock::now() + time); }
  void expire_at(SteadyTime time);
  void expire_never();
  void arm();
  void on_deadline();
  void begin();
  void read_next();
  void read();
  bool use_input();
  bool take_head();
  bool begin_request();
  void dispatch();
  void watch_client();
  void on_client();
  void look_ahead();
  void refuse(const Problem& problem);
  bool refuse_unreadable(boost::system::error_code error);
  void close();
  void forget_bytes();

  // connection_body.cpp
  bool begin_body(std::optional<std::uint64_t> length);
  bool refuse_body();
  void read_body();
  bool take_body();
  bool hold_body(std::uint64_t bytes);
  void release_body();
  bool take_piece();
  void open_upload();
  void on_upload(std::optional<Response> answer);
  Upload::Next after_upload();

  // connection_answer.cpp
  void write(Response response, bool head_only);
  void send(std::string bytes, Action then);
  void flush();
  void on_written();
  void feed();
  void on_piece(Result<std::string> piece);
  void begin_stream();
  void watch();
  void pump();
  void on_events_sent();
  void end_stream();
  void leave_stream();

  Neighbours& around_;
  boost::asio::ip::tcp::socket socket_;
  const std::unique_ptr<Channel> channel_;
  boost::asio::steady_timer timer_;
  const std::string remote_;
  Phase phase_ = Phase::beginning;
  bool first_ = true;
  bool head_only_ = false;
  bool keep_alive_ = false;
  int version_ = 11;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime armed_ = SteadyTime::max();  // when the timer ends
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<Incoming> incoming_;
  std::unique_ptr<Outgoing> outgoing_;
  bool waits_ = false;          // the handler takes its time …
  std::function<void()> late_;  // … and does this at the deadline
  bool watching_ = false;       // for what comes while it waits, or after that
  std::uint64_t held_ = 0;      // of Neighbours::open_bodies
  Dispatcher::Ticket ticket_;
  std::uint64_t request_ = 0;  // counts up; an answer names the request that it is for
  std::string out_;
  std::size_t sent_ = 0;  // of it
  Action then_ = nullptr;
  std::size_t drained_ = 0;
};

// The way back to a connection from elsewhere, if it still is there.
class Passage {
 public:
  Passage(std::weak_ptr<Connection> to, std::uint64_t request, std::shared_ptr<Doorway> doorway)
      : connection_(std::move(to)), request_(request), doorway_(std::move(doorway)) {}
  std::uint64_t request() const { return request_; }
  template <class Task>
  void pass(Task task) const {
    through([&](Connection& to) { to.run_on_strand(std::move(task)); });
  }
  // By run_here().
  template <class Task>
  void pass_here(Task task) const {
    through([&](Connection& to) { to.run_here(std::move(task)); });
  }

 private:
  template <class Way>
  void through(Way way) const {
    const std::shared_lock lock(doorway_->mutex);
    if (!doorway_->open) return;
    if (const auto connection = connection_.lock()) way(*connection);
  }

  std::weak_ptr<Connection> connection_;
  std::uint64_t request_;
  std::shared_ptr<Doorway> doorway_;
};

}  // namespace stepwell::api
