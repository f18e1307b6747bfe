// Built-ins over arrays and objects.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "expression/builtins.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

Value sorted_names(const Value& object) {
  std::vector<const Value*> names;
  names.reserve(object.size());
  for (const Value::Member& member : object.members()) names.push_back(&member.key);
  std::sort(names.begin(), names.end(),
            [](const Value* a, const Value* b) { return a->as_string() < b->as_string(); });
  Value list = Value::array();
  list.reserve(names.size());
  for (const Value* name : names) list.push_back(*name);
  return list;
}

Value keys_of(NativeCall& call, bool sorted) {
  if (!call.limits.room_for(static_cast<std::int64_t>(call.input.size() * sizeof(Value))))
    return {};
  if (call.input.is_array()) {
    Value list = Value::array();
    list.reserve(call.input.size());
    for (std::size_t i = 0; i < call.input.size(); ++i) list.push_back(Value(i));
    return list;
  }
  if (!call.input.is_object()) return call.raise(type_error(call.input, "has no keys"));
  if (!call.limits.spend(static_cast<std::int64_t>(call.input.size()))) return {};
  if (sorted) return sorted_names(call.input);
  Value list = Value::array();
  list.reserve(call.input.size());
  for (const Value::Member& member : call.input.members()) list.push_back(member.key);
  return list;
}
Value keys(NativeCall& call) { return keys_of(call, true); }
Value keys_unsorted(NativeCall& call) { return keys_of(call, false); }

Value to_entries(NativeCall& call) {
  const Value& input = call.input;
  if (input.depth() == 0) return call.raise(type_error(input, "has no keys"));
  if (!call.limits.spend(static_cast<std::int64_t>(input.size()))) return {};
  const Value key_name("key");
  const Value value_name("value");
  Value list = Value::array();
  list.reserve(input.size());
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (!call.limits.spend(2)) return {};
    Value entry = Value::object();
    entry.reserve(2);
    entry.set_member(key_name, input.is_array() ? Value(i) : input.members()[i].key);
    entry.set_member(value_name, input.is_array() ? input.at(i) : input.members()[i].value);
    list.push_back(std::move(entry));
  }
  return list;
}

// The order of all, or of equal ones that of the input: the positions, by their keys. Nothing where
// a limit is met, from which on all are equal: a stable sort bears that, and NaN below itself.
std::vector<std::size_t> order_by(const Value& keys, Limits& limits) {
  if (!limits.room_for(static_cast<std::int64_t>(keys.size() * 32))) return {};
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return compare_paid(keys.at(a), keys.at(b), limits) < 0 && !limits.exceeded();
  });
  if (limits.exceeded()) order.clear();
  return order;
}

Value sort(NativeCall& call) {
  if (!call.input.is_array())
    return call.raise(type_error(call.input, "cannot be sorted, as it is not an array"));
  Value list = Value::array();
  const auto order = order_by(call.input, call.limits);
  list.reserve(order.size());
  for (const std::size_t at : order) list.push_back(call.input.at(at));
  return list;
}

bool sortable(NativeCall& call) {
  if (call.input.is_array() && call.args[0].is_array()) return true;
  call.raise(type_error(call.input, call.args[0], "cannot be sorted, as they are not both arrays"));
  return false;
}

Value not_arrays(NativeCall& call) {
  return call.raise(
      type_error(call.input, call.args[0], "cannot be sorted, as they are not both arrays"));
}

Value sort_by(NativeCall& call) {
  if (!sortable(call)) return not_arrays(call);
  Value list = Value::array();
  const auto order = order_by(call.args[0], call.limits);
  list.reserve(order.size());
  for (const std::size_t at : order) list.push_back(call.input.at(at));
  return list;
}

// Elements with equal keys, as one array each, or the first of each only.
Value grouped(NativeCall& call, const Value& group_keys, bool first_only) {
  Value groups = Value::array();
  Value group;
  const Value* last = nullptr;
  for (const std::size_t at : order_by(group_keys, call.limits)) {
    const Value& key = group_keys.at(at);
    const bool fresh = last == nullptr || compare_paid(*last, key, call.limits) != 0;
    if (call.limits.exceeded()) return {};
    last = &key;
    if (first_only) {
      if (fresh) groups.push_back(call.input.at(at));
      continue;
    }
    if (fresh && !group.is_null()) groups.push_back(std::exchange(group, Value()));
    group.push_back(call.input.at(at));
  }
  if (!group.is_null()) groups.push_back(std::move(group));
  return groups;
}

Value group_by(NativeCall& call) {
  return sortable(call) ? grouped(call, call.args[0], false) : not_arrays(call);
}
Value unique_by(NativeCall& call) {
  return sortable(call) ? grouped(call, call.args[0], true) : not_arrays(call);
}
Value unique(NativeCall& call) {
  if (!call.input.is_array())
    return call.raise(type_error(call.input, "cannot be sorted, as it is not an array"));
  return grouped(call, call.input, true);
}

// Of equal ones the last is the greatest and the first the least.
Value extreme(NativeCall& call, const Value& by, bool greatest) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < by.size(); ++i) {
    const int order = compare_paid(by.at(i), by.at(best), call.limits);
    if (call.limits.exceeded()) return {};
    if (greatest ? order >= 0 : order < 0) best = i;
  }
  return by.empty() ? Value() : call.input.at(best);
}
Value not_an_array(NativeCall& call) {
  return call.raise(type_error(call.input, call.input, "cannot be iterated over"));
}
Value min(NativeCall& call) {
  return call.input.is_array() ? extreme(call, call.input, false) : not_an_array(call);
}
Value max(NativeCall& call) {
  return call.input.is_array() ? extreme(call, call.input, true) : not_an_array(call);
}
Value min_by(NativeCall& call) {
  return call.input.is_array() ? extreme(call, call.args[0], false) : not_an_array(call);
}
Value max_by(NativeCall& call) {
  return call.input.is_array() ? extreme(call, call.args[0], true) : not_an_array(call);
}

Value reverse(NativeCall& call) {
  const Value& input = call.input;
  if (input.is_bool()) return call.raise(type_error(input, "has no length"));
  const bool nothing = input.is_number() ? input.as_double() == 0 : input.empty();
  if (!input.is_array() && !nothing)
    return call.raise("Cannot index " + std::string(kind_name(input)) + " with number");
  if (!call.limits.room_for(static_cast<std::int64_t>(input.size() * sizeof(Value)))) return {};
  Value list = Value::array();
  list.reserve(input.size());
  for (std::size_t i = input.size(); i-- > 0;) list.push_back(call.input.take(i));
  return list;
}

// The sum of all elements or members; null of nothing.
Value add(NativeCall& call) {
  const Value& input = call.input;
  if (input.depth() == 0)
    return call.raise("Cannot iterate over " + std::string(kind_name(input)) + " (" +
                      summary(input) + ")");
  const std::size_t size = input.size();
  const auto element = [&](std::size_t i) -> const Value& {
    return input.is_array() ? input.at(i) : input.members()[i].value;
  };
  bool all_text = size > 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; all_text && i < size; ++i) {
    all_text = element(i).is_string();
    bytes += element(i).size();
  }
  if (!call.limits.spend(static_cast<std::int64_t>(size / 4))) return {};
  if (all_text) {
    if (!call.limits.room_for(static_cast<std::int64_t>(bytes) * 2)) return {};
    std::string text;
    text.reserve(bytes);
    for (std::size_t i = 0; i < size; ++i) text.append(element(i).as_string());
    return Value(text);
  }
  Value sum;
  for (std::size_t i = 0; i < size; ++i) {
    Value next;
    if (!add_values(std::move(sum), element(i), call.limits, next))
      return call.raise(std::move(next));
    sum = std::move(next);
  }
  return sum;
}

Value flatten(NativeCall& call) {
  const Value& depth = call.args[0];
  if (compare(depth, Value(0)) < 0) return call.raise("flatten depth must not be negative");
  if (call.input.depth() == 0)
    return call.raise("Cannot iterate over " + std::string(kind_name(call.input)) + " (" +
                      summary(call.input) + ")");
  struct Level {
    const Value* container;
    std::size_t next;
  };
  Value list = Value::array();
  std::vector<Level> levels{{&call.input, 0}};
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.next >= level.container->size()) {
      levels.pop_back();
      continue;
    }
    const std::size_t at = level.next++;
    const Value& element = level.container->is_array() ? level.container->at(at)
                                                       : level.container->members()[at].value;
    if (!call.limits.spend(1)) return {};
    if (element.is_array() && !depth.is_number())
      return call.raise(type_error(depth, Value(1), "cannot be subtracted"));
    if (element.is_array() && static_cast<double>(levels.size()) <= depth.as_double())
      levels.push_back({&element, 0});
    else
      list.push_back(element);
  }
  return list;
}

// jq's `length` of a row, as far as a table's width goes.
std::size_t width_of(const Value& row) {
  return row.is_number() && std::fabs(row.as_double()) >= 1 ? 1 : row.size();
}

Value transpose(NativeCall& call) {
  const Value& table = call.input;
  if (table.depth() == 0)
    return call.raise("Cannot iterate over " + std::string(kind_name(table)) + " (" +
                      summary(table) + ")");
  std::vector<const Value*> rows;
  rows.reserve(table.size());
  for (const Value& row : table.elements()) rows.push_back(&row);
  for (const Value::Member& member : table.members()) rows.push_back(&member.value);
  std::size_t width = 0;
  for (const Value* row : rows) {
    if (row->is_bool()) return call.raise(type_error(*row, "has no length"));
    width = std::max(width, width_of(*row));
  }
  const auto cells = static_cast<std::int64_t>(width * rows.size());
  if (!call.limits.room_for(cells * 16) || !call.limits.spend(cells)) return {};
  Value columns = Value::array();
  columns.reserve(width);
  for (std::size_t x = 0; x < width; ++x) {
    Value column = Value::array();
    column.reserve(rows.size());
    for (const Value* row : rows) {
      if (!row->is_array() && !row->is_null())
        return call.raise("Cannot index " + std::string(kind_name(*row)) + " with number");
      column.push_back(x < row->size() ? row->at(x) : Value());
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

// The position, or -1 less the position where the value would go.
Value binary_search(NativeCall& call) {
  if (!call.input.is_array()) return call.raise(type_error(call.input, "cannot be searched from"));
  std::size_t low = 0;
  std::size_t high = call.input.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const int order = compare_paid(call.input.at(middle), call.args[0], call.limits);
    if (call.limits.exceeded()) return {};
    if (order == 0) return Value(middle);
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return Value(-1 - static_cast<std::int64_t>(low));
}

// Of objects with a key and a value, in jq's spellings of both.
Value from_entries(NativeCall& call) {
  const Value& input = call.input;
  if (input.depth() == 0)
    return call.raise("Cannot iterate over " + std::string(kind_name(input)) + " (" +
                      summary(input) + ")");
  Value object = Value::object();
  const std::size_t size = input.size();
  for (std::size_t i = 0; i < size; ++i) {
    if (!call.limits.spend(8)) return {};
    const Value& entry = input.is_array() ? input.at(i) : input.members()[i].value;
    Value key;
    for (const std::string_view name : {"key", "Key", "name", "Name"}) {
      Value found;
      if (!index_value(entry, Value(name), call.limits, found)) return call.raise(std::move(found));
      key = std::move(found);
      if (key.truthy()) break;
    }
    if (!key.is_string())
      return call.raise("Cannot use " + std::string(kind_name(key)) + " (" + summary(key) +
                        ") as object key");
    const Value* value = entry.find("value");
    object.set_member(key, value != nullptr ? *value : entry.get("Value"));
  }
  return object;
}

constexpr NativeEntry kEntries[] = {
    {"keys", 0, keys},
    {"keys_unsorted", 0, keys_unsorted},
    {"to_entries", 0, to_entries},
    {"from_entries", 0, from_entries},
    {"sort", 0, sort},
    {"_sort_by", 1, sort_by},
    {"_group_by", 1, group_by},
    {"_unique_by", 1, unique_by},
    {"unique", 0, unique},
    {"min", 0, min},
    {"max", 0, max},
    {"_min_by", 1, min_by},
    {"_max_by", 1, max_by},
    {"reverse", 0, reverse},
    {"add", 0, add},
    {"flatten", 1, flatten},
    {"transpose", 0, transpose},
    {"bsearch", 1, binary_search},
};

}  // namespace

std::span<const NativeEntry> collection_natives() { return kEntries; }

}  // namespace stepwell::expression::detail
