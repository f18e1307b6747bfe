// One instance's life as a stream of events: first what its journal tells, then what it does, each
// once and with the number by which a client resumes.
// Shared by the engine, which tells it, and the stream, which ends it; any thread, never blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/event_stream.h"
#include "auth/redactor.h"
#include "engine/engine.h"
#include "engine/history.h"

namespace stepwell::api {

class InstanceEvents final : public engine::HistoryListener {
 public:
  // `after`: the number of the last one that the client has; 0: none. The redactor outlives it.
  InstanceEvents(const auth::Redactor& redactor, InstanceId id, std::uint64_t after)
      : redactor_(redactor), id_(id), last_(after) {}

  void on_entry(const engine::HistoryEntry& entry) override;
  void on_over() override;

  // What was before. False: it has ended, and the client has all of it.
  bool begin(engine::History history, const std::shared_ptr<EventStream>& stream);
  // Sends what there is, as far as it has room.
  void fill(EventStream& stream);

 private:
  void send(EventStream& stream, const engine::HistoryEntry& entry);
  void tell_gap(EventStream& stream);

  const auth::Redactor& redactor_;
  const InstanceId id_;
  std::mutex mutex_;
  std::uint64_t last_;                              // guarded by mutex_, as all that follows
  std::shared_ptr<const engine::Program> program_;  // null until begin()
  std::deque<engine::HistoryEntry> waiting_;
  bool over_ = false;    // after what waits
  bool missed_ = false;  // too many wait: the client has to resume
  bool gap_ = false;     // the journal does not have what comes next any more
  // Behind this number some may be missing: whether they are, the next entry tells.
  std::optional<std::uint64_t> missing_after_;
  std::weak_ptr<EventStream> stream_;
};

// {items: what each task did, in the order in which they began; whole}
Value describe_steps(const engine::History& history);

}  // namespace stepwell::api
