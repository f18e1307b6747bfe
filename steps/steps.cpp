#include "steps/steps.h"

#include <string>
#include <utility>
#include <variant>

#include "steps/finished_result.h"

namespace stepwell::steps {

namespace {

class NothingRuns final : public engine::RunningStep {
 public:
  void cancel() override {}
};

}  // namespace

std::shared_ptr<engine::RunningStep> Steps::start(engine::StepCall call,
                                                  engine::StepTicket ticket) {
  const config::TaskBody& body = call.definition().body;
  engine::StepRunner* runner = runners_.http;
  std::string kind = "call: http";
  if (std::holds_alternative<config::OpenApiCallBody>(body)) {
    runner = runners_.openapi;
    kind = "call: openapi";
  } else if (std::holds_alternative<config::RunWorkflowBody>(body)) {
    runner = runners_.workflow;
    kind = "run: workflow";
  } else if (std::holds_alternative<config::PersonStepBody>(body)) {
    runner = runners_.email;
    kind = "call: email";
  } else if (const auto* process = std::get_if<config::RunProcessBody>(&body)) {
    using Kind = config::RunProcessBody::Kind;
    runner = runners_.process;
    kind = process->kind == Kind::shell    ? "run: shell"
           : process->kind == Kind::script ? "run: script"
                                           : "run: container";
  }
  if (runner != nullptr) return runner->start(std::move(call), std::move(ticket));
  ticket.finish(std::make_unique<FinishedResult>(fail(make_problem(
      ErrorKind::configuration, "step-unavailable", "`" + kind + "` is not switched on here"))));
  return std::make_shared<NothingRuns>();
}

}  // namespace stepwell::steps
