// Steps that wait for people: how they are looked at, completed and changed, and the list of all
// that are open, over instances in memory and asleep.
// The structs are plain values. An OpenStepIndex is owned by the engine; any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/units.h"
#include "base/value.h"
#include "config/definition.h"
#include "engine/files.h"
#include "engine/state.h"

namespace stepwell::engine {

using PersonKind = config::PersonStepBody::Kind;
std::string_view to_string(PersonKind kind);  // "decision", "form", "upload", "email"
std::optional<PersonKind> parse_person_kind(std::string_view text);

// One that is open at this moment.
struct OpenStep {
  InstanceId instance;
  std::string workflow;   // NAMESPACE/NAME:VERSION
  StepId id;              // names it where several have the same task
  std::string task;       // the task's name
  std::string reference;  // … and its place
  PersonKind kind = PersonKind::decision;
  Value arguments;  // as they are now
  WallTime started{};
  std::optional<WallTime> due;
  bool overdue = false;  // when it was looked at
};
// Nothing has come, gone or changed.
bool same_steps(const std::vector<OpenStep>& a, const std::vector<OpenStep>& b);
void mark_overdue(std::vector<OpenStep>& steps, WallTime now);

// Whose steps somebody may complete and change.
struct Completer {
  std::string user;
  bool everyones = false;  // an operator or admin: also those that are assigned to others
  bool nobodys = false;    // those that are assigned to nobody
};

// What somebody asks for: to complete a step, or to change it.
struct StepAnswer {
  std::string step;  // its task's name or reference, or its id
  Value value;       // the output, or the merge patch (RFC 7396)
  Completer by;
  // The files that `value` names, as far as they are there, by id.
  std::map<std::string, FileInfo, std::less<>> files = {};
  // Is there such a user? Called on workers. Empty: nobody looks.
  std::function<bool(std::string_view)> known_user = {};
  // Called on a worker once all has been found good and before anything is recorded, with the step
  // that is meant and the files that become part of the instance; calls back on any thread, and an
  // error is the answer. Where somebody else was faster it may have been for nothing. Empty: no
  // file is taken.
  struct Preparation {
    InstanceId instance;
    StepId step;
    std::vector<std::string> files;
  };
  using Prepare = std::function<void(Preparation what, std::function<void(Status)> done)>;
  Prepare prepare = {};
};

// Which open steps are meant. Absent members pick all.
struct OpenStepFilter {
  std::optional<std::string> assignee;
  std::optional<PersonKind> kind;
  std::optional<bool> overdue;
  std::string workflow;  // NAMESPACE/NAME or NAMESPACE/NAME:VERSION; empty: any
  // Only behind this one, in the order of instances and then of steps.
  InstanceId after_instance;
  StepId after_step;
};

struct OpenSteps {
  std::vector<OpenStep> steps;
  bool more = false;  // there may be others behind `last`
  std::pair<InstanceId, StepId> last;
};

// The open steps of an instance, in the order of their ids.
std::vector<OpenStep> open_steps_of(const Program& program, const State& state);
// Has somebody completed it while the instance is suspended, which keeps that until it is resumed?
bool is_decided(const State& state, StepId step);

// Which open steps there are: enough to find the ones that are wanted, not what they ask. About 200
// bytes for each, whether its instance is in memory or not.
class OpenStepIndex {
 public:
  struct Entry {
    StepId id;
    PersonKind kind = PersonKind::decision;
    std::optional<WallTime> due;
    std::vector<std::string> assignees;  // none: nobody in particular
  };
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // instance and step

  explicit OpenStepIndex(Metrics& metrics);

  // All that the instance has from now on; an empty list forgets it.
  void set(InstanceId instance, const std::string& workflow, std::vector<Entry> entries);
  // At most so many, in their order; looks at no more than it must of those of one assignee.
  std::vector<Key> find(const OpenStepFilter& filter, WallTime now, std::size_t most) const;
  bool has(InstanceId instance) const;
  bool empty() const { return size_.load(std::memory_order_relaxed) == 0; }

 private:
  struct Kept {
    Entry entry;
    const std::string* workflow = nullptr;  // of workflows_
  };
  static bool picks(const OpenStepFilter& filter, const Kept& kept, WallTime now);
  void forget_locked(InstanceId instance);
  const Gauge& waiting(PersonKind kind) const {
    return waiting_.at(static_cast<std::size_t>(kind));
  }

  std::array<Gauge, 4> waiting_;  // by PersonKind
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::map<Key, Kept> steps_;
  std::map<std::string, std::set<Key>, std::less<>> by_assignee_;
  std::set<std::string> workflows_;
};

}  // namespace stepwell::engine
