// A stack that begins in the object itself and moves to the heap as it grows, telling Limits what
// it holds. Elements beyond the size stay constructed, at rest; whoever shortens the stack clears
// what they refer to.
// Owned by one Machine; used by one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "expression/limits.h"

namespace stepwell::expression::detail {

template <class T, std::size_t kInline>
class Stack {
 public:
  explicit Stack(Limits& limits) : limits_(limits) {}

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::uint32_t index) { return items_[index]; }
  const T& operator[](std::uint32_t index) const { return items_[index]; }
  T& back() { return items_[size_ - 1]; }

  // One more element at rest, to be filled in.
  T& push() {
    if (size_ == capacity_) grow(size_ + 1);
    return items_[size_++];
  }
  void extend(std::uint32_t count) {
    if (size_ + count > capacity_) grow(size_ + count);
    size_ += count;
  }
  void set_size(std::uint32_t size) { size_ = size; }

 private:
  void grow(std::uint32_t room) {
    const std::uint32_t capacity = std::max(room, capacity_ + capacity_ / 2);
    limits_.hold(static_cast<std::int64_t>((capacity - capacity_) * sizeof(T)));
    auto fresh = std::make_unique<T[]>(capacity);
    std::move(items_, items_ + size_, fresh.get());
    heap_ = std::move(fresh);
    items_ = heap_.get();
    capacity_ = capacity;
  }

  Limits& limits_;
  std::array<T, kInline> inline_{};
  std::unique_ptr<T[]> heap_;
  T* items_ = inline_.data();
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kInline;
};

}  // namespace stepwell::expression::detail
