// The bytes of a fuzz input as a row of decisions. When they are used up every decision is 0, which
// is always the smallest choice, so that whatever is being made comes to its end.
// One input, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace stepwell::fuzz {

class Decisions {
 public:
  explicit Decisions(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool used_up() const { return bytes_.empty(); }
  // One of 0 … count - 1; `count` is at most 256.
  std::size_t below(std::size_t count) {
    if (bytes_.empty()) return 0;
    const std::size_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte % count;
  }
  bool one_in(std::size_t count) { return below(count) == count - 1; }
  std::string_view word(std::span<const std::string_view> words) {
    return words[below(words.size())];
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace stepwell::fuzz
