// Locked memory for small secrets: slots of 32 to 4096 bytes in shared blocks, since a block of
// their own with guard pages (libsodium's) costs each secret three mappings, and a process has some
// 65,000. A block is locked, left out of core dumps, and lies between guard pages; a slot is wiped
// when it is given back. Internal to base/secret*.cpp; safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <vector>

namespace stepwell {

class SecretPool {
 public:
  static constexpr std::size_t kLargest = 4096;  // tokens (JWT) and private keys included

  // At least `size` bytes, 0 < size ≤ kLargest, aligned to 16; their content is not defined. Throws
  // std::bad_alloc.
  char* take(std::size_t size);
  // Wipes the slot that take(size) gave.
  void give_back(char* slot, std::size_t size) noexcept;

 private:
  struct Class {
    std::mutex mutex;
    std::vector<char*> blocks;  // guarded by mutex; kept until the end
    std::vector<char*> free;    // guarded by mutex; has room for every slot there is
  };
  static std::size_t class_of(std::size_t size) noexcept;
  void grow(Class& slots, std::size_t slot_size);

  std::array<Class, 8> classes_;  // 32, 64, … 4096
};

}  // namespace stepwell
