#include "base/secret_pool.h"

#include <sodium.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address))
#endif

namespace stepwell {

namespace {
constexpr std::size_t kSmallest = 32;
constexpr std::size_t kBlock = 64UL * 1024;
}  // namespace

std::size_t SecretPool::class_of(std::size_t size) noexcept {
  std::size_t index = 0;
  while ((kSmallest << index) < size) ++index;
  return index;
}

char* SecretPool::take(std::size_t size) {
  const std::size_t index = class_of(size);
  Class& slots = classes_.at(index);
  const std::scoped_lock lock(slots.mutex);
  if (slots.free.empty()) grow(slots, kSmallest << index);
  char* slot = slots.free.back();
  slots.free.pop_back();
  ASAN_UNPOISON_MEMORY_REGION(slot, size);
  return slot;
}

void SecretPool::give_back(char* slot, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  sodium_memzero(slot, size);
  // A use after the release, or past the end, shows under the address sanitizer.
  ASAN_POISON_MEMORY_REGION(slot, kSmallest << index);
  Class& slots = classes_[index];
  const std::scoped_lock lock(slots.mutex);
  slots.free.push_back(slot);
}

void SecretPool::grow(Class& slots, std::size_t slot_size) {
  const std::size_t count = kBlock / slot_size;
  slots.blocks.reserve(slots.blocks.size() + 1);
  slots.free.reserve((slots.blocks.size() + 1) * count);
  auto* block = static_cast<char*>(sodium_malloc(kBlock));
  if (block == nullptr) throw std::bad_alloc();
  slots.blocks.push_back(block);
  sodium_memzero(block, kBlock);
  ASAN_POISON_MEMORY_REGION(block, kBlock);
  for (std::size_t i = count; i > 0; --i) slots.free.push_back(block + (i - 1) * slot_size);
}

}  // namespace stepwell
