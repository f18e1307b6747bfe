// How a connection reads the body of a request: as a whole, or in pieces for an upload.
#include <utility>

#include "api/connection_impl.h"

namespace stepwell::api {

namespace {

namespace beast = boost::beast;
using boost::system::error_code;
using Fault = beast::http::error;

constexpr std::size_t kUploadPiece = std::size_t{64} * 1024;
// What stays unread of a body is the line of a chunk, or a trailer: nobody needs long ones.
constexpr std::size_t kMostUnread = std::size_t{64} * 1024;
// "0" and two ends of lines: from the beginning of a chunk's line no body is shorter, and with less
// of it Beast 1.81 must not be called a second time.
constexpr std::size_t kShortestRest = 5;

// Of max_open_bodies, what one address may take is such a part.
constexpr std::uint64_t kShares = 8;

bool can_go_on(bool starved, const beast::flat_buffer& buffer) {
  return buffer.size() >= (starved ? kShortestRest : 1);
}

error_code line_too_long(const beast::flat_buffer& buffer) {
  return buffer.size() > kMostUnread ? Fault::header_limit : error_code();
}

// Puts what there is into the parser; true: it needs more.
template <class Parser>
bool put(Parser& parser, beast::flat_buffer& buffer, bool& starved, error_code& error) {
  while (can_go_on(starved, buffer) && !parser.is_done()) {
    buffer.consume(parser.put(buffer.cdata(), error));
    starved = error == Fault::need_more;
    if (starved) error = line_too_long(buffer);
    if (starved || error) break;
  }
  return !error && !parser.is_done();
}

}  // namespace

bool Connection::begin_body(std::optional<std::uint64_t> length) {
  Incoming& in = *incoming_;
  Dispatcher::Plan plan = around_.dispatcher.plan(in.request);
  in.most = plan.max_body.value_or(around_.options.max_body);
  in.open = plan.open;
  in.found = std::move(plan.found);
  if (length && *length > in.most.count) {
    refuse(body_too_large(in.most));
    return false;
  }
  if (plan.upload) {
    in.pieces.emplace(std::move(in.head));
    in.pieces->body_limit(in.most.count);
    open_upload();
    return false;
  }
  if (in.head.is_done()) {
    dispatch();
    return false;
  }
  // One that has come with its head is not asked for any more.
  const bool here = length && *length <= buffer_.size();
  if (!here && refuse_body()) return false;
  in.whole.emplace(std::move(in.head));
  in.whole->body_limit(in.most.count);
  in.whole->eager(true);
  phase_ = Phase::reading_body;
  expire_in(around_.options.read_timeout);
  if (version_ == 10 || !expects_continue(in.request.headers)) return take_body();
  send("HTTP/1.1 100 Continue\r\n\r\n", &Connection::read_body);
  return false;
}

bool Connection::refuse_body() {
  std::optional<Dispatcher::Opened> refused =
      around_.dispatcher.refuse_body(incoming_->request, incoming_->found);
  if (!refused) return false;
  keep_alive_ = false;  // what follows is the body, or is not
  ticket_ = std::move(refused->ticket);
  ++request_;
  write(std::move(refused->refusal), head_only_);
  return true;
}

void Connection::read_body() {
  if (use_input()) read();
}

bool Connection::take_body() {
  Incoming& in = *incoming_;
  error_code error;
  const bool more = put(*in.whole, buffer_, in.starved, error);
  if (error) return refuse_unreadable(error);
  std::string& body = in.whole->get().body();
  if (in.open && !hold_body(body.size())) {
    refuse(overloaded());
    return false;
  }
  if (more) return true;
  in.request.body = std::move(body);
  dispatch();
  return false;
}

// However many people without a key send bodies at the same time: false where it is too much, of
// all or of this address, so that nobody alone takes the room of the others.
bool Connection::hold_body(std::uint64_t bytes) {
  const std::uint64_t more =
      bytes - std::exchange(held_, bytes);  // it wraps around where it is less
  if (more == 0) return true;
  const std::uint64_t most = around_.options.max_open_bodies.count;
  const std::scoped_lock lock(around_.mutex);
  around_.open_bodies += more;
  const auto mine = around_.open_bodies_of.try_emplace(remote_, 0).first;
  mine->second += more;
  const bool fits = around_.open_bodies <= most && mine->second <= most / kShares;
  if (mine->second == 0) around_.open_bodies_of.erase(mine);
  return fits;
}

void Connection::release_body() { (void)hold_body(0); }

// --- a body in pieces ---

void Connection::open_upload() {
  phase_ = Phase::consuming;
  expire_never();
  Dispatcher::Opened opened = around_.dispatcher.open_upload(
      std::move(incoming_->request), around_.transfers, std::move(incoming_->found));
  ticket_ = std::move(opened.ticket);
  ++request_;
  if (!opened.upload) {
    keep_alive_ = false;
    return write(std::move(opened.refusal), head_only_);
  }
  incoming_->upload = std::move(opened.upload);
  incoming_->upload->open(after_upload());
}

Upload::Next Connection::after_upload() {
  return [passage = Passage(weak_from_this(), request_, around_.doorway)](
             std::optional<Response> answer) {
    passage.pass(
        [request = passage.request(), answer = std::move(answer)](Connection& self) mutable {
          if (self.request_ == request && self.phase_ == Phase::consuming)
            self.on_upload(std::move(answer));
        });
  };
}

// The handler or a piece is done.
void Connection::on_upload(std::optional<Response> answer) {
  Incoming& in = *incoming_;
  if (answer) {
    // What has not been read cannot be told apart from a next request.
    if (!in.pieces->is_done()) keep_alive_ = false;
    return write(*std::move(answer), head_only_);
  }
  if (in.pieces->is_done()) return in.upload->finish(after_upload());
  const bool first = !std::exchange(in.invited, true);
  phase_ = Phase::receiving;
  // One deadline for a piece, which a client that sends a byte now and then does not meet.
  expire_in(around_.options.read_timeout);
  in.piece.assign(kUploadPiece, '\0');
  in.filled = 0;
  const bool asked = first && version_ != 10 && expects_continue(in.upload->request().headers);
  if (asked) return send("HTTP/1.1 100 Continue\r\n\r\n", &Connection::read_body);
  read_body();
}

bool Connection::take_piece() {
  Incoming& in = *incoming_;
  error_code error;
  while (can_go_on(in.starved, buffer_) && !in.pieces->is_done() && in.filled < kUploadPiece) {
    auto& body = in.pieces->get().body();
    body.data = in.piece.data() + in.filled;
    body.size = kUploadPiece - in.filled;
    body.more = true;
    buffer_.consume(in.pieces->put(buffer_.cdata(), error));
    in.filled = kUploadPiece - body.size;
    in.starved = error == Fault::need_more;
    if (in.starved) error = line_too_long(buffer_);
    if (error == Fault::need_buffer) error = error_code();
    if (error) return refuse_unreadable(error);
    if (in.starved) break;
  }
  if (!in.pieces->is_done() && in.filled < kUploadPiece) return true;
  phase_ = Phase::consuming;
  expire_never();
  in.piece.resize(in.filled);
  in.filled = 0;
  if (in.piece.empty())
    on_upload(std::nullopt);  // chunks may end without a byte
  else
    in.upload->consume(std::exchange(in.piece, {}), after_upload());
  return false;
}

}  // namespace stepwell::api
