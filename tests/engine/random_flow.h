// Definitions made at random, of every kind of task that the engine runs, nested and with all the
// properties that steer the flow. The same seed gives the same definition on every machine.
// For tests, on one thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace stepwell::engine::test {

// Distributions of the standard library differ between machines.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed * 0x9E3779B97F4A7C15U + 1) {}
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::uint64_t any() { return random_(); }
  template <class List>
  const auto& of(const List& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 random_;
};

// What follows `document` in a definition, as JSON: `do`, and some of `use`, `timeout`, `output`.
std::string random_flow(std::uint64_t seed);

}  // namespace stepwell::engine::test
