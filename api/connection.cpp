#include <cstring>
#include <iterator>
#include <utility>

#include "api/connection_impl.h"

namespace stepwell::api {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Fault = beast::http::error;

constexpr std::size_t kHeadRead = 2048;
constexpr std::size_t kBodyRead = std::size_t{32} * 1024;
constexpr std::size_t kMostDrained = std::size_t{4} * 1024 * 1024;
// What a client may send ahead while it waits for an answer.
constexpr std::size_t kMostAhead = std::size_t{8} * 1024;

// Carries the answer to one request back to its connection.
class Sink final : public ResponseSink {
 public:
  explicit Sink(Passage passage) : passage_(std::move(passage)) {}

  void respond(Response response) override {
    passage_.pass([request = passage_.request(), response = std::move(response)](
                      Connection& self) mutable { self.deliver(request, std::move(response)); });
  }
  void resume(std::function<void()> task) override {
    passage_.pass([request = passage_.request(), task = std::move(task)](Connection& self) {
      if (self.owes(request)) task();
    });
  }
  // At once where it can be: an answer from elsewhere must not come before it.
  void after(Milliseconds delay, std::function<void()> task) override {
    passage_.pass_here(
        [request = passage_.request(), delay, task = std::move(task)](Connection& self) mutable {
          self.wake_after(request, delay, std::move(task));
        });
  }

 private:
  const Passage passage_;
};

}  // namespace

Connection::Connection(Neighbours& around, asio::ip::tcp::socket socket,
                       std::unique_ptr<Channel> channel, std::string remote)
    : around_(around),
      socket_(std::move(socket)),
      channel_(std::move(channel)),
      timer_(socket_.get_executor()),
      remote_(std::move(remote)) {}

// Of a server that is gone; close() has done it otherwise.
Connection::~Connection() {
  if (outgoing_ && outgoing_->events) outgoing_->events->detach();
}

void Connection::start() {
  run_on_strand([](Connection& self) {
    self.expire_in(self.around_.options.read_timeout);
    self.begin();
  });
}

void Connection::stop() {
  run_on_strand([](Connection& self) {
    if (self.phase_ == Phase::idle || self.phase_ == Phase::beginning) return self.close();
    if (self.phase_ == Phase::streaming) self.end_stream();
  });
}

// --- waiting ---

void Connection::wait_for(Channel::Step what, Action then) {
  using Socket = asio::ip::tcp::socket;
  const auto kind = what == Channel::Step::wait_write ? Socket::wait_write : Socket::wait_read;
  socket_.async_wait(kind, [self = shared_from_this(), then](error_code error) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    (self.get()->*then)();
  });
}

// The timer is set anew only where it would end too late: most deadlines are met, and moving it
// costs more than letting it run.
void Connection::expire_at(SteadyTime time) {
  deadline_ = time;
  if (deadline_ < armed_) arm();
}

void Connection::expire_never() { deadline_ = SteadyTime::max(); }

void Connection::arm() {
  armed_ = deadline_;
  timer_.expires_at(armed_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->phase_ == Phase::closed) return;
    self->armed_ = SteadyTime::max();
    if (self->deadline_ == SteadyTime::max()) return;
    if (std::chrono::steady_clock::now() < self->deadline_) return self->arm();
    self->on_deadline();
  });
}

void Connection::on_deadline() {
  if (phase_ == Phase::handling) {
    expire_never();
    if (const auto task = std::exchange(late_, nullptr)) task();
    return;
  }
  const bool quiet = phase_ == Phase::streaming && !outgoing_->sending;
  return quiet ? pump() : close();
}

// --- reading ---

void Connection::begin() {
  const Channel::Progress progress = channel_->begin();
  switch (progress.step) {
    case Channel::Step::done:
      return read_next();
    case Channel::Step::wait_read:
    case Channel::Step::wait_write:
      return wait_for(progress.step, &Connection::begin);
    default:
      return close();
  }
}

void Connection::read_next() {
  if (around_.stopping) return close();
  phase_ = Phase::idle;
  if (buffer_.size() > 0) {  // pipelined (RFC 9112 §9.3.2)
    if (use_input()) read();
    return;
  }
  forget_bytes();
  // The first deadline began with the connection.
  if (!std::exchange(first_, false)) expire_in(around_.options.idle_timeout);
  if (channel_->holds_input()) return read();
  if (!watching_) wait_for(Channel::Step::wait_read, &Connection::read);
}

void Connection::read() {
  do {
    const bool small = phase_ == Phase::idle || phase_ == Phase::reading_head;
    const auto room = buffer_.prepare(small ? kHeadRead : kBodyRead);
    const Channel::Progress progress = channel_->read(static_cast<char*>(room.data()), room.size());
    if (progress.step == Channel::Step::wait_read || progress.step == Channel::Step::wait_write) {
      if (phase_ == Phase::idle && watching_) return;  // on_client() goes on with it
      return wait_for(progress.step, &Connection::read);
    }
    if (progress.step != Channel::Step::done) return close();
    buffer_.commit(progress.bytes);
  } while (use_input());
}

// True: more must be read, for the same.
bool Connection::use_input() {
  switch (phase_) {
    case Phase::idle:
      phase_ = Phase::reading_head;
      // One deadline for all of the head, however slowly it trickles in.
      expire_in(around_.options.read_timeout);
      head_only_ = false;
      incoming_ = std::make_unique<Incoming>();
      incoming_->head.header_limit(static_cast<std::uint32_t>(around_.options.max_headers.count));
      incoming_->head.body_limit(boost::none);
      return take_head();
    case Phase::reading_head:
      return take_head();
    case Phase::reading_body:
      return take_body();
    case Phase::receiving:
      return take_piece();
    case Phase::draining:
      drained_ += buffer_.size();
      buffer_.clear();
      if (drained_ <= kMostDrained) return true;
      close();
      return false;
    default:
      return false;
  }
}

bool Connection::take_head() {
  HeadParser& parser = incoming_->head;
  error_code error;
  while (buffer_.size() > 0 && !parser.is_header_done()) {
    buffer_.consume(parser.put(buffer_.cdata(), error));
    if (error == Fault::need_more) return true;
    if (!error) continue;
    head_only_ = parser.get().method() == beast::http::verb::head;
    return refuse_unreadable(error);
  }
  return parser.is_header_done() ? begin_request() : true;
}

bool Connection::begin_request() {
  const auto& head = incoming_->head.get();
  Request& request = incoming_->request;
  version_ = static_cast<int>(head.version());
  request.headers.reserve(static_cast<std::size_t>(std::distance(head.begin(), head.end())));
  for (const auto& field : head)
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  head_only_ = head.method() == beast::http::verb::head;
  Status status = check_framing(version_, request.headers);
  if (status) status = check_size(head.target().size(), request.headers.size());
  if (!status) {
    refuse(status.error());
    return false;
  }
  request.method = std::string(head.method_string());
  request.target = std::string(head.target());
  request.remote = remote_;
  if (const std::string* value = request.header("Authorization")) request.authorization = *value;
  keep_alive_ = head.keep_alive();
  const bool empty = incoming_->head.is_done();
  if (empty && (request.method == "GET" || head_only_)) {
    dispatch();
    return false;
  }
  const auto length = incoming_->head.content_length();
  return begin_body(length ? std::optional<std::uint64_t>(*length) : std::nullopt);
}

// --- requests ---

void Connection::dispatch() {
  expire_never();
  phase_ = Phase::handling;
  Request request = std::move(incoming_->request);
  std::optional<Dispatcher::Found> found = std::move(incoming_->found);
  incoming_.reset();
  ++request_;
  ticket_ = around_.dispatcher.dispatch(
      std::move(request),
      std::make_shared<Sink>(Passage(weak_from_this(), request_, around_.doorway)),
      std::move(found));
}

void Connection::wake_after(std::uint64_t request, Milliseconds delay, std::function<void()> task) {
  if (!owes(request)) return;
  waits_ = true;
  late_ = std::move(task);
  expire_in(delay);
  if (!watching_) watch_client();
}

// An answer that takes its time: a client that goes away makes room at once. What it sends ahead is
// kept, up to a measure; beyond it nobody looks before the answer is there.
void Connection::watch_client() {
  if (channel_->holds_input()) return look_ahead();
  watching_ = true;
  wait_for(Channel::Step::wait_read, &Connection::on_client);
}

// It outlasts the answer, and is then the wait for the next request. Whoever reads otherwise has a
// wait of his own.
void Connection::on_client() {
  watching_ = false;
  if (phase_ == Phase::idle) return read();
  if (phase_ == Phase::handling && waits_) look_ahead();
}

void Connection::look_ahead() {
  while (buffer_.size() < kMostAhead) {
    const auto room = buffer_.prepare(kHeadRead);
    const Channel::Progress progress = channel_->read(static_cast<char*>(room.data()), room.size());
    if (progress.step == Channel::Step::wait_read || progress.step == Channel::Step::wait_write) {
      watching_ = true;
      return wait_for(Channel::Step::wait_read, &Connection::on_client);
    }
    if (progress.step != Channel::Step::done) return close();
    buffer_.commit(progress.bytes);
  }
}

void Connection::deliver(std::uint64_t request, Response response) {
  if (!owes(request)) return;
  if (std::exchange(waits_, false))  // it took its time, in which the key may have been revoked
    if (const Status allowed = around_.dispatcher.still_allowed(ticket_); !allowed)
      response = problem_response(allowed.error());
  late_ = nullptr;
  write(std::move(response), head_only_);
}

void Connection::refuse(const Problem& problem) {
  // What follows on this connection cannot be told apart from the broken request.
  keep_alive_ = false;
  ticket_ = around_.dispatcher.unmatched(remote_);
  ++request_;
  write(problem_response(problem), head_only_);
}

bool Connection::refuse_unreadable(error_code error) {
  const ServerOptions& options = around_.options;
  if (error == Fault::header_limit || error == Fault::buffer_overflow)
    refuse(headers_too_large(options.max_headers));
  else if (error == Fault::body_limit)
    refuse(body_too_large(incoming_->most));
  else
    refuse(request_malformed(error.message()));
  return false;
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  timer_.cancel();
  waits_ = false;
  late_ = nullptr;
  error_code ignored;
  // NOLINTNEXTLINE(bugprone-unused-return-value): there is nothing to be done about it
  socket_.close(ignored);
  forget_bytes();
  incoming_.reset();
  release_body();
  leave_stream();
  around_.open.add(-1);
  const auto self = shared_from_this();
  {
    const std::scoped_lock lock(around_.mutex);
    around_.all.erase(this);
    if (const auto mine = around_.by_address.find(remote_); mine != around_.by_address.end())
      if (--mine->second == 0) around_.by_address.erase(mine);
  }
  around_.changed.notify_all();
}

// Bodies may have held secrets, and thousands of idle connections should hold no memory.
void Connection::forget_bytes() {
  buffer_.clear();
  const auto room = buffer_.prepare(buffer_.capacity());
  if (room.size() > 0) explicit_bzero(room.data(), room.size());
  buffer_.clear();
  buffer_.shrink_to_fit();
}

}  // namespace stepwell::api
