// From a request to its route's handler: the target's reading, the route, the key, the permission;
// and what every answer gets on its way out: redaction, request id, metrics, the access log.
// Owned by Server; all members may be called from any thread and do not block.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/blocking_pool.h"
#include "api/responder.h"
#include "api/router.h"
#include "api/services.h"
#include "base/metrics.h"

namespace stepwell::api {

// Those of the server; both outlive the dispatcher.
struct BlockingPools {
  BlockingPool& administration;
  BlockingPool& operations;
};

class Dispatcher {
 public:
  // What is remembered of a request until its answer is there.
  struct Ticket {
    std::size_t route = 0;  // index; one past the last for what matched none
    std::string id;
    std::string method;
    std::string target;
    std::string remote;
    std::string user;
    SteadyTime begun;
  };

  // Errors: configuration/`route-invalid`.
  static Result<std::unique_ptr<Dispatcher>> make(const Services& services,
                                                  const BlockingPools& pools);

  // Exactly one answer reaches the sink, now or later.
  Ticket dispatch(Request request, std::shared_ptr<ResponseSink> sink);
  // For a request that is too broken to be dispatched.
  Ticket unmatched(std::string remote) const;
  // Makes the answer fit to be sent, counts and logs it.
  void complete(const Ticket& ticket, Response& response) const;

 private:
  struct Handles {
    std::array<Counter, 5> by_class;  // 1xx to 5xx
    Histogram duration;
  };

  Dispatcher(const Services& services, const BlockingPools& pools)
      : services_(services), pools_(pools) {}
  Handles handles_of(const std::string& route) const;
  Status check_ready() const;
  Result<std::size_t> admit(Request& request, Ticket& ticket);
  void note_denied(const Request& request, const Route& route);
  bool first_of_its_minute(const std::string& attempt);
  void run(const Route& route, Request request, const Responder& responder);

  const Services services_;
  const BlockingPools pools_;
  std::mutex denied_mutex_;
  std::map<std::string, SteadyTime> denied_;  // guarded by denied_mutex_; recorded a moment ago
  Router router_;                             // constant after make()
  std::vector<Handles> handles_;  // of the route with the same index, and one more; constant
};

}  // namespace stepwell::api
