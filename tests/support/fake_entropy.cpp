#include "tests/support/fake_entropy.h"

namespace stepwell::test {

void FakeEntropy::fill(std::span<std::byte> out) {
  if (hook_) hook_();
  const std::scoped_lock lock(mutex_);
  for (std::byte& byte : out) byte = static_cast<std::byte>(generator_() & 0xffU);
}

}  // namespace stepwell::test
