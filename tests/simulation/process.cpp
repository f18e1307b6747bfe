#include "tests/simulation/process.h"

#include <functional>
#include <optional>
#include <utility>

#include "tests/support/engine_fakes.h"

namespace stepwell::simulation {

using engine::InstanceStatus;
using engine::InstanceView;
using engine::StartRequest;
using stepwell::test::ReadyResult;

namespace {

// The step that waits for another instance, as steps/workflow_step.cpp has it.
class ChildCall final : public engine::RunningStep, public std::enable_shared_from_this<ChildCall> {
 public:
  ChildCall(engine::Engine& engine, engine::StepTicket ticket, bool awaited)
      : engine_(engine), awaited_(awaited), ticket_(std::move(ticket)) {}

  void begin(StartRequest request) {
    class End final : public engine::Observer {
     public:
      explicit End(std::shared_ptr<ChildCall> call) : call_(std::move(call)) {}
      void on_end(const InstanceView& view) override {
        if (call_->awaited_) call_->finish(result_of(view));
      }

     private:
      const std::shared_ptr<ChildCall> call_;
    };
    request.observer = std::make_shared<End>(shared_from_this());
    engine_.start(std::move(request),
                  [self = shared_from_this()](const Result<InstanceId>& id) { self->started(id); });
  }
  void cancel() override {
    if (!awaited_) return;
    cancelled_ = true;
    if (child_) (void)engine_.stop(*child_);
  }

 private:
  void started(const Result<InstanceId>& id) {
    if (!id) return finish(fail(id.error()));
    if (!awaited_) return finish(Value());
    child_ = *id;
    if (cancelled_) (void)engine_.stop(*id);
  }
  void finish(Result<Value> result) {
    if (auto ticket = std::exchange(ticket_, std::nullopt))
      ticket->finish(std::make_unique<ReadyResult>(std::move(result)));
  }
  static Result<Value> result_of(const InstanceView& view) {
    if (view.status == InstanceStatus::completed) return view.output;
    if (view.status == InstanceStatus::faulted && view.problem) return fail(*view.problem);
    return fail(make_problem(ErrorKind::runtime, "workflow-stopped", "it was stopped"));
  }

  engine::Engine& engine_;
  const bool awaited_;
  std::optional<engine::StepTicket> ticket_;
  bool cancelled_ = false;
  std::optional<InstanceId> child_;
};

}  // namespace

Process::Process(Surroundings surroundings, engine::EngineOptions options)
    : around_(surroundings),
      engine_(std::make_unique<engine::Engine>(options, around_.steps, around_.journal,
                                               around_.timers, around_.clock, around_.entropy,
                                               around_.metrics, around_.log)) {}

Process::~Process() {
  schedules_.reset();
  engine_.reset();
}

void Process::begin_schedules(const std::vector<Definition>& scheduled) {
  schedules_ = std::make_unique<engine::Schedules>(*engine_, around_.journal, around_.timers,
                                                   around_.clock, around_.metrics, around_.log);
  (void)schedules_->recover();
  std::vector<engine::Catalog::Entry> entries;
  for (const Definition& definition : scheduled)
    entries.push_back({definition, workflow(definition)});
  schedules_->replace(entries);
}

std::shared_ptr<const engine::Workflow> Process::workflow(const Definition& definition) {
  auto& known = prepared_[definition->name];
  if (!known) known = engine_->prepare(definition);
  return known;
}

std::shared_ptr<engine::RunningStep> Process::start_child(engine::StepCall call,
                                                          engine::StepTicket ticket) {
  const auto& body = std::get<config::RunWorkflowBody>(call.definition().body);
  StartRequest request;
  request.workflow = workflow(around_.workflows.named(body.name));
  request.input = std::move(call.arguments);
  request.parent = engine::Parent{
      call.instance, call.idempotency_key + "/" + std::to_string(ticket.step.number), body.await};
  auto running = std::make_shared<ChildCall>(*engine_, std::move(ticket), body.await);
  running->begin(std::move(request));
  return running;
}

}  // namespace stepwell::simulation
