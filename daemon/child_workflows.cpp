#include "daemon/child_workflows.h"

#include <utility>

namespace stepwell::daemon {

namespace {

class ChildObserver final : public engine::Observer {
 public:
  explicit ChildObserver(std::function<void(const steps::Workflows::End&)> ended)
      : ended_(std::move(ended)) {}
  void on_end(const engine::InstanceView& view) override {
    ended_({view.id, view.workflow, view.status, view.output, view.problem});
  }

 private:
  const std::function<void(const steps::Workflows::End&)> ended_;
};

}  // namespace

void ChildWorkflows::start(Child child, std::function<void(Result<InstanceId>)> started,
                           std::function<void(const End&)> ended) {
  const Result<engine::Catalog::Entry> entry = catalog_.find_enabled(child.workflow);
  if (!entry) {
    const bool disabled = entry.error().code == "workflow-disabled";
    started(fail(make_problem(ErrorKind::configuration,
                              disabled ? "workflow-disabled" : "workflow-unknown",
                              entry.error().detail)));
    return;
  }
  engine::StartRequest request;
  request.workflow = entry->workflow;
  request.input = std::move(child.input);
  request.key = std::move(child.key);
  request.observer = std::make_shared<ChildObserver>(std::move(ended));
  request.parent = engine::Parent{child.parent, std::move(child.step), child.awaited};
  engine_->start(std::move(request), std::move(started));
}

void ChildWorkflows::stop(InstanceId child) {
  static_cast<void>(engine_->stop(child));  // it may have ended meanwhile
}

}  // namespace stepwell::daemon
