// /api/v1/instances: starting.

#include <atomic>
#include <charconv>
#include <utility>

#include "api/client_start.h"
#include "api/fields.h"
#include "api/instance_fields.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/once.h"
#include "api/routes.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

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
        client_error(400, "parameter-invalid",
                     "\"wait\" must be a time such as 500ms, 30s or 5m, and at most 5 minutes"));
  return std::optional<Milliseconds>(Milliseconds(static_cast<std::int64_t>(total)));
}

// What is needed to read and to answer a start.
struct Starter {
  engine::Engine& engine;
  const engine::Catalog& catalog;
  const auth::Redactor& redactor;
  const auth::Keys& keys;
  Blocking blocking;
  engine::Files* files;  // null: none
  Log& log;
};

Result<ClientStart> read_start(const Starter& starter, const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  const auth::Redactor& redactor = starter.redactor;
  ClientStart reading{};
  engine::StartRequest& start = reading.start;
  const std::string workflow = fields->required_text("workflow");
  start.input = masked(redactor, fields->any("input"));
  start.name = read_name(*fields, redactor);
  start.tags = read_tags(*fields, redactor);
  start.priority = read_priority(*fields);
  start.deadline = fields->time("deadline");
  const std::string run_as = fields->text("runAs");
  Result<std::string> once = once_text(request, redactor);
  if (!once) return fail(std::move(once).error());
  start.once = *std::move(once);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  Result<engine::Catalog::Entry> entry = starter.catalog.find_enabled(workflow);
  if (!entry) return fail(std::move(entry).error());
  start.workflow = entry->workflow;
  start.key = request.principal.key_id;
  if (!run_as.empty()) {
    if (Status may = may_run_as(starter.keys, request.principal, run_as); !may)
      return fail(std::move(may).error());
    start.key = run_as;
  }
  if (!start.once.empty()) {
    const config::Definition& definition = *entry->definition;
    const bool names_version = workflow.find(':') != std::string::npos;
    reading.asked = AskedStart{definition.namespace_ + "/" + definition.name,
                               names_version ? definition.version : std::string(),
                               start.input.is_null() ? Value::object() : start.input, start.key};
  }
  Result<std::shared_ptr<InputFiles>> files =
      InputFiles::of(starter.files, request.principal, start.input);
  if (!files) return fail(std::move(files).error());
  reading.files = *std::move(files);
  return reading;
}

Response created(InstanceId id, std::string json) {
  Response response = json_text_response(201, std::move(json));
  response.headers.push_back({"Location", "/api/v1/instances/" + std::to_string(id.number)});
  return response;
}
Response created(const engine::InstanceView& view) { return created(view.id, instance_json(view)); }
// It is there, or was, but cannot be shown now.
Response created(InstanceId id) { return created(id, to_json(Value::object({{"id", id.number}}))); }

using SharedStarter = std::shared_ptr<const Starter>;

// From any thread. Of one that has left memory the journal is asked, where that may block and as
// long as the server is there.
void answer_created(const SharedStarter& starter, InstanceId id, const Responder& responder) {
  if (const std::optional<engine::InstanceView> view = starter->engine.peek(id))
    return responder.answer(created(*view));
  responder.resume([starter, id, responder] {
    const bool taken = starter->blocking([&engine = starter->engine, id, responder] {
      const std::optional<engine::InstanceView> view = engine.find(id);
      responder.answer(view ? created(*view) : created(id));
    });
    if (!taken) responder.answer(created(id));
  });
}

// A wait for the end of an instance, which begins before the instance is admitted. Admission and
// the end of the time each leave their mark and then look for the other's, so that whichever comes
// second gives the answer.
struct EndWait {
  std::atomic<std::uint64_t> id{0};  // 0: it is not admitted yet
  std::atomic<bool> over{false};     // the time is
};

std::shared_ptr<EndWait> begin_wait(const SharedStarter& starter, Milliseconds limit,
                                    const Responder& responder) {
  auto wait = std::make_shared<EndWait>();
  responder.after(limit, [starter, responder, wait] {
    wait->over = true;
    if (const std::uint64_t id = wait->id; id != 0)
      answer_created(starter, InstanceId{id}, responder);
  });
  return wait;
}

void wait_for_end(const SharedStarter& starter, InstanceId id, const std::shared_ptr<EndWait>& wait,
                  const Responder& responder) {
  wait->id = id.number;
  if (wait->over) return answer_created(starter, id, responder);
  // Once that was answered, or the client has gone, the wait is gone and the engine forgets it.
  const auto watch = [starter, id, responder, alive = std::weak_ptr<void>(wait)] {
    const bool known = starter->engine.when_ended(
        id, [responder](const engine::InstanceView& view) { responder.answer(created(view)); },
        alive);
    if (!known) answer_created(starter, id, responder);
  };
  if (starter->engine.in_memory(id)) return watch();
  responder.resume([starter, id, responder, watch] {
    if (!starter->blocking(watch)) responder.answer(created(id));
  });
}

void start_instance(const SharedStarter& starter, const Request& request,
                    const Responder& responder) {
  const Result<std::optional<Milliseconds>> limit = read_wait(request);
  if (!limit) return responder.answer(limit.error());
  Result<ClientStart> reading = read_start(*starter, request);
  if (!reading) return responder.answer(reading.error());
  const std::shared_ptr<EndWait> wait = *limit ? begin_wait(starter, **limit, responder) : nullptr;
  // What a function holds must be copyable.
  const auto what = std::make_shared<ClientStart>(*std::move(reading));
  const auto go = [starter, responder, what, wait] {
    const auto begin = [&engine = starter->engine](
                           engine::StartRequest start,
                           const std::function<void(Result<InstanceId>)>& admitted) {
      engine.start(std::move(start), admitted);
    };
    start_for_client({starter->engine, starter->blocking, starter->redactor, starter->log},
                     std::move(*what), responder, begin, [starter, responder, wait](InstanceId id) {
                       if (wait) return wait_for_end(starter, id, wait, responder);
                       answer_created(starter, id, responder);
                     });
  };
  if (!what->must_block()) return go();
  if (!starter->blocking(go)) responder.answer(overloaded());
}

}  // namespace

Status add_instance_routes(Router& router, const Services& services, const Blocking& blocking) {
  Route route{
      "POST",
      "/api/v1/instances",
      Access::needs(Permission::start_instances),
      AsyncHandler([starter = std::make_shared<const Starter>(Starter{
                        services.engine, services.catalog, services.authority.redactor(),
                        services.authority.keys(), blocking, services.files, services.log})](
                       const Request& request, const Responder& responder) {
        start_instance(starter, request, responder);
      }),
      {"wait"}};
  route.when_ready = true;
  return router.add(std::move(route));
}

}  // namespace stepwell::api
