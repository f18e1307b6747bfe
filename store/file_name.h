// What clients call their files, and the types that they say these have, made fit to be kept and
// shown. Neither ever names anything on the disk.
// Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stepwell::store {

// The last segment of a path (some browsers send a whole one), without control characters and marks
// that turn the direction of text around, valid UTF-8 of at most 255 bytes; "file" where nothing is
// left.
std::string clean_file_name(std::string_view name);

// Type and subtype in lower case, with the parameters that it had (RFC 9110 §8.3.1);
// "application/octet-stream" for what is no media type.
std::string clean_media_type(std::string_view type);

// Does one of the patterns ("application/pdf", "image/*", "*/*") pick the type, whatever its
// parameters? An empty list picks all.
bool media_type_allowed(const std::vector<std::string>& patterns, std::string_view type);

// 26 letters of Crockford's base 32, in lower case, for 16 random bytes.
std::string base32_of(std::string_view bytes);

}  // namespace stepwell::store
