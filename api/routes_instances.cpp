// /api/v1/instances and /api/v1/workflows: starting, reading and stopping.

#include <charconv>
#include <future>
#include <memory>
#include <utility>

#include "api/fields.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxTags = 100;
constexpr Milliseconds kMaxStopWait{5'000};
constexpr Milliseconds kMaxWait{std::chrono::minutes(5)};

Value time_or_null(bool known, WallTime time) { return known ? Value(format_time(time)) : Value(); }

Value describe(const engine::InstanceView& view) {
  const bool stopped = view.status == engine::InstanceStatus::stopped;
  const bool ended = engine::ended(view.status);
  Value active = Value::array();
  for (const std::string& task : view.active_tasks) active.push_back(task);
  return Value::object({
      {"id", view.id.number},
      {"name", view.name},
      {"workflow", view.workflow},
      {"parent", view.parent ? Value(view.parent->number) : Value()},
      {"status", to_string(view.status)},
      {"tags", view.tags.is_null() ? Value::array() : view.tags},
      {"startedTime", time_or_null(view.started != WallTime{}, view.started)},
      {"completedTime", time_or_null(ended && !stopped, view.ended)},
      {"stoppedTime", time_or_null(stopped, view.ended)},
      {"lastUpdatedTime", format_time(view.updated)},
      {"activeSteps", std::move(active)},
      {"input", view.input},
      {"output", view.output},
      {"error", view.problem ? view.problem->to_value() : Value()},
  });
}

Problem unknown_instance() {
  return request_problem(404, "instance-unknown", "there is no such instance");
}

// An id has one spelling: decimal, without sign or leading zero, below 2^53.
std::optional<InstanceId> parse_id(std::string_view text) {
  InstanceId id;
  const char* end = text.data() + text.size();
  const auto [stopped_at, error] = std::from_chars(text.data(), end, id.number);
  const bool number = error == std::errc() && stopped_at == end && text.front() != '0';
  if (!number || id.number >= (1ULL << 53U)) return std::nullopt;
  return id;
}

// "500ms", "30s" or "5m", at most five minutes; nothing where the parameter is absent.
Result<std::optional<Milliseconds>> read_wait(const Request& request) {
  const std::string* text = request.query_value("wait");
  if (text == nullptr) return std::nullopt;
  std::uint32_t count = 0;
  const char* end = text->data() + text->size();
  const auto [stopped_at, error] = std::from_chars(text->data(), end, count);
  const std::string_view unit(stopped_at, static_cast<std::size_t>(end - stopped_at));
  std::uint64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  const std::uint64_t total = factor * count;
  if (error != std::errc() || factor == 0 || total > static_cast<std::uint64_t>(kMaxWait.count()))
    return fail(
        request_problem(400, "parameter-invalid",
                        "\"wait\" must be a time such as 500ms, 30s or 5m, and at most 5 minutes"));
  return std::optional<Milliseconds>(Milliseconds(static_cast<std::int64_t>(total)));
}

Result<engine::StartRequest> read_start(const engine::Catalog& catalog, const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  engine::StartRequest start;
  const std::string workflow = fields->required_text("workflow");
  start.input = fields->any("input");
  start.name = fields->text("name");
  if (start.name.size() > kMaxNameBytes) fields->fault("\"name\" is longer than 200 bytes");
  const std::vector<std::string> tags = fields->texts("tags");
  if (tags.size() > kMaxTags) fields->fault("there are more than 100 \"tags\"");
  for (const std::string& tag : tags) {
    if (tag.empty() || tag.size() > kMaxNameBytes)
      fields->fault("each of the \"tags\" must have 1 to 200 bytes");
    start.tags.push_back(tag);
  }
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  Result<engine::Catalog::Entry> entry = catalog.find(workflow);
  if (!entry) return fail(std::move(entry).error());
  start.workflow = entry->workflow;
  start.key = request.principal.key_id;
  return start;
}

Response created(const engine::InstanceView& view) {
  Response response = json_response(201, describe(view));
  response.headers.push_back({"Location", "/api/v1/instances/" + std::to_string(view.id.number)});
  return response;
}

void answer_created(const engine::Engine& engine, InstanceId id, const Responder& responder) {
  if (const std::optional<engine::InstanceView> view = engine.find(id))
    return responder.answer(created(*view));
  // It ended, and so many others after it that it is forgotten already.
  responder.answer(json_response(201, Value::object({{"id", id.number}})));
}

void wait_for_end(engine::Engine& engine, InstanceId id, Milliseconds limit,
                  const Responder& responder) {
  responder.after(limit, [&engine, responder, id] { answer_created(engine, id, responder); });
  const bool known = engine.when_ended(
      id, [responder](const engine::InstanceView& view) { responder.answer(created(view)); });
  if (!known) answer_created(engine, id, responder);
}

void start_instance(engine::Engine& engine, const engine::Catalog& catalog, const Request& request,
                    const Responder& responder) {
  const Result<std::optional<Milliseconds>> wait = read_wait(request);
  if (!wait) return responder.answer(wait.error());
  Result<engine::StartRequest> start = read_start(catalog, request);
  if (!start) return responder.answer(start.error());
  engine.start(*std::move(start), [&engine, responder, wait = *wait](Result<InstanceId> id) {
    if (!id) return responder.answer(id.error());
    // The engine may call with the instance's lock held, so it is asked about it later.
    responder.resume([&engine, responder, wait, id = *id] {
      if (wait) return wait_for_end(engine, id, *wait, responder);
      answer_created(engine, id, responder);
    });
  });
}

void show_instance(const engine::Engine& engine, const Request& request,
                   const Responder& responder) {
  const std::optional<InstanceId> id = parse_id(request.parameters.at(0));
  const std::optional<engine::InstanceView> view = id ? engine.find(*id) : std::nullopt;
  if (!view) return responder.answer(unknown_instance());
  responder.answer(json_response(200, describe(*view)));
}

Result<Response> stop_instance(engine::Engine& engine, auth::AuditLog& audit,
                               const Request& request) {
  const std::optional<InstanceId> id = parse_id(request.parameters.at(0));
  const std::optional<engine::InstanceView> before = id ? engine.find(*id) : std::nullopt;
  if (!before) return fail(unknown_instance());
  if (engine::ended(before->status))
    return fail(request_problem(409, "instance-ended",
                                "instance " + request.parameters.at(0) + " has ended already"));
  const Status noted =
      audit.note({request.actor(), "instance.stop", request.parameters.at(0), ""}, "done");
  if (!noted) return fail(noted.error());
  // The answer waits for the end, which follows at once: requests in flight are only cancelled. It
  // is asked for first, since what has ended may be forgotten at once.
  auto ended = std::make_shared<std::promise<engine::InstanceView>>();
  std::future<engine::InstanceView> end = ended->get_future();
  const bool there =
      engine.when_ended(*id, [ended](const engine::InstanceView& view) { ended->set_value(view); });
  if (!there) return fail(unknown_instance());
  if (const Status status = engine.stop(*id); !status) return fail(status.error());
  if (end.wait_for(kMaxStopWait) == std::future_status::ready)
    return json_response(200, describe(end.get()));
  return json_response(200, describe(engine.find(*id).value_or(*before)));
}

Value describe(const config::Definition& definition) {
  Value credentials = Value::array();
  for (const auto& [name, position] : definition.credentials) credentials.push_back(name);
  return Value::object({
      {"namespace", definition.namespace_},
      {"name", definition.name},
      {"version", definition.version},
      {"title", definition.title},
      {"digest", definition.digest},
      {"credentials", std::move(credentials)},
  });
}

Value describe(const engine::ScheduleView& view) {
  return Value::object({
      {"workflow", view.workflow},
      {"kind", view.kind},
      {"rule", view.rule},
      {"nextTime", time_or_null(view.next.has_value(), view.next.value_or(WallTime{}))},
      {"lastTime", time_or_null(view.last.has_value(), view.last.value_or(WallTime{}))},
      {"started", view.started},
      {"refused", view.refused},
      {"missed", view.missed},
      {"error", view.problem ? view.problem->to_value() : Value()},
  });
}

}  // namespace

Status add_instance_routes(Router& router, const Services& services) {
  engine::Engine& engine = services.engine;
  const engine::Catalog& catalog = services.catalog;
  const std::string all = "/api/v1/instances";
  return add_all(
      router,
      {
          {"POST",
           all,
           Access::needs(Permission::start_instances),
           AsyncHandler([&engine, &catalog](const Request& request, const Responder& responder) {
             start_instance(engine, catalog, request, responder);
           }),
           {"wait"}},
          {"GET", all + "/{id}", Access::needs(Permission::view_instances),
           AsyncHandler([&engine](const Request& request, const Responder& responder) {
             show_instance(engine, request, responder);
           })},
          {"POST", all + "/{id}/stop", Access::needs(Permission::control_instances),
           BlockingHandler([&engine, &audit = services.authority.audit()](const Request& request) {
             return stop_instance(engine, audit, request);
           })},
      });
}

Status add_schedule_routes(Router& router, const Services& services) {
  const auto list = [schedules = services.schedules](const Request&, const Responder& responder) {
    Value items = Value::array();
    if (schedules != nullptr)
      for (const engine::ScheduleView& view : schedules->list()) items.push_back(describe(view));
    responder.answer(json_response(200, Value::object({{"items", std::move(items)}})));
  };
  return router.add(
      {"GET", "/api/v1/schedules", Access::needs(Permission::view_workflows), AsyncHandler(list)});
}

Status add_workflow_routes(Router& router, const Services& services) {
  const auto list = [&catalog = services.catalog](const Request&, const Responder& responder) {
    Value items = Value::array();
    for (const engine::Catalog::Entry& entry : catalog.list())
      items.push_back(describe(*entry.definition));
    responder.answer(json_response(200, Value::object({{"items", std::move(items)}})));
  };
  return router.add(
      {"GET", "/api/v1/workflows", Access::needs(Permission::view_workflows), AsyncHandler(list)});
}

}  // namespace stepwell::api
