#include "engine/event_sieve.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <string_view>

namespace stepwell::engine {

namespace {

std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) {
  seed ^= number + 0x9E3779B97F4A7C15U + (seed << 6U) + (seed >> 2U);
  return seed * 0xBF58476D1CE4E5B9U;
}

// Values that are equal have the same one: an object's members in any order, a number in any form.
std::uint64_t hash_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return 1;
    case Value::Kind::boolean:
      return value.as_bool() ? 2 : 3;
    case Value::Kind::number: {
      const double number = value.as_double();
      return mixed(4, std::hash<double>{}(number == 0 ? 0.0 : number));
    }
    case Value::Kind::string:
      return mixed(5, std::hash<std::string_view>{}(value.as_string()));
    case Value::Kind::array: {
      std::uint64_t hash = 6;
      for (const Value& element : value.elements()) hash = mixed(hash, hash_of(element));
      return hash;
    }
    case Value::Kind::object: {
      std::uint64_t sum = 7;
      for (const Value::Member& member : value.members())
        sum += mixed(std::hash<std::string_view>{}(member.name()), hash_of(member.value));
      return sum;
    }
  }
  return 0;
}

bool looks_at_the_event_alone(const config::Expression& expression, std::size_t variables) {
  for (std::size_t variable = 0; variable < variables; ++variable)
    if (expression.uses(variable)) return false;
  return true;
}

bool names_the_time(std::string_view text) {
  constexpr std::string_view kNow = "now";
  const auto part_of_name = [text](std::size_t at) {
    return std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_';
  };
  for (std::size_t at = text.find(kNow); at != std::string_view::npos;
       at = text.find(kNow, at + 1)) {
    const std::size_t end = at + kNow.size();
    if ((at == 0 || !part_of_name(at - 1)) && (end == text.size() || !part_of_name(end)))
      return true;
  }
  return false;
}

// What depends on the time is another thing at another moment.
bool tells_the_time(const Value& definition) {
  if (definition.is_string()) return names_the_time(definition.as_string());
  const auto elements = definition.elements();
  const auto members = definition.members();
  return std::any_of(elements.begin(), elements.end(), tells_the_time) ||
         std::any_of(members.begin(), members.end(), [](const Value::Member& member) {
           return names_the_time(member.name()) || tells_the_time(member.value);
         });
}

}  // namespace

std::shared_ptr<const EventSieve> EventSieve::make(std::shared_ptr<const Program> program,
                                                   TaskNumber task, std::size_t variables) {
  const config::Task& listening = *program->task(task).task;
  const auto* body = std::get_if<config::ListenBody>(&listening.body);
  if (body == nullptr || body->to.until_events || body->to.filters.size() != 1 ||
      tells_the_time(listening.definition))
    return nullptr;
  std::vector<const Correlation*> correlations;
  for (const Correlation& correlation : body->to.filters.front().correlations)
    if (looks_at_the_event_alone(correlation.from, variables)) correlations.push_back(&correlation);
  if (correlations.empty()) return nullptr;
  return std::shared_ptr<const EventSieve>(
      new EventSieve(std::move(program), std::move(correlations), variables));
}

std::optional<EventSieve::Key> EventSieve::key_of(const Value& event) const {
  std::vector<Value> values;
  values.reserve(correlations_.size());
  for (const Correlation* correlation : correlations_) {
    Result<Value> value =
        correlation->from.evaluate({event, variables_, {WallTime{}, program_->budget()}});
    if (!value || value->is_null()) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return key_of(values);
}

EventSieve::Key EventSieve::key_of(const std::vector<Value>& expected) {
  Key key = 0;
  for (const Value& value : expected) key = mixed(key, hash_of(value));
  return key;
}

}  // namespace stepwell::engine
