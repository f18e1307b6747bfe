// Amounts of memory as people write them in settings and options: 64MiB. Pure functions, callable
// from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace stepwell::config {

// A whole number with KiB, MiB or GiB behind it, or without a unit for bytes.
// Errors: configuration/`settings-invalid`.
Result<Bytes> parse_byte_size(std::string_view text);
// The largest unit in which it is a whole number: "64MiB".
std::string byte_size_text(Bytes size);

}  // namespace stepwell::config
