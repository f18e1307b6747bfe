// Secret: bytes that must not be seen. They lie on locked pages that are left out of core dumps
// and are wiped when released. It moves only: no copy, no stream operator, no formatter, no
// comparison with short-circuit, no implicit conversion.
// Owned by its holder; const access is safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stepwell {

class Secret {
 public:
  Secret() noexcept = default;
  // Copies the bytes onto protected pages; the caller wipes its own copy (or uses take()).
  explicit Secret(std::string_view bytes);
  // Copies the bytes and wipes the source.
  static Secret take(std::string&& bytes);
  // `size` zero bytes, to be filled through writable().
  static Secret of_size(std::size_t size);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // The bytes themselves. Every call is a place to review: grep for it.
  std::string_view reveal() const noexcept { return {data_, size_}; }
  char* writable() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  Secret duplicate() const { return Secret(reveal()); }

  // Takes time that depends on the sizes alone.
  bool equals(std::string_view other) const noexcept;

 private:
  void release() noexcept;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Overwrites the string's bytes, its unused capacity included, and empties it.
void wipe(std::string& text) noexcept;

}  // namespace stepwell
