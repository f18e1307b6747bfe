// Runs workflows for the step `run: workflow`, out of the catalog and on the engine.
// Owned by the node; all members may be called from any thread once connect() was.
#pragma once

#include "engine/catalog.h"
#include "engine/engine.h"
#include "steps/workflow_step.h"

namespace stepwell::daemon {

class ChildWorkflows final : public steps::Workflows {
 public:
  explicit ChildWorkflows(const engine::Catalog& catalog) : catalog_(catalog) {}
  // Before anything is started; the engine cannot be made before its steps are.
  void connect(engine::Engine& engine) { engine_ = &engine; }

  void start(Child child, std::function<void(Result<InstanceId>)> started,
             std::function<void(const End&)> ended) override;
  void stop(InstanceId child) override;

 private:
  const engine::Catalog& catalog_;
  engine::Engine* engine_ = nullptr;
};

}  // namespace stepwell::daemon
