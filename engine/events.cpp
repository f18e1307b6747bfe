// `emit` and `listen`: which events an instance consumes, and what becomes of them.
#include <algorithm>
#include <utility>

#include "engine/event_bus.h"
#include "engine/machine_impl.h"
#include "engine/odd_numbers.h"

namespace stepwell::engine {

// --- emit ---

Result<Value> Machine::event_to_emit(std::uint32_t slot, const config::EmitBody& body) {
  const Frame& frame = at(slot);
  auto event = body.event.evaluate(scope(frame, frame.input));
  if (!event) return event;
  const Value& type = event->get("type");
  if (!type.is_string() || type.empty())
    return fail(make_problem(ErrorKind::validation, "event-invalid",
                             "an event needs a `type`, which is a text that is not empty"));
  if (type.as_string().starts_with(EventBus::kLifecyclePrefix))
    return fail(make_problem(ErrorKind::validation, "event-invalid",
                             "only the engine itself tells of the life of instances and tasks"));
  // What CloudEvents 1.0 §3.1 requires and the author left out. The id stays the same where a
  // retried task emits its event again.
  const config::Definition& definition = program_.definition();
  if (event->get("specversion").is_null()) event->set("specversion", "1.0");
  if (event->get("id").is_null()) event->set("id", idempotency_key(slot));
  if (event->get("source").is_null())
    event->set("source", "/" + definition.namespace_ + "/" + definition.name + "/" +
                             std::to_string(state_.id.number));
  if (event->get("time").is_null()) event->set("time", format_time(now_));
  return event;
}

// --- listen ---

Next Machine::start_listen(std::uint32_t slot, const config::ListenBody& body) {
  Frame& frame = at(slot);
  frame.phase = Frame::Phase::listening;
  frame.listening = std::make_unique<Listening>();
  frame.listening->id = ListenerId{new_id(slot)};
  frame.listening->consumed = Value::array();
  frame.children = 0;
  if (has_enough_events(body.to, frame.listening->progress)) return stop_listening(slot);
  commands_.emplace_back(Listen{frame.listening->id, config::event_types(body.to)});
  return {};
}

Next Machine::stop_listening(std::uint32_t slot) {
  Value consumed = std::move(at(slot).listening->consumed);
  cancel_listening(slot, true);
  at(slot).phase = Frame::Phase::children;
  return {Next::Kind::finish, slot, 0, std::move(consumed), nullptr};
}

void Machine::cancel_listening(std::uint32_t slot, bool completed) {
  Frame& frame = at(slot);
  if (frame.listening == nullptr) return;
  commands_.emplace_back(Unlisten{frame.listening->id, frame.listening->progress.keys, completed});
  frame.listening.reset();
}

void Machine::event_received(EventReceived event) {
  const auto slot = static_cast<std::uint32_t>(event.listener.number & 0xffffffU);
  if (slot >= state_.frames.size()) return;
  Frame& frame = at(slot);
  if (frame.listening == nullptr || frame.listening->id != event.listener) return;
  frame.listening->backlog.push_back(as_recorded(std::move(event.event)));
  if (frame.phase == Frame::Phase::listening) run(take_events(slot));
}

bool Machine::awaits(ListenerId listener, const Value& event) {
  const auto slot = static_cast<std::uint32_t>(listener.number & 0xffffffU);
  if (slot >= state_.frames.size() || at(slot).listening == nullptr) return false;
  const Listening& listening = *at(slot).listening;
  if (listening.id != listener) return false;
  const config::EventStrategy& to = std::get<config::ListenBody>(task(slot).body).to;
  const EventMatcher of = matcher(slot);
  if (to.until_events && of.awaits(*to.until_events, listening.until, event)) return true;
  return of.awaits(to, listening.progress, event);
}

TaskNumber listening_task(const State& state, ListenerId listener) {
  const auto slot = static_cast<std::uint32_t>(listener.number & 0xffffffU);
  if (slot >= state.frames.size() || state.frames[slot].listening == nullptr ||
      state.frames[slot].listening->id != listener)
    return kNone;
  return state.frames[slot].task;
}

std::optional<EventSieve::Key> Machine::key_of(ListenerId listener, const EventSieve& sieve) {
  if (listening_task(state_, listener) == kNone) return std::nullopt;
  const auto slot = static_cast<std::uint32_t>(listener.number & 0xffffffU);
  const Value own = at(slot).input;
  std::vector<Value> expected;
  for (const EventSieve::Correlation* correlation : sieve.correlations()) {
    if (correlation->expect) {
      auto value = correlation->expect->evaluate(scope(at(slot), own));
      if (!value) return std::nullopt;
      expected.push_back(std::move(*value));
    } else if (const Value* first = at(slot).listening->progress.keys.find(correlation->key)) {
      expected.push_back(*first);
    } else {
      return std::nullopt;
    }
  }
  return EventSieve::key_of(expected);
}

// Consumes what has come, one event after the other, until a round begins or all are consumed.
Next Machine::take_events(std::uint32_t slot) {
  const auto& body = std::get<config::ListenBody>(task(slot).body);
  Listening& listening = *at(slot).listening;
  while (!listening.backlog.empty()) {
    const Value event = std::move(listening.backlog.front());
    listening.backlog.pop_front();
    if (body.to.until_events &&
        matcher(slot).consume(*body.to.until_events, listening.until, event)) {
      if (has_enough_events(*body.to.until_events, listening.until)) return stop_listening(slot);
      continue;
    }
    if (!matcher(slot).consume(body.to, listening.progress, event)) continue;
    Value item = read_event(event, body.read);
    if (body.has_foreach) {
      at(slot).child_locals = at(slot).locals;
      at(slot).child_locals.push_back(item);
      at(slot).child_locals.emplace_back(listening.consumed.size());
      if (!body.tasks.empty())
        return start_list(slot, entry(slot).body, at(slot).input, std::move(at(slot).child_locals));
    }
    auto enough = keep_event(slot, body, std::move(item));
    if (!enough) return failed_to_listen(slot, std::move(enough.error()));
    if (*enough) return stop_listening(slot);
  }
  return {};
}

// The tasks for one event are done.
Next Machine::round_done(std::uint32_t slot, Value output) {
  at(slot).phase = Frame::Phase::listening;
  auto enough = keep_event(slot, std::get<config::ListenBody>(task(slot).body), std::move(output));
  if (!enough) return failed_to_listen(slot, std::move(enough.error()));
  return *enough ? stop_listening(slot) : take_events(slot);
}

// From here on no event begins a round any more, also where the error has to wait for its turn.
Next Machine::failed_to_listen(std::uint32_t slot, Problem problem) {
  cancel_listening(slot);
  at(slot).phase = Frame::Phase::children;
  return raise(slot, std::move(problem));
}

// What became of one event goes into the output; true where that was the last one.
Result<bool> Machine::keep_event(std::uint32_t slot, const config::ListenBody& body, Value output) {
  const auto evaluate = [&](const config::Template& part) {
    const Value input = output;
    const config::Scope outer = scope(at(slot), input, &output);
    const auto& locals = at(slot).child_locals;
    variables_.insert(variables_.end(), locals.end() - 2, locals.end());
    return part.evaluate({input, variables_, outer.context});
  };
  if (body.foreach_output_as) {
    auto transformed = evaluate(*body.foreach_output_as);
    if (!transformed) return fail(std::move(transformed.error()));
    output = std::move(*transformed);
  }
  if (auto good = conforms(body.foreach_schemas.or_default().output, output,
                           "the output of an event's round");
      !good)
    return fail(std::move(good.error()));
  if (body.foreach_export_as) {
    auto context = evaluate(*body.foreach_export_as);
    if (!context) return fail(std::move(context.error()));
    if (auto good =
            conforms(body.foreach_schemas.or_default().context, *context, "the exported context");
        !good)
      return fail(std::move(good.error()));
    state_.context = std::move(*context);
  }
  at(slot).listening->consumed.push_back(std::move(output));
  return enough_events(slot, body);
}

Result<bool> Machine::enough_events(std::uint32_t slot, const config::ListenBody& body) {
  const Listening& listening = *at(slot).listening;
  if (body.to.until_events) return false;
  if (!body.to.until) return has_enough_events(body.to, listening.progress);
  const Value consumed = listening.consumed;
  const auto holds = body.to.until->evaluate(scope(at(slot), consumed));
  if (!holds) return fail(holds.error());
  return holds->truthy();
}

EventMatcher Machine::matcher(std::uint32_t slot) {
  return {[this, slot](const Value& input) { return scope(at(slot), input); }, at(slot).input};
}

}  // namespace stepwell::engine
