// Drives the engine inside this process: keeps a number of instances of one workflow open until
// so many have ended. Used by one thread, which blocks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/wiring.h"

namespace stepwell::bench {

struct LoadResult {
  double seconds = 0;
  std::size_t completed = 0;
  std::size_t faulted = 0;
  double per_second() const { return static_cast<double>(completed + faulted) / seconds; }
};

class EngineLoad {
 public:
  // `definition`: the text of the file. Aborts where it has faults.
  EngineLoad(daemon::Node& node, const std::string& definition);
  // Runs `total` instances, `parallel` of them open at any time.
  LoadResult run(std::size_t total, std::size_t parallel);

 private:
  struct Each;
  void next();
  void one_ended(bool completed);

  daemon::Node& node_;
  std::shared_ptr<const engine::Workflow> workflow_;
  std::shared_ptr<engine::Observer> observer_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_ = 0;  // guarded by mutex_
  std::size_t open_ = 0;  // guarded by mutex_
  LoadResult result_;     // guarded by mutex_
};

// A node in memory whose egress rules are open to loopback.
std::unique_ptr<daemon::Node> open_node();

// One GET (or POST of `body`) of `url`; with `credential` where it is not empty.
std::string one_call(const std::string& method, const std::string& url,
                     const std::string& credential = "", const std::string& body = "");

}  // namespace stepwell::bench
