// The table of routes. A route says which permission it needs, or that it is open to everybody;
// one that says neither is refused, so that nothing is reachable by forgetting.
// Filled by Dispatcher at the start and constant afterwards; match() may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/body.h"
#include "api/message.h"
#include "api/responder.h"
#include "api/target.h"
#include "auth/permission.h"
#include "base/result.h"
#include "base/units.h"

namespace stepwell::api {

struct Access {
  static Access open() { return {}; }
  static Access needs(auth::Permission permission) { return {permission}; }
  std::optional<auth::Permission> permission;  // none: no key is asked for
};

// Answers now or later; must not block.
using AsyncHandler = std::function<void(Request, Responder)>;
// Runs on a blocking pool: for what waits for the disk or for the wire to become quiet.
using BlockingHandler = std::function<Result<Response>(Request&)>;
// For a body that is not held in memory: called once the route, the key, the permission and the
// query have been checked and before the body is read, on a thread that may block. What it makes
// takes the body, on such threads too; the request outlives it. The key is checked once more before
// finish().
using UploadHandler = std::function<Result<std::unique_ptr<BodyConsumer>>(Request&)>;

// Whose threads a BlockingHandler takes. However long operations on instances wait for the disk, no
// revocation waits behind them.
enum class Pool : std::uint8_t { administration, operations };

struct Route {
  std::string method;   // a GET route also answers HEAD
  std::string pattern;  // "/api/v1/keys/{id}"; a parameter takes one whole segment, not empty
  std::optional<Access> access;
  std::variant<AsyncHandler, BlockingHandler, UploadHandler> handler;
  std::vector<std::string> query = {};  // names of the parameters that it knows
  Pool pool = Pool::administration;
  bool when_ready = false;             // until the daemon is ready, the answer is why it is not
  std::optional<Bytes> max_body = {};  // instead of the server's
};

struct Match {
  std::size_t route = 0;  // index
  std::vector<std::string> parameters;
};

class Router {
 public:
  // Errors: configuration/`route-invalid` for one without access, handler or a well-formed
  // pattern, and for one that another route already answers. Of two patterns that fit a target the
  // one with the literal segment further to the left is taken.
  Status add(Route route);

  // Errors: 404 `route-unknown`; 405 `method-not-allowed`, whose extension `allow` lists the
  // methods (RFC 9110 §15.5.6).
  Result<Match> match(std::string_view method, const Target& target) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Segment {
    bool parameter = false;
    std::string text;
  };
  // Both fit the same segments: does the first difference speak for `a`?
  static bool more_specific(const std::vector<Segment>& a, const std::vector<Segment>& b);
  static bool fits(const std::vector<Segment>& pattern, const std::vector<std::string>& segments);

  std::vector<Route> routes_;
  std::vector<std::vector<Segment>> patterns_;  // of the route with the same index
};

}  // namespace stepwell::api
