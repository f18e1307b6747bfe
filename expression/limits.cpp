#include "expression/limits.h"

#include <algorithm>
#include <ctime>
#include <vector>

namespace stepwell::expression::detail {

Limits::Limits(const Budget& budget) : budget_(budget), values_before_(thread_value_bytes()) {}

void Limits::start_clock() {
  if (cpu_end_ != 0) return;
  cpu_end_ =
      cpu_nanoseconds() + std::chrono::duration_cast<std::chrono::nanoseconds>(budget_.cpu).count();
}

std::int64_t Limits::cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::int64_t Limits::milliseconds_left() {
  start_clock();
  return std::max<std::int64_t>((cpu_end_ - cpu_nanoseconds()) / 1'000'000, 0);
}

bool Limits::exceed(Exceeded what) {
  if (!exceeded()) exceeded_ = what;
  fuel_ = 0;
  return false;
}

bool Limits::refuel() {
  if (exceeded()) return false;
  start_clock();
  if (cpu_nanoseconds() > cpu_end_) return exceed(Exceeded::cpu);
  if (!room_for(0)) return false;
  fuel_ = kFuel;
  return true;
}

bool Limits::room_for(std::int64_t bytes) {
  if (exceeded()) return false;
  const std::int64_t used = thread_value_bytes() - values_before_ + held_;
  return bytes <= budget_.memory_bytes - used || exceed(Exceeded::memory);
}

void Limits::hold(std::int64_t bytes) {
  held_ += bytes;
  room_for(0);
}

namespace {

// Visits the nodes until `visit` returns false for one.
template <class Visit>
void each_node(const Value& root, const Visit& visit) {
  std::vector<const Value*> rest{&root};
  while (!rest.empty()) {
    const Value& value = *rest.back();
    rest.pop_back();
    if (!visit(value)) return;
    for (const Value& element : value.elements())
      if (element.depth() > 0 || element.is_string())
        rest.push_back(&element);
      else if (!visit(element))
        return;
    for (const Value::Member& member : value.members()) rest.push_back(&member.value);
  }
}

}  // namespace

// A value's own depth only grows, also where what lay deep has been taken out of it.
bool Limits::is_less_deep(const Value& root) {
  struct Level {
    const Value* value;
    std::uint32_t depth;
  };
  std::vector<Level> rest{{&root, 1}};
  while (!rest.empty()) {
    const Level level = rest.back();
    rest.pop_back();
    if (level.depth > budget_.depth ||
        !spend(1 + static_cast<std::int64_t>(level.value->size() / 16)))
      return false;
    const auto look_at = [&](const Value& child) {
      if (child.depth() + level.depth > budget_.depth) rest.push_back({&child, level.depth + 1});
    };
    for (const Value& element : level.value->elements()) look_at(element);
    for (const Value::Member& member : level.value->members()) look_at(member.value);
  }
  return true;
}

bool pay_for_reading(Limits& limits, const Value& value) {
  if (value.depth() == 0) return limits.spend(1 + static_cast<std::int64_t>(value.weight() / 256));
  bool paid = true;
  each_node(value, [&](const Value& node) {
    const std::uint64_t bytes = node.depth() == 0 ? node.weight() : 0;
    return paid = limits.spend(1 + static_cast<std::int64_t>(bytes / 256));
  });
  return paid;
}

namespace {

// With its quotes, a comma and what is written as an escape (RFC 8259 §7).
std::int64_t printed_size(std::string_view text) {
  std::int64_t size = 3 + static_cast<std::int64_t>(text.size());
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      size += 5;
    else if (c == '"' || c == '\\')
      ++size;
  return size;
}

}  // namespace

std::int64_t pay_for_printing(Limits& limits, const Value& value) {
  std::int64_t size = 0;
  const auto print = [&](const Value& node) {
    if (node.is_string())
      size += printed_size(node.as_string());
    else if (node.is_int64() && node.int64() >= 0 && node.int64() < 1'000'000)
      size += 7;
    else
      size += node.is_number() ? 24 + static_cast<std::int64_t>(node.weight()) : 6;
    for (const Value::Member& member : node.members()) size += printed_size(member.name());
    // Nothing this long is kept, so that it need not be read to its end.
    return limits.spend(1 + static_cast<std::int64_t>(node.weight() / 64 * (node.depth() == 0))) &&
           limits.room_for(size);
  };
  each_node(value, print);
  return size;
}

}  // namespace stepwell::expression::detail
