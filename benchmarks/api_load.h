// Starts instances by POST /api/v1/instances?wait=, as a client that keeps its connections would:
// a server in this process, and bare sockets on one thread that send the next request once an
// answer is complete. Used by one thread, which blocks; ends the process where an answer is not
// 201 and completed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "daemon/wiring.h"

namespace stepwell::bench {

class ApiLoad {
 public:
  ApiLoad(daemon::Node& node, const std::string& definition, const std::string& workflow,
          std::size_t connections);
  ~ApiLoad();
  ApiLoad(const ApiLoad&) = delete;
  ApiLoad& operator=(const ApiLoad&) = delete;

  // Instances a second.
  double run(std::size_t total);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::bench
