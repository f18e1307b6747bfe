#include "expression/paths.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

constexpr std::size_t kMaxPath = 10'000;  // as jq: a longer one is a mistake, not a path
constexpr double kMaxIndex = 536870911;   // as jq: an index beyond is a mistake, not an array

bool path_error(Value& result, Value error) {
  result = std::move(error);
  return false;
}

bool is_path(const Value& path, Value& error) {
  if (!path.is_array()) return path_error(error, Value("Path must be specified as an array"));
  return path.size() <= kMaxPath || path_error(error, Value("Path too deep"));
}

// For what takes or makes all elements or members of a container.
bool pay_for_elements(Limits& limits, std::size_t size) {
  return limits.spend(static_cast<std::int64_t>(size / 16)) && limits.room_for(0);
}

bool has_slice_bounds(const Value& key) {
  const auto is_bound = [](const Value& value) { return value.is_null() || value.is_number(); };
  return key.contains("start") && key.contains("end") && is_bound(key.get("start")) &&
         is_bound(key.get("end"));
}

bool set_element(Value& target, const Value& key, Value value, Limits& limits, Value& error) {
  const double number = key.as_double();
  if (std::isnan(number)) return path_error(error, Value("Cannot set array element at NaN index"));
  if (target.is_null()) target = Value::array();
  double at = std::trunc(number);
  if (at < 0) at += static_cast<double>(target.size());
  if (at < 0) return path_error(error, Value("Out of bounds negative array index"));
  if (at > kMaxIndex) return path_error(error, Value("Array index too large"));
  const auto index = static_cast<std::size_t>(at);
  if (index >= target.size()) {
    const auto missing = static_cast<std::int64_t>(index - target.size() + 1);
    if (!limits.room_for(missing * 16) || !limits.spend(missing / 16)) return false;
    target.reserve(index + 1);
    while (target.size() < index) target.push_back(Value());
    target.push_back(std::move(value));
    return true;
  }
  target.set(index, std::move(value));
  return true;
}

bool set_slice(Value& target, const Value& key, const Value& value, Limits& limits, Value& error) {
  if (!has_slice_bounds(key))
    return path_error(error, Value("Array/string slice indices must be integers"));
  if (!value.is_array())
    return path_error(error, Value("A slice of an array can only be assigned another array"));
  if (target.is_null()) target = Value::array();
  const SliceBounds bounds = slice_bounds(key.get("start"), key.get("end"), target.size());
  const std::size_t size = target.size() - (bounds.to - bounds.from) + value.size();
  if (!pay_for_elements(limits, size)) return false;
  Value list = Value::array();
  list.reserve(size);
  for (std::size_t i = 0; i < bounds.from; ++i) list.push_back(target.at(i));
  for (const Value& element : value.elements()) list.push_back(element);
  for (std::size_t i = bounds.to; i < target.size(); ++i) list.push_back(target.at(i));
  target = std::move(list);
  return true;
}

bool set_child(Value& target, const Value& key, Value value, Limits& limits, Value& error) {
  // What is shared is copied.
  if (target.is_shared() && !pay_for_elements(limits, target.size())) return false;
  if (key.is_string() && !limits.spend(static_cast<std::int64_t>(key.size() / 64))) return false;
  if (key.is_string() && (target.is_object() || target.is_null())) {
    target.set_member(key, std::move(value));
    return true;
  }
  if (key.is_number() && (target.is_array() || target.is_null()))
    return set_element(target, key, std::move(value), limits, error);
  if (key.is_object() && (target.is_array() || target.is_null()))
    return set_slice(target, key, value, limits, error);
  if (key.is_object() && target.is_string())
    return path_error(error, Value("Cannot update string slices"));
  Value unused;
  if (!index_value(target, key, limits, unused)) return path_error(error, std::move(unused));
  return path_error(error, Value("Cannot update field at " + std::string(kind_name(key)) +
                                 " index of " + std::string(kind_name(target))));
}

// The child, moved out where that is possible; null is left behind then.
bool take_child(Value& target, const Value& key, Limits& limits, Value& child) {
  if (target.is_object() && key.is_string()) {
    if (!target.contains(key.as_string())) {
      child = Value();
      return true;
    }
    child = target.take(key.as_string());
    return true;
  }
  if (target.is_array() && key.is_int64()) {
    std::int64_t at = key.int64();
    if (at < 0) at += static_cast<std::int64_t>(target.size());
    if (at >= 0 && at < static_cast<std::int64_t>(target.size())) {
      child = target.take(static_cast<std::size_t>(at));
      return true;
    }
  }
  return index_value(target, key, limits, child);
}

}  // namespace

bool get_path(const Value& root, const Value& path, Limits& limits, Value& result) {
  if (!is_path(path, result)) return false;
  Value at = root;
  for (const Value& key : path.elements()) {
    if (!limits.spend(1 + static_cast<std::int64_t>(key.size() / 64))) return false;
    Value next;
    if (!index_value(at, key, limits, next)) return path_error(result, std::move(next));
    at = std::move(next);
  }
  result = std::move(at);
  return true;
}

bool set_path(Value root, const Value& path, Value value, Limits& limits, Value& result) {
  if (!is_path(path, result)) return false;
  const std::size_t length = path.size();
  if (length > limits.budget().depth) return limits.exceed(Limits::Exceeded::depth);
  std::vector<Value> levels;
  levels.reserve(length + 1);
  levels.push_back(std::move(root));
  for (std::size_t i = 0; i + 1 < length; ++i) {
    Value child;
    if (!take_child(levels.back(), path.at(i), limits, child))
      return path_error(result, std::move(child));
    levels.push_back(std::move(child));
  }
  for (std::size_t i = length; i-- > 0;) {
    Value target = std::move(levels.back());
    levels.pop_back();
    if (!set_child(target, path.at(i), std::move(value), limits, result)) return false;
    value = std::move(target);
  }
  result = std::move(value);
  return limits.allows_depth(result);
}

bool take_path(Value& root, const Value& path, Limits& limits, Value& result) {
  if (!is_path(path, result)) return false;
  if (path.empty()) {
    result = std::exchange(root, Value());
    return true;
  }
  // A slice is not a place in the array, so that it is copied.
  const auto is_place = [](const Value& key) { return key.is_string() || key.is_int64(); };
  if (!std::all_of(path.elements().begin(), path.elements().end(), is_place))
    return get_path(root, path, limits, result);
  std::vector<Value> levels;
  levels.reserve(path.size());
  Value at = std::move(root);
  root = Value();
  bool ok = true;
  std::size_t depth = 0;
  for (; ok && depth < path.size() && !at.is_null(); ++depth) {
    Value child;
    ok = take_child(at, path.at(depth), limits, child);
    levels.push_back(std::move(at));
    at = std::move(child);
  }
  result = std::move(at);
  Value back;
  for (std::size_t i = levels.size(); i-- > 0;) {
    Value& target = levels[i];
    const Value& key = path.at(i);
    if (i + 1 < levels.size()) {
      if (key.is_string()) {
        target.set_member(key, std::move(back));
      } else {
        const std::int64_t number = key.int64();
        const auto size = static_cast<std::int64_t>(target.size());
        const std::int64_t place = number < 0 ? number + size : number;
        if (place >= 0 && place < size)
          target.set(static_cast<std::size_t>(place), std::move(back));
      }
    }
    back = std::move(target);
  }
  root = std::move(back);
  return ok;
}

namespace {

// The keys are those of one container, in ascending order.
bool delete_elements(Value& target, const std::vector<Value>& keys, Value& error) {
  std::vector<bool> gone(target.size());
  for (const Value& key : keys) {
    if (key.is_number()) {
      double at = std::trunc(key.as_double());
      if (at < 0) at += static_cast<double>(target.size());
      if (at >= 0 && at < static_cast<double>(target.size()))
        gone[static_cast<std::size_t>(at)] = true;
    } else if (key.is_object()) {
      if (!has_slice_bounds(key))
        return path_error(error, Value("Array/string slice indices must be integers"));
      const SliceBounds bounds = slice_bounds(key.get("start"), key.get("end"), target.size());
      for (std::size_t i = bounds.from; i < bounds.to; ++i) gone[i] = true;
    } else {
      return path_error(
          error, Value("Cannot delete " + std::string(kind_name(key)) + " element of array"));
    }
  }
  Value list = Value::array();
  for (std::size_t i = 0; i < gone.size(); ++i)
    if (!gone[i]) list.push_back(target.take(i));
  target = std::move(list);
  return true;
}

// A deletion moves what follows, so that many are made at once, of what is left.
bool delete_members(Value target, const std::vector<Value>& keys, Value& rest, Value& error) {
  constexpr std::size_t kFew = 8;
  std::unordered_set<std::string_view> gone;
  for (const Value& key : keys) {
    if (!key.is_string())
      return path_error(error,
                        Value("Cannot delete " + std::string(kind_name(key)) + " field of object"));
    if (keys.size() <= kFew)
      target.erase(key.as_string());
    else
      gone.insert(key.as_string());
  }
  if (gone.empty()) {
    rest = std::move(target);
    return true;
  }
  Value left = Value::object();
  for (const Value::Member& member : target.members())
    if (!gone.contains(member.name())) left.set_member(member.key, member.value);
  rest = std::move(left);
  return true;
}

bool delete_keys(Value target, const std::vector<Value>& keys, Value& rest, Value& error) {
  if (target.is_object()) return delete_members(std::move(target), keys, rest, error);
  if (!target.is_null() && !target.is_array())
    return path_error(error, Value("Cannot delete fields from " + std::string(kind_name(target))));
  rest = std::move(target);
  return rest.is_null() || delete_elements(rest, keys, error);
}

}  // namespace

// From the last path to the first, so that a deletion does not move what a later one names; paths
// that differ in the last key only are deleted at once.
bool delete_paths(Value root, const Value& paths, Limits& limits, Value& result) {
  if (!paths.is_array()) return path_error(result, Value("Paths must be specified as an array"));
  std::vector<Value> sorted(paths.elements().begin(), paths.elements().end());
  for (const Value& path : sorted) {
    if (!path.is_array())
      return path_error(
          result, Value("Path must be specified as array, not " + std::string(kind_name(path))));
    if (path.size() > kMaxPath) return path_error(result, Value("Path too deep"));
    if (!limits.spend(16 + static_cast<std::int64_t>(path.size()))) return false;
  }
  // (Once a limit is met all are equal, which no sorting minds.)
  std::stable_sort(sorted.begin(), sorted.end(), [&limits](const Value& a, const Value& b) {
    return compare_paid(a, b, limits) < 0 && !limits.exceeded();
  });
  if (limits.exceeded()) return false;
  const auto parent_of = [](const Value& path) {
    Value parent = Value::array();
    for (std::size_t i = 0; i + 1 < path.size(); ++i) parent.push_back(path.at(i));
    return parent;
  };
  for (std::size_t end = sorted.size(); end > 0;) {
    if (sorted[end - 1].empty()) {
      result = Value();
      return true;
    }
    const Value parent = parent_of(sorted[end - 1]);
    std::size_t begin = end - 1;
    while (begin > 0 && sorted[begin - 1].size() == parent.size() + 1 &&
           limits.spend(static_cast<std::int64_t>(parent.size())) &&
           compare_paid(parent_of(sorted[begin - 1]), parent, limits) == 0)
      --begin;
    if (limits.exceeded()) return false;
    std::vector<Value> keys;
    for (std::size_t i = begin; i < end; ++i) keys.push_back(sorted[i].at(parent.size()));
    end = begin;
    Value holder;
    if (!get_path(root, parent, limits, holder)) return path_error(result, std::move(holder));
    if (holder.is_null()) continue;
    holder = Value();
    if (!take_path(root, parent, limits, holder)) return path_error(result, std::move(holder));
    if (!pay_for_elements(limits, holder.size())) return false;
    if (!delete_keys(std::move(holder), keys, holder, result)) return false;
    if (!set_path(std::move(root), parent, std::move(holder), limits, result)) return false;
    root = std::exchange(result, Value());
  }
  result = std::move(root);
  return true;
}

}  // namespace stepwell::expression::detail
