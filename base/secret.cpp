#include "base/secret.h"

#include <sodium.h>

#include <cstring>
#include <new>
#include <utility>

#include "base/secret_pool.h"

namespace stepwell {

namespace {

// Never destroyed: secrets of other objects may be released after it would be. The one object of
// the process that nobody hands on, as the allocator of memory is.
SecretPool& pool() {
  static auto* const kPool = new SecretPool;
  return *kPool;
}

// Locked, wiped on release, and left out of core dumps (libsodium's secure memory): small ones in
// shared blocks, a larger one between guard pages of its own.
char* secure_allocate(std::size_t size) {
  if (sodium_init() < 0) throw std::bad_alloc();
  if (size <= SecretPool::kLargest) return pool().take(size);
  auto* memory = static_cast<char*>(sodium_malloc(size));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void secure_release(char* memory, std::size_t size) noexcept {
  if (size <= SecretPool::kLargest)
    pool().give_back(memory, size);
  else
    sodium_free(memory);
}

}  // namespace

Secret::Secret(std::string_view bytes) {
  if (bytes.empty()) return;
  data_ = secure_allocate(bytes.size());
  size_ = bytes.size();
  std::memcpy(data_, bytes.data(), size_);
}

Secret Secret::take(std::string&& bytes) {
  Secret secret(bytes);
  wipe(bytes);
  return secret;
}

Secret Secret::of_size(std::size_t size) {
  Secret secret;
  if (size == 0) return secret;
  secret.data_ = secure_allocate(size);
  secret.size_ = size;
  std::memset(secret.data_, 0, size);
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { release(); }

void Secret::release() noexcept {
  if (data_ != nullptr) secure_release(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

bool Secret::equals(std::string_view other) const noexcept {
  return size_ == other.size() && (size_ == 0 || sodium_memcmp(data_, other.data(), size_) == 0);
}

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());
  sodium_memzero(text.data(), text.size());
  text.clear();
}

}  // namespace stepwell
