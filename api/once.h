// Idempotency-Key on requests that make something (draft-ietf-httpapi-idempotency-key-header): the
// second request with the same key and content makes nothing, within a day, also after a restart.
// What it made is remembered in the transaction that made it.
// Pure wrapping; what it returns may be called as api/router.h says.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "api/router.h"
#include "auth/authority.h"

namespace stepwell::api {

// The header's value with the key that sent it; empty where there is none. Errors: validation/400
// `request-invalid` for one that is too long.
Result<std::string> once_text(const Request& request);

// Runs the handler, which makes something, or `repeated` with what (auth::AuditEvent::target) was
// made before. Errors: validation/422 `idempotency-key-reused` where another thing was asked for.
using Repeated = std::function<Result<Response>(const std::string& made)>;
BlockingHandler once_only(auth::Authority& authority, BlockingHandler handler, Repeated repeated);

}  // namespace stepwell::api
