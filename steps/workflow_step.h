// `run: workflow`: starts an instance of another workflow, waits for its end where it is awaited,
// and stops it where its own step is cancelled.
// Owned by daemon/wiring; start() is called on workers and does not block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/keys.h"
#include "engine/ports.h"

namespace stepwell::steps {

// What the step needs of whoever runs instances. All members may be called from any thread and do
// not block; what is called back may come at once, and on any thread.
class Workflows {
 public:
  struct Child {
    std::string workflow;  // NAMESPACE/NAME, the newest, or NAMESPACE/NAME:VERSION
    Value input;
    std::string key;  // id of the API key that it runs under; may be empty
    InstanceId parent;
    std::string step;  // the same over crashes; no other step has it
    bool awaited = true;
  };
  struct End {
    InstanceId id;
    std::string workflow;  // NAMESPACE/NAME:VERSION
    engine::InstanceStatus status = engine::InstanceStatus::completed;
    Value output;                    // once completed
    std::optional<Problem> problem;  // once faulted
  };
  virtual ~Workflows() = default;
  // A second start by the same step finds the first one's child. `started` is called exactly once;
  // `ended` once where it was started. Errors: configuration/`workflow-unknown`, and the engine's.
  virtual void start(Child child, std::function<void(Result<InstanceId>)> started,
                     std::function<void(const End&)> ended) = 0;
  // Ends it as stopped, unless it has ended.
  virtual void stop(InstanceId child) = 0;
};

class WorkflowStep final : public engine::StepRunner {
 public:
  // Both outlive the step.
  WorkflowStep(Workflows& workflows, const auth::Keys& keys) : workflows_(workflows), keys_(keys) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

 private:
  Workflows& workflows_;
  const auth::Keys& keys_;
};

}  // namespace stepwell::steps
