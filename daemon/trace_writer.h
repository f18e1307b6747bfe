// Writes one JSON line for each event of an instance, as `stepwell run --trace` shows them, and
// lets a terminal show them. Owned by the run command; called on workers, one at a time.
#pragma once

#include <functional>
#include <ostream>

#include "daemon/run_progress.h"
#include "engine/engine.h"

namespace stepwell::daemon {

class TraceWriter final : public engine::Observer {
 public:
  // `out` and `progress` outlive the writer; nullptr writes nothing. `on_end` is called once, after
  // the last line.
  TraceWriter(std::ostream* out, RunProgress& progress,
              std::function<void(const engine::InstanceView&)> on_end);
  void on_trace(const config::Task& task, const engine::Trace& trace, WallTime time) override;
  void on_end(const engine::InstanceView& view) override;

 private:
  std::ostream* out_;
  RunProgress& progress_;
  std::function<void(const engine::InstanceView&)> on_end_;
};

}  // namespace stepwell::daemon
