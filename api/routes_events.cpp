// /api/v1/events: CloudEvents from outside, for `listen`.

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/cloud_events.h"
#include "api/masked.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

// Answers once none of the events can be lost.
class Acknowledgement {
 public:
  Acknowledgement(Responder responder, std::size_t events)
      : responder_(std::move(responder)), events_(events), open_(events) {}

  void settle(const Status& status) {
    const std::scoped_lock lock(mutex_);
    if (!status && !problem_) problem_ = status.error();
    if (--open_ > 0) return;
    if (problem_) return responder_.answer(*problem_);
    responder_.answer(json_response(202, Value::object({{"accepted", events_}})));
  }

 private:
  const Responder responder_;
  const std::size_t events_;
  std::mutex mutex_;
  std::size_t open_;                // guarded by mutex_
  std::optional<Problem> problem_;  // guarded by mutex_; the first one
};

// None of a batch where one is no event. What the journal refuses later, it refuses one by one.
void send_events(engine::Engine& engine, const auth::Redactor& redactor, const Request& request,
                 const Responder& responder) {
  const Result<std::vector<Value>> events = read_events(request);
  if (!events) return responder.answer(events.error());
  if (events->empty())
    return responder.answer(json_response(202, Value::object({{"accepted", 0}})));
  const auto acknowledgement = std::make_shared<Acknowledgement>(responder, events->size());
  for (const Value& event : *events) {
    engine.publish(masked(redactor, event),
                   [acknowledgement](const Status& status) { acknowledgement->settle(status); });
  }
}

}  // namespace

// Many may listen, so it takes a thread that may be kept; it is not kept until the disk has all.
// None is taken before instances from before the start listen again.
Status add_event_routes(Router& router, const Services& services, const Blocking& blocking) {
  const auto send = [&engine = services.engine, &redactor = services.authority.redactor(),
                     blocking](Request request, const Responder& responder) {
    auto shared = std::make_shared<const Request>(std::move(request));
    const bool taken = blocking([&engine, &redactor, shared, responder] {
      send_events(engine, redactor, *shared, responder);
    });
    if (!taken) responder.answer(overloaded());
  };
  Route route{"POST", "/api/v1/events", Access::needs(Permission::send_events), AsyncHandler(send)};
  route.when_ready = true;
  return router.add(std::move(route));
}

}  // namespace stepwell::api
