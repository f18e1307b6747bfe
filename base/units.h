// Strong units and ids, so that no bare number crosses a border.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace stepwell {

// A count of bytes.
struct Bytes {
  std::uint64_t count = 0;
  auto operator<=>(const Bytes&) const = default;
};
constexpr Bytes operator""_B(unsigned long long n) { return {n}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return {n * 1024}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return {n * 1024 * 1024}; }

// A number that names a thing of one sort and cannot be mistaken for another sort's.
template <class Tag>
struct Id {
  std::uint64_t number = 0;
  auto operator<=>(const Id&) const = default;
};

// One execution of a workflow: a growing whole number below 2^53 (so that JSON keeps it exact).
using InstanceId = Id<struct InstanceTag>;

}  // namespace stepwell

template <class Tag>
struct std::hash<stepwell::Id<Tag>> {
  std::size_t operator()(const stepwell::Id<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.number);
  }
};
