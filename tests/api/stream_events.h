// The events in the text of a stream (server-sent events), as tests look at them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace stepwell::api::test {

struct StreamEvent {
  std::string id;
  std::string name;
  Value data;
};

// Those that are whole, chunked or not.
inline std::vector<StreamEvent> stream_events(const std::string& text) {
  std::vector<StreamEvent> events;
  StreamEvent event;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("id: ")) event.id = line.substr(4);
    if (line.starts_with("event: ")) event.name = line.substr(7);
    if (!line.starts_with("data: ")) continue;
    Result<Value> data = parse_json(line.substr(6));
    if (!data) continue;
    event.data = *std::move(data);
    events.push_back(std::exchange(event, {}));
  }
  return events;
}

}  // namespace stepwell::api::test
