#include "api/event_stream.h"

#include <algorithm>
#include <utility>

namespace stepwell::api {

namespace {

// A field's value ends at any line end (WHATWG HTML §9.2.5), and an id holds no NUL either.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
  return out;
}

// Each line of the data is a field of its own; CR, LF and CRLF are line ends.
void append_data(std::string& out, std::string_view data) {
  for (;;) {
    const std::size_t end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) return;
    data.remove_prefix(end + (data.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}

}  // namespace

EventStream::EventStream(Refill refill, Gone gone, std::size_t most)
    : most_(most), refill_(std::move(refill)), gone_(std::move(gone)) {
  waiting_ = "retry: " + std::to_string(kRetry.count()) + "\n\n";
}

// An answer that never went out has nobody either.
EventStream::~EventStream() { detach(); }

bool EventStream::push(const Event& event) {
  std::string text;
  text.reserve(event.data.size() + event.id.size() + event.name.size() + 32);
  if (!event.id.empty()) text += "id: " + one_line(event.id) + '\n';
  if (!event.name.empty()) text += "event: " + one_line(event.name) + '\n';
  append_data(text, event.data);
  text += '\n';
  const std::scoped_lock lock(mutex_);
  if (closed_ || cut_ || detached_) return false;
  // One event may be larger than all the room that there is.
  if (!waiting_.empty() && waiting_.size() + text.size() > most_) {
    cut_ = true;
    waiting_.clear();
    wake_locked();
    return false;
  }
  const bool first = waiting_.empty();
  waiting_ += text;
  if (first) wake_locked();
  return true;
}

void EventStream::poke() {
  const std::scoped_lock lock(mutex_);
  if (!closed_ && !cut_ && !detached_) wake_locked();
}

void EventStream::close() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  closed_ = true;
  wake_locked();
}

std::size_t EventStream::room() const {
  const std::scoped_lock lock(mutex_);
  if (closed_ || cut_ || detached_) return 0;
  return most_ - std::min(most_, waiting_.size());
}

void EventStream::wake_locked() {
  if (wake_) wake_();
}

void EventStream::attach(std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  wake_ = std::move(wake);
}

void EventStream::detach() {
  Gone gone;
  Refill refill;
  std::function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    detached_ = true;
    waiting_.clear();
    waiting_.shrink_to_fit();
    gone.swap(gone_);
    refill.swap(refill_);
    wake.swap(wake_);
  }
  if (gone) gone();
}

bool EventStream::cut() const {
  const std::scoped_lock lock(mutex_);
  return cut_;
}

EventStream::Piece EventStream::take(std::size_t most) {
  Refill refill;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty() && !closed_ && !cut_) refill = refill_;
  }
  if (refill) refill(*this);
  const std::scoped_lock lock(mutex_);
  Piece piece;
  if (waiting_.size() <= most) {
    piece.text.swap(waiting_);
    piece.last = closed_;
  } else {
    piece.text = waiting_.substr(0, most);
    waiting_.erase(0, most);
  }
  return piece;
}

Response event_stream_response(std::shared_ptr<EventStream> stream) {
  Response response;
  response.content_type = "text/event-stream";
  response.events = std::move(stream);
  return response;
}

std::optional<std::string> last_event_id(const Request& request) {
  if (const std::string* header = request.header("Last-Event-ID")) return *header;
  if (const std::string* parameter = request.query_value("lastEventId")) return *parameter;
  return std::nullopt;
}

}  // namespace stepwell::api
