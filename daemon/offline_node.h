// Workflows and instances of a data directory that no daemon has: a node in which nothing runs, so
// that they can be looked at, switched on and off, and deleted once they have ended.
// Owned by an offline command; one thread; blocks.
#pragma once

#include <memory>
#include <string>

#include "api/administration.h"
#include "config/settings.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

class OfflineNode {
 public:
  // Takes the data directory's lock. Errors: Node::open()'s, and those of its journal.
  static Result<std::unique_ptr<OfflineNode>> open(const config::Settings& settings);

  // Is it something that needs nobody who runs instances?
  static bool answers(const std::string& method, const std::string& target, const Value& body);
  api::Response call(const std::string& method, const std::string& target, std::string body,
                     const std::string& user) const;

 private:
  OfflineNode() = default;
  std::unique_ptr<Node> node_;
  std::unique_ptr<api::Administration> administration_;
};

}  // namespace stepwell::daemon
