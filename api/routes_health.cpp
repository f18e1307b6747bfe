// /metrics and /-/…: what supervisors and Prometheus ask, in Prometheus' habits.

#include <memory>
#include <mutex>

#include "api/routes.h"
#include "api/shared_text.h"

namespace stepwell::api {

namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
// The text exposition format, version 0.0.4 (Prometheus documentation, "Exposition formats").
constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

// All metrics as a text, for as many as ask. To collect them takes a while where there are many:
// they are collected for everybody who asks, but for those who ask all the time, who get the last
// text again.
class MetricsPage {
 public:
  MetricsPage(const Metrics& metrics, const Clock& clock) : metrics_(metrics), clock_(clock) {}

  Response answer() {
    // Texts that somebody takes slowly stay in memory; so no text is taken for longer.
    const Deadline until = Deadline::after(clock_, kTaken);
    return shared_text_response(text(), kMetricsText, [until, &clock = clock_] {
      return until.passed(clock.steady_now());
    });
  }

 private:
  static constexpr Milliseconds kEvery{1'000};
  static constexpr std::size_t kAtOnce = 3;  // texts within that time
  static constexpr Milliseconds kTaken{30'000};

  std::shared_ptr<const std::string> text() {
    const std::scoped_lock lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    if (!text_ || now - since_ >= kEvery) {
      since_ = now;
      made_ = 0;
    }
    if (made_ < kAtOnce) {
      ++made_;
      text_ = std::make_shared<const std::string>(metrics_.text());
    }
    return text_;
  }

  const Metrics& metrics_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const std::string> text_;  // guarded by mutex_
  SteadyTime since_{};                       // guarded by mutex_
  std::size_t made_ = 0;                     // guarded by mutex_; since then
};

}  // namespace

Status add_all(Router& router, std::vector<Route> routes) {
  for (Route& route : routes) {
    if (Status status = router.add(std::move(route)); !status) return status;
  }
  return {};
}

Status add_health_routes(Router& router, const Services& services, const Blocking& open) {
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
  const auto page = std::make_shared<MetricsPage>(services.metrics, services.clock);
  const auto metrics = [page, open](const Request&, const Responder& responder) {
    if (!open([page, responder] { responder.answer(page->answer()); }))
      responder.answer(overloaded());
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
