#include "daemon/sse_reader.h"

#include <utility>

namespace stepwell::daemon {

void SseReader::feed(std::string_view piece) {
  for (const char c : piece) {
    const bool second_of_two = after_return_ && c == '\n';
    after_return_ = c == '\r';
    if (second_of_two) continue;
    if (c != '\r' && c != '\n') {
      line_ += c;
      continue;
    }
    line(std::exchange(line_, {}));
  }
}

void SseReader::line(std::string_view text) {
  if (std::exchange(at_start_, false) && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.empty()) return dispatch();
  if (text.front() == ':') return;
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    event_.data.append(value).append("\n");
    has_data_ = true;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

void SseReader::dispatch() {
  last_id_ = event_.id;
  if (has_data_) {
    event_.data.pop_back();
    if (event_.name.empty()) event_.name = "message";
    on_event_(event_);
  }
  has_data_ = false;
  event_.name.clear();
  event_.data.clear();
}

}  // namespace stepwell::daemon
