#include "auth/encoding.h"

namespace stepwell::auth {

void append_piece(std::string& out, std::string_view piece) {
  append_number(out, piece.size());
  out += piece;
}

void append_number(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out += static_cast<char>(static_cast<unsigned char>((number >> shift) & 0xFFU));
}

}  // namespace stepwell::auth
