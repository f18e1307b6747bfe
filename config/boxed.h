// An optional part of a definition that most of its kind do not have: it takes a pointer where
// there is none, and lies on the heap where there is one. Never changes once it is there; copies
// share it and may be read by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace stepwell::config {

template <class T>
class Boxed {
 public:
  Boxed() noexcept = default;
  Boxed(std::nullopt_t /*none*/) noexcept {}
  Boxed(T value) : box_(new Box{std::move(value)}) {}
  Boxed(std::optional<T> value) : box_(value ? new Box{std::move(*value)} : nullptr) {}
  Boxed(const Boxed& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) box_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  Boxed(Boxed&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Boxed& operator=(Boxed other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Boxed() {
    if (box_ != nullptr && box_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }

  explicit operator bool() const noexcept { return box_ != nullptr; }
  bool has_value() const noexcept { return box_ != nullptr; }
  // Precondition of both: has_value().
  const T& operator*() const noexcept { return box_->value; }
  const T* operator->() const noexcept { return &box_->value; }
  // What is there, or what a T is by default.
  const T& or_default() const {
    static const T kDefault{};
    return box_ != nullptr ? box_->value : kDefault;
  }

 private:
  struct Box {
    T value;
    std::atomic<std::uint32_t> refs{1};
  };
  Box* box_ = nullptr;
};

}  // namespace stepwell::config
