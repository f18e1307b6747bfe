#include "api/dispatcher.h"

#include <algorithm>

#include "api/audited.h"
#include "api/routes.h"
#include "api/target.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kLoggedTargetBytes = 200;
constexpr std::chrono::minutes kDenialEvery{1};
constexpr std::size_t kDenialsKept = 1000;

Status check_query(const Route& route, const Request& request) {
  for (const auto& [name, value] : request.query) {
    if (std::find(route.query.begin(), route.query.end(), name) != route.query.end()) continue;
    return fail(request_problem(400, "parameter-unknown",
                                "this resource has no query parameter \"" + name + "\""));
  }
  return {};
}

Problem permission_denied(const auth::Principal& principal, auth::Permission permission) {
  const std::string lacking(to_string(permission));
  if (allows(principal.role, permission))
    return make_problem(
        ErrorKind::authorization, "permission-denied",
        "API key " + principal.key_id + " is narrowed to scopes without " + lacking);
  return make_problem(ErrorKind::authorization, "permission-denied",
                      "user " + principal.user + " has the role " +
                          std::string(to_string(principal.role)) + ", which lacks the permission " +
                          lacking);
}

// Attempts that an operator wants to hear of: to change what only an admin may.
bool is_administration(const Route& route, auth::Permission permission) {
  return route.method != "GET" && !allows(auth::Role::operator_, permission);
}

// The target without its query, in which a client may have put anything.
std::string loggable(std::string_view target) {
  return std::string(target.substr(0, std::min(target.find('?'), kLoggedTargetBytes)));
}

}  // namespace

Result<std::unique_ptr<Dispatcher>> Dispatcher::make(const Services& services,
                                                     const BlockingPools& pools) {
  std::unique_ptr<Dispatcher> dispatcher(new Dispatcher(services, pools));
  Router& router = dispatcher->router_;
  const auto on = [](BlockingPool& pool) -> Blocking {
    return [&pool](std::function<void()> task) { return pool.submit(std::move(task)); };
  };
  const Blocking operations = on(pools.operations);
  const AdminServices administration{
      services.authority, services.catalog, services.master_key,      &services.engine,
      &services.reactor,  &services.clock,  on(pools.administration),
  };
  for (Status status :
       {add_health_routes(router, services), add_instance_routes(router, services, operations),
        add_operation_routes(router, services), add_workflow_routes(router, services),
        add_schedule_routes(router, services), add_event_routes(router, services, operations),
        add_credential_routes(router, administration), add_key_routes(router, administration),
        add_user_routes(router, administration), add_audit_routes(router, administration)}) {
    if (!status) return fail(std::move(status).error());
  }
  for (const Route& route : router.routes())
    dispatcher->handles_.push_back(dispatcher->handles_of(route.method + " " + route.pattern));
  dispatcher->handles_.push_back(dispatcher->handles_of("unmatched"));
  return dispatcher;
}

Dispatcher::Handles Dispatcher::handles_of(const std::string& route) const {
  Handles handles;
  for (std::size_t i = 0; i < handles.by_class.size(); ++i) {
    handles.by_class[i] = services_.metrics.counter(
        "stepwell_api_requests_total", "Requests to the API by route and class of status.",
        {{"route", route}, {"status", std::to_string(i + 1) + "xx"}});
  }
  handles.duration =
      services_.metrics.histogram("stepwell_api_request_duration_seconds",
                                  "Time from a request being read to its answer being ready.",
                                  duration_buckets(), {{"route", route}});
  return handles;
}

Dispatcher::Ticket Dispatcher::unmatched(std::string remote) const {
  Ticket ticket;
  ticket.route = handles_.size() - 1;
  ticket.id = services_.entropy.hex(8);
  ticket.remote = std::move(remote);
  ticket.begun = services_.clock.steady_now();
  return ticket;
}

Dispatcher::Ticket Dispatcher::dispatch(Request request, std::shared_ptr<ResponseSink> sink) {
  Ticket ticket = unmatched(request.remote);
  ticket.method = request.method;
  ticket.target = request.target;
  request.id = ticket.id;
  const Responder responder(std::move(sink));
  const Result<std::size_t> route = admit(request, ticket);
  if (!route) {
    Response response = problem_response(route.error());
    if (const Value* allow = route.error().extensions.find("allow"))
      response.headers.push_back({"Allow", std::string(allow->as_string())});
    responder.answer(std::move(response));
    return ticket;
  }
  run(router_.routes()[*route], std::move(request), responder);
  return ticket;
}

Result<std::size_t> Dispatcher::admit(Request& request, Ticket& ticket) {
  Result<Target> target = parse_target(request.target);
  if (!target) return fail(std::move(target).error());
  Result<Match> match = router_.match(request.method, *target);
  if (!match) return fail(std::move(match).error());
  ticket.route = match->route;
  request.parameters = std::move(match->parameters);
  request.query = std::move(target->query);

  const Route& route = router_.routes()[match->route];
  if (!route.access || !route.access->permission) return match->route;
  Result<auth::Principal> principal = services_.authority.keys().verify(request.authorization);
  if (!principal) return fail(std::move(principal).error());
  ticket.user = principal->user;
  request.principal = *std::move(principal);
  if (!request.principal.may(*route.access->permission)) {
    if (is_administration(route, *route.access->permission)) note_denied(request, route);
    return fail(permission_denied(request.principal, *route.access->permission));
  }
  if (Status status = check_query(route, request); !status) return fail(std::move(status).error());
  if (route.when_ready)
    if (Status status = check_ready(); !status) return fail(std::move(status).error());
  return match->route;
}

Status Dispatcher::check_ready() const {
  Status status = services_.ready ? services_.ready() : Status();
  if (!status) status.error().status = 503;
  return status;
}

// The answer does not wait for it: nothing happens that would have to be recorded first.
void Dispatcher::note_denied(const Request& request, const Route& route) {
  if (!first_of_its_minute(request.principal.key_id + " " + route.method + " " + route.pattern))
    return;
  const bool taken =
      pools_.administration.submit([&authority = services_.authority, &log = services_.log,
                                    event = denied_event(services_.authority, request, route)] {
        if (const Status noted = authority.audit().note(event, "permission-denied"); !noted)
          log.error("denial-not-audited", {{"problem", noted.error().one_line()}});
      });
  if (!taken) services_.log.error("denial-not-audited", {{"key", request.principal.key_id}});
}

// Whoever repeats it fills neither the log nor the queue in which a revocation may wait.
bool Dispatcher::first_of_its_minute(const std::string& attempt) {
  const SteadyTime now = services_.clock.steady_now();
  const std::scoped_lock lock(denied_mutex_);
  std::erase_if(denied_, [&](const auto& entry) { return now - entry.second >= kDenialEvery; });
  return denied_.size() < kDenialsKept && denied_.emplace(attempt, now).second;
}

void Dispatcher::run(const Route& route, Request request, const Responder& responder) {
  if (const auto* handler = std::get_if<AsyncHandler>(&route.handler)) {
    (*handler)(std::move(request), responder);
    return;
  }
  const auto& handler = std::get<BlockingHandler>(route.handler);
  BlockingPool& pool = route.pool == Pool::operations ? pools_.operations : pools_.administration;
  // std::function copies what it holds, and a request is not for copying.
  auto shared = std::make_shared<Request>(std::move(request));
  const bool taken =
      pool.submit([&handler, shared, responder] { responder.answer(handler(*shared)); });
  if (taken) return;
  responder.answer(overloaded());
}

void Dispatcher::complete(const Ticket& ticket, Response& response) const {
  // The last line of defence: whatever a handler put in, no known secret leaves in an answer.
  if (!response.shows_key)
    response.body = services_.authority.redactor().mask(std::move(response.body));
  response.headers.push_back({"X-Request-Id", ticket.id});

  const double seconds =
      std::chrono::duration<double>(services_.clock.steady_now() - ticket.begun).count();
  const Handles& handles = handles_[ticket.route];
  const auto status_class = static_cast<std::size_t>(std::clamp(response.status / 100, 1, 5));
  handles.by_class[status_class - 1].increment();
  handles.duration.observe(seconds);
  if (!services_.log.enabled(LogLevel::debug)) return;
  services_.log.debug("request", {{"id", ticket.id},
                                  {"method", ticket.method},
                                  {"path", loggable(services_.authority.redactor().mask(
                                               ticket.target))},  // half a secret is not found
                                  {"status", response.status},
                                  {"seconds", seconds},
                                  {"user", ticket.user},
                                  {"remote", ticket.remote}});
}

}  // namespace stepwell::api
