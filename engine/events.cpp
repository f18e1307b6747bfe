// `emit` and `listen`: which events an instance consumes, and what becomes of them.
#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "engine/event_bus.h"
#include "engine/machine_impl.h"

namespace stepwell::engine {

namespace {

using config::EventFilter;
using config::EventStrategy;

// An object's members must be there, with these values; all else must be equal.
bool matches(const Value& wanted, const Value& actual) {
  if (!wanted.is_object()) return wanted == actual;
  if (!actual.is_object()) return false;
  const auto members = wanted.members();
  return std::all_of(members.begin(), members.end(), [&actual](const Value::Member& member) {
    const Value* found = actual.find(member.name());
    return found != nullptr && matches(member.value, *found);
  });
}

Value read_event(const Value& event, config::ListenBody::Read read) {
  using Read = config::ListenBody::Read;
  if (read == Read::envelope) return event;
  const Value* binary = event.find("data_base64");
  const Value& data = binary != nullptr ? *binary : event.get("data");
  if (read == Read::data || binary != nullptr || data.is_null()) return data;
  return to_base64(data.is_string() ? std::string(data.as_string()) : to_json(data));
}

}  // namespace

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
  if (listened_enough(body.to, frame.listening->progress)) return stop_listening(slot);
  commands_.emplace_back(Listen{frame.listening->id, config::event_types(body.to)});
  return {};
}

Next Machine::stop_listening(std::uint32_t slot) {
  Value consumed = std::move(at(slot).listening->consumed);
  cancel_listening(slot);
  at(slot).phase = Frame::Phase::children;
  return {Next::Kind::finish, slot, 0, std::move(consumed), nullptr};
}

void Machine::cancel_listening(std::uint32_t slot) {
  Frame& frame = at(slot);
  if (frame.listening == nullptr) return;
  commands_.emplace_back(Unlisten{frame.listening->id, frame.listening->progress.keys});
  frame.listening.reset();
}

void Machine::event_received(EventReceived event) {
  const auto slot = static_cast<std::uint32_t>(event.listener.number & 0xffffffU);
  if (slot >= state_.frames.size()) return;
  Frame& frame = at(slot);
  if (frame.listening == nullptr || frame.listening->id != event.listener) return;
  frame.listening->backlog.push_back(std::move(event.event));
  if (frame.phase == Frame::Phase::listening) run(take_events(slot));
}

bool Machine::awaits(ListenerId listener, const Value& event) {
  const auto slot = static_cast<std::uint32_t>(listener.number & 0xffffffU);
  if (slot >= state_.frames.size() || at(slot).listening == nullptr) return false;
  const Listening& listening = *at(slot).listening;
  if (listening.id != listener) return false;
  const EventStrategy& to = std::get<config::ListenBody>(task(slot).body).to;
  if (to.until_events && filter_for(slot, *to.until_events, listening.until, event)) return true;
  return filter_for(slot, to, listening.progress, event).has_value();
}

// Consumes what has come, one event after the other, until a round begins or all are consumed.
Next Machine::take_events(std::uint32_t slot) {
  const auto& body = std::get<config::ListenBody>(task(slot).body);
  Listening& listening = *at(slot).listening;
  while (!listening.backlog.empty()) {
    const Value event = std::move(listening.backlog.front());
    listening.backlog.pop_front();
    if (body.to.until_events && consume(slot, *body.to.until_events, listening.until, event)) {
      if (listened_enough(*body.to.until_events, listening.until)) return stop_listening(slot);
      continue;
    }
    if (!consume(slot, body.to, listening.progress, event)) continue;
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
  if (body.foreach_export_as) {
    auto context = evaluate(*body.foreach_export_as);
    if (!context) return fail(std::move(context.error()));
    state_.context = std::move(*context);
  }
  at(slot).listening->consumed.push_back(std::move(output));
  return enough_events(slot, body);
}

Result<bool> Machine::enough_events(std::uint32_t slot, const config::ListenBody& body) {
  const Listening& listening = *at(slot).listening;
  if (body.to.until_events) return false;
  if (!body.to.until) return listened_enough(body.to, listening.progress);
  const Value consumed = listening.consumed;
  const auto holds = body.to.until->evaluate(scope(at(slot), consumed));
  if (!holds) return fail(holds.error());
  return holds->truthy();
}

// By the events alone: one, any one, or all of them.
bool Machine::listened_enough(const EventStrategy& strategy, const Consumption& progress) {
  if (strategy.kind != EventStrategy::Kind::all) return progress.count > 0;
  return progress.matched.size() == strategy.filters.size() &&
         std::all_of(progress.matched.begin(), progress.matched.end(),
                     [](bool done) { return done; });
}

// Takes the event where the strategy is waiting for it.
bool Machine::consume(std::uint32_t slot, const EventStrategy& strategy, Consumption& progress,
                      const Value& event) {
  const auto filter = filter_for(slot, strategy, progress, event);
  if (!filter) return false;
  ++progress.count;
  progress.matched.resize(strategy.filters.size());
  if (*filter < strategy.filters.size()) {
    progress.matched[*filter] = true;
    for (auto& [key, value] : correlation_keys(slot, strategy.filters[*filter], event))
      if (!progress.keys.contains(key)) progress.keys.set(key, std::move(value));
  }
  return true;
}

// The filter that the event meets and that is still waiting; the count of filters where every event
// is welcome.
std::optional<std::size_t> Machine::filter_for(std::uint32_t slot, const EventStrategy& strategy,
                                               const Consumption& progress, const Value& event) {
  if (strategy.kind == EventStrategy::Kind::any && strategy.filters.empty()) return 0;
  for (std::size_t i = 0; i < strategy.filters.size(); ++i) {
    const bool taken = strategy.kind == EventStrategy::Kind::all && i < progress.matched.size() &&
                       progress.matched[i];
    if (!taken && meets(slot, strategy.filters[i], progress, event)) return i;
  }
  return std::nullopt;
}

// An expression that fails on an event does not meet it.
bool Machine::meets(std::uint32_t slot, const EventFilter& filter, const Consumption& progress,
                    const Value& event) {
  for (const EventFilter::Attribute& attribute : filter.attributes) {
    const Value& actual = event.get(attribute.name);
    const auto wanted = attribute.value.evaluate(scope(at(slot), actual));
    if (!wanted) return false;
    const bool verdict = !attribute.value.is_constant() && wanted->is_bool();
    if (verdict ? wanted->as_bool() : matches(*wanted, actual)) continue;
    if (!attribute.pattern) return false;
    const auto fits = attribute.pattern->evaluate(scope(at(slot), actual));
    if (!fits || !fits->truthy()) return false;
  }
  for (const EventFilter::Correlation& correlation : filter.correlations) {
    const auto value = correlation.from.evaluate(scope(at(slot), event));
    if (!value || value->is_null()) return false;
    if (correlation.expect) {
      const auto expected = correlation.expect->evaluate(scope(at(slot), at(slot).input));
      if (!expected || *expected != *value) return false;
    } else if (const Value* first = progress.keys.find(correlation.key);
               first != nullptr && *first != *value) {
      return false;
    }
  }
  return true;
}

std::vector<std::pair<std::string, Value>> Machine::correlation_keys(std::uint32_t slot,
                                                                     const EventFilter& filter,
                                                                     const Value& event) {
  std::vector<std::pair<std::string, Value>> keys;
  for (const EventFilter::Correlation& correlation : filter.correlations)
    if (auto value = correlation.from.evaluate(scope(at(slot), event)))
      keys.emplace_back(correlation.key, std::move(*value));
  return keys;
}

}  // namespace stepwell::engine
