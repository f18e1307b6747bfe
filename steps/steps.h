// Hands each step to the runner of its kind.
// Owned by daemon/wiring; called on workers.
#pragma once

#include <memory>

#include "engine/ports.h"

namespace stepwell::steps {

class Steps final : public engine::StepRunner {
 public:
  // All outlive this; what is null answers configuration/`step-unavailable`.
  struct Runners {
    engine::StepRunner* http = nullptr;
    engine::StepRunner* openapi = nullptr;
    engine::StepRunner* workflow = nullptr;  // run: workflow
    engine::StepRunner* process = nullptr;   // run: shell, script and container
    engine::StepRunner* email = nullptr;     // call: email, once it need not wait any more
  };
  explicit Steps(Runners runners) : runners_(runners) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

 private:
  Runners runners_;
};

}  // namespace stepwell::steps
