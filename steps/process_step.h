// `run: shell`, `script` and `container`: makes a process of the task, has it run, and makes an
// output or a problem of its end.
// Owned by daemon/wiring; start() is called on workers, the process is watched in the runner's
// room, its output becomes a value on workers again.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "auth/gate.h"
#include "auth/redactor.h"
#include "base/entropy.h"
#include "base/log.h"
#include "engine/ports.h"
#include "steps/http_step.h"
#include "steps/process_command.h"
#include "steps/process_runner.h"

namespace stepwell::steps {

struct ProcessStepOptions {
  bool shell = false;
  bool script = false;
  bool container = false;
  ProcessPrograms programs;
  HttpStepOptions http;  // of fetching scripts that lie elsewhere

  bool any() const { return shell || script || container; }
  bool runs(config::RunProcessBody::Kind kind) const {
    using Kind = config::RunProcessBody::Kind;
    return kind == Kind::shell ? shell : kind == Kind::script ? script : container;
  }
};

// shell, script or container.
std::string process_kind_name(config::RunProcessBody::Kind kind);

// What the step works with; all of it outlives the step.
struct ProcessStepSurroundings {
  ProcessRunner& runner;
  const auth::Gate& gate;
  const auth::Redactor& redactor;
  Entropy& entropy;
  Log& log;
  HttpStepSurroundings http;  // by which scripts that lie elsewhere are fetched
};

class ProcessStep final : public engine::StepRunner {
 public:
  ProcessStep(ProcessStepSurroundings surroundings, ProcessStepOptions options)
      : surroundings_(std::move(surroundings)), options_(std::move(options)) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

 private:
  ProcessStepSurroundings surroundings_;
  ProcessStepOptions options_;
};

}  // namespace stepwell::steps
