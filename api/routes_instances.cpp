// /api/v1/instances: starting; /api/v1/workflows and /api/v1/schedules: what can start.

#include <charconv>
#include <utility>

#include "api/fields.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxIdempotencyKeyBytes = 255;
constexpr std::size_t kMaxTags = 100;
constexpr Milliseconds kMaxWait{std::chrono::minutes(5)};

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

// What a request with an Idempotency-Key asked for.
struct Asked {
  std::string workflow;  // NAMESPACE/NAME
  Value input;

  bool by(const engine::InstanceView& view) const {
    return view.workflow.substr(0, view.workflow.find(':')) == workflow && view.input == input;
  }
};

struct Reading {
  engine::StartRequest start;
  std::optional<Asked> asked;
};

Result<Reading> read_start(const engine::Catalog& catalog, const auth::Redactor& redactor,
                           const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  Reading reading;
  engine::StartRequest& start = reading.start;
  const std::string workflow = fields->required_text("workflow");
  start.input = masked(redactor, fields->any("input"));
  start.name = redactor.mask(fields->text("name"));
  if (start.name.size() > kMaxNameBytes) fields->fault("\"name\" is longer than 200 bytes");
  const std::vector<std::string> tags = fields->texts("tags");
  if (tags.size() > kMaxTags) fields->fault("there are more than 100 \"tags\"");
  for (const std::string& tag : tags) {
    if (tag.empty() || tag.size() > kMaxNameBytes)
      fields->fault("each of the \"tags\" must have 1 to 200 bytes");
    start.tags.push_back(redactor.mask(tag));
  }
  if (const std::string* key = request.header("Idempotency-Key")) {
    if (key->empty() || key->size() > kMaxIdempotencyKeyBytes)
      fields->fault("the header Idempotency-Key must have 1 to 255 bytes");
    start.once = request.principal.key_id + " " + *key;
  }
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  Result<engine::Catalog::Entry> entry = catalog.find(workflow);
  if (!entry) return fail(std::move(entry).error());
  start.workflow = entry->workflow;
  start.key = request.principal.key_id;
  if (!start.once.empty()) {
    const config::Definition& definition = *entry->definition;
    reading.asked = Asked{definition.namespace_ + "/" + definition.name,
                          start.input.is_null() ? Value::object() : start.input};
  }
  return reading;
}

Response created(InstanceId id, const Value& body) {
  Response response = json_response(201, body);
  response.headers.push_back({"Location", "/api/v1/instances/" + std::to_string(id.number)});
  return response;
}
Response created(const engine::InstanceView& view) {
  return created(view.id, describe_instance(view));
}
// It is there, or was, but cannot be shown now.
Response created(InstanceId id) { return created(id, Value::object({{"id", id.number}})); }

// What is needed to answer a start.
struct Starter {
  engine::Engine& engine;
  const engine::Catalog& catalog;
  const auth::Redactor& redactor;
  Blocking blocking;
};

// On an I/O thread, so that the journal is read elsewhere where the instance has left memory.
void answer_created(const Starter& starter, InstanceId id, const Responder& responder) {
  if (const std::optional<engine::InstanceView> view = starter.engine.peek(id))
    return responder.answer(created(*view));
  const bool taken = starter.blocking([&engine = starter.engine, id, responder] {
    const std::optional<engine::InstanceView> view = engine.find(id);
    responder.answer(view ? created(*view) : created(id));
  });
  if (!taken) responder.answer(created(id));
}

void wait_for_end(const Starter& starter, InstanceId id, Milliseconds limit,
                  const Responder& responder) {
  responder.after(limit, [starter, responder, id] { answer_created(starter, id, responder); });
  const auto watch = [starter, id, responder] {
    const bool known = starter.engine.when_ended(
        id, [responder](const engine::InstanceView& view) { responder.answer(created(view)); });
    if (!known) answer_created(starter, id, responder);
  };
  // Of one that has left memory the journal is asked.
  if (starter.engine.peek(id)) return watch();
  if (!starter.blocking(watch)) responder.answer(created(id));
}

// Goes on where the instance, which may have been started before, is the one that was asked for.
void check_asked(const Starter& starter, InstanceId id, const Asked& asked,
                 const Responder& responder, const std::function<void()>& go_on) {
  const auto check = [id, asked, responder, go_on](const engine::InstanceView& view) {
    if (asked.by(view)) return go_on();
    responder.answer(request_problem(
        422, "idempotency-key-reused",
        "this Idempotency-Key was used before, to start instance " + std::to_string(id.number) +
            " with another workflow or input; take a new one for each thing to be done"));
  };
  if (const std::optional<engine::InstanceView> view = starter.engine.peek(id)) return check(*view);
  const bool taken = starter.blocking([&engine = starter.engine, id, check, go_on] {
    const std::optional<engine::InstanceView> view = engine.find(id);
    if (view) return check(*view);
    go_on();
  });
  if (!taken) responder.answer(overloaded());
}

void start_instance(const Starter& starter, const Request& request, const Responder& responder) {
  const Result<std::optional<Milliseconds>> wait = read_wait(request);
  if (!wait) return responder.answer(wait.error());
  Result<Reading> reading = read_start(starter.catalog, starter.redactor, request);
  if (!reading) return responder.answer(reading.error());
  auto admitted = [starter, responder, asked = std::move(reading->asked),
                   wait = *wait](const Result<InstanceId>& id) {
    if (!id) return responder.answer(id.error());
    const auto answer = [starter, responder, wait, id = *id] {
      if (wait) return wait_for_end(starter, id, *wait, responder);
      answer_created(starter, id, responder);
    };
    // The engine may call with the instance's lock held, so it is asked about it later.
    if (!asked) return responder.resume(answer);
    responder.resume([starter, responder, asked = *asked, answer, id = *id] {
      check_asked(starter, id, asked, responder, answer);
    });
  };
  if (reading->start.once.empty())
    return starter.engine.start(std::move(reading->start), std::move(admitted));
  // Whether it was started before, the journal is asked.
  auto start = std::make_shared<engine::StartRequest>(std::move(reading->start));
  const bool taken = starter.blocking(
      [&engine = starter.engine, start, admitted] { engine.start(std::move(*start), admitted); });
  if (!taken) responder.answer(overloaded());
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

Status add_instance_routes(Router& router, const Services& services, const Blocking& blocking) {
  Route route{"POST",
              "/api/v1/instances",
              Access::needs(Permission::start_instances),
              AsyncHandler([starter = Starter{services.engine, services.catalog,
                                              services.authority.redactor(), blocking}](
                               const Request& request, const Responder& responder) {
                start_instance(starter, request, responder);
              }),
              {"wait"}};
  route.when_ready = true;
  return router.add(std::move(route));
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
