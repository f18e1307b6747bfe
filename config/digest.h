// The content hash by which an instance pins the definition that it started with. It tells versions
// apart; it is no protection against somebody who forges one. A pure function.
#pragma once

#include <string>
#include <string_view>

namespace stepwell::config {

// FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv), as 32 hexadecimal digits.
std::string content_digest(std::string_view content);

}  // namespace stepwell::config
