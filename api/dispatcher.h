// From a request to its route's handler: the target's reading, the route, the key, the permission;
// and what every answer gets on its way out: redaction, request id, metrics, the access log.
// Owned by Server; all members may be called from any thread and do not block.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/admission.h"
#include "api/blocking_pool.h"
#include "api/responder.h"
#include "api/router.h"
#include "api/services.h"
#include "api/target.h"
#include "api/upload.h"
#include "base/metrics.h"

namespace stepwell::api {

// Those of the server; all outlive the dispatcher.
struct BlockingPools {
  BlockingPool& administration;
  BlockingPool& operations;
  BlockingPool& webhooks;  // however many call them, no other request waits behind them
  BlockingPool& open;      // the same of what else needs no key: metrics, the API's description
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
    std::string authorization;
    std::optional<Allowance> allowance = {};  // where its key has a limit
    SteadyTime begun;
  };
  // What a request's target says, and the route that answers it.
  struct Found {
    Target target;
    Match match;
  };
  // How the body of a request is to be read.
  struct Plan {
    bool upload = false;
    bool open = false;                   // nobody has to show a key, and none that is good was
    std::optional<Bytes> max_body = {};  // else the server's
    std::optional<Found> found = {};     // where there is a route; for what follows
  };
  struct Opened {
    Ticket ticket;
    std::shared_ptr<Upload> upload;  // null: …
    Response refusal;                // … the answer
  };

  // Errors: configuration/`route-invalid`.
  static Result<std::unique_ptr<Dispatcher>> make(const Services& services,
                                                  const BlockingPools& pools,
                                                  const RateLimits& limits = {},
                                                  std::vector<Route> further = {});

  const Router& router() const { return router_; }

  // Exactly one answer reaches the sink, now or later. `found`: as plan() has found it for this
  // request; what it has not is looked for, here and below.
  Ticket dispatch(Request request, std::shared_ptr<ResponseSink> sink,
                  std::optional<Found> found = {});
  Plan plan(const Request& request) const;
  // The answer to a request that is refused without its body, which has not been read; none: it may
  // come. `upload` is null.
  std::optional<Opened> refuse_body(const Request& request, const std::optional<Found>& found);
  // Of a request with plan().upload, before its body is read. Nothing has been called yet.
  Opened open_upload(Request request, BlockingPool& pool, std::optional<Found> found);
  // May the request of this ticket, whose answer is being given, still be made? Else why not.
  Status still_allowed(const Ticket& ticket) const;
  // For a request that is too broken to be dispatched.
  Ticket unmatched(std::string remote) const;
  // Makes the answer fit to be sent, counts and logs it.
  void complete(const Ticket& ticket, Response& response) const;

 private:
  struct Handles {
    std::array<Counter, 5> by_class;  // 1xx to 5xx
    Histogram duration;
  };

  Dispatcher(const Services& services, const BlockingPools& pools, const RateLimits& limits);
  Handles handles_of(const std::string& route) const;
  Result<Found> find(const Request& request) const;
  Result<std::size_t> admit(Request& request, Ticket& ticket, std::optional<Found> found);
  Status check_again(const Route& route, const std::string& authorization) const;
  void note_denied(const Request& request, const Route& route);
  bool first_of_its_minute(const std::string& attempt);
  void run(const Route& route, Request request, const Responder& responder);

  const Services services_;
  const BlockingPools pools_;
  Admission admission_;
  std::mutex denied_mutex_;
  std::map<std::string, SteadyTime> denied_;  // guarded by denied_mutex_; recorded a moment ago
  Router router_;                             // constant after make()
  std::vector<Handles> handles_;  // of the route with the same index, and one more; constant
};

}  // namespace stepwell::api
