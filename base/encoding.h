// Text forms of bytes that more than one folder writes. Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stepwell {

std::string to_hex(std::string_view bytes, bool upper = false);
// RFC 4648 §4, with padding.
std::string to_base64(std::string_view bytes);
// Every byte outside of RFC 3986 §2.3's unreserved set as %XX.
std::string percent_encode(std::string_view text);
// The bytes that %XX stand for; a "%" that no two hexadecimal digits follow stays as it is.
std::string percent_decode(std::string_view text);
// CRC-32 as IEEE 802.3 and gzip have it (reflected, polynomial 0x04C11DB7).
std::uint32_t crc32(std::string_view bytes) noexcept;

}  // namespace stepwell
