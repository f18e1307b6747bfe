#include "engine/machine.h"

#include <algorithm>
#include <utility>

#include "engine/machine_impl.h"
#include "engine/odd_numbers.h"

namespace stepwell::engine {

std::string_view to_string(InstanceStatus status) {
  switch (status) {
    case InstanceStatus::pending:
      return "pending";
    case InstanceStatus::running:
      return "running";
    case InstanceStatus::waiting:
      return "waiting";
    case InstanceStatus::suspended:
      return "suspended";
    case InstanceStatus::completed:
      return "completed";
    case InstanceStatus::faulted:
      return "faulted";
    case InstanceStatus::stopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view to_string(Trace::Kind kind) {
  switch (kind) {
    case Trace::Kind::started:
      return "started";
    case Trace::Kind::completed:
      return "completed";
    case Trace::Kind::faulted:
      return "faulted";
    case Trace::Kind::skipped:
      return "skipped";
    case Trace::Kind::retried:
      return "retried";
    case Trace::Kind::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::vector<TaskNumber> active_tasks(const State& state) {
  std::vector<TaskNumber> numbers;
  for (const Frame& frame : state.frames)
    if (frame.phase != Frame::Phase::free && frame.phase != Frame::Phase::children &&
        frame.task != kNone)
      numbers.push_back(frame.task);
  return numbers;
}

Status Machine::conforms(const std::shared_ptr<const config::Schema>& schema, const Value& data,
                         std::string_view subject) {
  constexpr std::chrono::milliseconds kForPatterns(1000);
  return schema == nullptr ? Status() : schema->validate(data, subject, kForPatterns, cuts_);
}

// Goes on with `next`, then with what waits for its turn, until all is at rest.
void Machine::run(Next next) {
  for (;; ++transitions_) {
    if (next.kind == Next::Kind::rest) {
      if (state_.ready.empty()) break;
      next = std::move(state_.ready.front());
      state_.ready.pop_front();
    }
    if (transitions_ >= turn_) {
      state_.ready.push_back(std::move(next));  // behind the other branches
      commands_.emplace_back(Yield{});
      state_.status = InstanceStatus::running;
      yielded_ = true;
      return;
    }
    switch (next.kind) {
      case Next::Kind::enter:
        next = enter(next.slot, next.position, std::move(next.value));
        break;
      case Next::Kind::finish:
        next = finish(next.slot, std::move(next.value));
        break;
      default:
        next = climb(next.slot, std::move(*next.problem));
    }
  }
  update_status();
}

// Starts the child at `position` of the list that the parent is running.
Next Machine::enter(std::uint32_t parent, std::uint32_t position, Value raw_input) {
  const auto& list = program_.list(at(parent).list);
  if (position >= list.size()) return list_done(parent, std::move(raw_input));
  at(parent).position = position;
  const std::uint32_t slot = new_frame(list[position], parent);
  Frame& frame = at(slot);
  if (is_fork(parent)) frame.ordinal = position;  // in whatever order their turns come
  frame.raw_input = std::move(raw_input);
  const config::Task& task = *program_.task(frame.task).task;
  if (task.condition) {
    const auto condition = task.condition->evaluate(scope(frame, frame.raw_input));
    if (!condition) {
      trace(Trace::Kind::started, slot);  // what ends as faulted has begun
      return raise(slot, condition.error());
    }
    if (!condition->truthy()) {
      trace(Trace::Kind::skipped, slot);
      Value output = std::move(frame.raw_input);
      const std::uint32_t ordinal = frame.ordinal;
      free_frame(slot);
      return is_fork(parent) ? branch_skipped(parent, ordinal, std::move(output))
                             : child_done(parent, ordinal, {}, std::move(output));
    }
  }
  trace(Trace::Kind::started, slot);
  if (auto good = conforms(task.schemas.or_default().input, frame.raw_input, "the task's input");
      !good)
    return raise(slot, std::move(good.error()));
  frame.input = frame.raw_input;
  if (task.input_from) {
    auto input = task.input_from->evaluate(scope(frame, frame.raw_input));
    if (!input) return raise(slot, std::move(input.error()));
    frame.input = std::move(*input);
  }
  if (task.timeout) {
    const auto limit = task.timeout->evaluate(scope(frame, frame.input));
    if (!limit) return raise(slot, limit.error());
    start_timer(slot, frame.timeout, *limit);
  }
  if (entry(slot).extensions != kNone && !within_extension(slot)) return start_extending(slot);
  return start_body(slot);
}

// The body gave its raw output: transform it, export, and leave.
Next Machine::finish(std::uint32_t slot, Value raw_output) {
  if (at(slot).task == kNone) {
    complete(std::move(raw_output));
    return {};
  }
  const config::Task& done = task(slot);
  Value output = std::move(raw_output);
  if (done.output_as) {
    auto transformed = done.output_as->evaluate(scope(at(slot), output, &output));
    if (!transformed) return raise(slot, std::move(transformed.error()));
    output = std::move(*transformed);
  }
  if (auto good = conforms(done.schemas.or_default().output, output, "the task's output"); !good)
    return raise(slot, std::move(good.error()));
  if (done.export_as) {
    auto context = done.export_as->evaluate(scope(at(slot), output, &output));
    if (!context) return raise(slot, std::move(context.error()));
    if (auto good = conforms(done.schemas.or_default().context, *context, "the exported context");
        !good)
      return raise(slot, std::move(good.error()));
    state_.context = std::move(*context);
  }
  if (at(slot).extending != nullptr) return start_after(slot, std::move(output));
  return leave(slot, std::move(output), at(slot).directive.value_or(done.then));
}

// Ends a task's frame and follows its flow directive.
Next Machine::leave(std::uint32_t slot, Value output, config::FlowDirective directive) {
  trace(Trace::Kind::completed, slot, output);
  const std::uint32_t parent = at(slot).parent;
  const std::uint32_t ordinal = at(slot).ordinal;
  free_frame(slot);
  return child_done(parent, ordinal, directive, std::move(output));
}

// Where the flow goes after a child, whose frame is gone.
Next Machine::child_done(std::uint32_t parent, std::uint32_t ordinal,
                         config::FlowDirective directive, Value output) {
  using Kind = config::FlowDirective::Kind;
  if (is_fork(parent) && directive.kind != Kind::end)
    return branch_done(parent, ordinal, std::move(output));
  switch (directive.kind) {
    case Kind::next:
      return {Next::Kind::enter, parent, at(parent).position + 1, std::move(output), nullptr};
    case Kind::task:
      return {Next::Kind::enter, parent, static_cast<std::uint32_t>(directive.target),
              std::move(output), nullptr};
    case Kind::exit:
      if (extends(parent)) return exit_extension(parent, std::move(output));
      return list_done(parent, std::move(output));
    default:
      end_workflow(parent, std::move(output));
      return {};
  }
}

// `then: end`: the tasks around this place are complete, other branches are cancelled.
void Machine::end_workflow(std::uint32_t from, Value output) {
  for (std::uint32_t up = from; at(up).task != kNone;) {
    cancel_below(up);
    trace(Trace::Kind::completed, up, output);
    free_frame(std::exchange(up, at(up).parent));
  }
  complete(std::move(output));
}

// The child list that this frame was running is at its end.
Next Machine::list_done(std::uint32_t slot, Value output) {
  Frame& frame = at(slot);
  if (frame.task == kNone) return finish(slot, std::move(output));
  if (extends(slot)) return extension_done(slot);
  const config::Task& scope_task = task(slot);
  if (std::holds_alternative<config::ForBody>(scope_task.body)) {
    ++frame.index;
    return iterate(slot, std::move(output));
  }
  if (std::holds_alternative<config::ListenBody>(scope_task.body))
    return round_done(slot, std::move(output));
  if (const auto* body = std::get_if<config::TryBody>(&scope_task.body)) {
    cancel_timer(frame.attempt_timeout);
    if (frame.handling && body->then) frame.directive = *body->then;
  }
  return {Next::Kind::finish, slot, 0, std::move(output), nullptr};
}

// An error arose in this task: it gets its place, and climbs from here.
Next Machine::raise(std::uint32_t slot, Problem problem) {
  if (problem.where.empty()) problem.where = at(slot).task == kNone ? "/" : task(slot).reference;
  return {Next::Kind::raise, slot, 0, {}, std::make_shared<Problem>(std::move(problem))};
}

// One level up: the frame ends as faulted, and its parent may be a `try` that catches.
Next Machine::climb(std::uint32_t slot, Problem problem) {
  if (at(slot).task == kNone) {
    fault(std::move(problem));
    return {};
  }
  trace(Trace::Kind::faulted, slot, {}, std::make_shared<const Problem>(problem));
  const std::uint32_t parent = at(slot).parent;
  free_frame(slot);
  if (at(parent).task == kNone) return raise(parent, std::move(problem));
  if (is_fork(parent)) return branch_failed(parent, std::move(problem));
  const config::TaskBody& around = task(parent).body;
  if (std::holds_alternative<config::TryBody>(around) && !at(parent).handling && !extends(parent))
    return catch_problem(parent, std::move(problem));
  return raise(parent, std::move(problem));
}

void Machine::complete(Value output) {
  const config::Definition& definition = program_.definition();
  if (definition.output_as) {
    auto transformed =
        definition.output_as->evaluate(workflow_scope(program_.used_by_output(), output));
    if (!transformed) {
      Problem problem = std::move(transformed.error());
      if (problem.where.empty()) problem.where = "/output/as";
      fault(std::move(problem));
      return;
    }
    output = std::move(*transformed);
  }
  if (auto good = conforms(definition.output_schema, output, "the workflow's output"); !good) {
    good.error().where = "/output/schema";
    fault(std::move(good.error()));
    return;
  }
  state_.output = as_recorded(std::move(output));
  end(InstanceStatus::completed);
}

void Machine::fault(Problem problem) {
  state_.problem = std::make_shared<const Problem>(std::move(problem));
  end(InstanceStatus::faulted);
}

void Machine::end(InstanceStatus status) {
  if (state_.timeout.number != 0) commands_.emplace_back(CancelTimer{state_.timeout});
  state_.timeout = {};
  state_.status = status;
  state_.ended = now_;
  state_.reached = state_.frames.empty() ? 0 : state_.frames.front().position;
  state_.frames = std::vector<Frame>();  // whose memory goes while it is in the cache
  state_.free_slots.clear();
  state_.ready.clear();
  state_.deferred.clear();
  state_.executing = 0;
  commands_.emplace_back(Ended{});
}

}  // namespace stepwell::engine
