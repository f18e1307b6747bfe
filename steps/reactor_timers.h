// The engine's timers on the reactor's thread, so that waiting needs no thread of its own.
// Owned by daemon/wiring; callable from any thread.
#pragma once

#include <functional>
#include <utility>

#include "engine/ports.h"
#include "http/reactor.h"

namespace stepwell::steps {

class ReactorTimers final : public engine::Timers {
 public:
  explicit ReactorTimers(http::Reactor& reactor) : reactor_(reactor) {}
  std::uint64_t run_at(SteadyTime when, std::function<void()> task) override {
    return reactor_.run_at(when, std::move(task));
  }
  void cancel(std::uint64_t timer) override { reactor_.cancel_timer(timer); }

 private:
  http::Reactor& reactor_;
};

}  // namespace stepwell::steps
