// Sends the engine's events to an HTTP address of somebody else: CloudEvents 1.0.2, structured
// content mode. What cannot be sent waits in memory up to a limit, the oldest goes first; an event
// is tried a few times and may then arrive twice, or not at all. Those of one source arrive in
// their order.
// Owned by daemon/wiring. take() is called on workers and does not block; answers come on the
// reactor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "auth/gate.h"
#include "auth/keys.h"
#include "auth/redactor.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "base/value.h"
#include "http/reactor.h"

namespace stepwell::steps {

struct EventSinkOptions {
  std::string url;         // absolute, http or https
  std::string credential;  // a stored one's name; empty: none
  Bytes queue = 16_MiB;    // of events that wait or are under way
  std::uint32_t attempts = 5;
  Milliseconds delay{1'000};     // before the second attempt; doubles each time, up to a minute
  Milliseconds timeout{15'000};  // of one attempt
};

// All of it outlives the sink; the reactor may outlive it with requests under way.
struct EventSinkSurroundings {
  http::Reactor& reactor;
  auth::Gate& gate;
  const auth::Keys& keys;
  const auth::Redactor& redactor;
  const Clock& clock;
  Metrics& metrics;
  Log& log;
};

class EventSink {
 public:
  // Errors: configuration/`settings-invalid` where the URL is none.
  static Result<std::unique_ptr<EventSink>> make(EventSinkOptions options,
                                                 const EventSinkSurroundings& surroundings);
  // Drops what has not been sent.
  ~EventSink();
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  void take(const Value& event);
  // Waits until all that was taken has been sent or given up, or for the deadline; true where
  // nothing is left. Blocks: not on a worker or the reactor's thread.
  bool flush(Deadline deadline);

 private:
  class Impl;
  explicit EventSink(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace stepwell::steps
