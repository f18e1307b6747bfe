// /api/v1/instances/{id}/events and …/steps: what an instance did so far, and does; and
// /api/v1/instances/events: what becomes of all.

#include <charconv>
#include <memory>
#include <utility>

#include "api/change_feed.h"
#include "api/instance_events.h"
#include "api/instance_selection.h"
#include "api/instance_view.h"
#include "api/page.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

Result<std::uint64_t> last_seen(const Request& request) {
  const std::optional<std::string> text = last_event_id(request);
  if (!text || text->empty()) return std::uint64_t{0};
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped_at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stopped_at != end)
    return fail(client_error(400, "parameter-invalid",
                             "the last event's id is a whole number, as events have it"));
  return number;
}

Result<Response> stream_events(const Services& services, const Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  if (!id) return fail(unknown_instance());
  const Result<std::uint64_t> after = last_seen(request);
  if (!after) return fail(after.error());
  engine::Engine& engine = services.engine;
  auto events = std::make_shared<InstanceEvents>(services.authority.redactor(), *id, *after);
  // The stream goes with its answer, wherever that ends, and the engine then lets go of the events.
  engine.watch(*id, events);
  auto stream =
      std::make_shared<EventStream>([events](EventStream& to) { events->fill(to); },
                                    [events, &engine, id] { engine.unwatch(*id, events.get()); });
  Result<engine::History> history = engine.history(*id);
  if (!history) return fail(std::move(history).error());
  // A browser asks again after the end until it is told that there is nothing (WHATWG HTML §9.2.3).
  if (!events->begin(*std::move(history), stream)) {
    Response nothing;
    nothing.status = 204;
    return nothing;
  }
  return event_stream_response(std::move(stream));
}

// What of a selection is about a time or a page has no meaning here, and the route does not know
// it.
Result<Response> stream_changes(ChangeFeed& feed, const KeysOf& keys, const Clock& clock,
                                const Request& request) {
  const Result<Selection> selection =
      read_selection(texts_of(request), keys, clock.now(), kUsualPageSize, kLargestPageSize);
  if (!selection) return fail(selection.error());
  Result<std::shared_ptr<EventStream>> stream =
      feed.open(selection->query.filter, last_event_id(request));
  if (!stream) return fail(std::move(stream).error());
  return event_stream_response(*std::move(stream));
}

Route changes_route(const Services& services, const Access& access) {
  const auto feed = std::make_shared<ChangeFeed>(
      ChangeFeed::Surroundings{services.engine, services.authority.redactor(), services.clock,
                               services.entropy, services.reactor});
  std::vector<std::string> query = lasting_names();
  query.emplace_back("lastEventId");
  return {"GET", "/api/v1/instances/events", access,
          AsyncHandler([feed, keys = keys_of(services.authority.keys()), &clock = services.clock](
                           const Request& request, const Responder& responder) {
            responder.answer(stream_changes(*feed, keys, clock, request));
          }),
          std::move(query)};
}

Result<Response> list_steps(engine::Engine& engine, const Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  if (!id) return fail(unknown_instance());
  const Result<engine::History> history = engine.history(*id);
  if (!history) return fail(history.error());
  return json_response(200, describe_steps(*history));
}

}  // namespace

Status add_history_routes(Router& router, const Services& services) {
  const Access may_view = Access::needs(Permission::view_instances);
  const auto blocking = [&](std::string pattern, BlockingHandler handler,
                            std::vector<std::string> query) {
    Route route{"GET", std::move(pattern), may_view, std::move(handler), std::move(query)};
    route.pool = Pool::operations;
    return route;
  };
  return add_all(
      router, {changes_route(services, may_view),
               blocking("/api/v1/instances/{id}/events",
                        [services](Request& request) { return stream_events(services, request); },
                        {"lastEventId"}),
               blocking("/api/v1/instances/{id}/steps",
                        [&engine = services.engine](Request& request) {
                          return list_steps(engine, request);
                        },
                        {})});
}

}  // namespace stepwell::api
