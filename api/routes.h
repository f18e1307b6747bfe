// The routes, by resource. Each function adds its resource's routes to the router; what the
// handlers refer to outlives the router.
// Called by Dispatcher at the start; the handlers run as api/router.h says.
#pragma once

#include <functional>

#include "api/router.h"
#include "api/services.h"
#include "base/result.h"

namespace stepwell::api {

Status add_health_routes(Router& router, const Services& services);
// Runs a task on a thread that may block; false where too many wait.
using Blocking = std::function<bool(std::function<void()>)>;
// Starting; what has left memory is looked for where that may block.
Status add_instance_routes(Router& router, const Services& services, const Blocking& blocking);
// Lists of instances, and what is done to those that are there.
Status add_operation_routes(Router& router, const Services& services);
Status add_workflow_routes(Router& router, const Services& services);
Status add_schedule_routes(Router& router, const Services& services);
Status add_event_routes(Router& router, const Services& services, const Blocking& blocking);

// Administration blocks, and needs no engine and no reactor, so that offline commands run the same
// handlers on the data directory (api/administration.h).
Status add_credential_routes(Router& router, const AdminServices& services);
Status add_key_routes(Router& router, const AdminServices& services);
Status add_user_routes(Router& router, const AdminServices& services);
Status add_audit_routes(Router& router, const AdminServices& services);

// Adds each of the routes.
Status add_all(Router& router, std::vector<Route> routes);

}  // namespace stepwell::api
