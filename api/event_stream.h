// An answer that lasts: server-sent events (WHATWG HTML §9.2), which handlers push from any thread
// and a connection sends when the client takes them.
// Made by a handler, shared by whoever pushes and the connection. Nothing blocks; all members may
// be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/message.h"
#include "base/clock.h"

namespace stepwell::api {

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  struct Event {
    std::string_view id;    // with which the client resumes; may be empty
    std::string_view name;  // may be empty: "message"
    std::string_view data;  // any text; JSON without line feeds is one line
  };
  // Of what a client has not taken yet. One that is slower is cut, and resumes.
  static constexpr std::size_t kMostWaiting = std::size_t{256} * 1024;
  static constexpr Milliseconds kRetry{2'000};

  // What to do once all that was pushed is on its way: push more, or nothing. On an I/O thread;
  // must not block.
  using Refill = std::function<void(EventStream&)>;
  // Called once, when nobody takes events any more; on any thread, and must not block.
  using Gone = std::function<void()>;
  explicit EventStream(Refill refill = {}, Gone gone = {}, std::size_t most = kMostWaiting);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // False: it is over, since the client has gone, was too slow, or close() was called.
  bool push(const Event& event);
  // There may be more to push: whoever takes events asks the refill, soon.
  void poke();
  // The answer ends after what was pushed.
  void close();
  // How much may be pushed without cutting the client.
  std::size_t room() const;

  // The connection's side. `wake` is called when there is something new, until detach(); it must
  // not call back.
  void attach(std::function<void()> wake);
  void detach();
  struct Piece {
    std::string text;   // empty: nothing now
    bool last = false;  // nothing comes after it
  };
  Piece take(std::size_t most);
  // Is the client too slow, whatever is under way to it?
  bool cut() const;

 private:
  void wake_locked();

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::string waiting_;  // guarded by mutex_, as all that follows
  Refill refill_;
  Gone gone_;
  std::function<void()> wake_;
  bool closed_ = false;
  bool cut_ = false;
  bool detached_ = false;
};

// 200 with the stream.
Response event_stream_response(std::shared_ptr<EventStream> stream);
// The `Last-Event-ID` header's or else the `lastEventId` parameter's value; nothing where neither
// is there.
std::optional<std::string> last_event_id(const Request& request);

}  // namespace stepwell::api
