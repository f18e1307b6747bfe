// Text forms of bytes: hexadecimal, base64, and the CRC-32 that ends a key's text. Pure functions,
// callable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stepwell::auth {

std::string to_hex(std::string_view bytes, bool upper = false);
// RFC 4648 §4, with padding.
std::string to_base64(std::string_view bytes);
// The length-prefixed pieces one after the other, so that no two lists give the same bytes.
void append_piece(std::string& out, std::string_view piece);
void append_number(std::string& out, std::uint64_t number);  // 8 bytes, little-endian
// IEEE 802.3, reflected, as gzip has it.
std::uint32_t crc32(std::string_view bytes) noexcept;

}  // namespace stepwell::auth
