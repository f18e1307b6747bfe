// From the evaluated arguments of `call: http` to what goes over the wire. Pure functions but for
// the files that are sent, callable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "engine/files.h"
#include "http/message.h"

namespace stepwell::steps {

// The arguments that the engine evaluated: {uri, method, headers, query, body, …}.
// Errors: configuration/400 `method-invalid`, `url-invalid`, `header-invalid`, `query-invalid`,
// `body-invalid`.
// `authenticated`: a credential is sent along, so that no Authorization field may be. `boundary`:
// as encode_body() has it (steps/request_body.h).
// Files in the body are opened here; `files`: null where there are none. Errors also:
// validation/404 `file-unknown`; runtime/503 `store-failed`.
Result<http::Request> build_request(const Value& arguments, bool authenticated,
                                    std::string_view boundary = "stepwell-boundary",
                                    engine::Files* files = nullptr);

// The URL with the members of `query` (an object or null) appended, percent-encoded
// (application/x-www-form-urlencoded is not used: a space is %20). Arrays repeat their name.
Result<std::string> with_query(std::string url, const Value& query);

// "00-TRACE-SPAN-01" (W3C Trace Context §3.2); both in lower-case hexadecimal.
std::string traceparent(std::string_view trace_id, std::string_view span_id);

}  // namespace stepwell::steps
