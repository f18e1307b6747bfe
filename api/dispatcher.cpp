#include "api/dispatcher.h"

#include <algorithm>

#include "api/audited.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kLoggedTargetBytes = 200;
constexpr std::chrono::minutes kDenialEvery{1};
constexpr std::size_t kDenialsKept = 1000;

Status check_query(const Route& route, const Request& request) {
  for (const auto& [name, value] : request.query) {
    if (std::find(route.query.begin(), route.query.end(), name) != route.query.end()) continue;
    return fail(client_error(400, "parameter-unknown",
                             "this resource has no query parameter \"" + name + "\""));
  }
  return {};
}

// Attempts that an operator wants to hear of: to change what only an admin may.
bool is_administration(const Route& route, auth::Permission permission) {
  return route.method != "GET" && !allows(auth::Role::operator_, permission);
}

Response refusal(const Problem& problem) {
  Response response = problem_response(problem);
  if (const Value* allow = problem.extensions.find("allow"))
    response.headers.push_back({"Allow", std::string(allow->as_string())});
  return response;
}

// The target without its query, in which a client may have put anything.
std::string loggable(std::string_view target) {
  return std::string(target.substr(0, std::min(target.find('?'), kLoggedTargetBytes)));
}

}  // namespace

Dispatcher::Dispatcher(const Services& services, const BlockingPools& pools,
                       const RateLimits& limits)
    : services_(services), pools_(pools), admission_(services, limits) {}

Result<std::unique_ptr<Dispatcher>> Dispatcher::make(const Services& services,
                                                     const BlockingPools& pools,
                                                     const RateLimits& limits,
                                                     std::vector<Route> further) {
  std::unique_ptr<Dispatcher> dispatcher(new Dispatcher(services, pools, limits));
  Router& router = dispatcher->router_;
  const Blocking operations = pools.operations.submitter();
  const AdminServices administration{
      services.authority,
      services.catalog,
      services.master_key,
      &services.engine,
      &services.reactor,
      &services.clock,
      pools.administration.submitter(),
  };
  for (Status status :
       {add_health_routes(router, services, pools.open.submitter()),
        add_instance_routes(router, services, operations), add_operation_routes(router, services),
        add_bulk_routes(router, services), add_workflow_routes(router, services, operations),
        add_webhook_routes(router, services, dispatcher->admission_, pools.webhooks.submitter()),
        add_event_routes(router, services, operations), add_file_routes(router, services),
        add_history_routes(router, services), add_task_routes(router, services),
        add_credential_routes(router, administration), add_key_routes(router, administration),
        add_user_routes(router, administration), add_audit_routes(router, administration),
        add_openapi_routes(router, pools.open.submitter()), add_all(router, std::move(further))}) {
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

Dispatcher::Ticket Dispatcher::dispatch(Request request, std::shared_ptr<ResponseSink> sink,
                                        std::optional<Found> found) {
  Ticket ticket = unmatched(request.remote);
  ticket.method = request.method;
  ticket.target = request.target;
  request.id = ticket.id;
  const Responder responder(std::move(sink));
  const Result<std::size_t> route = admit(request, ticket, std::move(found));
  if (!route) {
    responder.answer(refusal(route.error()));
    return ticket;
  }
  run(router_.routes()[*route], std::move(request), responder);
  return ticket;
}

Result<Dispatcher::Found> Dispatcher::find(const Request& request) const {
  Result<Target> target = parse_target(request.target);
  if (!target) return fail(std::move(target).error());
  Result<Match> match = router_.match(request.method, *target);
  if (!match) return fail(std::move(match).error());
  return Found{*std::move(target), *std::move(match)};
}

Dispatcher::Plan Dispatcher::plan(const Request& request) const {
  Result<Found> found = find(request);
  if (!found) return {};
  const Route& route = router_.routes()[found->match.route];
  // Who shows a good key all the same is no stranger.
  const bool open =
      (!route.access || !route.access->permission) &&
      (request.authorization.empty() || !services_.authority.keys().verify(request.authorization));
  return {std::holds_alternative<UploadHandler>(route.handler), open, route.max_body,
          *std::move(found)};
}

// Who has no key, or asks for what is not there, sends no body first. The rest is looked at with
// the body: a request counts once against its key's limit.
std::optional<Dispatcher::Opened> Dispatcher::refuse_body(const Request& request,
                                                          const std::optional<Found>& found) {
  Opened opened{unmatched(request.remote), nullptr, {}};
  Ticket& ticket = opened.ticket;
  ticket.method = request.method;
  ticket.target = request.target;
  const auto check = [&]() -> Status {
    if (!found) {
      const Result<Found> looked = find(request);
      return looked ? Status() : fail(looked.error());
    }
    ticket.route = found->match.route;
    const Route& route = router_.routes()[ticket.route];
    if (!route.access || !route.access->permission) return {};
    const Result<auth::Principal> principal = admission_.identify(request);
    return principal ? Status() : fail(principal.error());
  };
  const Status allowed = check();
  if (allowed) return std::nullopt;
  opened.refusal = refusal(allowed.error());
  return opened;
}

Dispatcher::Opened Dispatcher::open_upload(Request request, BlockingPool& pool,
                                           std::optional<Found> found) {
  Opened opened{unmatched(request.remote), nullptr, {}};
  Ticket& ticket = opened.ticket;
  ticket.method = request.method;
  ticket.target = request.target;
  request.id = ticket.id;
  const Result<std::size_t> index = admit(request, ticket, std::move(found));
  if (!index) {
    opened.refusal = refusal(index.error());
    return opened;
  }
  const Route& route = router_.routes()[*index];
  opened.upload = std::make_shared<Upload>(
      std::get<UploadHandler>(route.handler), pool, std::move(request),
      [this, &route](const Request& asked) { return check_again(route, asked.authorization); });
  return opened;
}

Status Dispatcher::still_allowed(const Ticket& ticket) const {
  if (ticket.route >= router_.routes().size()) return {};
  return check_again(router_.routes()[ticket.route], ticket.authorization);
}

// Of a request that was admitted a while ago: its key may have been revoked since.
Status Dispatcher::check_again(const Route& route, const std::string& authorization) const {
  if (!route.access || !route.access->permission) return {};
  const Result<auth::Principal> principal = services_.authority.keys().verify(authorization);
  if (!principal) return fail(principal.error());
  if (!principal->may(*route.access->permission))
    return fail(permission_denied(*principal, *route.access->permission));
  return {};
}

Result<std::size_t> Dispatcher::admit(Request& request, Ticket& ticket,
                                      std::optional<Found> found) {
  if (!found) {
    Result<Found> looked = find(request);
    if (!looked) return fail(std::move(looked).error());
    found = *std::move(looked);
  }
  const std::size_t index = found->match.route;
  ticket.route = index;
  request.parameters = std::move(found->match.parameters);
  request.query = std::move(found->target.query);

  const Route& route = router_.routes()[index];
  if (!route.access || !route.access->permission) return index;
  Result<auth::Principal> principal = admission_.identify(request);
  if (!principal) return fail(std::move(principal).error());
  if (Status few = admission_.check_rate(*principal, ticket.allowance); !few)
    return fail(std::move(few).error());
  ticket.user = principal->user;
  ticket.authorization = request.authorization;
  request.principal = *std::move(principal);
  if (!request.principal.may(*route.access->permission)) {
    if (is_administration(route, *route.access->permission)) note_denied(request, route);
    return fail(permission_denied(request.principal, *route.access->permission));
  }
  if (Status status = check_query(route, request); !status) return fail(std::move(status).error());
  if (route.when_ready)
    if (Status status = admission_.check_ready(); !status) return fail(std::move(status).error());
  return index;
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
  const auto* const blocking = std::get_if<BlockingHandler>(&route.handler);
  if (blocking == nullptr) return responder.answer(overloaded());  // the connection knows better
  const BlockingHandler& handler = *blocking;
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
  if (!response.shows_key && !response.source && !response.events)
    response.body = services_.authority.redactor().mask(std::move(response.body));
  response.headers.push_back({"X-Request-Id", ticket.id});
  if (ticket.allowance)
    for (http::Header& header : rate_headers(*ticket.allowance))
      response.headers.push_back(std::move(header));

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
