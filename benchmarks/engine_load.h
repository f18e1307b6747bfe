// Drives the engine inside this process: keeps a number of instances of one workflow open until
// so many have ended, or starts them at moments of equal distance. Used by one thread, which
// blocks; ends the process where an instance is refused or faults.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/wiring.h"

namespace stepwell::bench {

struct LoadResult {
  double seconds = 0;
  double cpu_microseconds = 0;  // of the whole process
  std::size_t instances = 0;
  double per_second() const { return static_cast<double>(instances) / seconds; }
  double cpu_each() const { return cpu_microseconds / static_cast<double>(instances); }
};

class EngineLoad {
 public:
  // `definition`: the text of the file. Ends the process where it has faults.
  EngineLoad(daemon::Node& node, const std::string& definition);
  // Runs `total` instances, `parallel` of them open at any time.
  LoadResult run(std::size_t total, std::size_t parallel);
  // Starts `total` instances, `rate` a second. Milliseconds from each one's moment to its end.
  std::vector<double> run_paced(std::size_t total, double rate);
  // Starts `total` instances that do not end soon; returns once all are admitted.
  void open(std::size_t total);

 private:
  using Ended = std::function<void(const engine::InstanceView&)>;
  void next();
  void one_ended(const engine::InstanceView& view);
  // `ended` may be empty: then the admission is counted.
  void start(Ended ended);

  daemon::Node& node_;
  std::shared_ptr<const engine::Workflow> workflow_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_ = 0;       // guarded by mutex_
  std::size_t open_ = 0;       // guarded by mutex_
  std::size_t admitted_ = 0;   // guarded by mutex_
  std::vector<double> times_;  // guarded by mutex_
};

}  // namespace stepwell::bench
