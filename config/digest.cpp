#include "config/digest.h"

#include <cstdint>

namespace stepwell::config {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr Wide wide(std::uint64_t high, std::uint64_t low) {
  return (static_cast<Wide>(high) << 64U) | low;
}

constexpr Wide kOffsetBasis = wide(0x6c62272e07bb0142, 0x62b821756295c58d);
constexpr Wide kPrime = wide(0x0000000001000000, 0x000000000000013b);

}  // namespace

std::string content_digest(std::string_view content) {
  Wide hash = kOffsetBasis;
  for (const char c : content) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  std::string out;
  for (int shift = 124; shift >= 0; shift -= 4)
    out += "0123456789abcdef"[static_cast<unsigned>(hash >> static_cast<unsigned>(shift)) & 0xFU];
  return out;
}

}  // namespace stepwell::config
