// Records what was refused: what an administrative request did is recorded with the change itself,
// what it was not allowed to do is recorded here.
// Pure wrapping; what it returns may be called as api/router.h says.
#pragma once

#include <string>

#include "api/router.h"
#include "auth/authority.h"

namespace stepwell::api {

// Runs the handler. A refusal (4xx) is written to the log with its code before it is answered; if
// that cannot be written, the answer is that failure. Its target is what the client wrote, so known
// secrets are masked: some give a secret where its name belongs.
BlockingHandler audited(auth::Authority& authority, std::string action, BlockingHandler handler);

// The record of a request that its key did not allow.
auth::AuditEvent denied_event(auth::Authority& authority, const Request& request,
                              const Route& route);

}  // namespace stepwell::api
