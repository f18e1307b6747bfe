// Bytes put together so that they can be hashed and sealed. Pure functions, callable from any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stepwell::auth {

// The length-prefixed pieces one after the other, so that no two lists give the same bytes.
void append_piece(std::string& out, std::string_view piece);
void append_number(std::string& out, std::uint64_t number);  // 8 bytes, little-endian

}  // namespace stepwell::auth
