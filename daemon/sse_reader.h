// Takes a stream of server-sent events (WHATWG HTML §9.2.6) apart, however it is cut into pieces.
// Pure; one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace stepwell::daemon {

struct ServerEvent {
  std::string id;    // the last one that the stream has named
  std::string name;  // "message" where none is given
  std::string data;
};

class SseReader {
 public:
  explicit SseReader(std::function<void(const ServerEvent&)> on_event)
      : on_event_(std::move(on_event)) {}

  void feed(std::string_view piece);
  // Where the stream is gone on from; empty: from its beginning.
  const std::string& last_id() const { return last_id_; }

 private:
  void line(std::string_view text);
  void dispatch();

  const std::function<void(const ServerEvent&)> on_event_;
  std::string line_;  // what is there of the line that has not ended
  bool after_return_ = false;
  bool at_start_ = true;
  ServerEvent event_;
  bool has_data_ = false;
  std::string last_id_;
};

}  // namespace stepwell::daemon
