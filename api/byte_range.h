// Which part of a file a request asks for (RFC 9110 §14), and whether it has the file already, or
// means another one (§13.1).
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stepwell::api {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

// Nothing where the whole is meant: there is no field, it asks for several ranges or cannot be read
// (§14.2 lets a server ignore it). Errors: validation/416 `range-unsatisfiable`.
Result<std::optional<ByteRange>> read_range(const std::string* range, std::uint64_t size);

// Does a list of entity tags name this one? Compared weakly for If-None-Match, strongly for
// If-Match (RFC 9110 §8.8.3.2).
enum class Comparison : std::uint8_t { weak, strong };
bool names_tag(std::string_view list, std::string_view tag, Comparison how);

}  // namespace stepwell::api
