// The transport: any number of HTTP exchanges in flight on one thread (libcurl's multi interface
// on epoll). It knows nothing of workflows, retries or redirects: one submit is one request.
// Owned by daemon/wiring; all public members may be called from any thread. Completions run on
// the reactor's thread and must not block: they hand the outcome on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/egress.h"
#include "http/message.h"

namespace stepwell::http {

// One request and the place where its outcome goes. The reactor owns it from submit() until it
// has called complete(), exactly once.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void complete(Outcome outcome) = 0;
  // A piece of the answer's body, as it comes; on the reactor's thread, must not block for long.
  // False: it is kept in the response. What is taken counts against no limit of size.
  virtual bool take_body(int status, std::string_view piece) {
    (void)status, (void)piece;
    return false;
  }
  Request request;
};

// Names a submitted exchange; never used twice by one reactor.
struct TransferId {
  std::uint64_t number = 0;
};

struct ReactorOptions {
  EgressRules egress;
  std::string ca_file;                  // empty: the system's
  std::vector<std::string> connect_to;  // HOST:PORT:HOST:PORT, as curl's --connect-to
  std::vector<std::string> resolve;     // HOST:PORT:ADDRESS, as curl's --resolve
  std::string user_agent = "stepwell";
  std::size_t active_per_host = 64;          // where a host answers fast
  std::size_t max_active_per_host = 16'384;  // where it answers slowly
  std::size_t max_queued = 1'000'000;        // beyond it submit() completes with `overloaded`
};

class Reactor {
 public:
  Reactor(ReactorOptions options, const Clock& clock, Metrics& metrics, Log& log);
  // Cancels what is in flight (each is completed with `cancelled`) and joins the thread.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  TransferId submit(std::unique_ptr<Exchange> exchange);
  // Ends it with runtime/`cancelled` if it is still under way; its connection is closed where it
  // was in the middle of an answer.
  void cancel(TransferId id);
  // Cuts off, with a TCP reset, every transfer of this pool that is still being written (its
  // guard's permit is held), and every connection of it whose bytes the other side has not
  // acknowledged half a second later. Returns when that has been done: no byte of the pool's
  // requests can leave the machine any more.
  void abort_sending(const std::string& pool);
  // Ends every transfer of this pool that has been started, also one that is fully sent and waits
  // for its answer, with `why`, and resets their connections. Returns when that has been done.
  void abort_pool(const std::string& pool, const Problem& why);
  // Closes the pool's idle connections and forgets it (a credential version that is gone).
  void drop_pool(const std::string& pool);

  // Runs `task` on the reactor's thread at `when` (at once if that has passed). Used for timers,
  // so that waiting needs no thread of its own. A task must not block.
  using TimerId = std::uint64_t;
  TimerId run_at(SteadyTime when, std::function<void()> task);
  void cancel_timer(TimerId id);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::http
