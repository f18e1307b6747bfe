#include "daemon/trace_writer.h"

#include <utility>

#include "base/json.h"

namespace stepwell::daemon {

TraceWriter::TraceWriter(std::ostream* out, RunProgress& progress,
                         std::function<void(const engine::InstanceView&)> on_end)
    : out_(out), progress_(progress), on_end_(std::move(on_end)) {}

void TraceWriter::on_trace(const config::Task& task, const engine::Trace& trace, WallTime time) {
  progress_.note(trace.kind, task.name, task.reference, trace.attempt);
  if (out_ == nullptr) return;
  *out_ << to_json(Value::object({{"event", to_string(trace.kind)},
                                  {"name", task.name},
                                  {"reference", task.reference},
                                  {"time", format_time(time)},
                                  {"attempt", trace.attempt}}))
        << '\n';
  out_->flush();
}

void TraceWriter::on_end(const engine::InstanceView& view) { on_end_(view); }

}  // namespace stepwell::daemon
