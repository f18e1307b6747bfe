// The checksum of what store/ writes into files of its own.
// A pure function, callable from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace stepwell::store {

// CRC-32C (Castagnoli; RFC 3720 appendix B.4).
std::uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace stepwell::store
