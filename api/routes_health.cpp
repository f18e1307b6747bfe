// /metrics and /-/…: what supervisors and Prometheus ask, in Prometheus' habits.

#include "api/routes.h"

namespace stepwell::api {

namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
// The text exposition format, version 0.0.4 (Prometheus documentation, "Exposition formats").
constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

Status add_all(Router& router, std::vector<Route> routes) {
  for (Route& route : routes) {
    if (Status status = router.add(std::move(route)); !status) return status;
  }
  return {};
}

Status add_health_routes(Router& router, const Services& services) {
  const auto healthy = [](const Request&, const Responder& responder) {
    responder.answer(text_response(200, "healthy\n", kPlainText));
  };
  const auto ready = [ask = services.ready](const Request&, const Responder& responder) {
    Status status = ask ? ask() : Status();
    if (status) return responder.answer(text_response(200, "ready\n", kPlainText));
    Problem problem = std::move(status).error();
    problem.status = 503;
    responder.answer(problem);
  };
  const auto metrics = [&from = services.metrics](const Request&, const Responder& responder) {
    responder.answer(text_response(200, from.text(), kMetricsText));
  };
  const auto reload = [act = services.reload](const Request&) -> Result<Response> {
    Status status = act ? act() : Status();
    if (!status) return fail(std::move(status).error());
    return text_response(200, "reloaded\n", kPlainText);
  };
  return add_all(router,
                 {
                     {"GET", "/-/healthy", Access::open(), AsyncHandler(healthy)},
                     {"GET", "/-/ready", Access::open(), AsyncHandler(ready)},
                     {"GET", "/metrics", Access::open(), AsyncHandler(metrics)},
                     {"POST", "/-/reload", Access::needs(auth::Permission::manage_workflows),
                      BlockingHandler(reload)},
                 });
}

}  // namespace stepwell::api
