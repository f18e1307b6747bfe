// One simulated world: an engine with its schedules, clients, a network, a disk and a clock, and
// chance that decides what happens next; processes die in it and others come. For tests, on one
// thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/judge.h"
#include "tests/simulation/machinery.h"
#include "tests/simulation/network.h"
#include "tests/simulation/play.h"
#include "tests/simulation/process.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::simulation {

class World {
 public:
  World(Shared& shared, const Play& what);
  Verdict play();

 private:
  using Choice = std::pair<std::size_t, void (World::*)()>;

  bool well() const;
  bool alive() const { return process_ && disk_.state() != SimulatedDisk::State::dead; }
  std::string wrong() const;
  void choose_workflows(const std::string& only);

  // processes
  void open();
  void kill();
  void end_in_order();
  void come_to_the_end();

  // what may happen next
  void step();
  void run_job();
  void answer();
  void fire();
  void move_clock();
  void jump();
  void commit();
  void fail_disk();
  void maintain();
  void client();

  // clients
  void start();
  void request();
  void publish();
  void look();
  void wait_for_end();
  // people.cpp
  void complete_some();
  void change_step();
  void relabel();
  void remove();
  void complete(const engine::OpenStep& step, bool must_succeed);
  engine::Label some_label(const std::string& name);
  std::optional<engine::OpenStep> some_open_step();
  engine::StepAnswer answer_for(const engine::OpenStep& step, Value value);
  std::shared_ptr<engine::Observer> observer();
  std::optional<InstanceId> somebody();
  std::vector<InstanceId> listening();

  // the end
  void come_to_rest(bool with_schedules);
  bool one_more(bool with_schedules);
  void help(std::size_t round);
  void check_causes();
  void finish();

  Shared& shared_;
  Dice dice_;
  Trace trace_;
  stepwell::test::ManualClock clock_;
  stepwell::test::FakeEntropy entropy_;
  SimulatedExecutor executor_;
  SimulatedTimers timers_;
  SimulatedDisk disk_;
  SimulatedNetwork network_;
  Judge judge_;
  std::unique_ptr<Process> process_;
  std::vector<Definition> started_;    // what clients start
  std::vector<Definition> scheduled_;  // what starts by itself
  engine::EngineOptions options_;
  std::size_t clients_ = 0;  // what they may still do
  std::size_t crashes_ = 0;  // that may still come
  bool disk_fails_ = false;
  bool clock_jumps_ = false;
  bool over_ = false;                   // all has come to its end
  std::set<std::uint64_t> called_off_;  // collections that the last round ends
  Tally tally_;
};

}  // namespace stepwell::simulation
