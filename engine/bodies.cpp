// What each kind of task does when its turn comes.
#include <utility>
#include <variant>

#include "engine/machine_impl.h"

namespace stepwell::engine {

namespace {

// The names of a request's parts, which all requests share.
struct RequestNames {
  Value uri{"uri"};
  Value method{"method"};
  Value headers{"headers"};
  Value query{"query"};
  Value body{"body"};
};

// May the request be sent a second time when nobody knows what became of the first? What the author
// says, else by the method.
bool may_be_repeated(const config::HttpCallBody& call, const Value& arguments) {
  if (call.options && call.options->idempotent) return *call.options->idempotent;
  const Value& method = arguments.get("method");
  return !method.is_string() || config::is_idempotent_method(method.as_string());
}

// What is fetched, and how: {uri}, and the values of its policy.
Result<Value> resource_arguments(const config::ExternalResource& resource,
                                 const config::Scope& sight) {
  auto uri = resource.endpoint.evaluate(sight);
  if (!uri) return fail(std::move(uri.error()));
  Value arguments = Value::object({{"uri", *std::move(uri)}});
  if (resource.authentication) {
    auto added = add_authentication(arguments, *resource.authentication, sight);
    if (!added) return fail(std::move(added.error()));
  }
  return arguments;
}

}  // namespace

Status add_authentication(Value& arguments, const config::Authentication& policy,
                          const config::Scope& sight) {
  for (const auto& [name, part] : {std::pair{"username", &policy.username},
                                   {"password", &policy.password},
                                   {"token", &policy.token},
                                   {"policy", &policy.policy}}) {
    auto value = part->evaluate(sight);
    if (!value) return fail(std::move(value.error()));
    if (!value->is_null()) arguments.set(name, std::move(*value));
  }
  const bool oauth = policy.kind == config::Authentication::Kind::oauth2 ||
                     policy.kind == config::Authentication::Kind::oidc;
  if (!oauth || !policy.credential.empty()) return {};
  auto authority = policy.authority.evaluate(sight);
  if (!authority) return fail(std::move(authority.error()));
  arguments.set("authority", *std::move(authority));
  return {};
}

Next Machine::start_body(std::uint32_t slot) {
  const ProgramTask& program_task = entry(slot);
  const config::TaskBody& any = program_task.task->body;
  Frame& frame = at(slot);
  const auto finished = [slot](Value output) {
    return Next{Next::Kind::finish, slot, 0, std::move(output), nullptr};
  };
  if (const auto* set = std::get_if<config::SetBody>(&any)) {
    auto value = set->value.evaluate(scope(frame, frame.input));
    return value ? finished(std::move(*value)) : raise(slot, std::move(value.error()));
  }
  if (const auto* call = std::get_if<config::HttpCallBody>(&any)) {
    auto arguments = http_arguments(slot, *call);
    if (!arguments) return raise(slot, std::move(arguments.error()));
    const bool repeatable = may_be_repeated(*call, *arguments);
    return start_step(slot, std::move(*arguments), repeatable);
  }
  if (const auto* call = std::get_if<config::OpenApiCallBody>(&any)) {
    auto arguments = openapi_arguments(slot, *call);
    if (!arguments) return raise(slot, std::move(arguments.error()));
    // The method stands in the document, which is not known here.
    return start_step(slot, std::move(*arguments),
                      call->options.or_default().idempotent.value_or(false));
  }
  if (const auto* call = std::get_if<config::FunctionCallBody>(&any)) {
    // The function sees its arguments, and no variables of the loops around the call.
    const bool given = !call->arguments.is_constant() || !call->arguments.constant().is_null();
    if (!given) return start_list(slot, program_task.body, frame.input, {});
    auto arguments = call->arguments.evaluate(scope(frame, frame.input));
    if (!arguments) return raise(slot, std::move(arguments.error()));
    return start_list(slot, program_task.body, std::move(*arguments), {});
  }
  if (const auto* person = std::get_if<config::PersonStepBody>(&any))
    return start_person_step(slot, *person);
  if (const auto* run = std::get_if<config::RunWorkflowBody>(&any)) {
    auto input = run->input.evaluate(scope(frame, frame.input));
    if (!input) return raise(slot, std::move(input.error()));
    // The child's id follows from the idempotency key: a second start finds the first.
    return start_step(slot, std::move(*input), true);
  }
  if (const auto* run = std::get_if<config::RunProcessBody>(&any)) {
    auto arguments = run->arguments.evaluate(scope(frame, frame.input));
    if (!arguments) return raise(slot, std::move(arguments.error()));
    if (!run->await) arguments->set("input", frame.input);  // its output, as soon as it has started
    if (run->source) {
      auto source = resource_arguments(*run->source, scope(frame, frame.input));
      if (!source) return raise(slot, std::move(source.error()));
      arguments->set("source", std::move(*source));
    }
    return start_step(slot, std::move(*arguments), false);
  }
  if (std::holds_alternative<config::DoBody>(any))
    return start_list(slot, program_task.body, frame.input, frame.locals);
  if (const auto* choice = std::get_if<config::SwitchBody>(&any)) {
    for (const auto& each : choice->cases) {
      if (each.when) {
        const auto holds = each.when->evaluate(scope(frame, frame.input));
        if (!holds) return raise(slot, holds.error());
        if (!holds->truthy()) continue;
      }
      frame.directive = each.then;
      break;
    }
    return finished(frame.input);
  }
  if (const auto* loop = std::get_if<config::ForBody>(&any)) {
    auto collection = loop->in.evaluate(scope(frame, frame.input));
    if (!collection) return raise(slot, std::move(collection.error()));
    if (!collection->is_array()) {
      return raise(slot, make_problem(ErrorKind::expression, "for-in-not-array",
                                      "for.in must give an array to go through; it gave " +
                                          std::string(kind_name(*collection))));
    }
    frame.collection = std::move(*collection);
    return iterate(slot, frame.input);
  }
  if (const auto* fork = std::get_if<config::ForkBody>(&any)) return start_fork(slot, *fork);
  if (std::holds_alternative<config::TryBody>(any)) return start_attempt(slot);
  if (const auto* failure = std::get_if<config::RaiseBody>(&any)) {
    const auto error = failure->error.evaluate(scope(frame, frame.input));
    if (!error) return raise(slot, error.error());
    Problem problem = Problem::from_value(*error);
    if (problem.type.empty())
      problem = make_problem(ErrorKind::validation, "raise-invalid",
                             "raise.error must give an object with type and status");
    return raise(slot, std::move(problem));
  }
  if (const auto* emit = std::get_if<config::EmitBody>(&any)) {
    auto event = event_to_emit(slot, *emit);
    if (!event) return raise(slot, std::move(event.error()));
    commands_.emplace_back(Emit{*event});
    return finished(std::move(*event));
  }
  if (const auto* listen = std::get_if<config::ListenBody>(&any))
    return start_listen(slot, *listen);
  const auto delay = std::get<config::WaitBody>(any).duration.evaluate(scope(frame, frame.input));
  if (!delay) return raise(slot, delay.error());
  frame.phase = Frame::Phase::waiting;
  start_timer(slot, frame.timer, *delay);
  return {};
}

Next Machine::start_list(std::uint32_t slot, ListNumber list, Value input,
                         std::vector<Value> locals) {
  Frame& frame = at(slot);
  frame.phase = Frame::Phase::children;
  frame.list = list;
  frame.child_locals = std::move(locals);
  return {Next::Kind::enter, slot, 0, std::move(input), nullptr};
}

// The next round of a loop, or its end. `value` is the last iteration's output.
Next Machine::iterate(std::uint32_t slot, Value value) {
  Frame& frame = at(slot);
  const auto& loop = std::get<config::ForBody>(task(slot).body);
  if (frame.index >= frame.collection.size())
    return {Next::Kind::finish, slot, 0, std::move(value), nullptr};
  std::vector<Value> locals = frame.locals;
  locals.push_back(frame.collection.at(frame.index));
  locals.emplace_back(frame.index);
  if (loop.while_) {
    const config::Scope outside = scope(frame, value);
    variables_.insert(variables_.end(), locals.end() - 2, locals.end());
    const auto holds = loop.while_->evaluate({value, variables_, outside.context});
    if (!holds) return raise(slot, holds.error());
    if (!holds->truthy()) return {Next::Kind::finish, slot, 0, std::move(value), nullptr};
  }
  return start_list(slot, entry(slot).body, std::move(value), std::move(locals));
}

// All branches get the same input. The first one goes on at once, the others as their turn comes.
Next Machine::start_fork(std::uint32_t slot, const config::ForkBody& fork) {
  Frame& frame = at(slot);
  const auto branches = static_cast<std::uint32_t>(fork.branches.size());
  frame.running = branches;
  frame.collection = Value::array_with_room(branches);
  for (std::uint32_t i = 0; i < branches; ++i) frame.collection.push_back({});
  if (branches == 0) return {Next::Kind::finish, slot, 0, frame.collection, nullptr};
  const Value input = frame.input;
  for (std::uint32_t i = 1; i < branches; ++i)
    state_.ready.push_back({Next::Kind::enter, slot, i, input, nullptr});
  return start_list(slot, entry(slot).body, input, frame.locals);
}

Next Machine::branch_done(std::uint32_t slot, std::uint32_t branch, Value output) {
  Frame& frame = at(slot);
  --frame.running;
  if (std::get<config::ForkBody>(task(slot).body).compete) {
    cancel_below(slot);
    return {Next::Kind::finish, slot, 0, std::move(output), nullptr};
  }
  frame.collection.set(branch, std::move(output));
  if (frame.running > 0) return {};
  return {Next::Kind::finish, slot, 0, std::exchange(frame.collection, {}), nullptr};
}

// A branch that its `if` skips has not won.
Next Machine::branch_skipped(std::uint32_t slot, std::uint32_t branch, Value output) {
  if (std::get<config::ForkBody>(task(slot).body).compete && at(slot).running > 1) {
    --at(slot).running;
    return {};
  }
  return branch_done(slot, branch, std::move(output));
}

// A branch that fails ends the others and the fork; one that competes is out, and the fork fails
// with the last.
Next Machine::branch_failed(std::uint32_t slot, Problem problem) {
  Frame& frame = at(slot);
  --frame.running;
  if (frame.running > 0 && std::get<config::ForkBody>(task(slot).body).compete) return {};
  if (interrupts_unrepeatable(slot)) {
    problem.retryable = false;
    problem.detail +=
        "; a request of another branch that was under way may have been executed, so the fork is "
        "not repeated";
  }
  cancel_below(slot);
  return raise(slot, std::move(problem));
}

Next Machine::start_step(std::uint32_t slot, Value arguments, bool repeatable) {
  Frame& frame = at(slot);
  frame.phase = Frame::Phase::executing;
  frame.step = StepId{new_id(slot)};
  frame.repeatable = repeatable;
  ++state_.executing;
  commands_.emplace_back(Execute{frame.step, frame.task, attempt_of(slot), std::move(arguments),
                                 repeatable, idempotency_key(slot)});
  return {};
}

// A workflow that is not awaited: its task gives its own input.
bool Machine::outlives_its_task(std::uint32_t slot) const {
  const auto* child = std::get_if<config::RunWorkflowBody>(&task(slot).body);
  return child != nullptr && !child->await;
}

Result<Value> Machine::http_arguments(std::uint32_t slot, const config::HttpCallBody& body) {
  const Frame& frame = at(slot);
  const config::Scope sight = scope(frame, frame.input);
  static const RequestNames names;
  Value arguments = Value::object_with_room(6);
  const auto add = [&](const Value& name, const config::Template& part) -> Status {
    if (part.is_constant()) {
      if (!part.constant().is_null()) arguments.set_member(name, part.constant());
      return {};
    }
    auto value = part.evaluate(sight);
    if (!value) return fail(std::move(value.error()));
    arguments.set_member(name, std::move(*value));
    return {};
  };
  auto uri = body.endpoint.evaluate(sight);
  if (!uri) return fail(std::move(uri.error()));
  arguments.set_member(names.uri, *std::move(uri));
  for (const auto& [name, part] : {std::pair{&names.method, &body.method},
                                   {&names.headers, &body.headers},
                                   {&names.query, &body.query},
                                   {&names.body, &body.body}})
    if (auto added = add(*name, *part); !added) return fail(std::move(added.error()));
  if (body.authentication)
    if (auto added = add_authentication(arguments, *body.authentication, sight); !added)
      return fail(std::move(added.error()));
  return arguments;
}

Result<Value> Machine::openapi_arguments(std::uint32_t slot, const config::OpenApiCallBody& body) {
  const Frame& frame = at(slot);
  const config::Scope sight = scope(frame, frame.input);
  auto document = body.document.endpoint.evaluate(sight);
  if (!document) return fail(std::move(document.error()));
  auto operation = body.operation.evaluate(sight);
  if (!operation) return fail(std::move(operation.error()));
  auto parameters = body.parameters.evaluate(sight);
  if (!parameters) return fail(std::move(parameters.error()));
  Value arguments = Value::object({{"document", *std::move(document)},
                                   {"operationId", std::move(*operation)},
                                   {"parameters", std::move(*parameters)}});
  const auto add = [&](const char* name,
                       const config::Boxed<config::Authentication>& policy) -> Status {
    if (!policy) return {};
    Value values = Value::object();
    if (auto added = add_authentication(values, *policy, sight); !added) return added;
    arguments.set(name, std::move(values));
    return {};
  };
  if (auto added = add("authentication", body.authentication); !added)
    return fail(std::move(added.error()));
  if (auto added = add("documentAuthentication", body.document.authentication); !added)
    return fail(std::move(added.error()));
  return arguments;
}

// The same for the same step of the same instance, however often it is repeated: the instance's
// trace id and, from the workflow down, each task's number and its place among its siblings.
std::string Machine::idempotency_key(std::uint32_t slot) const {
  std::string path;
  for (std::uint32_t up = slot; at(up).task != kNone; up = at(up).parent)
    path.insert(0, "-" + std::to_string(at(up).task) + "." + std::to_string(at(up).ordinal));
  return state_.trace_id + path;
}

}  // namespace stepwell::engine
