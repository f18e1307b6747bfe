#include "tests/config/official_schema.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stepwell::config {

namespace {

bool is_of_type(std::string_view type, const Value& value) {
  if (type == "integer")
    return value.is_number() && std::trunc(value.as_double()) == value.as_double();
  return kind_name(value) == type;
}

}  // namespace

OfficialSchema::OfficialSchema(Value document) : document_(std::move(document)) {
  root_ = make(document_);
}

const Value& OfficialSchema::at(std::string_view pointer) const {
  const Value* value = &document_;
  pointer.remove_prefix(1);  // the #
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    value = &value->get(pointer.substr(0, end));
    pointer.remove_prefix(end);
  }
  return *value;
}

const OfficialSchema::Node* OfficialSchema::make(const Value& schema) {
  const void* key = schema.members().data();
  if (const auto found = made_.find(key); found != made_.end() && !schema.empty())
    return found->second;
  Node& node = nodes_.emplace_back();
  if (!schema.empty()) made_[key] = &node;
  read(schema, node);
  return &node;
}

std::vector<const OfficialSchema::Node*> OfficialSchema::make_all(const Value& schemas) {
  std::vector<const Node*> made;
  for (const Value& schema : schemas.elements()) made.push_back(make(schema));
  return made;
}

void OfficialSchema::read(const Value& schema, Node& node) {
  if (schema.is_bool()) {
    node.never = !schema.as_bool();
    return;
  }
  for (const Value::Member& member : schema.members())
    read_keyword(member.name(), member.value, node);
}

void OfficialSchema::read_keyword(std::string_view name, const Value& argument, Node& node) {
  const auto count = [&] { return static_cast<std::size_t>(argument.int64()); };
  if (name == "type") {
    node.type = argument.as_string();
  } else if (name == "enum") {
    node.one_of = argument;
  } else if (name == "const") {
    node.one_of = Value::array({argument});
  } else if (name == "pattern") {
    auto pattern = expression::Pattern::compile(argument.as_string());
    if (pattern)
      node.pattern = std::move(*pattern);
    else
      unknown_.push_back("pattern " + std::string(argument.as_string()));
  } else if (name == "minimum") {
    node.minimum = argument.as_double();
  } else if (name == "maximum") {
    node.maximum = argument.as_double();
  } else if (name == "minLength") {
    node.min_length = count();
  } else if (name == "minItems") {
    node.min_items = count();
  } else if (name == "minProperties") {
    node.min_properties = count();
  } else if (name == "maxProperties") {
    node.max_properties = count();
  } else if (name == "required") {
    for (const Value& one : argument.elements()) node.required.emplace_back(one.as_string());
  } else if (name == "dependentRequired") {
    node.dependent_required = argument;
  } else if (name == "properties") {
    for (const Value::Member& one : argument.members())
      node.properties[std::string(one.name())] = make(one.value);
  } else if (name == "additionalProperties") {
    node.additional = make(argument);
  } else if (name == "items") {
    node.items = make(argument);
  } else if (name == "unevaluatedProperties") {
    node.closed = !argument.as_bool();
  } else if (name == "$ref") {
    node.reference = make(at(argument.as_string()));
  } else if (name == "allOf") {
    node.all_of = make_all(argument);
  } else if (name == "anyOf") {
    node.any_of = make_all(argument);
  } else if (name == "oneOf") {
    node.just_one_of = make_all(argument);
  } else if (name == "not") {
    node.none_of = make(argument);
  } else if (name == "if") {
    node.condition = make(argument);
  } else if (name == "then") {
    node.consequence = make(argument);
  } else if (name == "else") {
    node.otherwise = make(argument);
  } else if (name != "title" && name != "description" && name != "default" && name != "format" &&
             name != "$id" && name != "$schema" && name != "$defs") {
    unknown_.emplace_back(name);
  }
}

bool OfficialSchema::accepts(const Value& definition) const {
  Seen seen(definition.members().size());
  return holds(*root_, definition, seen);
}

// What is quick comes first: most alternatives of a `oneOf` end there.
bool OfficialSchema::holds(const Node& node, const Value& value, Seen& seen) const {
  if (node.never || !scalar_holds(node, value)) return false;
  for (const std::string& name : node.required)
    if (value.is_object() && !value.contains(name)) return false;
  if (!combined_hold(node, value, seen)) return false;
  if (value.is_object()) return members_hold(node, value, seen);
  if (node.items == nullptr) return true;
  return std::all_of(value.elements().begin(), value.elements().end(), [&](const Value& element) {
    Seen below(element.members().size());
    return holds(*node.items, element, below);
  });
}

bool OfficialSchema::scalar_holds(const Node& node, const Value& value) const {
  if (!node.type.empty() && !is_of_type(node.type, value)) return false;
  const auto wanted = node.one_of.elements();
  if (node.one_of.is_array() && std::find(wanted.begin(), wanted.end(), value) == wanted.end())
    return false;
  if (value.is_string()) {
    if (value.size() < node.min_length) return false;  // only ever 1: bytes will do
    if (node.pattern)
      return node.pattern->matches(value.as_string(), std::chrono::milliseconds(1000))
          .value_or(false);
  }
  if (value.is_number())
    return (!node.minimum || value.as_double() >= *node.minimum) &&
           (!node.maximum || value.as_double() <= *node.maximum);
  if (value.is_array()) return value.size() >= node.min_items;
  if (value.is_object())
    return value.size() >= node.min_properties && value.size() <= node.max_properties;
  return true;
}

bool OfficialSchema::combined_hold(const Node& node, const Value& value, Seen& seen) const {
  // Members that a schema which does not hold has looked at stay unseen.
  const auto tried = [&](const Node& other) {
    Seen own(seen.size());
    if (!holds(other, value, own)) return false;
    for (std::size_t i = 0; i < own.size(); ++i)
      if (own[i]) seen[i] = true;
    return true;
  };
  if (node.reference != nullptr && !tried(*node.reference)) return false;
  for (const Node* one : node.all_of)
    if (!tried(*one)) return false;
  const auto holding = [&](const std::vector<const Node*>& schemas) {
    return std::count_if(schemas.begin(), schemas.end(),
                         [&](const Node* one) { return tried(*one); });
  };
  if (!node.any_of.empty() && holding(node.any_of) == 0) return false;
  if (!node.just_one_of.empty() && holding(node.just_one_of) != 1) return false;
  if (node.none_of != nullptr) {
    Seen own(seen.size());
    if (holds(*node.none_of, value, own)) return false;
  }
  if (node.condition == nullptr) return true;
  const Node* next = tried(*node.condition) ? node.consequence : node.otherwise;
  return next == nullptr || tried(*next);
}

bool OfficialSchema::members_hold(const Node& node, const Value& value, Seen& seen) const {
  const auto members = value.members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Value::Member& member = members[i];
    const auto known = node.properties.find(member.name());
    const Node* schema = known != node.properties.end() ? known->second : node.additional;
    Seen below(member.value.members().size());
    if (schema != nullptr && !holds(*schema, member.value, below)) return false;
    if (schema != nullptr) seen[i] = true;
  }
  for (const Value::Member& one : node.dependent_required.members())
    for (const Value& name : one.value.elements())
      if (value.contains(one.name()) && !value.contains(name.as_string())) return false;
  return !node.closed || std::all_of(seen.begin(), seen.end(), [](bool one) { return one; });
}

}  // namespace stepwell::config
