// What the trials of revocations take from the environment, and their figures.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace stepwell::integration {

inline constexpr const char* kTrialsVariable = "STEPWELL_REVOCATION_TRIALS";
inline constexpr const char* kSeedVariable = "STEPWELL_REVOCATION_SEED";

// For what has to come, however slow the machine is.
inline constexpr std::chrono::seconds kPatience{30};

inline std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

// Are figures wanted?
inline bool measuring() { return std::getenv(kTrialsVariable) != nullptr; }

// The nearest rank; 0 of nothing.
inline double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(part * static_cast<double>(values.size()));
  return values[std::min(values.size() - 1, rank)];
}

}  // namespace stepwell::integration
