// From an operation and its parameters to the request. Pure functions, callable from any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "steps/openapi_document.h"

namespace stepwell::steps {

// {method, uri, headers, body}, as build_request() takes them. Each parameter gets the value of its
// name. What is left is the body: as a whole under `body` (with Swagger 2.0 also under the name of
// the body parameter), or by the names of its members. Null is as if it were not given.
// `document_url`: where the document came from, which relative servers refer to (RFC 3986 §5).
// Errors: validation/400 `parameter-missing`, `parameter-unknown`, `parameter-invalid`;
// configuration/400 `openapi-invalid`, `url-invalid`.
Result<Value> openapi_request(const OpenApiOperation& operation, const Value& parameters,
                              const std::string& document_url);

}  // namespace stepwell::steps
