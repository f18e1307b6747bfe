// Randomness from a seed: the same seed gives the same bytes on every run.
#pragma once

#include <mutex>
#include <random>

#include "base/entropy.h"

namespace stepwell::test {

class FakeEntropy final : public Entropy {
 public:
  explicit FakeEntropy(std::uint64_t seed = 1) : generator_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::mutex mutex_;
  std::mt19937_64 generator_;  // guarded by mutex_
};

}  // namespace stepwell::test
