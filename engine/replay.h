// An instance from its records: the state after the last of them, and what it still waits for
// outside. Pure, as apply() is: the same records give the same answer.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/ports.h"
#include "engine/seen_events.h"
#include "engine/state.h"

namespace stepwell::engine {

// Order of ids.
struct ById {
  template <class Tag>
  bool operator()(const Id<Tag>& a, const Id<Tag>& b) const noexcept {
    return a.number < b.number;
  }
};

struct Replayed {
  struct Step {
    Execute execute;
    bool started = false;  // journalled as about to be sent: it must not be repeated
  };
  struct Timer {
    WallTime due;
    WallTime set;  // when it was asked for
  };
  State state;
  std::map<StepId, Step, ById> steps;            // that run outside
  std::map<TimerId, Timer, ById> timers;         // that have not fired
  std::map<ListenerId, Listen, ById> listeners;  // that wait for events
  std::vector<Emit> emitted;                     // by the last event, which may not have gone out
  bool yielded = false;                          // it would go on by itself
  std::optional<Event> waiting;                  // its start, while it waits for its turn
  std::uint32_t number = 0;                      // of the last record …
  std::uint32_t snapshot = 0;  // … and of the snapshot that it began with; 0: none
  SeenEvents seen;             // the events that it took
  std::optional<Label> label;  // where it was changed
};

struct Telling;  // engine/history.h

// `records` as a Journal reads them. Where `telling` is given, all that they tell of the instance
// goes into it, with what the instance does by itself after the last one, as long as there is time;
// what is given back is then of no use. Errors: configuration/`store-damaged` where they contradict
// the definition or each other, saying which.
Result<Replayed> replay(const Program& program, InstanceId id, std::vector<Record> records,
                        Telling* telling = nullptr);

// All that is known of an instance that has ended: did a step or a time limit make it fail, so that
// it may go well if that is taken back?
bool may_succeed_again(const std::vector<Record>& records);

// The event that a record stands for; nothing where it stands for none of the state machine's.
Result<std::optional<Event>> event_of(const Record& record);

// How results and problems stand in a record's payload.
Value payload_of(const Result<Value>& result, const Value& authorization);

}  // namespace stepwell::engine
