// CloudEvents in the requests that bring them.
// Source: CloudEvents 1.0.2; its JSON event format; its HTTP protocol binding §3: structured,
// batched and binary content mode.
// Pure functions, callable from any thread.
#pragma once

#include <vector>

#include "api/message.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::api {

// The events of a request, each as the JSON event format has it and checked; of a request with a
// fault none. Errors: validation/400 and 415 `event-invalid`.
Result<std::vector<Value>> read_events(const Request& request);

}  // namespace stepwell::api
