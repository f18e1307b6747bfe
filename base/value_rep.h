// How a Value's text, elements and members lie in memory: for base/value.h and value.cpp alone.
// Here only so that a Value's small operations can be written out where they are used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stepwell {

class Value;

namespace value_detail {

// What follows it in memory: a string's or literal's bytes, an array's elements, an object's
// members and their index.
struct Rep {
  std::atomic<std::uint32_t> refs{1};
  std::uint32_t depth = 0;
  std::size_t size = 0;
};

struct StringRep : Rep {
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

// A number kept as its literal; `size` is the text's.
struct DecimalRep : Rep {
  double nearest = 0;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

struct ContainerRep : Rep {
  ContainerRep() { depth = 1; }
  std::uint64_t weight = 2;
  std::size_t capacity = 0;
};

struct ArrayRep : ContainerRep {
  Value* items() { return reinterpret_cast<Value*>(this + 1); }
};

struct ObjectRep : ContainerRep {
  std::size_t slots = 0;  // of the index: a power of two, 0 while the members are few
};

}  // namespace value_detail
}  // namespace stepwell
