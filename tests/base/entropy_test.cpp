#include "base/entropy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/encoding.h"

namespace stepwell {
namespace {

// Each byte is one more than the one before.
class Counting final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next_++);
  }

 private:
  unsigned next_ = 0;
};

TEST(Entropy, WritesAsManyBytesInHexAsAreAskedFor) {
  for (const std::size_t bytes : {0U, 1U, 16U, 64U, 65U, 200U}) {
    Counting entropy;
    std::string raw(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) raw[i] = static_cast<char>(i);
    EXPECT_EQ(entropy.hex(bytes), to_hex(raw)) << bytes;
  }
}

TEST(Entropy, OfTheSystemNeverGivesTheSameTwice) {
  SystemEntropy entropy;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(entropy.hex(16)).second);
}

}  // namespace
}  // namespace stepwell
