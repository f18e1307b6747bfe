// What clients of a simulated engine were told, and whether it holds: what was acknowledged is
// there after every crash, ends stay as they were told, events arrive once. It sees what clients
// see, and the disk. For tests, on one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/workflows.h"

namespace stepwell::simulation {

std::string name_of(InstanceId id);
// How it stands, or has ended.
std::string text_of(const engine::InstanceView& view);
// What people say of it.
std::string text_of(const engine::Label& label);
// What an open step asks for, as far as it is changed here.
std::string prompt_of(const engine::OpenStep& step);

class Judge {
 public:
  struct Start {
    Definition definition;
    std::string name;  // no other start has it
    std::string once;  // may be empty
    std::string label;
    bool answered = false;
    bool refused = false;
    std::optional<InstanceId> id;
    std::size_t asked_at = 0;  // in the order of all that is noted here
  };
  struct Event {
    Value event;
    std::string type;
    std::int64_t n = 0;
    bool acknowledged = false;
    std::vector<std::size_t> published_at;  // each time
  };
  // What is known of a step that waits, or waited, for a person.
  struct Asked {
    bool completed = false;         // as was acknowledged
    std::set<std::string> prompts;  // it may ask; none: nobody changed that
    std::size_t open = 0;           // changes that are not answered yet
  };
  // What is known of an instance.
  struct Known {
    bool relaxed = false;
    bool acknowledged = false;
    Definition definition;
    std::string workflow;
    std::size_t asked_at = SIZE_MAX;  // first
    bool stop_asked = false;
    bool stop_acknowledged = false;
    bool suspended = false;  // acknowledged, and nothing else was asked for since
    std::size_t asked = 0;   // requests that are not answered yet
    bool retried = false;    // asked for at any time
    bool deleted = false;
    // What it may be labelled, and how many changes are not answered yet; none: it is not known.
    std::set<std::string> labels;
    std::size_t relabelled = 0;
    std::optional<std::string> end;
    std::set<std::size_t> must_hear;  // places of events
    std::size_t listens_since = SIZE_MAX;
    std::size_t seen_ended_at = SIZE_MAX;
    std::int64_t n = -1;  // of its input
    std::map<std::int64_t, std::size_t> heard;
    std::size_t first_done = SIZE_MAX;  // what may have ended its collection
    bool looked_at = false;             // what it has heard
  };

  Judge(SimulatedDisk& disk, const Workflows& workflows, Trace& trace)
      : disk_(disk), workflows_(workflows), trace_(trace) {}

  // What clients ask for, and are told.
  std::size_t start(Definition definition, std::string once);
  void labelled(std::size_t start, const engine::Label& label) {
    starts_[start].label = text_of(label);
  }
  void admitted(std::size_t start, const Result<InstanceId>& id);
  void request(engine::Engine::Operation what, InstanceId id);
  void stop(InstanceId id);  // without an answer
  void answered(engine::Engine::Operation what, InstanceId id, const Status& status);
  // People: what they said, asked and called it (judge_people.cpp). `good`: it can be taken.
  void changes_step(const engine::OpenStep& step, const std::string& prompt);
  void step_changed(const engine::OpenStep& step, const std::string& prompt, const Status& status);
  void step_completed(const engine::OpenStep& step, const std::string& said, bool good,
                      const Status& status);
  void relabels(InstanceId id, const std::string& label);
  void relabelled(InstanceId id, const std::string& label, const Status& status);
  void deleted(InstanceId id, bool had_ended);
  void told_end(std::size_t registration, const engine::InstanceView& view);
  void saw(const engine::InstanceView& view);
  void listens(InstanceId id);  // so much is sure
  std::size_t publish(std::optional<std::size_t> again, const std::string& type, std::int64_t k,
                      const std::vector<InstanceId>& listening);
  void published(std::size_t event, const Status& status);
  void life_ends();  // whoever was to be told is gone

  // After a recovery, before anything else happens.
  void check_recovered(const engine::Engine& engine);
  // Nothing happens any more, nothing waits: the records give what the engine shows.
  void check_replay(const engine::Engine& engine);
  void check_limits(const engine::Engine& engine);
  // All has come to its end.
  void check_end(const engine::Engine& engine);

  const std::map<std::uint64_t, Known>& known() const { return known_; }
  const std::vector<Start>& starts() const { return starts_; }
  const std::vector<Event>& events() const { return events_; }
  std::vector<InstanceId> acknowledged() const;
  void expect_scheduled_by_events() { scheduled_by_events_ = true; }
  std::size_t register_end() { return registrations_++; }
  void expect_end(std::size_t registration) { expected_.insert(registration); }
  void check_told();  // each who waits in this life
  void wrong(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  Known& known(InstanceId id);
  std::optional<engine::InstanceView> replayed(const engine::InstanceSummary& summary);
  void check_people(const engine::InstanceView& view, const Known& known);
  void check_names();
  void check_children();
  void check_schedules();
  void check_heard(InstanceId id, Known& known, const Value& output);
  void check_emitted();

  SimulatedDisk& disk_;
  const Workflows& workflows_;
  Trace& trace_;
  std::size_t now_ = 0;
  std::vector<Start> starts_;
  std::vector<Event> events_;
  std::map<std::uint64_t, Known> known_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Asked> asked_;  // by instance and step
  std::map<std::string, InstanceId> by_once_;
  std::size_t registrations_ = 0;
  std::set<std::size_t> told_;
  std::set<std::size_t> expected_;
  bool scheduled_by_events_ = false;
  std::string wrong_;
};

}  // namespace stepwell::simulation
