#include "tests/config/mutation.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepwell::config {

namespace {

// Distributions of the standard library differ between machines.
std::size_t below(std::mt19937_64& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % bound);
}

// Scalars, objects and arrays below a value, itself included.
std::size_t parts_of(const Value& value) {
  std::size_t parts = 1;
  for (const Value& element : value.elements()) parts += parts_of(element);
  for (const Value::Member& member : value.members()) parts += parts_of(member.value);
  return parts;
}

Value without(const Value& value, std::size_t index) {
  Value out = value.is_array() ? Value::array() : Value::object();
  for (std::size_t i = 0; i < value.elements().size(); ++i)
    if (i != index) out.push_back(value.at(i));
  for (std::size_t i = 0; i < value.members().size(); ++i)
    if (i != index) out.set_member(value.members()[i].key, value.members()[i].value);
  return out;
}

Value with_part(const Value& value, std::size_t index, Value part) {
  Value out = value;
  if (value.is_array())
    out.set(index, std::move(part));
  else
    out.set(value.members()[index].name(), std::move(part));
  return out;
}

void add_smaller(const Value& value, std::vector<Value>& out) {
  const std::size_t count = std::max(value.elements().size(), value.members().size());
  for (std::size_t i = 0; i < count; ++i) out.push_back(without(value, i));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Value> parts;
    add_smaller(value.is_array() ? value.at(i) : value.members()[i].value, parts);
    for (Value& part : parts) out.push_back(with_part(value, i, std::move(part)));
  }
}

}  // namespace

Mutator::Mutator(const std::vector<Value>& corpus) {
  for (const Value& definition : corpus) learn(definition);
}

void Mutator::learn(const Value& value) {
  for (const Value& element : value.elements()) learn(element);
  for (const Value::Member& member : value.members()) {
    members_.push_back(member);
    learn(member.value);
  }
}

Value Mutator::mutated(const Value& definition, std::uint64_t seed) const {
  Random random(seed * 0x9E3779B97F4A7C15U + 1);
  Value out = definition;
  const std::size_t times = 1 + below(random, 8) / 5 + below(random, 8) / 7;
  for (std::size_t i = 0; i < times; ++i) out = changed(out, random);
  return out;
}

// Small objects far down are more interesting than one text among many: each part is as likely.
Value Mutator::changed(const Value& value, Random& random) const {
  return changed_at(value, below(random, parts_of(value)), random);
}

Value Mutator::changed_at(const Value& value, std::size_t index, Random& random) const {
  if (index == 0) return changed_here(value, random);
  --index;
  const std::size_t count = std::max(value.elements().size(), value.members().size());
  for (std::size_t i = 0; i < count; ++i) {
    const Value& part = value.is_array() ? value.at(i) : value.members()[i].value;
    const std::size_t parts = parts_of(part);
    if (index < parts) return with_part(value, i, changed_at(part, index, random));
    index -= parts;
  }
  return value;
}

Value Mutator::changed_here(const Value& value, Random& random) const {
  switch (below(random, 8)) {
    case 0:
      return other_value(random);
    case 1:
      return Value::array({value});
    case 2:
      return members_[below(random, members_.size())].value;
    default:
      break;
  }
  if (value.is_object()) return changed_object(value, random);
  if (value.is_array()) return changed_array(value, random);
  if (value.is_string()) return changed_text(value, random);
  return other_value(random);
}

Value Mutator::other_value(Random& random) const {
  static const std::array<Value, 20> kValues{Value(),
                                             Value(true),
                                             Value(false),
                                             Value(0),
                                             Value(-1),
                                             Value(42),
                                             Value(1.5),
                                             Value(1e6),
                                             Value(404),
                                             Value(""),
                                             Value("text"),
                                             Value(" ${ .a } "),
                                             Value(".a | .b"),
                                             Value("PT5S"),
                                             Value("https://example.com/{id}"),
                                             Value::array(),
                                             Value::array({Value("a"), Value(1)}),
                                             Value::object(),
                                             Value::object({{"a", Value(1)}}),
                                             Value::object({{"use", Value("x")}})};
  return kValues[below(random, kValues.size())];
}

Value Mutator::changed_object(const Value& object, Random& random) const {
  const Value::Member& learnt = members_[below(random, members_.size())];
  Value out = object;
  if (object.empty() || below(random, 6) == 0) {
    out.set_member(learnt.key, learnt.value);
    return out;
  }
  const std::size_t index = below(random, object.members().size());
  const Value::Member& member = object.members()[index];
  switch (below(random, 6)) {
    case 0:
      out.set("bogus", other_value(random));
      return out;
    case 1:  // a slip
      out = without(object, index);
      out.set(std::string(member.name()) + "s", member.value);
      return out;
    case 2:
      out = without(object, index);
      out.set_member(learnt.key, member.value);
      return out;
    case 3: {  // what stands under the same keyword elsewhere
      std::vector<const Value*> others;
      for (const Value::Member& other : members_)
        if (other.name() == member.name()) others.push_back(&other.value);
      if (others.empty()) return without(object, index);
      return with_part(object, index, *others[below(random, others.size())]);
    }
    default:
      return without(object, index);
  }
}

Value Mutator::changed_array(const Value& array, Random& random) const {
  if (array.empty()) return Value::array({other_value(random)});
  const std::size_t index = below(random, array.size());
  Value out = array;
  switch (below(random, 4)) {
    case 0:
      out.push_back(array.at(index));
      return out;
    case 1:
      return array.at(index);  // the list is left out
    case 2:
      out.push_back(other_value(random));
      return out;
    default:
      return without(array, index);
  }
}

Value Mutator::changed_text(const Value& text, Random& random) const {
  const std::string_view was = text.as_string();
  switch (below(random, 6)) {
    case 0:
      return Value("${ " + std::string(was) + " }");
    case 1:
      return Value(std::string(was) + "x");
    case 2:
      return Value(was.substr(0, was.size() / 2));
    case 3:
      return Value(std::string(was) + " ");
    default:
      return other_value(random);
  }
}

std::vector<Value> smaller(const Value& definition) {
  std::vector<Value> out;
  add_smaller(definition, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Value& a, const Value& b) { return a.weight() < b.weight(); });
  return out;
}

}  // namespace stepwell::config
