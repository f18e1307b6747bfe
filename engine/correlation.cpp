#include "engine/correlation.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::engine {

namespace {

using config::EventFilter;
using config::EventStrategy;

// An object's members must be there, with these values; all else must be equal.
bool contains_value(const Value& wanted, const Value& actual) {
  if (!wanted.is_object()) return wanted == actual;
  if (!actual.is_object()) return false;
  const auto members = wanted.members();
  return std::all_of(members.begin(), members.end(), [&actual](const Value::Member& member) {
    const Value* found = actual.find(member.name());
    return found != nullptr && contains_value(member.value, *found);
  });
}

}  // namespace

Value read_event(const Value& event, config::ListenBody::Read read) {
  using Read = config::ListenBody::Read;
  if (read == Read::envelope) return event;
  const Value* binary = event.find("data_base64");
  const Value& data = binary != nullptr ? *binary : event.get("data");
  if (read == Read::data || binary != nullptr || data.is_null()) return data;
  return to_base64(data.is_string() ? std::string(data.as_string()) : to_json(data));
}

bool has_enough_events(const EventStrategy& strategy, const Consumption& progress) {
  if (strategy.kind != EventStrategy::Kind::all) return progress.count > 0;
  return progress.matched.size() == strategy.filters.size() &&
         std::all_of(progress.matched.begin(), progress.matched.end(),
                     [](bool done) { return done; });
}

bool EventMatcher::consume(const EventStrategy& strategy, Consumption& progress,
                           const Value& event) const {
  const auto filter = filter_for(strategy, progress, event);
  if (!filter) return false;
  ++progress.count;
  progress.matched.resize(strategy.filters.size());
  if (*filter >= strategy.filters.size()) return true;
  progress.matched[*filter] = true;
  for (const EventFilter::Correlation& correlation : strategy.filters[*filter].correlations) {
    if (progress.keys.contains(correlation.key)) continue;
    if (auto value = correlation.from.evaluate(scope_(event)))
      progress.keys.set(correlation.key, std::move(*value));
  }
  return true;
}

// The filter that the event meets and that is still waiting; the count of filters where every event
// is welcome.
std::optional<std::size_t> EventMatcher::filter_for(const EventStrategy& strategy,
                                                    const Consumption& progress,
                                                    const Value& event) const {
  if (strategy.kind == EventStrategy::Kind::any && strategy.filters.empty()) return 0;
  for (std::size_t i = 0; i < strategy.filters.size(); ++i) {
    const bool taken = strategy.kind == EventStrategy::Kind::all && i < progress.matched.size() &&
                       progress.matched[i];
    if (!taken && meets(strategy.filters[i], progress, event)) return i;
  }
  return std::nullopt;
}

// An expression that fails on an event does not meet it.
bool EventMatcher::meets(const EventFilter& filter, const Consumption& progress,
                         const Value& event) const {
  for (const EventFilter::Attribute& attribute : filter.attributes) {
    const Value& actual = event.get(attribute.name);
    const auto wanted = attribute.value.evaluate(scope_(actual));
    if (!wanted) return false;
    const bool verdict = !attribute.value.is_constant() && wanted->is_bool();
    if (verdict ? wanted->as_bool() : contains_value(*wanted, actual)) continue;
    if (!attribute.pattern) return false;
    const auto fits = attribute.pattern->evaluate(scope_(actual));
    if (!fits || !fits->truthy()) return false;
  }
  for (const EventFilter::Correlation& correlation : filter.correlations) {
    const auto value = correlation.from.evaluate(scope_(event));
    if (!value || value->is_null()) return false;
    if (correlation.expect) {
      const auto expected = correlation.expect->evaluate(scope_(own_));
      if (!expected || *expected != *value) return false;
    } else if (const Value* first = progress.keys.find(correlation.key);
               first != nullptr && *first != *value) {
      return false;
    }
  }
  return true;
}

}  // namespace stepwell::engine
