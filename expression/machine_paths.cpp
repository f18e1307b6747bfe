// Indexing and iterating, and the path that a path expression follows by doing so.
#include <utility>

#include "expression/machine.h"
#include "expression/operations.h"
#include "expression/paths.h"

namespace stepwell::expression::detail {

namespace {

Value no_path_to(const Value& key, const Value& target) {
  return Value("Invalid path expression near attempt to access element " + summary(key) + " of " +
               summary(target, kLongSummary));
}

}  // namespace

bool Machine::index_constant(const Instruction& word) {
  const Value& key = constant(word.arg);
  const bool follow = tracking() && (word.n & 2U) == 0;
  if (follow && !intact(top())) return raise(no_path_to(key, top()));
  Value element;
  if (!index_value(top(), key, limits_, element)) {
    error_ = std::move(element);
    return (word.n & 1U) != 0 ? go_back() : false;
  }
  if (follow) {
    path_.push_back(key);
    at_path_ = element;
  }
  replace(std::move(element));
  return true;
}

bool Machine::index(const Instruction& word) {
  const Value target = pop();
  Value key = pop();
  if (tracking() && !intact(target)) return raise(no_path_to(key, target));
  Value element;
  if (key.is_string() && !limits_.spend(static_cast<std::int64_t>(key.size() / 64))) return false;
  if (!index_value(target, key, limits_, element)) {
    error_ = std::move(element);
    return (word.n & 1U) != 0 ? go_back() : false;
  }
  if (tracking()) {
    path_.push_back(std::move(key));
    at_path_ = element;
  }
  push(std::move(element));
  return true;
}

bool Machine::walk(const Instruction& word) {
  const Value& keys = constant(word.arg);
  if (tracking()) return walk_tracked(keys);
  const Value* at = &top();
  Value failure;
  for (const Value& key : keys.elements()) {
    const Value* next = nullptr;
    if (!child_of(*at, key, next, failure)) return raise(std::move(failure));
    at = next;
  }
  replace(Value(*at));
  return true;
}

bool Machine::walk_tracked(const Value& keys) {
  for (const Value& key : keys.elements()) {
    if (!intact(top())) return raise(no_path_to(key, top()));
    Value element;
    if (!index_value(top(), key, limits_, element)) return raise(std::move(element));
    path_.push_back(key);
    at_path_ = element;
    replace(std::move(element));
  }
  return true;
}

bool Machine::slice(const Instruction& word) {
  const Value target = pop();
  Value to = pop();
  Value from = pop();
  Value bounds;
  if (tracking()) {
    bounds = Value::object({{"start", from}, {"end", to}});
    if (!intact(target)) return raise(no_path_to(bounds, target));
  }
  Value part;
  if (!limits_.spend(static_cast<std::int64_t>(target.size() / 16))) return false;
  if (!slice_value(target, from, to, part)) {
    error_ = std::move(part);
    return (word.n & 1U) != 0 ? go_back() : false;
  }
  if (tracking()) {
    path_.push_back(std::move(bounds));
    at_path_ = part;
  }
  push(std::move(part));
  return true;
}

bool Machine::each(const Instruction& word) {
  Value container = pop();
  if (tracking() && !intact(container))
    return raise(Value("Invalid path expression near attempt to iterate through " +
                       summary(container, kLongSummary)));
  if (container.depth() == 0) {
    if (word.n != 0) return go_back();
    return raise(Value("Cannot iterate over " + std::string(kind_name(container)) + " (" +
                       summary(container) + ")"));
  }
  if (container.empty()) return go_back();
  const bool object = container.is_object();
  Fork& fork = push_fork(object ? ForkKind::members : ForkKind::elements, at_);
  fork.state = std::move(container);
  fork.index = 0;
  return object ? resume_members() : resume_elements();
}

bool Machine::range() {
  const Value to = pop();
  const Value from = pop();
  if (!from.is_number() || !to.is_number()) return raise(Value("Range bounds must be numeric"));
  if (!(from.as_double() < to.as_double())) return go_back();
  if (from.is_int64() && to.is_int64()) {
    Fork& fork = push_fork(ForkKind::whole_numbers, at_);
    fork.index = from.int64();
    fork.state = to;
    resume_whole_numbers();
    return true;
  }
  Fork& fork = push_fork(ForkKind::numbers, at_);
  fork.number = from.as_double();
  fork.state = to;
  resume_numbers();
  return true;
}

bool Machine::get_path() {
  const Value path = pop();
  const Value target = pop();
  if (tracking() && !intact(target))
    return raise(Value("Invalid path expression near attempt to access element " + summary(path) +
                       " of " + summary(target, kLongSummary)));
  Value found;
  if (!detail::get_path(target, path, limits_, found)) return raise(std::move(found));
  if (tracking()) {
    for (const Value& key : path.elements()) path_.push_back(key);
    at_path_ = found;
  }
  push(std::move(found));
  return true;
}

// The outer path's state waits on the stack below the value.
void Machine::path_begin() {
  Value root = pop();
  push(std::exchange(path_, Value::array()));
  push(std::exchange(at_path_, root));
  push(Value(std::exchange(nest_, 0U)));
  push(std::move(root));
}

bool Machine::path_end() {
  const Value result = pop();
  if (!intact(result))
    return raise(Value("Invalid path expression with result " + summary(result, kLongSummary)));
  nest_ = static_cast<std::uint32_t>(pop().int64());
  at_path_ = pop();
  Value path = std::exchange(path_, pop());
  push(std::move(path));
  return true;
}

}  // namespace stepwell::expression::detail
