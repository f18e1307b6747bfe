// Idempotency-Key on requests that make something (draft-ietf-httpapi-idempotency-key-header): the
// second request with the same key and content makes nothing, within a day, also after a restart.
// What it made is remembered in the transaction that made it.
// Pure wrapping; what it returns may be called as api/router.h says.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "api/router.h"
#include "auth/authority.h"

namespace stepwell::api {

// Requests with the same key, one at a time, so that the second finds what the first one did.
// Shared by the handlers of one route; callable from any thread; lock() blocks.
class OnceTurns {
 public:
  // Of one without Idempotency-Key: nothing is locked.
  std::unique_lock<std::mutex> lock(const Request& request);

 private:
  std::array<std::mutex, 64> mutexes_;  // by the hash of its name
};

// The header's value with the key that sent it; empty where there is none. Errors: validation/400
// `request-invalid` for one that is too long.
Result<std::string> once_text(const Request& request);
// The same where it is kept as it is, and so must hold no stored secret.
Result<std::string> once_text(const Request& request, const auth::Redactor& redactor);

// Sets Request::once and Request::asked where the request has the header, and gives what it did
// before. Blocks where others write. Errors: those of once_text(); validation/422
// `idempotency-key-reused` where another thing was asked for.
Result<std::optional<auth::OnceMark>> find_once(auth::Authority& authority, Request& request);

// Runs the handler, which makes something, or `repeated` with what (auth::AuditEvent::target) was
// made before. Errors: validation/422 `idempotency-key-reused` where another thing was asked for.
using Repeated = std::function<Result<Response>(const std::string& made)>;
BlockingHandler once_only(auth::Authority& authority, BlockingHandler handler, Repeated repeated);

}  // namespace stepwell::api
