#include "tests/simulation/network.h"

#include <set>
#include <variant>

#include "tests/support/engine_fakes.h"

namespace stepwell::simulation {

using engine::StepCall;
using engine::StepOutcome;
using engine::StepTicket;
using Kind = engine::Record::Kind;

namespace {

Problem problem_of(ErrorKind kind, const char* code, int status, bool retryable) {
  Problem problem = make_problem(kind, code, "simulated");
  problem.status = status;
  problem.retryable = retryable;
  return problem;
}

class Outcome final : public engine::PendingResult {
 public:
  explicit Outcome(StepOutcome outcome) : outcome_(std::move(outcome)) {}
  StepOutcome resolve() override { return std::move(outcome_); }

 private:
  StepOutcome outcome_;
};

}  // namespace

class SimulatedNetwork::Running final : public engine::RunningStep {
 public:
  explicit Running(std::weak_ptr<Pending> pending) : pending_(std::move(pending)) {}
  void cancel() override {
    if (const auto pending = pending_.lock()) pending->cancelled = true;
  }

 private:
  const std::weak_ptr<Pending> pending_;
};

SimulatedNetwork::Fate SimulatedNetwork::fate() {
  if (!faulty_ || !dice_.one_in(3)) return Fate::answered;
  constexpr std::array<Fate, 9> kFates{Fate::refused,     Fate::unavailable, Fate::unavailable,
                                       Fate::lost_before, Fate::lost_before, Fate::lost_after,
                                       Fate::lost_after,  Fate::never,       Fate::revoked};
  return dice_.of(kFates);
}

std::shared_ptr<engine::RunningStep> SimulatedNetwork::start(StepCall call, StepTicket ticket) {
  judge(call, ticket.step.number);
  if (std::holds_alternative<config::RunWorkflowBody>(call.definition().body))
    return children_(std::move(call), std::move(ticket));
  auto pending = std::make_shared<Pending>();
  pending->key = std::move(call.idempotency_key);
  pending->instance = call.instance;
  pending->workflow = call.program->definition().name;
  pending->repeatable = call.repeatable;
  pending->fate = fate();
  trace_.add("send " + std::to_string(last_ + 1) + ": instance " +
             std::to_string(call.instance.number) + " " + pending->key + " step " +
             std::to_string(ticket.step.number) + " attempt " + std::to_string(call.attempt) +
             (call.repeatable ? "" : " unrepeatable") + ", fate " +
             std::to_string(static_cast<int>(pending->fate)));
  pending->ticket = std::move(ticket);
  pending_.emplace(++last_, pending);
  return std::make_shared<Running>(pending);
}

void SimulatedNetwork::wrong(const StepCall& call, const std::string& what) {
  if (wrong_.empty())
    wrong_ = "instance " + std::to_string(call.instance.number) + ", " + call.idempotency_key +
             ": " + what;
}

// What may be sent now, as docs/definitions.md says ("Errors and retries") and docs/architecture's
// rule that nothing becomes visible before what it follows from is durable.
void SimulatedNetwork::judge(const StepCall& call, std::uint64_t step) {
  const std::tuple id(call.instance.number, step, call.idempotency_key);
  const std::size_t retried = disk_.retried(call.instance);
  judge_order(call, step);
  if (disk_.finished(call.instance, step))
    wrong(call, "it is asked for though its result is durable");
  const auto [sent, first] = sent_.try_emplace(id, retried);
  if (!first && sent->second == retried) wrong(call, "it is started twice");
  sent->second = retried;
  if (call.repeatable) return;
  if (disk_.step_started(call.instance, step) == 0)
    wrong(call, "it is sent before it is durable that it is");
  const auto [entry, fresh] =
      unrepeatable_.try_emplace({call.instance.number, call.idempotency_key});
  Entry& last = entry->second;
  if (!fresh && last.retried == retried &&
      (!last.outcome_known || (last.life != life_ && !disk_.finished(call.instance, last.step))))
    wrong(call, "it is sent again though nobody knows what became of it");
  last = {step, life_, retried, false};
}

void SimulatedNetwork::judge_order(const StepCall& call, std::uint64_t step) {
  if (call.program->definition().relaxed) return;
  // Of what must not be repeated, what came behind its own record is about other steps.
  const std::uint32_t before =
      call.repeatable ? UINT32_MAX : disk_.step_started(call.instance, step);
  for (const Kind kind : {Kind::step_finished, Kind::timer_fired, Kind::event_received,
                          Kind::suspended, Kind::resumed, Kind::stopped, Kind::retried})
    if (disk_.is_waiting(call.instance, kind, before))
      wrong(call, "it is sent before what it follows from is durable");
  const Value& method = call.arguments.get("method");
  const bool harmless = method == Value("GET") || method == Value("HEAD") ||
                        method == Value("get") || method == Value("head");
  if (!harmless && (disk_.is_waiting(call.instance, Kind::started, before) ||
                    disk_.is_waiting(call.instance, Kind::admitted, before)))
    wrong(call, "it is sent before its instance is durable");
}

std::vector<std::uint64_t> SimulatedNetwork::answerable() const {
  std::vector<std::uint64_t> sends;
  for (const auto& [number, pending] : pending_)
    if (pending->fate != Fate::never || pending->cancelled || !faulty_) sends.push_back(number);
  return sends;
}

void SimulatedNetwork::answer(std::uint64_t send) {
  const auto found = pending_.find(send);
  const std::shared_ptr<Pending> pending = std::move(found->second);
  pending_.erase(found);
  trace_.add("answer to " + std::to_string(send) + (pending->cancelled ? ", cancelled" : ""));
  if (!pending->repeatable && !pending->cancelled && pending->fate != Fate::lost_after)
    unrepeatable_[{pending->instance.number, pending->key}].outcome_known = true;
  pending->ticket.finish(std::make_unique<Outcome>(outcome(*pending, send)));
}

StepOutcome SimulatedNetwork::outcome(const Pending& pending, std::uint64_t number) const {
  if (pending.cancelled) return {fail(problem_of(ErrorKind::runtime, "cancelled", 500, false)), {}};
  switch (pending.fate) {
    case Fate::refused: {
      Problem problem = problem_of(ErrorKind::communication, "http-status", 400, true);
      problem.retry_if_named = true;
      return {fail(std::move(problem)), {}};
    }
    case Fate::unavailable:
      return {fail(problem_of(ErrorKind::communication, "http-status", 503, true)), {}};
    case Fate::lost_before:
      return {fail(problem_of(ErrorKind::communication, "connection-failed", 500, true)), {}};
    case Fate::lost_after:
      return {fail(problem_of(ErrorKind::communication,
                              pending.repeatable ? "connection-lost" : "outcome-unknown", 500,
                              pending.repeatable)),
              {}};
    case Fate::revoked:
      return {fail(problem_of(ErrorKind::authentication, "key-revoked", 401, false)), {}};
    case Fate::answered:
    case Fate::never:
      break;
  }
  return {Value::object({{"n", number}}), {}};
}

void SimulatedNetwork::next_life() {
  pending_.clear();
  sent_.clear();
  ++life_;
}

std::size_t SimulatedNetwork::instances_sending(const std::string& workflow) const {
  std::set<std::uint64_t> instances;
  for (const auto& [number, pending] : pending_)
    if (pending->workflow == workflow && !pending->cancelled)
      instances.insert(pending->instance.number);
  return instances.size();
}

}  // namespace stepwell::simulation
