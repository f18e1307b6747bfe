// What a `try` makes of an error: catch, retry, handle, or let it go on.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/machine_impl.h"
#include "engine/retry.h"

namespace stepwell::engine {

namespace {

// The standard's error types under all the bases that were ever official mean the same.
// Source: docs/definitions.md, "Errors".
std::string_view without_base(std::string_view type) {
  constexpr std::array<std::string_view, 6> kBases{
      "https://open-workflow-specification.org/spec/1.0.0/errors/",
      "https://serverlessworkflow.io/spec/1.0.0/errors/",
      "https://open-workflow-specification.org/dsl/errors/types/",
      "https://serverlessworkflow.io/dsl/errors/types/",
      "https://open-workflow-specification.org/spec/1.0.0/dsl/errors/types/",
      "https://serverlessworkflow.io/spec/1.0.0/dsl/errors/types/"};
  for (const std::string_view base : kBases)
    if (type.starts_with(base)) return type.substr(base.size());
  return type;
}

bool same_member(std::string_view name, const Value& wanted, const Value& actual) {
  if (name == "type" && wanted.is_string() && actual.is_string())
    return without_base(wanted.as_string()) == without_base(actual.as_string());
  return wanted == actual;
}

}  // namespace

Next Machine::start_attempt(std::uint32_t slot) {
  Frame& frame = at(slot);
  const auto& body = std::get<config::TryBody>(task(slot).body);
  frame.children = 0;  // a repeated step keeps its place, and so its idempotency key
  frame.handling = false;
  if (body.retry && frame.attempt == 1 && body.retry->total_duration) {
    const auto limit = body.retry->total_duration->evaluate(scope(frame, frame.input));
    if (!limit) return raise(slot, limit.error());
    frame.attempts_end = now_ + *limit;
  }
  if (body.retry && body.retry->attempt_duration) {
    const auto limit = body.retry->attempt_duration->evaluate(scope(frame, frame.input));
    if (!limit) return raise(slot, limit.error());
    start_timer(slot, frame.attempt_timeout, *limit);
  }
  return start_list(slot, entry(slot).body, frame.input, frame.locals);
}

// Retry first, then the handler.
Next Machine::catch_problem(std::uint32_t slot, Problem problem) {
  const auto& body = std::get<config::TryBody>(task(slot).body);
  cancel_timer(at(slot).attempt_timeout);
  if (!at(slot).repeatable && problem.retryable) {
    problem.retryable = false;
    problem.detail +=
        "; a request that was interrupted before may have been executed, so the block is not "
        "repeated";
  }
  const Value caught = problem.to_value();
  const auto caught_here = catches(slot, body, caught);
  if (!caught_here) return raise(slot, caught_here.error());
  if (!*caught_here) return raise(slot, std::move(problem));
  if (body.retry && problem.retryable) {
    const auto again = back_off(slot, body, problem, caught);
    if (!again) return raise(slot, again.error());
    if (*again) return {};
  }
  Frame& frame = at(slot);
  frame.handling = true;
  if (body.has_handler) {
    std::vector<Value> locals = frame.locals;
    locals.push_back(caught);
    return start_list(slot, entry(slot).handler, frame.input, std::move(locals));
  }
  if (!body.then) return raise(slot, std::move(problem));
  frame.directive = *body.then;
  return {Next::Kind::finish, slot, 0, frame.input, nullptr};
}

Result<bool> Machine::catches(std::uint32_t slot, const config::TryBody& body,
                              const Value& caught) {
  const Frame& frame = at(slot);
  const auto wanted = body.errors_with.evaluate(scope(frame, frame.input));
  if (!wanted) return fail(wanted.error());
  for (const Value::Member& member : wanted->members())
    if (!same_member(member.name(), member.value, caught.get(member.name()))) return false;
  if (body.when) {
    const auto holds = body.when->evaluate(scope_with(frame, frame.input, caught));
    if (!holds) return fail(holds.error());
    if (!holds->truthy()) return false;
  }
  if (body.except_when) {
    const auto holds = body.except_when->evaluate(scope_with(frame, frame.input, caught));
    if (!holds) return fail(holds.error());
    if (holds->truthy()) return false;
  }
  return true;
}

// Starts the wait for the next attempt; false where the policy allows none.
Result<bool> Machine::back_off(std::uint32_t slot, const config::TryBody& body,
                               const Problem& problem, const Value& caught) {
  const config::RetryPolicy& policy = *body.retry;
  Frame& frame = at(slot);
  if (policy.max_attempts && frame.attempt >= *policy.max_attempts) return false;
  if (problem.retry_if_named && !policy.when) return false;
  const config::Scope sight = scope_with(frame, frame.input, caught);
  if (policy.when) {
    const auto holds = policy.when->evaluate(sight);
    if (!holds) return fail(holds.error());
    if (!holds->truthy()) return false;
  }
  if (policy.except_when) {
    const auto holds = policy.except_when->evaluate(sight);
    if (!holds) return fail(holds.error());
    if (holds->truthy()) return false;
  }
  RetryDelay delay;
  delay.backoff = policy.backoff;
  const auto figure = [&](const config::DurationTemplate& from, Milliseconds& into) -> Status {
    auto value = from.evaluate(sight);
    if (!value) return fail(std::move(value.error()));
    into = *value;
    return {};
  };
  for (const auto& [from, into] :
       {std::pair<const config::DurationTemplate*, Milliseconds*>{&policy.delay, &delay.delay},
        {&policy.max_delay, &delay.max_delay},
        {policy.jitter_from ? &*policy.jitter_from : nullptr, &delay.jitter_from},
        {policy.jitter_to ? &*policy.jitter_to : nullptr, &delay.jitter_to}})
    if (from != nullptr)
      if (auto done = figure(*from, *into); !done) return fail(std::move(done.error()));
  const Milliseconds wait =
      std::max(retry_wait(delay, frame.attempt, random_), asked_wait(problem));
  if (frame.attempts_end != WallTime{} && now_ + wait >= frame.attempts_end) return false;
  ++frame.attempt;
  frame.phase = Frame::Phase::backing_off;
  start_timer(slot, frame.timer, wait);
  return true;
}

// Is a step under way, here or below, that must not be sent a second time?
bool Machine::interrupts_unrepeatable(std::uint32_t slot) const {
  for (std::uint32_t other = 0; other < state_.frames.size(); ++other) {
    if (at(other).phase != Frame::Phase::executing || !unrepeatable(other)) continue;
    for (std::uint32_t up = other; up != kNone; up = at(up).parent)
      if (up == slot) return true;
  }
  return false;
}

Problem Machine::timeout_problem(std::uint32_t slot, const std::string& what) const {
  Problem problem = make_problem(ErrorKind::timeout, "timeout", what + " has passed");
  problem.retryable = !interrupts_unrepeatable(slot);
  if (!problem.retryable)
    problem.detail +=
        "; a request that was under way may have been executed, so it is not repeated";
  problem.extensions.set("attempt", attempt_of(slot));
  problem.where = at(slot).task == kNone ? "/" : task(slot).reference;
  return problem;
}

}  // namespace stepwell::engine
