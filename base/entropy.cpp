#include "base/entropy.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/encoding.h"

namespace stepwell {

namespace {

void random_bytes(void* out, std::size_t size) {
  auto* at = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // a kernel without randomness: nothing here is safe to go on with
    }
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

struct Buffer {
  std::array<std::byte, 512> bytes{};
  std::size_t used = sizeof(bytes);
};

}  // namespace

std::uint64_t Entropy::next_u64() {
  std::uint64_t number = 0;
  fill(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

std::string Entropy::hex(std::size_t bytes) {
  std::array<char, 64> few{};
  if (bytes > few.size()) {
    std::string many(bytes, '\0');
    fill(std::as_writable_bytes(std::span(many)));
    return to_hex(many);
  }
  fill(std::as_writable_bytes(std::span(few).first(bytes)));
  return to_hex({few.data(), bytes});
}

void SystemEntropy::fill(std::span<std::byte> out) {
  thread_local Buffer buffer;
  if (out.size() > buffer.bytes.size() / 4) {
    random_bytes(out.data(), out.size());
    return;
  }
  if (buffer.used + out.size() > buffer.bytes.size()) {
    random_bytes(buffer.bytes.data(), buffer.bytes.size());
    buffer.used = 0;
  }
  std::memcpy(out.data(), buffer.bytes.data() + buffer.used, out.size());
  explicit_bzero(buffer.bytes.data() + buffer.used, out.size());
  buffer.used += out.size();
}

}  // namespace stepwell
