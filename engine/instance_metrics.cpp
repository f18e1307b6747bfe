#include "engine/instance_metrics.h"

#include <variant>

namespace stepwell::engine {

namespace {

constexpr std::array<const char*, 10> kStepKinds{"http",   "openapi",   "workflow", "shell",
                                                 "script", "container", "decision", "form",
                                                 "upload", "email"};
constexpr std::array<InstanceStatus, 4> kOpenStates{
    InstanceStatus::pending, InstanceStatus::running, InstanceStatus::waiting,
    InstanceStatus::suspended};

}  // namespace

StepKind step_kind(const config::TaskBody& body) {
  if (std::holds_alternative<config::OpenApiCallBody>(body)) return 1;
  if (std::holds_alternative<config::RunWorkflowBody>(body)) return 2;
  if (const auto* process = std::get_if<config::RunProcessBody>(&body))
    return static_cast<StepKind>(3 + static_cast<int>(process->kind));
  if (const auto* person = std::get_if<config::PersonStepBody>(&body))
    return step_kind(person->kind);
  return 0;
}

StepKind step_kind(config::PersonStepBody::Kind kind) {
  return static_cast<StepKind>(6 + static_cast<int>(kind));
}

StepMetrics::StepMetrics(Metrics& metrics) {
  static_assert(kStepKinds.size() == kKinds);
  for (std::size_t i = 0; i < kKinds; ++i) {
    const char* kind = kStepKinds.at(i);
    const auto counter = [&](const char* outcome) {
      return metrics.counter("stepwell_steps_total", "Steps by kind and outcome.",
                             {{"kind", kind}, {"outcome", outcome}});
    };
    completed_.at(i) = counter("completed");
    faulted_.at(i) = counter("faulted");
    seconds_.at(i) = metrics.histogram("stepwell_step_duration_seconds",
                                       "From the start of a step to its result, by kind.",
                                       duration_buckets(), {{"kind", kind}});
  }
}

InstanceStates::InstanceStates(Metrics& metrics) {
  for (std::size_t i = 0; i < kOpenStates.size(); ++i)
    gauges_.at(i) = metrics.gauge("stepwell_instances", "Instances that have not ended, by state.",
                                  {{"state", std::string(to_string(kOpenStates.at(i)))}});
}

void InstanceStates::add(InstanceStatus state, double by) const {
  for (std::size_t i = 0; i < kOpenStates.size(); ++i)
    if (kOpenStates.at(i) == state) gauges_.at(i).add(by);
}

}  // namespace stepwell::engine
