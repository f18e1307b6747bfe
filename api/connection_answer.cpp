// How a connection answers: whole, in pieces from a BodySource, or with a stream of events.
#include <algorithm>
#include <array>
#include <utility>

#include "api/connection_impl.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kAnswerPiece = std::size_t{64} * 1024;
constexpr Milliseconds kDrainTime{2'000};
constexpr std::size_t kMostIgnored = std::size_t{64} * 1024;  // of what comes while events are sent
constexpr std::string_view kHeartbeat = ":\n\n";              // a comment (WHATWG HTML §9.2.7)

}  // namespace

void Connection::write(Response response, bool head_only) {
  phase_ = Phase::writing;
  incoming_.reset();
  release_body();
  around_.dispatcher.complete(ticket_, response);
  if (around_.stopping) keep_alive_ = false;
  Framing framing{version_, keep_alive_, head_only};
  framing.in_pieces = response.source || response.events;
  if (response.source) framing.length = response.source->size();
  // Without a length the end of the connection is the end of the body (RFC 9112 §6.3).
  if (framing.in_pieces && !framing.length && !framing.chunked()) keep_alive_ = false;
  if (response.events) keep_alive_ = false;
  framing.keep_alive = keep_alive_;
  std::string bytes = serialize(response, framing);
  if (response.shows_key) wipe(response.body);
  expire_in(around_.options.write_timeout);
  if (head_only || !framing.in_pieces) return send(std::move(bytes), &Connection::on_written);
  outgoing_ = std::make_unique<Outgoing>();
  outgoing_->framing = framing;
  outgoing_->left = framing.length.value_or(0);
  outgoing_->source = std::move(response.source);
  outgoing_->events = std::move(response.events);
  if (!outgoing_->events) return send(std::move(bytes), &Connection::feed);
  send(std::move(bytes), &Connection::begin_stream);
}

void Connection::send(std::string bytes, Action then) {
  out_ = std::move(bytes);
  sent_ = 0;
  then_ = then;
  flush();
}

void Connection::flush() {
  while (sent_ < out_.size()) {
    const Channel::Progress progress = channel_->write(out_.data() + sent_, out_.size() - sent_);
    if (progress.step == Channel::Step::wait_read || progress.step == Channel::Step::wait_write)
      return wait_for(progress.step, &Connection::flush);
    if (progress.step != Channel::Step::done) return close();
    sent_ += progress.bytes;
  }
  wipe(out_);
  out_ = std::string();
  (this->*std::exchange(then_, nullptr))();
}

void Connection::on_written() {
  ticket_ = {};
  if (keep_alive_) return read_next();
  // Closing a socket with unread bytes resets the connection, and the reset may overtake the answer
  // (RFC 9112 §9.6): so a little of what still comes is read and thrown away.
  channel_->end();
  phase_ = Phase::draining;
  expire_in(kDrainTime);
  buffer_.clear();
  read();
}

// --- in pieces ---

void Connection::feed() {
  phase_ = Phase::feeding;
  Outgoing& out = *outgoing_;
  if (out.last || (out.framing.length && out.left == 0)) {
    outgoing_.reset();
    return on_written();
  }
  // A key that was revoked meanwhile gets no more of it.
  if (!around_.dispatcher.still_allowed(ticket_)) return close();
  expire_never();
  const std::size_t most =
      out.framing.length ? static_cast<std::size_t>(std::min<std::uint64_t>(kAnswerPiece, out.left))
                         : kAnswerPiece;
  const bool taken = around_.transfers.submit(
      [source = out.source, most, passage = Passage(weak_from_this(), request_, around_.doorway)] {
        passage.pass(
            [request = passage.request(), piece = source->next(most)](Connection& self) mutable {
              if (self.request_ == request && self.phase_ == Phase::feeding)
                self.on_piece(std::move(piece));
            });
      });
  if (!taken) close();
}

// A body that is shorter or longer than was said cannot be mended any more.
void Connection::on_piece(Result<std::string> piece) {
  Outgoing& out = *outgoing_;
  if (!piece) return close();
  if (piece->empty() ? out.framing.length.has_value()
                     : out.framing.length && piece->size() > out.left)
    return close();
  phase_ = Phase::writing;
  expire_in(around_.options.write_timeout);
  out.last = piece->empty();
  if (out.last) return send(std::string(end_of_pieces(out.framing)), &Connection::feed);
  out.left -= std::min<std::uint64_t>(out.left, piece->size());
  send(serialize_piece(*std::move(piece), out.framing), &Connection::feed);
}

// --- events ---

void Connection::begin_stream() {
  phase_ = Phase::streaming;
  outgoing_->quiet_until = std::chrono::steady_clock::now() + around_.options.heartbeat;
  around_.streams.add(1);
  outgoing_->begun = true;
  if (around_.stopping) return end_stream();
  outgoing_->events->attach([passage = Passage(weak_from_this(), request_, around_.doorway)] {
    passage.pass([](Connection& self) { self.pump(); });
  });
  watch();
  pump();
}

// A client that goes away is noticed at once, and not with the next event.
void Connection::watch() {
  std::array<char, 512> ignored{};
  for (;;) {
    const Channel::Progress progress = channel_->read(ignored.data(), ignored.size());
    if (progress.step == Channel::Step::wait_read || progress.step == Channel::Step::wait_write)
      return wait_for(Channel::Step::wait_read, &Connection::watch);
    if (progress.step != Channel::Step::done) return close();
    drained_ += progress.bytes;
    if (drained_ > kMostIgnored) return close();
  }
}

// What there is to send; nothing, where a comment is due, is that.
void Connection::pump() {
  if (phase_ != Phase::streaming) return;
  Outgoing& out = *outgoing_;
  if (out.events->cut()) {
    around_.cut_streams.increment();
    return close();
  }
  if (out.sending) return;
  // A key that was revoked meanwhile sees nothing more.
  if (!around_.dispatcher.still_allowed(ticket_)) return end_stream();
  EventStream::Piece piece = out.events->take(kAnswerPiece);
  if (piece.last && piece.text.empty()) return end_stream();
  if (piece.text.empty()) {
    if (std::chrono::steady_clock::now() < out.quiet_until) return expire_at(out.quiet_until);
    piece.text = kHeartbeat;
  }
  out.last = piece.last;
  out.sending = true;
  expire_in(around_.options.write_timeout);
  std::string bytes = serialize_piece(std::move(piece.text), out.framing);
  if (out.last) bytes += end_of_pieces(out.framing);
  send(std::move(bytes), &Connection::on_events_sent);
}

void Connection::on_events_sent() {
  Outgoing& out = *outgoing_;
  out.sending = false;
  if (out.last) {
    leave_stream();
    return on_written();
  }
  out.quiet_until = std::chrono::steady_clock::now() + around_.options.heartbeat;
  expire_at(out.quiet_until);
  // Not at once: a stream with much to send lets others have a turn.
  run_on_strand([](Connection& self) { self.pump(); });
}

void Connection::end_stream() {
  if (!outgoing_->sending) {
    const std::string_view end = end_of_pieces(outgoing_->framing);
    if (!end.empty()) (void)channel_->write(end.data(), end.size());
    channel_->end();
  }
  close();
}

void Connection::leave_stream() {
  const std::unique_ptr<Outgoing> outgoing = std::move(outgoing_);
  if (!outgoing || !outgoing->events) return;
  if (outgoing->begun) around_.streams.add(-1);
  outgoing->events->detach();
}

}  // namespace stepwell::api
