// The routes, by resource. Each function adds its resource's routes to the router; what the
// handlers refer to outlives the router.
// Called by Dispatcher at the start; the handlers run as api/router.h says.
#pragma once

#include <functional>

#include "api/router.h"
#include "api/services.h"
#include "base/result.h"

namespace stepwell::api {

class Admission;

// Runs a task on a thread that may block; false where too many wait.
using Blocking = std::function<bool(std::function<void()>)>;
// `open`: for what needs no key.
Status add_health_routes(Router& router, const Services& services, const Blocking& open);
// Starting; what has left memory is looked for where that may block.
Status add_instance_routes(Router& router, const Services& services, const Blocking& blocking);
// What instances did and do, step by step.
Status add_history_routes(Router& router, const Services& services);
// Lists of instances, and what is done to those that are there.
Status add_operation_routes(Router& router, const Services& services);
Status add_bulk_routes(Router& router, const Services& services);
// Steps that wait for people.
Status add_task_routes(Router& router, const Services& services);
// Workflows, and their schedules and webhooks.
Status add_workflow_routes(Router& router, const Services& services, const Blocking& blocking);
// `admission` outlives the router.
Status add_webhook_routes(Router& router, const Services& services, Admission& admission,
                          const Blocking& blocking);
// None where the services have no place for files.
Status add_file_routes(Router& router, const Services& services);
Status add_event_routes(Router& router, const Services& services, const Blocking& blocking);

// Administration blocks, and needs no engine and no reactor, so that offline commands run the same
// handlers on the data directory (api/administration.h).
Status add_credential_routes(Router& router, const AdminServices& services);
Status add_key_routes(Router& router, const AdminServices& services);
Status add_user_routes(Router& router, const AdminServices& services);
Status add_audit_routes(Router& router, const AdminServices& services);

// The description of all routes that the router has when somebody asks for it; it outlives them.
Status add_openapi_routes(Router& router, const Blocking& open);

// Adds each of the routes.
Status add_all(Router& router, std::vector<Route> routes);

}  // namespace stepwell::api
