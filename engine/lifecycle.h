// Tells of an instance's life as CloudEvents. Made only where somebody wants them.
// Source: Open Workflow Specification DSL 1.0, "Lifecycle Events".
// Owned by its Instance; used by one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "base/entropy.h"
#include "engine/event_bus.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

// What such an event has as its type (`name` as in "task.due") and source, and how it names the
// instance.
std::string lifecycle_type(std::string_view name);
std::string lifecycle_source(const config::Definition& definition, InstanceId id);
std::string lifecycle_name(const config::Definition& definition, InstanceId id);

class Lifecycle {
 public:
  // All references must outlive it.
  Lifecycle(const EventBus& bus, Entropy& entropy, const Program& program, InstanceId id)
      : bus_(bus), entropy_(entropy), program_(program), id_(id) {}

  // Is it one of the events that this makes?
  bool made(const Value& event) const;

  void started(WallTime time) const;
  void suspended(WallTime time) const;
  // Also where one that faulted goes on.
  void resumed(WallTime time) const;
  // completed, faulted or cancelled, by the state's status.
  void ended(const State& state) const;
  void overdue(WallTime deadline, WallTime time) const;
  void correlation_started(WallTime time) const;
  void correlation_completed(const Value& keys, WallTime time) const;
  void task(const Trace& trace, WallTime time) const;

 private:
  Value workflow_data(std::string_view time_name, WallTime time) const;
  Value task_data(const Trace& trace, std::string_view time_name, WallTime time) const;
  std::string source() const;
  bool wanted(std::string_view type) const;
  void publish(std::string_view type, Value data, WallTime time) const;
  void publish_status(std::string_view type, Value data, std::string_view status,
                      WallTime time) const;

  const EventBus& bus_;
  Entropy& entropy_;
  const Program& program_;
  const InstanceId id_;
};

}  // namespace stepwell::engine
