// Randomness from a seed: the same seed gives the same bytes on every run.
#pragma once

#include <functional>
#include <mutex>
#include <random>
#include <utility>

#include "base/entropy.h"

namespace stepwell::test {

class FakeEntropy final : public Entropy {
 public:
  explicit FakeEntropy(std::uint64_t seed = 1) : generator_(seed) {}
  void fill(std::span<std::byte> out) override;
  // Called before each fill(), on the thread that asks for it. Before any other thread asks.
  void before_filling(std::function<void()> hook) { hook_ = std::move(hook); }

 private:
  std::function<void()> hook_;
  std::mutex mutex_;
  std::mt19937_64 generator_;  // guarded by mutex_
};

}  // namespace stepwell::test
