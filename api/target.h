// Reads a request target strictly, so that one resource has one spelling: percent-encodings are
// decoded once, and whatever two readers could understand differently is refused.
// Pure, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stepwell::api {

struct Target {
  std::vector<std::string> segments;  // decoded; "/a/b" has two, "/" one that is empty
  std::vector<std::pair<std::string, std::string>> query;  // decoded, "+" is a space
};

// Origin form and absolute form (RFC 9112 §3.2). Errors, all 400 `target-invalid`: another form,
// a fragment, a byte outside of RFC 3986's path and query sets, a broken percent-encoding, an
// encoded "/", "\" or control character, a dot segment in any spelling (RFC 3986 §3.3), text that
// is no UTF-8, a query parameter that is given twice.
Result<Target> parse_target(std::string_view text);

}  // namespace stepwell::api
