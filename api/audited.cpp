#include "api/audited.h"

#include <utility>

namespace stepwell::api {

namespace {

std::string target_of(auth::Authority& authority, const Request& request) {
  if (request.parameters.empty()) return {};
  return authority.redactor().mask(request.parameters.front());
}

}  // namespace

BlockingHandler audited(auth::Authority& authority, std::string action, BlockingHandler handler) {
  return [&authority, action = std::move(action),
          handler = std::move(handler)](Request& request) -> Result<Response> {
    Result<Response> response = handler(request);
    if (response || response.error().status >= 500) return response;
    const Status noted = authority.audit().note(
        {request.actor(), action, target_of(authority, request), ""}, response.error().code);
    if (!noted) return fail(noted.error());
    return response;
  };
}

auth::AuditEvent denied_event(auth::Authority& authority, const Request& request,
                              const Route& route) {
  return {request.actor(), route.method + " " + route.pattern, target_of(authority, request), ""};
}

}  // namespace stepwell::api
