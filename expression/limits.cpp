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

bool pay_for_reading(Limits& limits, const Value& value) {
  if (value.depth() == 0) return limits.spend(1 + static_cast<std::int64_t>(value.size() / 256));
  bool paid = true;
  each_node(value, [&](const Value& node) {
    const std::size_t bytes = node.is_string() ? node.size() : 0;
    return paid = limits.spend(1 + static_cast<std::int64_t>(bytes / 256));
  });
  return paid;
}

std::uint64_t count_nodes(const Value& value, std::uint64_t most) {
  std::uint64_t count = 0;
  each_node(value, [&](const Value&) { return ++count < most; });
  return count;
}

}  // namespace stepwell::expression::detail
