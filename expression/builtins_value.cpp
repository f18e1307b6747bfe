// Built-ins about one value: kinds, conversions, order.
#include <cmath>
#include <string>
#include <utility>

#include "base/json.h"
#include "expression/builtins.h"
#include "expression/library.h"
#include "expression/loose_json.h"
#include "expression/operations.h"
#include "expression/paths.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

Value logical_not(NativeCall& call) { return Value(!call.input.truthy()); }

Value type_of(NativeCall& call) { return Value(kind_name(call.input)); }

Value length(NativeCall& call) {
  const Value& input = call.input;
  switch (input.kind()) {
    case Value::Kind::null:
      return Value(0);
    case Value::Kind::boolean:
      return call.raise(type_error(input, "has no length"));
    case Value::Kind::number:
      return std::signbit(input.as_double()) && !std::isnan(input.as_double()) ? negated(input)
                                                                               : input;
    case Value::Kind::string:
      return Value(count_code_points(input.as_string()));
    default:
      return Value(input.size());
  }
}

Value utf8_byte_length(NativeCall& call) {
  if (!call.input.is_string())
    return call.raise(type_error(call.input, "only strings have UTF-8 byte length"));
  return Value(call.input.size());
}

Value absolute(NativeCall& call) {
  const Value& input = call.input;
  if (input.is_number()) return input.as_double() < 0 ? negated(input) : input;
  // As the definition in the manual has it: what sorts below 0 is negated.
  if (input.kind() < Value::Kind::number) return call.raise(type_error(input, "cannot be negated"));
  return input;
}

Value to_array(NativeCall& call) {
  return call.input.is_array() ? call.input : Value::array({call.input});
}

Value to_text(NativeCall& call) {
  return call.input.is_string() ? call.input : Value(json_of(call.input, call.limits));
}

Value to_json_text(NativeCall& call) { return Value(json_of(call.input, call.limits)); }

Value from_json_text(NativeCall& call) {
  if (!call.input.is_string())
    return call.raise(type_error(call.input, "only strings can be parsed"));
  const std::string_view text = call.input.as_string();
  if (!call.limits.spend(static_cast<std::int64_t>(text.size() / 64))) return {};
  auto parsed = parse_json(text, {call.limits.budget().depth});
  if (parsed) return std::move(*parsed);
  // Once more, for what JSON has not but jq takes, and for its message. It is slower, and the
  // message holds the text.
  if (!call.limits.spend(static_cast<std::int64_t>(text.size() / 4)) ||
      !call.limits.room_for(static_cast<std::int64_t>(text.size()) * 4))
    return {};
  Value value;
  std::string fault;
  if (read_loosely(text, call.limits.budget().depth, value, fault)) return value;
  return call.raise(fault.append(" (while parsing '").append(text).append("')"));
}

Value to_number(NativeCall& call) {
  if (call.input.is_number()) return call.input;
  if (call.input.is_string())
    if (auto number = read_number(call.input.as_string())) return std::move(*number);
  return call.raise(type_error(call.input, "cannot be parsed as a number"));
}

Value to_boolean(NativeCall& call) {
  if (call.input.is_bool()) return call.input;
  if (call.input.is_string() && call.input.as_string() == "true") return Value(true);
  if (call.input.is_string() && call.input.as_string() == "false") return Value(false);
  return call.raise(type_error(call.input, "cannot be parsed as a boolean"));
}

// Recursion is bounded: contains() refuses parts that are nested deeper.
constexpr std::uint32_t kMaxContainmentDepth = 1000;

bool is_contained(const Value& whole, const Value& part, Limits& limits) {
  if (!limits.spend(1) || (whole.kind() != part.kind() && whole.depth() + part.depth() > 0))
    return false;
  if (whole.is_object() && part.is_object()) {
    for (const Value::Member& member : part.members()) {
      if (!limits.spend(1 + static_cast<std::int64_t>(member.key.size() / 64))) return false;
      const Value* found = whole.find(member.name());
      if (found == nullptr) return false;
      if (!is_contained(*found, member.value, limits)) return false;
    }
    return true;
  }
  if (whole.is_array() && part.is_array()) {
    for (const Value& wanted : part.elements()) {
      bool found = false;
      for (const Value& element : whole.elements()) {
        if (!limits.spend(1)) return false;
        if (is_contained(element, wanted, limits)) {
          found = true;
          break;
        }
      }
      if (!found) return false;
    }
    return true;
  }
  if (whole.is_string() && part.is_string())
    return limits.spend(static_cast<std::int64_t>(whole.size() / 64)) &&
           find_text(whole.as_string(), part.as_string()) != std::string_view::npos;
  return compare_paid(whole, part, limits) == 0;
}

Value contains(NativeCall& call) {
  const Value& part = call.args[0];
  if (call.input.kind() != part.kind())
    return call.raise(type_error(call.input, part, "cannot have their containment checked"));
  if (part.depth() > kMaxContainmentDepth) return call.raise("Containment check too deep");
  return Value(is_contained(call.input, part, call.limits));
}

Value has(NativeCall& call) {
  const Value& key = call.args[0];
  if (call.input.is_null()) return Value(false);
  if (call.input.is_object() && key.is_string()) return Value(call.input.contains(key.as_string()));
  if (call.input.is_array() && key.is_number()) {
    const double at = key.as_double();
    return Value(at >= 0 && at < static_cast<double>(call.input.size()));
  }
  return call.raise("Cannot check whether " + std::string(kind_name(call.input)) + " has a " +
                    (key.is_string() ? "string" : std::string(kind_name(key))) + " key");
}

Value set_path_native(NativeCall& call) {
  Value result;
  if (!set_path(std::move(call.input), call.args[0], std::move(call.args[1]), call.limits, result))
    return call.raise(std::move(result));
  return result;
}

Value delete_paths_native(NativeCall& call) {
  Value result;
  if (!delete_paths(std::move(call.input), call.args[0], call.limits, result))
    return call.raise(std::move(result));
  return result;
}

Value builtins(NativeCall&) {
  Value list = Value::array();
  for (const BuiltinName& known : builtin_names()) {
    if (known.name.starts_with('_')) continue;
    list.push_back(Value(std::string(known.name) + "/" + std::to_string(known.arity)));
  }
  return list;
}

Value yes(NativeCall&) { return Value(true); }

constexpr NativeEntry kValueEntries[] = {
    {"not", 0, logical_not},
    {"type", 0, type_of},
    {"length", 0, length},
    {"utf8bytelength", 0, utf8_byte_length},
    {"abs", 0, absolute},
    {"toarray", 0, to_array},
    {"tostring", 0, to_text},
    {"tojson", 0, to_json_text},
    {"fromjson", 0, from_json_text},
    {"tonumber", 0, to_number},
    {"toboolean", 0, to_boolean},
    {"contains", 1, contains},
    {"has", 1, has},
    {"setpath", 2, set_path_native},
    {"delpaths", 1, delete_paths_native},
    {"builtins", 0, builtins},
    {"have_literal_numbers", 0, yes},
    {"have_decnum", 0, yes},
};

}  // namespace

std::span<const NativeEntry> value_natives() { return kValueEntries; }

}  // namespace stepwell::expression::detail
