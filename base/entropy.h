// Randomness as an injected dependency: ids, jitter, trace ids.
// Owned by daemon/wiring (tests: tests/support); fill() may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace stepwell {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  std::uint64_t next_u64();
  // `bytes` random bytes as lower-case hexadecimal digits.
  std::string hex(std::size_t bytes);
};

// getrandom(2), buffered by thread.
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace stepwell
