// One process of a simulated world: an engine, its schedules, the workflows that it has loaded, and
// what instances start of other workflows. For tests, on one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/schedules.h"
#include "tests/simulation/machinery.h"
#include "tests/simulation/workflows.h"

namespace stepwell::simulation {

class Process {
 public:
  struct Surroundings {
    engine::StepRunner& steps;
    engine::Journal& journal;
    engine::Timers& timers;
    const Clock& clock;
    Entropy& entropy;
    Metrics& metrics;
    Log& log;
    const Workflows& workflows;
  };
  Process(Surroundings surroundings, engine::EngineOptions options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  engine::Engine& engine() { return *engine_; }
  engine::Schedules* schedules() { return schedules_.get(); }
  void begin_schedules(const std::vector<Definition>& scheduled);
  void end_schedules() { schedules_.reset(); }
  std::shared_ptr<const engine::Workflow> workflow(const Definition& definition);
  std::shared_ptr<engine::RunningStep> start_child(engine::StepCall call,
                                                   engine::StepTicket ticket);

 private:
  Surroundings around_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Schedules> schedules_;
  std::map<std::string, std::shared_ptr<const engine::Workflow>> prepared_;
};

}  // namespace stepwell::simulation
