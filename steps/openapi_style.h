// How a parameter's value is written: OpenAPI's styles, which are RFC 6570's expansions. Pure
// functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "steps/openapi_document.h"

namespace stepwell::steps {

// Every byte outside of RFC 3986 §2.3 as %XX; `reserved` leaves its §2.2 and %XX alone as well.
std::string encode_component(std::string_view text, bool reserved);

// A path's or a header's value: "blue,black", ".blue", ";color=blue" (OpenAPI 3.1.1 §4.8.12.3; RFC
// 6570 §3.2.2, §3.2.5, §3.2.7). What stands in headers is not percent-encoded.
// Errors: validation/`parameter-invalid`.
Result<std::string> simple_text(const OpenApiParameter& parameter, const Value& value);

// A query's, cookie's or form's pairs, both sides encoded already; none for an empty array or
// object (RFC 6570 §3.2.8). Errors: as above.
using EncodedPairs = std::vector<std::pair<std::string, std::string>>;
Result<EncodedPairs> form_pairs(const OpenApiParameter& parameter, const Value& value);

}  // namespace stepwell::steps
