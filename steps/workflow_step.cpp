#include "steps/workflow_step.h"

#include <mutex>
#include <utility>

#include "steps/finished_result.h"

namespace stepwell::steps {

namespace {

using engine::InstanceStatus;

// One execution of the step. Shared by the engine (to cancel it) and by what waits for the child.
class WorkflowCall final : public engine::RunningStep,
                           public std::enable_shared_from_this<WorkflowCall> {
 public:
  WorkflowCall(Workflows& workflows, engine::StepTicket ticket, bool awaited)
      : workflows_(workflows), awaited_(awaited), ticket_(std::move(ticket)) {}

  void begin(Workflows::Child child) {
    workflows_.start(
        std::move(child),
        [self = shared_from_this()](const Result<InstanceId>& id) { self->started(id); },
        [self = shared_from_this()](const Workflows::End& end) { self->ended(end); });
  }

  // What is not awaited lives on by itself.
  void cancel() override {
    if (!awaited_) return;
    std::optional<InstanceId> child;
    {
      const std::scoped_lock lock(mutex_);
      cancelled_ = true;
      child = child_;
    }
    if (child) workflows_.stop(*child);
  }

  void finish(Result<Value> result) {
    std::optional<engine::StepTicket> ticket;
    {
      const std::scoped_lock lock(mutex_);
      ticket.swap(ticket_);  // what the child holds of this must not hold the parent
    }
    if (ticket) ticket->finish(std::make_unique<FinishedResult>(std::move(result)));
  }

 private:
  void started(const Result<InstanceId>& id) {
    if (!id) {
      Problem problem = id.error();
      problem.where.clear();  // a place in the child's document; the step's own comes instead
      return finish(fail(std::move(problem)));
    }
    if (!awaited_) return finish(Value());
    bool cancelled = false;
    {
      const std::scoped_lock lock(mutex_);
      child_ = *id;
      cancelled = cancelled_;
    }
    if (cancelled) workflows_.stop(*id);
  }

  void ended(const Workflows::End& end) {
    if (awaited_) finish(result_of(end));
  }

  // The child's fault is the step's: the same type, status and code, so that a `catch` can tell it,
  // at the place of the step.
  static Result<Value> result_of(const Workflows::End& end) {
    if (end.status == InstanceStatus::completed) return end.output;
    Value child = Value::object({{"id", end.id.number}, {"name", end.workflow}});
    if (end.status == InstanceStatus::faulted && end.problem) {
      Problem problem = *end.problem;
      if (!problem.where.empty()) child.set("instance", std::exchange(problem.where, {}));
      if (const Value& below = problem.extensions.get("workflow"); !below.is_null())
        child.set("workflow", below);
      return fail(std::move(problem).with("workflow", std::move(child)));
    }
    return fail(make_problem(ErrorKind::runtime, "workflow-stopped",
                             "instance " + std::to_string(end.id.number) + " of " + end.workflow +
                                 ", which this step waits for, was stopped")
                    .with("workflow", std::move(child)));
  }

  Workflows& workflows_;
  const bool awaited_;
  std::mutex mutex_;
  std::optional<engine::StepTicket> ticket_;  // guarded by mutex_; none once it is finished
  bool cancelled_ = false;                    // guarded by mutex_
  std::optional<InstanceId> child_;           // guarded by mutex_
};

}  // namespace

std::shared_ptr<engine::RunningStep> WorkflowStep::start(engine::StepCall call,
                                                         engine::StepTicket ticket) {
  const auto& body = std::get<config::RunWorkflowBody>(call.definition().body);
  const std::string& run_as = call.program->definition().run_as;
  Workflows::Child child;
  child.workflow = body.namespace_ + "/" + body.name;
  if (body.version != "latest") child.workflow += ":" + body.version;
  child.input = std::move(call.arguments);
  child.key = run_as.empty() ? call.key : run_as;
  child.parent = call.instance;
  // A retry is a new step with the same idempotency key, and shall find no child that has failed.
  child.step = call.idempotency_key + "/" + std::to_string(ticket.step.number);
  child.awaited = body.await;
  auto running = std::make_shared<WorkflowCall>(workflows_, std::move(ticket), body.await);
  // It must still be good at every step.
  const Status stands = child.key.empty() ? Status{} : keys_.stands(child.key);
  if (stands)
    running->begin(std::move(child));
  else
    running->finish(fail(stands.error()));
  return running;
}

}  // namespace stepwell::steps
