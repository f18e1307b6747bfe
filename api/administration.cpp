#include "api/administration.h"

#include "api/routes.h"
#include "api/target.h"

namespace stepwell::api {

Result<std::unique_ptr<Administration>> Administration::make(const AdminServices& services) {
  std::unique_ptr<Administration> made(new Administration());
  for (Status status :
       {add_credential_routes(made->router_, services), add_key_routes(made->router_, services),
        add_user_routes(made->router_, services), add_audit_routes(made->router_, services)}) {
    if (!status) return fail(std::move(status).error());
  }
  return made;
}

Result<std::unique_ptr<Administration>> Administration::make_whole(const Services& services) {
  const AdminServices administration{services.authority, services.catalog,  services.master_key,
                                     &services.engine,   &services.reactor, &services.clock};
  Result<std::unique_ptr<Administration>> made = make(administration);
  if (!made) return made;
  Router& router = (*made)->router_;
  const Blocking at_once = [](const std::function<void()>& task) {
    task();
    return true;
  };
  for (Status status :
       {add_operation_routes(router, services), add_bulk_routes(router, services),
        add_history_routes(router, services), add_workflow_routes(router, services, at_once)}) {
    if (!status) return fail(std::move(status).error());
  }
  return made;
}

Response Administration::call(const std::string& method, const std::string& target,
                              std::string body, const std::string& user) const {
  Request request;
  request.method = method;
  request.target = target;
  request.body = std::move(body);
  request.remote = "offline";
  request.principal.user = user;
  request.principal.role = auth::Role::admin;
  Result<Response> response = answer(std::move(request));
  return response ? *std::move(response) : problem_response(response.error());
}

Result<Response> Administration::answer(Request request) const {
  Result<Target> target = parse_target(request.target);
  if (!target) return fail(std::move(target).error());
  Result<Match> match = router_.match(request.method, *target);
  if (!match) return fail(std::move(match).error());
  request.parameters = std::move(match->parameters);
  request.query = std::move(target->query);
  const auto* handler = std::get_if<BlockingHandler>(&router_.routes()[match->route].handler);
  if (handler == nullptr)
    return fail(make_problem(ErrorKind::runtime, "not-offline", "this needs a running daemon"));
  return (*handler)(request);
}

}  // namespace stepwell::api
