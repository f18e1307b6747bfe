// SHA-256 (FIPS 180-4), by libsodium.
// sha256() may be called from any thread; a Sha256 is for one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace stepwell {

std::string sha256(std::string_view message);  // 32 bytes

// The same of a message that comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view piece);
  std::string finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stepwell
