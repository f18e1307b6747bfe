// Bytes from the text forms in which clients send them. Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepwell::api {

// Nothing for what is no hexadecimal text, in either case.
std::optional<std::string> from_hex(std::string_view text);
// RFC 4648 §4, with its padding or without. Nothing for what is none.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace stepwell::api
